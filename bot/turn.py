"""One turn, from its event to the finished reply.

    begin (GENERATING) -> context, prompt, model -> finish (DELIVERING, with its messages)
      -> the platform shows all of it -> finish (DONE | CANCELLED | FAILED)

Each arrow is durable before the next begins. After a crash the same event comes again: a turn
that was generating goes on from its checkpoint, one that was delivering delivers the stored
answer; either way into the platform messages that the deliveries table names.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.citations import cite, shift
from bot.clock import Ended, Scope
from bot.delivery import Courier, Shown
from bot.dispatcher import Hold
from bot.errors import ChatGone, ModelError, ModelRefused, ModelTimeout, ModelUnavailable, StorageError
from bot.generation import Ask, Draft, Generation, Limits
from bot.locale import Catalogue
from bot.personas import Personas
from bot.plugins.api import Context, PluginContext
from bot.plugins.host import PluginHost
from bot.ports import Channel, Clock, Conversations, Models, Telemetry, Turns
from bot.prompt import Summary
from bot.summaries import Summaries
from bot.tools import Toolbox
from bot.types import (
    Button,
    Conversation,
    Event,
    EventKind,
    FinishReason,
    Message,
    ModelRequest,
    Part,
    Passage,
    Person,
    Reply,
    Role,
    Turn,
    TurnState,
)

log = logging.getLogger(__name__)
END_STATES = {FinishReason.CANCELLED: TurnState.CANCELLED, FinishReason.ERROR: TurnState.FAILED}
STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way to a turn. `text` may differ from the event's (a retry)."""

    event: Event
    person: Person
    conversation: Conversation
    channel: Channel
    language: str
    text: str
    replaces: Turn | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that bear on a turn."""

    turn_timeout: float
    checkpoint_interval: float
    keep_context: bool
    salt: str
    limits: Limits


class Turner:
    """Runs turns. One for the whole process."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        turns: Turns,
        models: Models,
        personas: Personas,
        plugins: PluginHost,
        toolbox: Toolbox,
        summaries: Summaries,
        courier: Courier,
        catalogue: Catalogue,
        clock: Clock,
        telemetry: Telemetry,
        rules: Rules,
    ) -> None:
        self._conversations = conversations
        self._turns = turns
        self._models = models
        self._personas = personas
        self._plugins = plugins
        self._toolbox = toolbox
        self._summaries = summaries
        self._courier = courier
        self._catalogue = catalogue
        self._clock = clock
        self._telemetry = telemetry
        self._rules = rules

    async def run(self, asked: Asked, hold: Hold) -> Turn:
        """Answer, deliver and save; returns the ended turn. Raises StorageError, and
        CancelledError when the process stops (the turn then goes on at the next start)."""
        turn = await self._turns.begin(
            asked.conversation,
            asked.event,
            person_id=asked.person.id,
            replaces=asked.replaces.id if asked.replaces else "",
        )
        if turn.state in (TurnState.DONE, TurnState.CANCELLED):
            return turn
        shown = self._courier.begin(asked.channel, asked.event.address, turn.id, asked.event.message_id)
        if turn.attempts > 1 or asked.replaces is not None:
            shown.resume(await self._turns.deliveries(turn.id))
        async with shown:
            if turn.state is not TurnState.DELIVERING:
                turn = await self._answer(turn, asked, hold, shown)
            hold.release()
            return await self._deliver(turn, asked, shown)

    async def _deliver(self, turn: Turn, asked: Asked, shown: Shown) -> Turn:
        started = self._clock.monotonic()
        reason = FinishReason(turn.finish_reason or FinishReason.STOP)
        reply = Reply(
            turn.text, self._buttons(asked.language), turn.citations, turn.usage, turn.finish_reason
        )
        try:
            await shown.finish(reply)
        except ChatGone as error:
            turn = replace(turn, error=turn.error or str(error))
        state = END_STATES.get(reason, TurnState.DONE)
        turn = replace(turn, state=state, ended_at=self._clock.time())
        await self._turns.finish(turn)
        self._telemetry.observe("deliver", self._clock.monotonic() - started)
        self._telemetry.observe("turn", turn.ended_at - turn.started_at)
        self._telemetry.count("turns", state=state.value)
        return turn

    async def _answer(self, turn: Turn, asked: Asked, hold: Hold, shown: Shown) -> Turn:
        """Generate, and store the whole answer. Failures become answers that say so."""
        draft = Draft(text=turn.text if turn.state is TurnState.GENERATING else "")
        messages: Sequence[Message] = (Message(Role.USER, asked.text, turn=turn.number),)
        error = ""
        try:
            async with hold.guard(Scope(self._clock, self._rules.turn_timeout)):
                ask = await self._ask(turn, asked, draft)
                turn = replace(turn, model=ask.model.name)
                messages = (ask.question,)
                await self._generate(turn, ask, draft, asked, shown)
        except Ended as ended:
            draft.finish_reason = (
                FinishReason.LENGTH if ended.reason == "deadline" else FinishReason.CANCELLED
            )
            key = "turn.deadline" if ended.reason == "deadline" else "turn.stopped"
            draft.note = self._catalogue.say(asked.language, key)
        except StorageError:
            raise
        except ModelError as failure:
            error = str(failure) or type(failure).__name__
            log.warning("turn %s failed: %s", turn.id, error)
            self._apologise(draft, asked.language, failure)
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
            log.exception("turn %s failed", turn.id)
            self._apologise(draft, asked.language, failure)
        return await self._save(turn, draft, messages[0], error)

    async def _ask(self, turn: Turn, asked: Asked, draft: Draft) -> Ask:
        """Everything that the model is asked with."""
        started = self._clock.monotonic()
        conversation = asked.conversation
        persona = self._personas.of(conversation)
        history = await self._conversations.history(
            conversation.id, first_turn=conversation.first_turn, before_turn=turn.number
        )
        context = self.context(asked, history)
        added, draft.passages = _joined(await self._plugins.gather(context))
        self._telemetry.observe("context", self._clock.monotonic() - started)
        return Ask(
            model=context.model,
            system=await self._personas.system(persona, context.model),
            history=history,
            question=Message(
                Role.USER,
                asked.text,
                context=added,
                attachments=tuple(p for p in asked.event.parts if p.ref),
                turn=turn.number,
            ),
            summary=Summary(conversation.first_turn, conversation.summary, conversation.summary_tokens),
            prepared=self._summaries.prepared(conversation),
            sampling=persona.sampling,
            request=ModelRequest(
                messages=(),
                session=_session(conversation),
                request_id=turn.id,
                salt=self._rules.salt,
                language=asked.language,
            ),
            plugin_context=context,
        )

    def context(self, asked: Asked, history: Sequence[Message] = ()) -> PluginContext:
        """What plugins are given with this question."""
        conversation = asked.conversation
        model = self._models.get(self._personas.of(conversation).model) or self._models.default()
        return PluginContext(
            event=replace(asked.event, kind=EventKind.MESSAGE, parts=(Part(text=asked.text),)),
            person=asked.person,
            conversation=conversation,
            history=history,
            model=model,
            language=asked.language,
            person_store=self._plugins.store_of(asked.person),
            conversation_store=self._plugins.store_of(conversation),
            clock=self._clock,
        )

    async def _generate(self, turn: Turn, ask: Ask, draft: Draft, asked: Asked, shown: Shown) -> None:
        checkpoints = _Checkpoints(self._turns, turn.id, self._clock, self._rules.checkpoint_interval)

        def show(text: str) -> None:
            shown.show(text)
            if not draft.steps:  # with tool calls before it, a text cannot be continued
                checkpoints.offer(text)

        generation = Generation(
            ask,
            draft,
            self._toolbox,
            self._rules.limits,
            clock=self._clock,
            telemetry=self._telemetry,
            show=show,
            activity=shown.activity,
            say=partial(self._catalogue.say, asked.language),
        )
        started = self._clock.monotonic()
        try:
            await generation.run()
        except asyncio.CancelledError:
            checkpoints.flush()
            raise
        finally:
            await checkpoints.close()
            self._telemetry.observe("generate", self._clock.monotonic() - started)
        await self._settle_window(ask, draft)

    async def _settle_window(self, ask: Ask, draft: Draft) -> None:
        """Keep a cut that the prompt made, and prepare the summary of the next one."""
        prompt = draft.prompt
        conversation = ask.plugin_context.conversation
        if prompt is None or not ask.model.generates:
            return
        if prompt.summary.first_turn > conversation.first_turn:
            self._telemetry.count("window_cuts")
            await self._conversations.cut(
                conversation.id,
                first_turn=prompt.summary.first_turn,
                summary=prompt.summary.text,
                summary_tokens=prompt.summary.tokens,
            )
        else:
            self._summaries.consider(ask, prompt)

    async def _save(self, turn: Turn, draft: Draft, question: Message, error: str) -> Turn:
        text, citations = cite(draft.text, draft.passages)
        turn = replace(
            turn,
            state=TurnState.DELIVERING,
            text="\n\n".join(filter(None, (text.strip(), draft.note))),
            citations=citations,
            usage=draft.usage,
            finish_reason=draft.finish_reason or FinishReason.STOP,
            error=error,
        )
        answer = Message(Role.ASSISTANT, draft.step_text, tokens=draft.answer_tokens)
        if not self._rules.keep_context:
            question = replace(question, context="", tokens=0)
        else:
            question = replace(question, tokens=draft.question_tokens or question.tokens)
        whole = draft.step_text.strip() and not error
        messages = [question, *draft.steps, answer] if whole else [question]
        counted = await self._counted(draft, messages)
        await self._turns.finish(turn, [replace(m, turn=turn.number, step=i) for i, m in enumerate(counted)])
        return turn

    async def _counted(self, draft: Draft, messages: Sequence[Message]) -> list[Message]:
        loose = [m for m in messages if not m.tokens]
        if not loose:
            return list(messages)
        counts = iter(await self._models.default().count([_whole(m) for m in loose]))
        return [m if m.tokens else replace(m, tokens=next(counts)) for m in messages]

    def _apologise(self, draft: Draft, language: str, failure: Exception) -> None:
        key = "turn.failed"
        if isinstance(failure, ModelUnavailable | ModelTimeout):
            key = "turn.unavailable"
        elif isinstance(failure, ModelRefused):
            key = "turn.refused"
        draft.finish_reason = FinishReason.ERROR
        draft.note = self._catalogue.say(language, key)

    def _buttons(self, language: str) -> tuple[Button, ...]:
        say = self._catalogue.say
        return (Button(say(language, "button.retry"), "retry"), Button("👍", "up"), Button("👎", "down"))


