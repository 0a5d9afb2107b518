"""The people's side of a trial by kills: what they ask and do, and what each was promised."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.opening import Stores
from bot.types import TurnState
from tests.chaos.worker import TOOL
from tests.simulators.openai import Seen
from tests.simulators.platform import Platform, Shown

CHATS = 8
EDITED_CHATS = 3
WORDS = ("tide", "ember", "quill", "harbour", "lantern", "meadow", "cinder", "willow", "anchor", "thistle")
NOTHING_TO_STOP = "There is nothing to stop."


@dataclass(slots=True)
class Question:
    """`text` is what the model says back, if all is well."""

    message_id: str
    text: str


@dataclass(slots=True)
class Kept:
    """What was asked, by what became of it."""

    whole: dict[str, list[Question]] = field(default_factory=dict)
    """By chat, in order: those that are answered with their own text, and those that failed."""
    failed: list[Question] = field(default_factory=list)
    tools: list[Question] = field(default_factory=list)
    retried: list[tuple[str, Question]] = field(default_factory=list)
    """With the key of the event that asked for it."""
    stopped: list[Question] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)


class People:
    """Each method of `acts` is one thing that somebody does."""

    def __init__(self, platform: Platform, seed: random.Random) -> None:
        self._platform = platform
        self._random = seed
        self._said = 0
        self._to_stop: list[str] = []
        """Chats of answers that somebody will stop."""
        self.kept = Kept()

    @property
    def acts(self) -> dict[str, Callable[[], object]]:
        return {
            "ask": self.ask,
            "tool": self.use_tool,
            "fail": self.fail,
            "retry": self.retry,
            "edit": self.edit,
            "stop": self.begin_to_stop,
        }

    async def act(self, name: str) -> None:
        await self.acts[name]()  # type: ignore[misc]

    async def act_at_random(self) -> None:
        await self.act(self._random.choices(list(self.acts), weights=(6, 2, 1, 2, 3, 1))[0])

    async def ask(self) -> Question:
        return await self._ask(self._chat(), longest=70)

    async def use_tool(self) -> None:
        self.kept.tools.append(await self._ask(self._chat(), marks=f"tool={TOOL}", longest=70))

    async def fail(self) -> None:
        self.kept.failed.append(await self._ask(self._chat(), marks="status=400"))

    async def retry(self) -> None:
        chat = self._chat()
        question = await self._ask(chat, longest=70)
        await self._say(chat, kind="command", data="/retry")
        self.kept.retried.append((f"sim/bot/{self._said}", question))

    async def edit(self) -> None:
        """A question is changed: at once, or some time after it was asked."""
        chat = f"edit{self._random.randrange(EDITED_CHATS)}"
        asked = self.kept.whole.get(chat, [])
        if not asked or self._random.random() < 0.7:
            await self._ask(chat)
            asked = self.kept.whole[chat]
        question = self._random.choice(asked[-3:])
        question.text = self._text(chat, len(asked), "", 12)
        await self._say(chat, question.text, kind="edit", message_id=question.message_id)

    async def begin_to_stop(self) -> None:
        """An answer without an end, in a chat of its own; it is stopped at once, or in a later life."""
        chat = f"stop{len(self.kept.stopped)}"
        text = "[[endless interval=0.05]] Tell me everything."
        self.kept.stopped.append(Question(await self._say(chat, text), text))
        self._to_stop.append(chat)
        if self._random.random() < 0.5:
            await self.stop()

    async def stop(self) -> None:
        """Whatever was left running."""
        for chat in self._to_stop:
            self.kept.stops.append(await self._say(chat, kind="command", data="/stop"))
        self._to_stop.clear()

    async def close(self) -> None:
        """A last question in each chat, which comes after all that was asked there; then wait."""
        await self.stop()
        for chat in list(self.kept.whole):
            await self._ask(chat)
        whole = [q for questions in self.kept.whole.values() for q in questions]
        await self._platform.until_final(*(q.message_id for q in [*whole, *self.kept.stopped]))

    def _chat(self) -> str:
        return f"chat{self._random.randrange(CHATS)}"

    def _text(self, chat: str, number: int, marks: str, longest: int) -> str:
        words = " ".join(self._random.choices(WORDS, k=self._random.randint(5, longest)))
        return f"[[{' '.join(('interval=0.002', marks)).strip()}]] {chat} question {number}: {words}"

    async def _ask(self, chat: str, *, marks: str = "", longest: int = 12) -> Question:
        asked = self.kept.whole.setdefault(chat, [])
        text = self._text(chat, len(asked), marks, longest)
        asked.append(Question(await self._say(chat, text), text))
        return asked[-1]

    async def _say(self, chat: str, text: str = "", **more: str) -> str:
        self._said += 1
        return await self._platform.say(chat, text, **more)


class Judge:
    """Asserts what is promised, each thing on its own."""

    def __init__(self, platform: Platform, kept: Kept) -> None:
        self._platform = platform
        self._kept = kept
        self._belonging: set[str] = set()
        self._failed = {q.message_id for q in kept.failed}

    def on_the_platform(self) -> int:
        """Nothing lost, doubled, cut or out of order; returns the number of orphaned openings."""
        for chat, questions in self._kept.whole.items():
            firsts = [self._failure(q) if q.message_id in self._failed else self._whole(q) for q in questions]
            order = [int(first.id[1:]) for first in firsts]
            assert order == sorted(order), f"{chat}: answers out of order"
        for question in self._kept.stopped:
            self._stopped(question)
        for stop in self._kept.stops:
            told = self._shown(stop)
            assert [m.text for m in told] in ([], [NOTHING_TO_STOP]), "a stop has an answer of its own"
        assert self._platform.refusals == []
        every = self._platform.messages.values()
        orphans = [m for m in every if m.id not in self._belonging and not m.deleted]
        assert all(m.text.endswith("…") for m in orphans), "a text is doubled"
        return len(orphans)

    async def in_the_store(self, stores: Stores) -> None:
        """Failures are dead letters, each once; what was asked again was answered again."""
        dead = [event.message_id for event, _ in await stores.inbox.dead()]
        assert sorted(dead) == sorted(self._failed)
        for key, question in self._kept.retried:
            turn = await stores.turns.of_event(key)
            assert turn is not None
            assert (turn.state, turn.text.split()) == (TurnState.DONE, question.text.split())

    def at_the_model(self, requests: list[Seen]) -> None:
        """What a tool found was read for each question that one was called for."""
        read = {
            message["content"]
            for request in requests
            if (messages := request.body["messages"])[-1]["role"] == "tool"
            for message in messages
            if message["role"] == "user"
        }
        assert [q.text for q in self._kept.tools if q.text not in read] == []

    def _shown(self, message_id: str) -> list[Shown]:
        shown = [m for m in self._platform.answer_to(message_id) if not m.text.endswith("…")]
        self._belonging.update(m.id for m in shown)
        return shown

    def _whole(self, question: Question) -> Shown:
        shown = self._shown(question.message_id)
        assert shown, f"{question.text!r} is not answered"
        said = " ".join(m.text for m in shown)
        assert said.split() == question.text.split(), (
            f"lost, doubled or cut: {[(m.key, m.text) for m in shown]}"
        )
        return shown[0]

    def _failure(self, question: Question) -> Shown:
        (shown,) = self._shown(question.message_id)
        assert "did not accept" in shown.text
        return shown

    def _stopped(self, question: Question) -> None:
        said = " ".join(m.text for m in self._shown(question.message_id))
        assert said.endswith("Stopped.")
        assert said.count("Stopped.") == 1
