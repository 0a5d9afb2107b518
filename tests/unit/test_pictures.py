"""Which pictures of a conversation the model is shown, and how they are come by."""

from __future__ import annotations

import asyncio
import threading
import weakref
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ChannelUnavailable
from bot.imaging import MOST_BYTES
from bot.pictures import (
    KEPT,
    KEPT_SECONDS,
    MOST,
    REFUSED_SECONDS,
    RESTING_SECONDS,
    SECONDS,
    Pictures,
    is_picture,
    newest,
    shown,
)
from bot.types import Capabilities, Message, Part, PartKind, Picture, Role
from tests.fakes import FakeClock
from tests.pictures import picture
from tests.scripted import MemoryChannel

ME = Capabilities()


def image(ref: str = "a") -> Part:
    return Part(PartKind.IMAGE, ref=ref, media_type="image/png", size=1000)


def question(*refs: str) -> Message:
    return Message(Role.USER, "look", attachments=tuple(map(image, refs)))


class Watched(Picture):
    """One of which is known when it is gone."""

    __slots__ = ("__weakref__",)


class Counting(MemoryChannel):
    """Remembers what was fetched, and with which limit; what is in `down` cannot be just now."""

    def __init__(self, **files: bytes) -> None:
        super().__init__(ME, files=files)
        self.fetched: list[tuple[str, int]] = []
        self.down: set[str] = set()
        self.slow: set[str] = set()

    async def fetch(self, part: Part, limit: int) -> bytes:
        self.fetched.append((part.ref, limit))
        if part.ref in self.slow:
            await asyncio.Event().wait()
        if part.ref in self.down:
            raise ChannelUnavailable("no network")
        return await super().fetch(part, limit)


def test_what_is_a_picture() -> None:
    assert is_picture(image())
    assert is_picture(Part(PartKind.IMAGE, ref="x"))
    assert is_picture(replace(image(), kind=PartKind.FILE, media_type="image/webp"))
    for part in (
        Part(PartKind.IMAGE),
        replace(image(), media_type="image/svg+xml"),
        replace(image(), kind=PartKind.FILE, media_type=""),
        replace(image(), kind=PartKind.AUDIO, media_type="image/png"),
        Part(PartKind.FILE, ref="x", media_type="video/mp4"),
    ):
        assert not is_picture(part)


def refs(messages: list[Message]) -> list[str]:
    return [" ".join(part.ref for part in parts) for parts in newest(messages, 4)]


def test_earlier_ones_give_way_in_one_step() -> None:
    history = [question(name) for name in "abcdefg"]
    assert refs(history[:4]) == ["a", "b", "c", "d"]
    assert refs(history[:5]) == ["", "", "", "d", "e"]
    assert refs(history[:6]) == ["", "", "", "d", "e", "f"]
    assert refs(history[:7]) == ["", "", "", "d", "e", "f", "g"]


def test_all_of_one_message_are_shown_or_none_but_never_more_than_the_most() -> None:
    assert refs([question("a"), question("b", "c", "d", "e")]) == ["", "b c d e"]
    assert refs([question("a", "b", "c", "d", "e", "f")]) == ["a b c d"]


@given(st.lists(st.integers(0, 12), max_size=12))
def test_what_is_shown_is_bounded_and_changes_at_its_end_alone_most_of_the_time(counts: list[int]) -> None:
    messages = [question(*(f"{n}.{i}" for i in range(count))) for n, count in enumerate(counts)]
    before: list[tuple[Part, ...]] = []
    for end in range(len(messages) + 1):
        now = newest(messages[:end])
        assert sum(map(len, now)) <= MOST
        if now[: len(before)] != before:  # it was cut, and at least to half beside the last
            assert sum(map(len, now[:-1])) <= MOST // 2
        if end:
            assert now[-1] == messages[end - 1].attachments[:MOST]
        before = now


async def test_each_is_fetched_once_and_shown_with_its_message() -> None:
    pictures, channel = Pictures(FakeClock()), Counting(a=picture("red"), b=picture("blue", (20, 20)))
    messages = [question("a"), Message(Role.ASSISTANT, "Nice."), question("b", "a")]
    for _ in range(2):
        found = await pictures.of(channel, messages, "m")
        assert [[p.width for p in m.pictures] for m in shown(messages, found)] == [[64], [], [20, 64]]
    assert sorted(channel.fetched) == [("a", MOST_BYTES), ("b", MOST_BYTES)]


async def test_the_same_reference_on_another_platform_is_another_picture() -> None:
    pictures = Pictures(FakeClock())
    here, there = Counting(a=picture()), Counting()
    there.platform = "elsewhere"
    assert await pictures.of(here, [question("a")], "m")
    assert await pictures.of(there, [question("a")], "m") == {}


