"""A real vLLM under load: through Tertulia, and directly."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp

from benchmarks import vllm
from benchmarks.core import Setup, apart, tertulia
from benchmarks.report import Section, median, verdict
from bot.personas import DEFAULT_PROMPT
from tests.vllm.servers import Server

TOKENS = 128
"""Of each answer: the model never ends by itself."""
ANSWERS = {1: 16, 8: 64, 32: 192, 64: 256}
"""Answers of a run, by the number of conversations."""
SAMPLING = {"max_tokens": TOKENS, "temperature": 0.0, "seed": 1}


def run(folder: Path, *, quick: bool) -> list[Section]:
    return asyncio.run(_run(folder, quick=quick))


async def _run(folder: Path, *, quick: bool) -> list[Section]:
    rows = []
    async with vllm.server(folder) as running:
        await _pair(running, folder, 8, 16, "warm")
        for chats, answers in ANSWERS.items():
            pairs = 1 if quick else 5
            sizes = (chats, chats if quick else answers)
            found = [await _pair(running, folder, *sizes, f"{chats}-{n}") for n in range(pairs)]
            direct, through = median([d for d, _ in found]), median([t for _, t in found])
            ratio = median([t / d for d, t in found])
            cells = [str(chats), f"{direct:.0f}", f"{through:.0f}", f"{ratio:.3f}"]
            rows.append([*cells, "≥ 0.95", verdict(ratio >= 0.95)])
    note = (
        "Generated tokens per second of a CPU vLLM with a tiny model, on the same cores as its clients; "
        f"each answer has {TOKENS} tokens, each question a conversation of its own. Direct: a bare "
        "aiohttp client with the same prompts, nothing stored. Through: the core without plugins (else the "
        "prompts would differ), in front of a platform whose calls return at once. Alternating pairs "
        "(direct, through; through, direct); medians, the ratio that of the pairs."
    )
    columns = ("conversations", "direct, tokens/s", "through Tertulia", "ratio", "target", "")
    return [Section("load", "Load on a real vLLM", columns, rows, note)]


async def _pair(running: Server, folder: Path, chats: int, answers: int, name: str) -> tuple[float, float]:
    """Tokens per second, direct and through Tertulia; which goes first alternates."""
    setup = Setup(
        f"{running.url}/v1",
        f"sqlite:///{folder / name}.db",
        {"sampling": SAMPLING, "plugins_disabled": ("qa",), "concurrency": 64},
    )

    async def direct() -> float:
        return await asyncio.to_thread(apart, load_directly, running.url, chats, answers, name)

    async def through() -> float:
        return await asyncio.to_thread(apart, load_through, setup, chats, answers, name)

    if name.endswith(("1", "3")):
        first = await through()
        return await direct(), first
    return await direct(), await through()


def _question(name: str, number: int) -> str:
    return f"Question {number} of {name}: how do I connect Telegram, and what else is there to set?"


async def load_through(setup: Setup, chats: int, answers: int, name: str) -> float:
    async with tertulia(setup) as bot:
        await bot.ask("first", "hello")

        async def talk(lane: int) -> None:
            for number in range(lane, answers, chats):
                await bot.ask(f"{name}/{number}", _question(f"t{name}", number))

        began = time.monotonic()
        await asyncio.gather(*(talk(lane) for lane in range(chats)))
        return answers * TOKENS / (time.monotonic() - began)


async def load_directly(url: str, chats: int, answers: int, name: str) -> float:
    system = {"role": "system", "content": DEFAULT_PROMPT}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        await vllm.ask(client, url, vllm.body([system, {"role": "user", "content": "hello"}], TOKENS))

        async def talk(lane: int) -> None:
            for number in range(lane, answers, chats):
                question = {"role": "user", "content": _question(f"d{name}", number)}
                answer = await vllm.ask(client, url, vllm.body([system, question], TOKENS))
                assert answer.completion == TOKENS

        began = time.monotonic()
        await asyncio.gather(*(talk(lane) for lane in range(chats)))
        return answers * TOKENS / (time.monotonic() - began)
