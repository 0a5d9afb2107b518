"""Whether passages that were shown stay in the rendered history (`keep_context`), by vLLM's counters."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks import vllm
from benchmarks.core import Setup, apart, tertulia
from benchmarks.prefix import sampling
from benchmarks.report import Section
from bot.types import Passage
from tests.vllm.servers import Server

WINDOW = 16_384
CASES = ((4096, 64), (4096, 256), (WINDOW, 64), (WINDOW, 256))
"""Window and answer, in tokens: the smaller overflows several times, the larger does not."""
QUESTION = "{chat}: what does the archive tell of subject{n}?"
"""No two conversations share a word before the passage."""
PASSAGE = "The archive tells of subject{n}. " + "To connect a model, set the address and start again. " * 16
"""Some 300 tokens of the tiny model's, with the lines around it."""
QA = {"handbook": False, "limit": 1}


def run(folder: Path, *, quick: bool) -> list[Section]:
    return [asyncio.run(_compare(folder, chats=2 if quick else 16, turns=6 if quick else 20))]


async def _compare(folder: Path, chats: int, turns: int) -> Section:
    rows = []
    async with vllm.server(folder, window=WINDOW) as running:
        for window, answer in CASES:
            found = {}
            for keep in (True, False):
                options = {"keep_context": keep, "model_window": window, "sampling": sampling(answer)}
                name = f"{window}-{answer}-{keep}"
                url = f"sqlite:///{folder / name}.db"
                setup = Setup(
                    f"{running.url}/v1", url, {**options, "cache_salt": name, "plugins": {"qa": QA}}
                )
                found[keep] = await _spent(running, setup, name, chats, turns)
            kept, dropped = found[True], found[False]
            computed = [(c.asked - c.hits) / (chats * turns) for c in (kept, dropped)]
            figures = [f"{kept.rate:.3f}", f"{computed[0]:.0f}", f"{dropped.rate:.3f}", f"{computed[1]:.0f}"]
            fewer = "kept" if computed[0] <= computed[1] else "dropped"
            rows.append([f"{window:,}", str(answer), *figures, fewer])
    note = (
        f"{chats} conversations of {turns} turns; a passage of some 300 tokens stands after each question. "
        "Kept: it stays after its question, so all before the new question is found in the cache, but the "
        "window fills sooner. Dropped: the next prompt differs from there on, so the answer after it is "
        "computed again. Hit rate and computed prompt tokens per turn, by vLLM's counters, summaries "
        "included; each run with a cache salt of its own. By the sizes of question Q, passage C and "
        "answer A: until a window overflows, a turn computes Q + C if kept and Q + C + A if dropped; where "
        "it overflows again and again, 2Q + 2C + A and 2Q + C + 2A."
    )
    columns = ("window", "answer", "kept: found", "computed", "dropped: found", "computed", "fewer computed")
    return Section("context", "Passages kept in the history, or dropped", columns, rows, note)


async def _spent(running: Server, setup: Setup, name: str, chats: int, turns: int) -> vllm.Counters:
    before = await vllm.counters(running)
    await asyncio.to_thread(apart, talk_to, setup, name, chats, turns)
    return await vllm.counters(running) - before


async def talk_to(setup: Setup, name: str, chats: int, turns: int) -> None:
    async with tertulia(setup) as bot:
        search = bot.app.stores.search
        for number in range(turns):
            passage = Passage(f"p{number}", PASSAGE.format(n=number), f"subject{number}", f"subject{number}")
            await search.put("documents", passage.source, [passage], title=passage.title, digest="1")

        async def talk(chat: int) -> None:
            for number in range(turns):
                await bot.ask(f"{name}/{chat}", QUESTION.format(chat=chat, n=number))

        await asyncio.gather(*(talk(chat) for chat in range(chats)))