async def test_one_that_is_gone_or_broken_is_named_in_words_and_not_asked_for_again() -> None:
    pictures, channel = Pictures(FakeClock()), Counting(broken=b"GIF89a", good=picture())
    for _ in range(2):
        assert set(await pictures.of(channel, [question("gone", "broken", "good")], "m")) == {"good"}
    assert len(channel.fetched) == 3


async def test_one_that_cannot_be_fetched_just_now_is_asked_for_again_a_minute_later() -> None:
    clock = FakeClock()
    pictures, channel = Pictures(clock), Counting(a=picture())
    channel.down = {"a"}
    assert await pictures.of(channel, [question("a")], "m") == {}
    channel.down = set()
    await clock.advance(RESTING_SECONDS - 1)
    assert await pictures.of(channel, [question("a")], "m") == {}
    assert len(channel.fetched) == 1, "nobody waits for it again so soon"
    await clock.advance(1)
    assert set(await pictures.of(channel, [question("a")], "m")) == {"a"}


async def test_one_that_is_slow_is_not_waited_for() -> None:
    clock = FakeClock()
    pictures, channel = Pictures(clock), Counting(a=picture())
    channel.slow = {"a"}
    asking = asyncio.create_task(pictures.of(channel, [question("a")], "m"))
    await clock.advance(SECONDS)
    assert await asking == {}
    channel.slow = set()
    await clock.advance(RESTING_SECONDS)
    assert set(await pictures.of(channel, [question("a")], "m")) == {"a"}


async def test_a_platform_that_hangs_keeps_no_other_from_its_pictures() -> None:
    pictures = Pictures(FakeClock())
    here, there = Counting(), Counting(a=picture())
    here.slow, there.platform = set("abcdefghij"), "elsewhere"
    hanging = asyncio.create_task(pictures.of(here, [question(*here.slow)], "m"))
    assert set(await pictures.of(there, [question("a")], "m")) == {"a"}
    hanging.cancel()


async def test_who_gives_up_on_a_picture_lets_no_more_be_prepared_at_once() -> None:
    clock, gate, entered = FakeClock(), threading.Event(), threading.Semaphore(0)

    def prepare(content: bytes) -> Picture:
        entered.release()
        gate.wait(10)
        return Picture(content, 10, 10)

    pictures, channel = Pictures(clock, prepare=prepare), Counting(**{name: b"x" for name in "abcd"})
    first = asyncio.create_task(pictures.of(channel, [question("a", "b")], "m"))
    for _ in range(2):
        await asyncio.to_thread(entered.acquire)
    await clock.advance(SECONDS)
    assert await first == {}
    second = asyncio.create_task(pictures.of(channel, [question("c")], "m"))
    for _ in range(50):
        await asyncio.sleep(0)
    assert channel.fetched[-1][0] == "c"
    assert not entered.acquire(blocking=False)
    gate.set()
    assert set(await second) == {"c"}


async def test_one_that_nobody_asked_for_in_an_hour_is_forgotten() -> None:
    clock = FakeClock()
    pictures, channel = Pictures(clock), Counting(a=picture(), b=picture())
    await pictures.of(channel, [question("a", "b")], "m")
    await clock.advance(KEPT_SECONDS - 1)
    await pictures.of(channel, [question("a")], "m")
    await clock.advance(1)
    await pictures.of(channel, [question("a", "b")], "m")
    assert sorted(ref for ref, _ in channel.fetched) == ["a", "b", "b"]


async def test_it_leaves_memory_though_nobody_asks_for_another() -> None:
    clock = FakeClock()
    pictures = Pictures(clock, prepare=lambda content: made.pop())
    made: list[Picture] = [Watched(b"x", 10, 10)]
    kept = weakref.ref(made[0])
    await pictures.of(Counting(a=picture()), [question("a")], "m")
    assert kept() is not None
    await clock.advance(KEPT_SECONDS)
    assert kept() is None


async def test_what_is_kept_is_bounded() -> None:
    """The oldest goes, and is fetched again when it is asked for."""
    large = Picture(bytes(KEPT // 3), 10, 10)
    pictures = Pictures(FakeClock(), prepare=lambda content: large)
    channel = Counting(**{name: picture() for name in "abcd"})
    for name in "abcd":
        await pictures.of(channel, [question(name)], "m")
    for name in "dcba":
        await pictures.of(channel, [question(name)], "m")
    assert [ref for ref, _ in channel.fetched] == ["a", "b", "c", "d", "a"]


async def test_what_a_models_server_refused_is_not_shown_to_that_model_for_a_while() -> None:
    clock, messages = FakeClock(), [question("a", "b")]
    pictures, channel = Pictures(clock), Counting(a=picture(), b=picture())
    pictures.refuse(channel, ["a"], "m")
    assert set(await pictures.of(channel, messages, "m")) == {"b"}
    assert set(await pictures.of(channel, messages, "other")) == {"a", "b"}
    await clock.advance(REFUSED_SECONDS)
    assert set(await pictures.of(channel, messages, "m")) == {"a", "b"}
