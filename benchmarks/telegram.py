"""Through Telegram: start, load, and long answers under flood control.

The platform is the tests' simulator in the benchmark's own process, Tertulia is `tertulia run` in another,
the model server a third. CPU is that of Tertulia's process, by the system's account.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from benchmarks.model import model_server
from benchmarks.report import Section, median, percentile, verdict
from benchmarks.service import Running, importing, tertulia, waits
from tests.chaos.test_telegram_kills import ONE_IN_TEN, WHOLE, Size, trial
from tests.simulators.telegram import NO_FLOOD, FloodLimits, Message, Person, Telegram

TOKENS = 3_000
TOKENS_PER_SECOND = 50


def run(folder: Path, *, quick: bool) -> list[Section]:
    return asyncio.run(_run(folder, quick=quick))


async def _run(folder: Path, *, quick: bool) -> list[Section]:
    return [
        await _start(folder, 1 if quick else 7),
        await _load(folder, 64 if quick else 3_200),
        await _flood(folder, 4 if quick else 50, 200 if quick else TOKENS),
        await _kills(folder, Size(4, 1, 2, 3) if quick else WHOLE),
    ]


def _bot(tg: Telegram, home: Path, **options: str) -> AbstractAsyncContextManager[Running]:
    return tertulia(home, TERTULIA_TELEGRAM_TOKEN=tg.token, TERTULIA_TELEGRAM_API_URL=tg.url, **options)


async def _start(folder: Path, times: int) -> Section:
    """Start to the first poll, beside what importing the library alone takes."""
    starts, imports, sizes = [], [], []
    for number in range(times):
        imports.append(await importing("telegram.ext"))
        async with Telegram(flood=NO_FLOOD) as tg:
            began = time.monotonic()
            async with _bot(tg, folder / f"start{min(number, 1)}") as running:
                await tg.until(partial(tg.calls.__getitem__, "getUpdates"), 60)
                starts.append(time.monotonic() - began)
                await asyncio.sleep(2)
                sizes.append(running.resident_mb())
    took, alone, size = median(starts), median(imports), median(sizes)
    rows = [
        ["start to the first getUpdates", f"{took:.2f} s", "≤ 1.5 s", verdict(took <= 1.5)],
        ["`python -c 'import telegram.ext'`", f"{alone:.2f} s", "", ""],
        ["ratio", f"{took / alone:.1f}", "", ""],
        ["resident, idle", f"{size:.0f} MB", "≤ 120 MB", verdict(size <= 120)],
    ]
    note = (
        "`tertulia run` with Telegram and the web page on; the database is new in the first run, and that of "
        f"before in the others. Medians of {times}."
    )
    return Section("telegram-start", "Telegram: start", ("what", "figure", "target", ""), rows, note)


async def _load(folder: Path, messages: int) -> Section:
    chats = 64
    rows = []
    with model_server() as url:
        async with Telegram(flood=NO_FLOOD) as tg:
            fast = {"TERTULIA_MODEL_URL": url, "TERTULIA_TELEGRAM_CHAT_RATE": "1000"}
            fast["TERTULIA_TELEGRAM_RATE"] = "100000"
            async with _bot(tg, folder / "load", **fast) as running:
                people = [tg.person(f"P{n}") for n in range(chats)]
                await _all_answered(tg, [await person.say("hello") for person in people])
                times = await _waits(tg, url, people, 200 if messages > 200 else 32)
                cpu, began = running.cpu(), time.monotonic()
                await asyncio.gather(*(_talk(tg, person, messages // chats) for person in people))
                seconds = time.monotonic() - began
                cost, rate = (running.cpu() - cpu) / messages * 1000, messages / seconds
                size = running.resident_mb()
    rows = [
        ["CPU per message", f"{cost:.1f} ms", "≤ 10 ms", "157 ms", verdict(cost <= 10)],
        ["messages per second", f"{rate:.0f}", "≥ 100", "6", verdict(rate >= 100)],
        [
            "update to model request, median",
            f"{median(times):.1f} ms",
            "≤ 6 ms",
            "109 ms",
            verdict(median(times) <= 6),
        ],
        ["update to model request, p95", f"{percentile(times, 0.95):.1f} ms", "", "", ""],
        ["resident after it", f"{size:.0f} MB", "", "254 MB (idle)", ""],
    ]
    note = (
        f"{messages} short answers in {chats} private chats, each asking again as soon as it is answered; "
        "for the times one message at a time. Flood control off on both sides. The simulator and its people "
        "share the cores. AstrBot's figures were measured on such a machine, with short answers through a "
        "simulator."
    )
    columns = ("what", "Tertulia", "target", "AstrBot 4.29", "")
    return Section("telegram-load", "Telegram: short answers", columns, rows, note)


async def _talk(tg: Telegram, person: Person, questions: int) -> None:
    for number in range(questions):
        await _all_answered(tg, [await person.say(f"question {number}")])


async def _all_answered(tg: Telegram, questions: list[Message], within: float = 120) -> None:
    """Each has an answer with buttons: it is final."""
    open_ = list(questions)

    def done() -> bool:
        while open_ and any(a.buttons for a in open_[-1].chat.answers_to(open_[-1])):
            open_.pop()
        return not open_

    await tg.until(done, within)


async def _waits(tg: Telegram, model: str, people: list[Person], messages: int) -> list[float]:
    """Milliseconds from an update to the model request that it leads to."""

    async def ask(number: int, text: str) -> None:
        await _all_answered(tg, [await people[number % len(people)].say(text)])

    return await waits(model, ask, messages)


async def _flood(folder: Path, chats: int, tokens: int) -> Section:
    with model_server(interval=1 / TOKENS_PER_SECOND) as url:
        async with Telegram(flood=FloodLimits()) as tg:
            options = {"TERTULIA_MODEL_URL": url, "TERTULIA_MAX_TOKENS": str(tokens)}
            async with _bot(tg, folder / "flood", **options):
                people = [tg.person(f"P{n}") for n in range(chats)]
                began = time.monotonic()
                questions = [await person.say("Tell me everything.") for person in people]
                done = [asyncio.create_task(_whole(tg, q, tokens, began)) for q in questions]
                late = [seconds - tokens / TOKENS_PER_SECOND for seconds in await asyncio.gather(*done)]
            shown = [m for m in tg.calls if m in ("sendMessage", "editMessageText", "sendMessageDraft")]
            calls, refused = sum(tg.calls[m] for m in shown), sum(tg.refused.values())
    share = refused / calls
    rows = [
        ["final texts whole", f"{len(late)} of {chats}", "all", verdict(len(late) == chats)],
        ["calls answered 429", f"{refused} of {calls} ({share:.2%})", "≤ 1 %", verdict(share <= 0.01)],
        ["calls per answer", f"{calls / chats:.0f}", "", ""],
        ["of them drafts", f"{tg.calls['sendMessageDraft'] / chats:.0f}", "", ""],
        ["whole after the model's last token, median", f"{statistics.median(late):.1f} s", "", ""],
        ["whole after the model's last token, slowest", f"{max(late):.1f} s", "", ""],
    ]
    note = (
        f"{chats} private chats each get an answer of {tokens:,} tokens at {TOKENS_PER_SECOND} tokens/s at "
        "the same time, under Telegram's limits (1 call/s and chat, 30/s over all; drafts and edits count)."
    )
    return Section(
        "telegram-flood",
        "Telegram: long answers under flood control",
        ("what", "figure", "target", ""),
        rows,
        note,
    )


async def _whole(tg: Telegram, question: Message, tokens: int, began: float) -> float:
    """Seconds until the answer is there, whole."""

    def whole() -> bool:
        answers = question.chat.answers
        return (
            bool(answers and answers[-1].buttons)
            and " ".join(question.chat.texts).split() == ["word"] * tokens
        )

    await tg.until(whole, 600)
    return time.monotonic() - began


async def _kills(folder: Path, size: Size) -> Section:
    """The trial of `tests/chaos/test_telegram_kills.py`, with its figures."""
    home = folder / "kills"
    home.mkdir()
    began = time.monotonic()
    run = await trial(home, size, ONE_IN_TEN)
    seconds, orphans = time.monotonic() - began, run.judge()
    messages = (size.private + size.groups) * size.each
    calls, refused = sum(run.tg.calls.values()), sum(run.tg.refused.values())
    rows = [
        ["messages lost, doubled, cut or out of order", "0", "0", "met"],
        [
            "orphaned first messages",
            str(orphans),
            f"≤ {run.lives.kills} (kills)",
            verdict(orphans <= run.lives.kills),
        ],
        ["calls", str(calls), "", ""],
        ["of them answered 429", f"{refused} ({refused / calls:.2%})", "", ""],
        ["seconds", f"{seconds:.0f}", "", ""],
    ]
    note = (
        f"{messages:,} messages over {size.private + size.groups} chats ({size.groups} of them groups), the "
        f"bot killed with SIGKILL {run.lives.kills} times at instants drawn by a seed, every tenth call "
        "answered 502, flood limits on. An orphan is the opening of an answer, sent just before a kill."
    )
    return Section(
        "telegram-kills", "Telegram: killed a hundred times", ("what", "figure", "target", ""), rows, note
    )
