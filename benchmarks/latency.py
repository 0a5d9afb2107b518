"""From an event to the model's request, and the CPU that a streamed answer costs."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import aiohttp

from benchmarks.core import Setup, Tertulia, apart, cpu_seconds, tertulia
from benchmarks.model import model_server
from benchmarks.report import Section, median, percentile, verdict

CHATS = 64
STREAM = 200
"""Chunks of a long answer."""
INTERVAL = 0.005
"""Seconds between two chunks of a model that takes its time."""


def run(folder: Path, *, quick: bool) -> list[Section]:
    return [_latency(folder, 64 if quick else 640), _stream_cost(folder, 4 if quick else 40)]


def _latency(folder: Path, messages: int) -> Section:
    rows = []
    with model_server() as url:
        for number, at_once in enumerate((1, 16)):
            bare = median(apart(waits_bare, url, messages, at_once))
            setup = Setup(url, f"sqlite:///{folder / f'latency{number}.db'}")
            times = apart(waits, setup, messages, at_once)
            p50, p95 = median(times), percentile(times, 0.95)
            judged = ("≤ 6 ms (median)", verdict(p50 <= 6)) if at_once == 1 else ("", "")
            figures = (f"{bare:.2f} ms", f"{p50:.2f} ms", f"{p50 / bare:.1f}", f"{p95:.2f} ms")
            rows.append([f"{at_once} at a time", *figures, *judged])
    note = (
        f"From the call of `inbox.put` to the request's arrival at a fake model server in another "
        f"process; {messages} messages over {CHATS} conversations, each message, turn and delivery "
        "committed to SQLite with `synchronous=FULL`. Bare: an aiohttp client that posts at once and stores "
        "nothing."
    )
    columns = ("messages", "bare aiohttp, median", "Tertulia, median", "ratio", "p95", "target", "")
    return Section("latency", "Event to model request", columns, rows, note)


async def waits(setup: Setup, messages: int, at_once: int) -> list[float]:
    """Milliseconds from put to the request's arrival."""
    asked: dict[str, float] = {}

    async def ask(bot: Tertulia, number: int) -> None:
        text = f"message {number}"
        asked[text] = time.monotonic()
        await bot.ask(f"chat{number % CHATS}", text)

    async with tertulia(setup) as bot, aiohttp.ClientSession() as client:
        await asyncio.gather(*(bot.ask(f"chat{n}", "hello") for n in range(CHATS)))
        for start in range(0, messages, at_once):
            await asyncio.gather(*(ask(bot, start + n) for n in range(at_once)))
        return await _until_arrival(client, setup.model, asked)


async def waits_bare(url: str, messages: int, at_once: int) -> list[float]:
    """Milliseconds from the call to the request's arrival, without Tertulia."""
    asked: dict[str, float] = {}

    async def ask(client: aiohttp.ClientSession, number: int) -> None:
        text = f"message {number}"
        asked[text] = time.monotonic()
        await _read(client, url, text)

    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(_read(client, url, "hello") for _ in range(at_once)))
        for start in range(0, messages, at_once):
            await asyncio.gather(*(ask(client, start + n) for n in range(at_once)))
        return await _until_arrival(client, url, asked)


async def _until_arrival(client: aiohttp.ClientSession, url: str, asked: dict[str, float]) -> list[float]:
    async with client.get(f"{url.removesuffix('/v1')}/arrivals") as answer:
        arrivals: dict[str, float] = await answer.json()
    return [(arrivals[text] - put) * 1000 for text, put in asked.items()]


def _stream_cost(folder: Path, turns: int) -> Section:
    rows = []
    for name, interval in (("at once", 0.0), (f"every {INTERVAL * 1000:g} ms", INTERVAL)):
        with model_server(interval=interval) as url:
            bare, ours = [], []
            for pair in range(3):
                bare.append(apart(cost_bare, url, turns))
                setup = Setup(url, f"sqlite:///{folder / f'stream{interval}{pair}.db'}")
                ours.append(apart(cost_through, setup, turns))
        a, b = median(bare), median(ours)
        rows.append([name, f"{a:.2f} ms", f"{b:.2f} ms", f"{b / a:.1f}", f"{(b - a) / STREAM * 1000:.0f} µs"])
    note = (
        f"CPU of one answer of {STREAM} chunks, of the client's process alone: a bare aiohttp client that "
        f"reads the events, against the whole of Tertulia (durable turn, prompt, Markdown, previews, "
        f"delivery). {turns} turns each, median of three alternating pairs."
    )
    columns = ("chunks come", "bare aiohttp", "Tertulia", "ratio", "difference per chunk")
    return Section("stream", f"CPU of a turn of {STREAM} chunks", columns, rows, note)


async def cost_through(setup: Setup, turns: int) -> float:
    """CPU milliseconds per turn."""
    long = replace(setup, options={"sampling": {"max_tokens": STREAM}})
    async with tertulia(long) as bot:
        await asyncio.gather(*(bot.ask(f"chat{n}", "hello") for n in range(4)))
        began = cpu_seconds()
        for start in range(0, turns, 4):
            await asyncio.gather(*(bot.ask(f"chat{n}", f"message {start + n}") for n in range(4)))
        return (cpu_seconds() - began) / turns * 1000


async def cost_bare(url: str, turns: int) -> float:
    """CPU milliseconds per answer of the least client there can be."""
    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(_read(client, url) for _ in range(4)))
        began = cpu_seconds()
        for _ in range(0, turns, 4):
            await asyncio.gather(*(_read(client, url) for _ in range(4)))
        return (cpu_seconds() - began) / turns * 1000


async def _read(client: aiohttp.ClientSession, url: str, question: str = "question") -> str:
    messages = [{"role": "user", "content": question}]
    body = {"model": "fast", "messages": messages, "max_tokens": STREAM, "stream": True}
    text = ""
    async with client.post(f"{url}/chat/completions", json=body) as answer:
        async for line in answer.content:
            if line.startswith(b"data: {"):
                choices = json.loads(line[6:])["choices"]
                text += choices[0]["delta"]["content"] if choices else ""
    return text