class _Checkpoints:
    """Stores the text so far every `interval` seconds, one write at a time, beside the stream."""

    def __init__(self, turns: Turns, turn_id: str, clock: Clock, interval: float) -> None:
        self._turns = turns
        self._turn_id = turn_id
        self._clock = clock
        self._interval = interval
        self._next = clock.monotonic() + interval
        self._text = ""
        self._writes: set[asyncio.Task[None]] = set()

    def offer(self, text: str) -> None:
        self._text = text
        now = self._clock.monotonic()
        if now >= self._next and not self._writes:
            self._next = now + self._interval
            self.flush()

    def flush(self) -> None:
        """Begin to store the newest text."""
        if self._text:
            write = asyncio.create_task(self._turns.checkpoint(self._turn_id, self._text))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Wait for the writes under way, so that none comes after the turn's end."""
        await asyncio.gather(*self._writes, return_exceptions=True)


def _joined(contexts: Sequence[Context]) -> tuple[str, list[Passage]]:
    """What all plugins added, their passages numbered through."""
    texts: list[str] = []
    passages: list[Passage] = []
    for context in contexts:
        if context.text:
            texts.append(shift(context.text, len(passages)))
        passages.extend(context.passages)
    return "\n\n".join(texts), passages


def _session(conversation: Conversation) -> str:
    return hashlib.blake2b(conversation.address.key.encode(), digest_size=16).hexdigest()


def _whole(message: Message) -> str:
    return message.content + "".join(c.name + c.arguments for c in message.tool_calls)
