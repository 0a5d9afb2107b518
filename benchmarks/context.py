"""How long passages that were shown stay in the rendered history, by vLLM's counters.

Tertulia keeps them until the window is cut. The two other ways are made here, by what its
conversations tell of their histories.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from benchmarks import vllm
from benchmarks.core import Setup, apart, tertulia
from benchmarks.prefix import sampling
from benchmarks.report import Section
from bot.opening import Stores
from bot.ports import Conversations
from bot.prompt import bare
from bot.types import Message, Passage
from tests.vllm.servers import Server

WINDOW = 16_384
CASES = (
    (4096, 64, False, 40),
    (4096, 64, True, 40),
    (4096, 256, False, 40),
    (4096, 256, True, 40),
    (WINDOW, 64, True, 20),
    (WINDOW, 256, True, 20),
)
"""Window and answer in tokens, whether summaries are on, and turns: the smaller window overflows
whichever the way, the larger does not."""
QUESTION = "{chat}: what does the archive tell of subject{n}?"
"""No two conversations share a word before the passage."""
PASSAGE = "The archive tells of subject{n}. " + "To connect a model, set the address and start again. " * 16
"""Some 300 tokens of the tiny model's, with the lines around it."""
QA = {"handbook": False, "limit": 1}
UNTIL_A_CUT, FOR_GOOD, NOT_AT_ALL = WAYS = ("until a cut", "for good", "not at all")


def run(folder: Path, *, quick: bool) -> list[Section]:
    return [asyncio.run(_compare(folder, chats=2 if quick else 4, most=6 if quick else 40))]


async def _compare(folder: Path, chats: int, most: int) -> Section:
    rows = []
    async with vllm.server(folder, window=WINDOW) as running:
        for window, answer, summaries, all_turns in CASES:
            figures, computed, turns = [], {}, min(all_turns, most)
            for way in WAYS:
                name = f"{window}-{answer}-{summaries}-{way.replace(' ', '-')}"
                options = {"model_window": window, "sampling": sampling(answer), "plugins": {"qa": QA}}
                options["summaries"] = summaries
                url = f"sqlite:///{folder / name}.db"
                setup = Setup(f"{running.url}/v1", url, {**options, "cache_salt": name})
                spent = await _spent(running, setup, way, name, chats, turns)
                computed[way] = (spent.asked - spent.hits) / (chats * turns)
                figures += [f"{spent.rate:.3f}", f"{computed[way]:.0f}"]
            fewest = min(WAYS, key=lambda way: computed[way])
            rows.append(
                [f"{window:,}", str(answer), "on" if summaries else "off", str(turns), *figures, fewest]
            )
    note = (
        f"{chats} conversations; a passage of some 300 tokens stands after each question. "
        "Until a cut (what Tertulia does): it stays after its question, so all before the new question is "
        "found in the cache; when the window overflows and is cut, what remains changes its place in any "
        "case, and loses its passages with it. For good: it stays after a cut too, so the window fills "
        "sooner. Not at all: the next prompt differs from there on, so the answer after it is computed "
        "again. Hit rate and computed prompt tokens per turn, by vLLM's counters, requests for summaries "
        "included; each run with a cache salt of its own. By the sizes of question Q, passage C and answer "
        "A: until a window overflows, a turn computes Q + C if the passage stays and Q + C + A if not; where "
        "it overflows again and again, Q + C + (Q + A) / (2 - r) until a cut, r = (Q + A) / (Q + C + A), "
        "2Q + 2C + A for good, and 2Q + C + 2A not at all. Between the two, where the window overflows only "
        "if passages stay, not at all may compute less; and these sums leave out summaries, which each cut "
        "costs once to ask for and once at the prompt's head (this model always writes as long as it may)."
    )
    columns = ["window", "answer", "summaries", "turns"]
    for way in WAYS:
        columns += [f"{way}: found", "computed"]
    title = "Passages kept in the history until a cut, for good, or not at all"
    return Section("context", title, (*columns, "fewest computed"), rows, note)


async def _spent(running: Server, setup: Setup, way: str, name: str, chats: int, turns: int) -> vllm.Counters:
    before = await vllm.counters(running)
    await asyncio.to_thread(apart, talk_to, setup, way, name, chats, turns)
    return await vllm.counters(running) - before


class Retold:
    """`bot.ports.Conversations` whose histories tell each message in another form."""

    def __init__(self, inner: Conversations, form: Callable[[Message], Message]) -> None:
        self._inner = inner
        self._form = form

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def history(self, conversation_id: int, **bounds: int) -> list[Message]:
        return [self._form(m) for m in await self._inner.history(conversation_id, **bounds)]


def merged(message: Message) -> Message:
    """With its context as a part of its text, which it never loses."""
    return replace(message, text=message.content, context="", context_tokens=0)


FORMS: Mapping[str, Callable[[Message], Message]] = {
    UNTIL_A_CUT: lambda message: message,
    FOR_GOOD: merged,
    NOT_AT_ALL: bare,
}


async def talk_to(setup: Setup, way: str, name: str, chats: int, turns: int) -> None:
    def retold(stores: Stores) -> Stores:
        conversations = Retold(stores.conversations, FORMS[way])
        return replace(stores, conversations=cast("Conversations", conversations))

    async with tertulia(setup, stores=retold) as bot:
        search = bot.app.stores.search
        for number in range(turns):
            passage = Passage(f"p{number}", PASSAGE.format(n=number), f"subject{number}", f"subject{number}")
            await search.put("documents", passage.source, [passage], title=passage.title, digest="1")

        async def talk(chat: int) -> None:
            for number in range(turns):
                await bot.ask(f"{name}/{chat}", QUESTION.format(chat=chat, n=number))

        await asyncio.gather(*(talk(chat) for chat in range(chats)))
