"""Files out and in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.channel import TelegramChannel
from adapters.telegram.translate import PLATFORM
from bot.errors import ChannelError, FileRefused
from bot.types import Address, Markup, Outgoing, Part, PartKind
from tests.adapters.telegram_core import Core
from tests.simulators.telegram import NO_FLOOD, Person, Telegram
from tests.simulators.telegram.files import picture


@pytest.fixture
async def tg() -> AsyncIterator[Telegram]:
    async with Telegram(flood=NO_FLOOD) as telegram:
        yield telegram


@pytest.fixture
async def channel(tg: Telegram) -> AsyncIterator[TelegramChannel]:
    adapter = TelegramAdapter(Core().deps(tg))
    yield adapter.channel
    await adapter.aclose()


@pytest.fixture
async def ana(tg: Telegram) -> Person:
    person = tg.person("Ana")
    await person.start()
    return person


def at(person: Person) -> Address:
    return Address(PLATFORM, "7000000001", str(person.id))


def attached(part: Part, caption: str = "") -> Outgoing:
    return Outgoing(caption, caption, markup=Markup.TELEGRAM_HTML, attachment=part)


@pytest.mark.parametrize(
    ("kind", "media_type", "sent_as"),
    [
        (PartKind.IMAGE, "image/png", "photo"),
        (PartKind.AUDIO, "audio/ogg; codecs=opus", "voice"),
        (PartKind.AUDIO, "audio/mpeg", "audio"),
        (PartKind.FILE, "text/plain", "document"),
    ],
)
async def test_a_file_of_this_machine(
    channel: TelegramChannel, ana: Person, tmp_path: Path, kind: PartKind, media_type: str, sent_as: str
) -> None:
    path = tmp_path / "made.bin"
    path.write_bytes(picture())
    part = Part(kind, ref=f"file:{path}", media_type=media_type, name="nice.bin")
    sent = await channel.send(at(ana), attached(part, "<b>Look</b>"), key="k")
    message = ana.chat.answers[0]
    assert (str(message.id), message.text) == (sent, "Look")
    assert list(message.media) == [sent_as]
    await channel.edit(at(ana), sent, attached(part, "Look again"))
    await channel.edit(at(ana), sent, attached(part, "Look again"))
    assert message.text == "Look again"


async def test_a_file_of_the_web_and_one_that_telegram_has(
    channel: TelegramChannel, ana: Person, tg: Telegram
) -> None:
    tg.world.files.web["https://a.example/p.png"] = (picture(), "image/png")
    await channel.send(at(ana), attached(Part(PartKind.IMAGE, ref="https://a.example/p.png")), key="k")
    known = ana.chat.answers[0].media["photo"][-1]["file_id"]
    await channel.send(at(ana), attached(Part(PartKind.IMAGE, ref=known)), key="k")
    assert [list(m.media) for m in ana.chat.answers] == [["photo"], ["photo"]]


@pytest.mark.parametrize("ref", ["file:/nowhere/at/all", "http://a.example/x", "../secret.txt", "a b", ""])
async def test_what_is_no_file_is_not_sent(
    channel: TelegramChannel, ana: Person, tg: Telegram, ref: str
) -> None:
    with pytest.raises(ChannelError):
        await channel.send(at(ana), attached(Part(PartKind.FILE, ref=ref)), key="k")
    assert tg.calls["sendDocument"] == 0


async def test_a_file_that_came_in_is_read(channel: TelegramChannel, ana: Person, tg: Telegram) -> None:
    sent = await ana.send_document("notes.txt", b"some notes")
    ref = sent.media["document"]["file_id"]
    part = Part(PartKind.FILE, ref=ref, name="notes.txt", size=10)
    assert await channel.fetch(part, 10) == b"some notes"
    with pytest.raises(FileRefused, match="10 bytes"):
        await channel.fetch(part, 9)
    with pytest.raises(FileRefused, match="10 bytes"):
        await channel.fetch(Part(PartKind.FILE, ref=ref), 9)
    assert tg.errors == []


async def test_a_file_that_is_too_large_for_telegram(channel: TelegramChannel, ana: Person) -> None:
    sent = await ana.send_document("film.mkv", b"x", size=30 << 20)
    with pytest.raises(FileRefused, match="too big"):
        await channel.fetch(Part(PartKind.FILE, ref=sent.media["document"]["file_id"]), 1 << 30)


async def test_a_file_that_is_larger_than_it_says(
    channel: TelegramChannel, ana: Person, tg: Telegram
) -> None:
    sent = await ana.send_document("notes.txt", b"x" * 100_000)
    part = Part(PartKind.FILE, ref=sent.media["document"]["file_id"])
    for file in tg.world.files._by_id.values():
        file.size = 10
    with pytest.raises(FileRefused):
        await channel.fetch(part, 1000)


async def test_a_file_that_is_gone(channel: TelegramChannel) -> None:
    with pytest.raises(ChannelError):
        await channel.fetch(Part(PartKind.FILE, ref="AgADnobody_knows_it"), 1000)
