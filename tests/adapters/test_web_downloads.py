"""What is made while it is sent comes whole, or the browser is told that it did not; a few at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.web.download import (
    AGAIN_SECONDS,
    BLOCK,
    OF_ONE_ADDRESS,
    STARTS_A_MINUTE,
    Download,
    Downloads,
    Lent,
    Taking,
    TooMany,
)
from adapters.web.history import READ_TURNS, every_turn
from adapters.web.server import WebServer
from adapters.web.takeout import json_text
from bot.errors import PluginError, StorageError, StorageGone
from bot.types import ConsoleRole, Exported
from tests.adapters.console_core import site
from tests.adapters.console_people import Town
from tests.adapters.web_core import ask, browser_like, house
from tests.fakes import FakeClock, Memory

EXPORT = "/api/v1/me/export"


class Slow:
    """An export of one long list; after each piece but the last it waits for `gate`, then may fail."""

    def __init__(self, pieces: int = 3, failure: Exception | None = None) -> None:
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self.ended = 0
        self._pieces = pieces
        self._failure = failure

    async def __call__(self, person_id: str) -> AsyncGenerator[Exported]:
        self.begun.set()
        try:
            for number in range(self._pieces):
                yield Exported("turns", [{"number": number, "text": "x" * BLOCK}])
                await self.gate.wait()
            if self._failure:
                raise self._failure
        finally:
            self.ended += 1
            self.over.set()


async def pieces_of(*given: Exported) -> AsyncIterator[Exported]:
    for piece in given:
        yield piece


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ([], {}),
        ([Exported("a", [])], {"a": []}),
        ([Exported("a", [1, "é\n"]), Exported("a", []), Exported("a", [None])], {"a": [1, "é\n", None]}),
        ([Exported("a", [[]]), Exported("b", {}), Exported("c", [{}])], {"a": [[]], "b": {}, "c": [{}]}),
        ([Exported('"', {"x": 1, "": 2}), Exported('"', {"y": [3]})], {'"': {"x": 1, "": 2, "y": [3]}}),
    ],
    ids=["none", "empty", "pieces", "members", "objects"],
)
async def test_pieces_are_written_as_one_object(given: list[Exported], whole: dict[str, Any]) -> None:
    text = b"".join([piece async for piece in json_text(pieces_of(*given))])
    assert list(json.loads(text).items()) == list(whole.items())


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_what_breaks_off_is_no_json(cut: int) -> None:
    given = (Exported("a", [1, 2]), Exported("b", {"x": 1}))
    written = [piece async for piece in json_text(pieces_of(*given))]
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(written[:-cut]))


@pytest.mark.parametrize("failure", [StorageError("the disk is gone"), RuntimeError("a fault")], ids=str)
async def test_a_failure_in_the_middle_ends_the_connection_and_not_the_body(failure: Exception) -> None:
    export = Slow(failure=failure)
    export.gate.set()
    async with house(console=None, export_person=export) as home, browser_like(home.url) as client:
        await ask(client, "Mine")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(EXPORT)
        export._failure = None
        again = await client.get(EXPORT)
    assert len(again.json()["turns"]) == 3
    assert export.ended == 2


@pytest.mark.parametrize(("failure", "status"), [(StorageError("no"), 503), (StorageGone("no"), 404)])
async def test_what_cannot_begin_is_answered(failure: Exception, status: int) -> None:
    export = Slow(0, failure)
    async with house(console=None, export_person=export) as home, browser_like(home.url) as client:
        await ask(client, "Mine")
        answers = [await client.get(EXPORT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status] * 3
    assert answers[0].json()["message"]


async def test_one_has_one_at_a_time_and_nobody_waits_for_others() -> None:
    export = Slow()
    async with (
        house(console=None, export_person=export) as home,
        browser_like(home.url) as ann,
        browser_like(home.url) as bob,
    ):
        for client in (ann, bob):
            await ask(client, "Mine")
        async with ann.stream("GET", EXPORT) as first:
            twice = await ann.get(EXPORT)
            async with bob.stream("GET", EXPORT) as second:
                assert second.status_code == 200
            await export.over.wait()
            export.gate.set()
            after = await bob.get(EXPORT)
            body = b"".join([piece async for piece in first.aiter_bytes()])
    assert [twice.status_code, after.status_code] == [429, 200]
    assert int(twice.headers["retry-after"]) > 0
    assert json.loads(body) == after.json()


@pytest.mark.parametrize("version", ["2.3", "2.4"])
async def test_who_takes_nothing_is_left(version: str) -> None:
    async def stuck(message: MutableMapping[str, Any]) -> None:
        await asyncio.Event().wait()

    async def connected() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    left: list[str] = []
    until = AsyncExitStack()
    until.callback(left.append, "left")
    text = pieces_of_bytes(b"x")
    download = Download(text, media_type="text/plain", headers={}, until=until, taking=Taking(0.01))
    await download({"type": "http", "asgi": {"spec_version": version}}, connected, stuck)
    assert left == ["left"]


@pytest.mark.parametrize("speed", [1_000_000_000.0, 1.0], ids=["drips", "keeps up"])
async def test_who_takes_less_than_the_least_speed_is_left_though_something_comes(speed: float) -> None:
    """A reader that takes a block now and then, each well before its time is over."""
    taken: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(10):
            await send({"type": "http.response.body", "body": b"x" * 1_000, "more_body": True})

    async def drip(message: MutableMapping[str, Any]) -> None:
        await asyncio.sleep(0.15)
        taken.append(len(message["body"]))

    await Taking(0.5, speed).send(app, {"type": "http"}, _never, drip)
    assert (len(taken) < 10) == (speed > 1)


async def test_who_reads_nothing_and_comes_back_at_once_keeps_nobody_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Over real sockets: the one place is free again each time, and the server logs no error."""
    downloads, gone = Downloads(FakeClock(), most=1, stalled=1.0), asyncio.Event()

    async def much() -> AsyncGenerator[bytes]:
        try:
            for _ in range(400):
                yield b"x" * BLOCK
        finally:
            gone.set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        download = await downloads.start("a", much(), media_type="text/plain", disposition="")
        await download(scope, receive, send)

    async with WebServer(app, host="127.0.0.1", port=0, stop_seconds=1).lifespan() as url:
        at = urlsplit(url)
        for _ in range(3):
            reader, writer = await asyncio.open_connection(at.hostname, at.port, limit=4096)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            await gone.wait()
            gone.clear()
            assert not (await reader.read()).endswith(b"0\r\n\r\n")
            writer.close()
        async with browser_like(url) as client:
            assert len((await client.get("/")).content) == 400 * BLOCK
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_many_of_one_address_leave_room_for_others_and_begin_so_often() -> None:
    clock = FakeClock()
    downloads = Downloads(clock, own=100)

    async def start(name: str, client: str) -> Download:
        text = pieces_of_bytes(b"x")
        return await downloads.start(name, text, media_type="text/plain", disposition="", client=client)

    held = [await start(f"v{n}", "203.0.113.7") for n in range(OF_ONE_ADDRESS)]
    with pytest.raises(TooMany) as full:
        await start("new", "203.0.113.7")
    assert full.value.seconds == AGAIN_SECONDS
    await start("new", "203.0.113.8")
    for download in held:
        await download({"type": "http", "asgi": {"spec_version": "2.4"}}, _never, _taken)
    for number in range(2 * STARTS_A_MINUTE - OF_ONE_ADDRESS):
        again = await start(f"v{number}", "203.0.113.7")
        await again({"type": "http", "asgi": {"spec_version": "2.4"}}, _never, _taken)
    with pytest.raises(TooMany) as often:
        await start("v0", "203.0.113.7")
    assert often.value.seconds == 60
    await clock.advance(60)
    await start("v0", "203.0.113.7")


