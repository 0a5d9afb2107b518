"""Through Discord: start, load, long answers under rate limits, and the trial by kills.

The platform is the tests' simulator in the benchmark's own process, Tertulia is `tertulia run` in another,
the model server a third. CPU is that of Tertulia's process, by the system's account.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from benchmarks.model import model_server
from benchmarks.report import Section, median, percentile, verdict
from benchmarks.service import Running, importing, tertulia, waits
from tests.chaos.test_discord_kills import WHOLE, Size, trial
from tests.simulators.discord import NO_LIMITS, Discord, Message, Person, RateLimits

TOKENS = 3_000
TOKENS_PER_SECOND = 50
ACCOUNT = 50
"""Calls a second that Discord allows a bot."""
SEND = "POST /channels/{channel_id}/messages"
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
TYPING = "POST /channels/{channel_id}/typing"


def run(folder: Path, *, quick: bool) -> list[Section]:
    return asyncio.run(_run(folder, quick=quick))


async def _run(folder: Path, *, quick: bool) -> list[Section]:
    return [
        await _start(folder, 1 if quick else 7),
        await _load(folder, 64 if quick else 1_600),
        await _limits(folder, 4 if quick else 50, 500 if quick else TOKENS),
        await _kills(folder, Size(1, 4, 1, 2, 3, 0) if quick else WHOLE),
    ]


def _bot(dc: Discord, home: Path, **options: str) -> AbstractAsyncContextManager[Running]:
    return tertulia(home, TERTULIA_DISCORD_TOKEN=dc.token, TERTULIA_DISCORD_API_URL=dc.url, **options)


def _discord(limits: RateLimits) -> Discord:
    return Discord(privileged={"content"}, limits=limits)


async def _start(folder: Path, times: int) -> Section:
    """Start to the first session, beside what importing the library alone takes."""
    starts, imports, sizes = [], [], []
    for number in range(times):
        imports.append(await importing("discord"))
        async with _discord(NO_LIMITS) as dc:
            await dc.guild("Friends", dc.person("Ana"))
            began = time.monotonic()
            async with _bot(dc, folder / f"start{min(number, 1)}") as running:
                await dc.until(lambda dc=dc: dc.connected, 60)  # type: ignore[misc]
                starts.append(time.monotonic() - began)
                await asyncio.sleep(2)
                sizes.append(running.resident_mb())
    took, alone, size = median(starts), median(imports), median(sizes)
    rows = [
        ["start to the gateway's session", f"{took:.2f} s", "≤ 1.5 s", verdict(took <= 1.5)],
        ["`python -c 'import discord'`", f"{alone:.2f} s", "", ""],
        ["ratio", f"{took / alone:.1f}", "", ""],
        ["resident, idle", f"{size:.0f} MB", "≤ 120 MB", verdict(size <= 120)],
    ]
    note = (
        "`tertulia run` with Discord and the web page on, in one guild; the database is new in the first "
        f"run, and that of before in the others. Medians of {times}."
    )
    return Section("discord-start", "Discord: start", ("what", "figure", "target", ""), rows, note)


async def _load(folder: Path, messages: int) -> Section:
    chats = 64
    with model_server() as url:
        async with _discord(NO_LIMITS) as dc, _bot(dc, folder / "load", TERTULIA_MODEL_URL=url) as running:
            await dc.until(lambda: dc.connected, 60)
            people = [dc.person(f"P{n}") for n in range(chats)]
            await _all_answered(dc, [await person.say("hello") for person in people])
            times = await _waits(dc, url, people, 128 if messages > 128 else 32)
            cpu, calls, began = running.cpu(), sum(dc.calls.values()), time.monotonic()
            await asyncio.gather(*(_talk(dc, person, messages // chats) for person in people))
            seconds = time.monotonic() - began
            cost, rate = (running.cpu() - cpu) / messages * 1000, messages / seconds
            each = (sum(dc.calls.values()) - calls) / messages
            size = running.resident_mb()
    middle = median(times)
    rows = [
        ["CPU per message", f"{cost:.1f} ms", "≤ 10 ms", verdict(cost <= 10)],
        ["messages per second", f"{rate:.0f}", f"≤ {ACCOUNT} by Discord's limit", ""],
        ["calls per message", f"{each:.1f}", "", ""],
        ["event to model request, median", f"{middle:.1f} ms", "≤ 6 ms", verdict(middle <= 6)],
        ["event to model request, p95", f"{percentile(times, 0.95):.1f} ms", "", ""],
        ["resident after it", f"{size:.0f} MB", "", ""],
    ]
    note = (
        f"{messages} short answers in {chats} private chats, each asking again as soon as it is answered; "
        f"for the times one message at a time. Tertulia keeps to Discord's limits ({ACCOUNT} calls/s, five "
        "in 5 s for each chat), so that is as fast as it answers; the simulator refuses nothing. It and its "
        "people share the cores."
    )
    return Section("discord-load", "Discord: short answers", ("what", "figure", "target", ""), rows, note)


async def _talk(dc: Discord, person: Person, questions: int) -> None:
    for number in range(questions):
        await _all_answered(dc, [await person.say(f"question {number}")])


async def _all_answered(dc: Discord, questions: list[Message], within: float = 120) -> None:
    """Each has an answer that can be tried again: it is final."""
    open_ = list(questions)

    def done() -> bool:
        while open_ and any(map(_final, open_[-1].channel.answers_to(open_[-1]))):
            open_.pop()
        return not open_

    await dc.until(done, within)


def _final(answer: Message) -> bool:
    return any(button["custom_id"] == "retry" for button in answer.buttons)


async def _waits(dc: Discord, model: str, people: list[Person], messages: int) -> list[float]:
    """Milliseconds from an event to the model request that it leads to."""

    async def ask(number: int, text: str) -> None:
        await _all_answered(dc, [await people[number % len(people)].say(text)])

    return await waits(model, ask, messages)


async def _limits(folder: Path, chats: int, tokens: int) -> Section:
    with model_server(interval=1 / TOKENS_PER_SECOND) as url:
        async with _discord(RateLimits()) as dc:
            options = {"TERTULIA_MODEL_URL": url, "TERTULIA_MAX_TOKENS": str(tokens)}
            async with _bot(dc, folder / "limits", **options):
                await dc.until(lambda: dc.connected, 60)
                people = [dc.person(f"P{n}") for n in range(chats)]
                began = time.monotonic()
                questions = [await person.say("Tell me everything.") for person in people]
                done = [asyncio.create_task(_whole(dc, q, tokens, began)) for q in questions]
                late = [seconds - tokens / TOKENS_PER_SECOND for seconds in await asyncio.gather(*done)]
            counted = {name: dc.calls[name] for name in (SEND, EDIT, TYPING)}
            refused = sum(dc.refused.values())
            parts = sum(len(q.channel.answers) for q in questions)
    calls = sum(counted.values())
    share = refused / calls
    rows = [
        ["final texts whole", f"{len(late)} of {chats}", "all", verdict(len(late) == chats)],
        ["calls answered 429", f"{refused} of {calls} ({share:.2%})", "≤ 1 %", verdict(share <= 0.01)],
        ["calls per answer", f"{calls / chats:.0f}", "", ""],
        ["messages per answer", f"{parts / chats:.0f}", "", ""],
        ["whole after the model's last token, median", f"{statistics.median(late):.1f} s", "", ""],
        ["whole after the model's last token, slowest", f"{max(late):.1f} s", "", ""],
    ]
    note = (
        f"{chats} private chats each get an answer of {tokens:,} tokens at {TOKENS_PER_SECOND} tokens/s at "
        f"the same time, under Discord's limits ({ACCOUNT} calls/s over all; sends and edits each five in "
        "5 s for a chat)."
    )
    columns = ("what", "figure", "target", "")
    return Section("discord-limits", "Discord: long answers under rate limits", columns, rows, note)


async def _whole(dc: Discord, question: Message, tokens: int, began: float) -> float:
    """Seconds until the answer is there, whole: a very long one in a file below its beginning."""

    def whole() -> bool:
        answers = question.channel.answers
        files = [file.data.decode() for answer in answers for file in answer.body.attachments]
        said = " ".join(files or [answer.content for answer in answers]).split()
        return any(map(_final, answers)) and said == ["word"] * tokens

    await dc.until(whole, 600)
    return time.monotonic() - began


async def _kills(folder: Path, size: Size) -> Section:
    """The trial of `tests/chaos/test_discord_kills.py`, with its figures."""
    home = folder / "kills"
    home.mkdir()
    began = time.monotonic()
    run = await trial(home, size)
    seconds, orphans, troubles = time.monotonic() - began, run.judge(), run.troubles()
    kills, planned = run.lives.kills, run.lives.fired.total()
    calls = troubles["calls"]
    faults = troubles["5xx"] + troubles["drop"] + troubles["cut"]
    rows = [
        ["messages lost, doubled, cut or out of order", "0", "0", "met"],
        ["orphaned first messages", str(orphans), "0", verdict(orphans == 0)],
        ["kills", f"{kills}, {planned} of them at a named state of a turn", "", ""],
        ["calls", str(calls), "", ""],
        ["of them answered 429", f"{troubles['429']} ({troubles['429'] / calls:.2%})", "", ""],
        [
            "of them answered 5xx or cut off",
            f"{faults} ({faults / calls:.2%}), {troubles['cut']} of them after they were carried out",
            "",
            "",
        ],
        [
            "gateway sessions",
            f"{troubles['sessions']}, resumed {troubles['resumed']} times, "
            f"called invalid {troubles['invalid']} times",
            "",
            "",
        ],
        ["seconds", f"{seconds:.0f}", "", ""],
    ]
    note = (
        f"{size.chats * size.each:,} messages over {size.chats} chats ({size.private} of them private), one "
        f"in eight answered in several messages with code; the bot killed with SIGKILL {kills} times, at the "
        "states of a turn and at instants drawn by a seed, some of the messages written while it was down. "
        "Rate limits on; a gateway that breaks, asks to reconnect and forgets sessions."
    )
    columns = ("what", "figure", "target", "")
    return Section("discord-kills", "Discord: killed a hundred times", columns, rows, note)