async def _taken(message: MutableMapping[str, Any]) -> None:
    return None


async def test_a_file_is_lent_until_it_is_sent_or_taken_back(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * 200_000)
    left: list[str] = []
    waits = asyncio.Event()

    async def stuck(message: MutableMapping[str, Any]) -> None:
        waits.set()
        await asyncio.Event().wait()

    for take in (_taken, stuck):
        until, taking = AsyncExitStack(), Taking()
        until.callback(left.append, take.__name__)
        lent = Lent(tmp_path / "x", headers={}, media_type="text/plain", until=until, taking=taking)
        scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}
        sending = asyncio.create_task(lent(scope, _never, take))
        if take is stuck:
            await waits.wait()
            taking.end()
        await sending
    assert left == ["_taken", "stuck"]


async def pieces_of_bytes(*given: bytes) -> AsyncGenerator[bytes]:
    for piece in given:
        yield piece


async def test_an_operator_is_told_in_words() -> None:
    async with site(export_person=Slow(0, PluginError("plugin notes failed"))) as place:
        home, operator = Town(place.memory, place.clock), await place.as_role(ConsoleRole.OPERATOR)
        person = await home.person()
        failed = await operator.get(f"/console/people/{person.id}/export")
    assert failed.status_code == 503
    assert "A plugin could not tell its part" in failed.text


async def test_an_operators_second_export_waits_for_the_first() -> None:
    export = Slow()
    async with site(export_person=export) as place:
        home, operator = Town(place.memory, place.clock), await place.as_role(ConsoleRole.OPERATOR)
        at = f"/console/people/{(await home.person()).id}/export"
        first = asyncio.create_task(operator.get(at))
        await export.begun.wait()
        second = await operator.get(at)
        export.gate.set()
        done = await first
    assert (done.status_code, second.status_code) == (200, 429)
    assert int(second.headers["retry-after"]) > 0
    assert "Too many files are being downloaded" in second.text


async def test_places_are_counted_by_name_and_in_all() -> None:
    downloads = Downloads(FakeClock(), most=2, own=1)

    async def start(name: str) -> Download:
        return await downloads.start(name, pieces_of_bytes(b"x"), media_type="text/plain", disposition="")

    first, _ = await start("a"), await start("b")
    for name in ("a", "b", "c"):
        with pytest.raises(TooMany):
            await start(name)

    await first({"type": "http", "asgi": {"spec_version": "2.4"}}, _never, _taken)
    await start("c")


async def _never() -> MutableMapping[str, Any]:
    raise AssertionError


@pytest.mark.parametrize("read", [0, 1, READ_TURNS + 1])
async def test_a_conversation_that_is_deleted_meanwhile_has_no_end(read: int) -> None:
    memory = Memory()
    home = Town(memory, FakeClock())
    for number in range(2 * READ_TURNS):
        turn = await home.ask(f"Question {number}")
    conversation = await home.conversations.get(turn.conversation_id)
    assert conversation is not None
    told = every_turn(home.conversations, home.turns, conversation)
    assert [(await anext(told)).turn.number for _ in range(read)] == list(range(1, read + 1))
    del memory.conversations[conversation.id]
    memory.turns.clear()
    with pytest.raises(StorageGone):
        async for _ in told:
            pass
