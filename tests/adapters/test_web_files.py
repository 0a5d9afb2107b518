"""Files that visitors bring: whose they are, what they may be, and how long they stay."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.web.adapter import WebAdapter
from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from adapters.web.files import (
    KEEP_UNUSED,
    KEEP_USED,
    SCAN_SECONDS,
    SWEEP_SECONDS,
    SWEEPS_A_SCAN,
    Files,
    NoRoom,
)
from adapters.web.identity import COOKIE
from adapters.web.sniff import MOST_NAME, media_type, readable_name
from adapters.web.uploads import MOST_A_MINUTE
from bot.clock import SystemClock
from bot.errors import FileRefused
from bot.types import Part, PartKind
from tests.adapters.web_core import Core, House, Script, ask, browser_like, house, web_deps
from tests.fakes import FakeClock, Memory
from tests.pictures import picture

LIMIT = 100_000
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
URL = "/api/v1/files"
PAGE = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
POLYGLOT = b"GIF89a/*" + PAGE + b"*/=1;alert(1)"


@contextlib.asynccontextmanager
async def filing(
    folder: Path, bounds: Mapping[str, int] | None = None, **changes: Any
) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    files = Files(folder, SystemClock(), limit=LIMIT, **(bounds or {}))
    async with house(files=files, **changes) as home, browser_like(home.url) as client:
        yield home, client


async def bring(client: httpx.AsyncClient, name: str, content: bytes, type: str = "") -> httpx.Response:
    return await client.post(URL, files={"file": (name, content, type)})


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("sees", [True, False])
async def test_an_upload_says_whether_the_assistant_sees_it(tmp_path: Path, sees: bool) -> None:
    async with filing(tmp_path, sees=lambda: sees) as (_, client):
        for name, content, seen, unreadable in (
            ("photo.png", picture(), sees, False),
            ("notes.txt", b"a note", False, False),
            ("broken.png", PNG, False, sees),
            ("line.png", picture(size=(90, 2)), False, sees),
        ):
            told = (await bring(client, name, content)).json()
            assert (told["seen"], told["unreadable"]) == (seen, unreadable), name


async def test_a_file_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    async with filing(tmp_path) as (home, client), browser_like(home.url) as other:
        brought = (await bring(client, "photo.png", PNG)).json()
        mine = await client.get(f"{URL}/{brought['id']}")
        assert (brought["name"], brought["media_type"], brought["size"]) == ("photo.png", "image/png", 48)
        assert brought["image"]
        assert mine.content == PNG
        await bring(other, "own.txt", b"mine")
        for call in (
            other.get(f"{URL}/{brought['id']}"),
            other.request("DELETE", f"{URL}/{brought['id']}", json={}),
            client.get(f"{URL}/{'0' * 64}"),
        ):
            assert (await call).status_code == 404
        refused = await other.post("/api/v1/chat", json={"text": "hi", "attachments": [brought["id"]]})
    assert refused.status_code == 422


@pytest.mark.parametrize("id", ["..%2f..%2fx", "x", "%00", "A" * 64, "0" * 63, "../" * 3 + "etc"])
async def test_an_id_that_is_none_finds_nothing(tmp_path: Path, id: str) -> None:
    async with filing(tmp_path) as (_, client):
        assert (await client.get(f"{URL}/{id}")).status_code in (404, 422)


@pytest.mark.parametrize(
    ("content", "claimed", "kept", "disposition"),
    [
        (PAGE, "image/png", "text/plain; charset=utf-8", "attachment"),
        (SVG, "image/svg+xml", "text/plain; charset=utf-8", "attachment"),
        (POLYGLOT, "text/html", "image/gif", "inline"),
        (b"MZ\x90\0\3", "image/png", "application/octet-stream", "attachment"),
        (b"%PDF-1.7 <script>", "text/html", "application/octet-stream", "attachment"),
        ("正文".encode("gb18030"), "text/plain", "application/octet-stream", "attachment"),
    ],
)
async def test_what_a_file_is_its_content_says_and_it_cannot_act(
    tmp_path: Path, content: bytes, claimed: str, kept: str, disposition: str
) -> None:
    async with filing(tmp_path) as (_, client):
        brought = (await bring(client, "x.html", content, claimed)).json()
        got = await client.get(f"{URL}/{brought['id']}")
    assert got.headers["content-type"] == kept
    assert got.headers["content-disposition"].startswith(disposition)
    assert got.headers["x-content-type-options"] == "nosniff"
    assert any("sandbox" in policy for policy in got.headers.get_list("content-security-policy"))
    assert got.content == content


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\report.pdf", "report.pdf"),
        ("a\u202etxt.exe", "atxt.exe"),
        ("nul\0byte.txt", "nulbyte.txt"),
        ("line\nbreak\r.txt", "linebreak.txt"),
        ("...", "file"),
        ("", "file"),
        ("中文 名字.md", "中文 名字.md"),
        ("half \ud800.txt", "half .txt"),
        ("x" * 300 + ".tar", "x" * (MOST_NAME - 5) + "….tar"),
        ("y" * 300, "y" * (MOST_NAME - 1) + "…"),
    ],
)
def test_a_name_is_one_readable_line_and_no_path(name: str, shown: str) -> None:
    assert readable_name(name) == shown
    assert len(shown) <= MOST_NAME


async def test_names_are_data_and_never_paths(tmp_path: Path) -> None:
    async with filing(tmp_path / "files") as (_, client):
        for name in ("../../x", "/etc/cron.d/x", "..\\..\\x", "\u202e../x"):
            assert (await bring(client, name, name.encode())).status_code == 200
        visitor = client.cookies[COOKIE].split(".")[0]
    assert names_in(tmp_path) == ["files"]
    assert names_in(tmp_path / "files") == [visitor]
    assert all(len(name.removesuffix(".json")) == 64 for name in names_in(tmp_path / "files" / visitor))


async def test_what_is_empty_too_large_or_no_multipart_is_refused_in_words(tmp_path: Path) -> None:
    async with filing(tmp_path) as (_, client):
        answers = [
            await bring(client, "empty.txt", b""),
            await bring(client, "large.txt", b"x" * (LIMIT + 1)),
            await bring(client, "huge.txt", b"x" * (LIMIT + 70_000)),
            await client.post(URL, json={}),
            await client.post(
                URL, content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=y"}
            ),
            await client.post(URL, data={"file": "no file"}, files={"other": ("x", b"x")}),
            await client.post(URL, files=[("file", ("x", b"x"))] * 2),
            await client.post(
                URL, content=_pieces(), headers={"Content-Type": "multipart/form-data; boundary=y"}
            ),
        ]
    assert [answer.status_code for answer in answers] == [422, 413, 413, 415, 400, 422, 400, 411]
    assert all(answer.json()["message"] for answer in answers)


async def _pieces() -> AsyncIterator[bytes]:
    yield b"--y"


async def test_a_zip_bomb_is_bytes_and_stays_packed(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros", b"\0" * 20_000_000)
    async with filing(tmp_path) as (_, client):
        brought = (await bring(client, "bomb.zip", packed.getvalue())).json()
    assert brought["media_type"] == "application/zip"
    assert brought["size"] == len(packed.getvalue()) < LIMIT


async def test_other_sites_cannot_bring_files(tmp_path: Path) -> None:
    async with filing(tmp_path) as (_, client):
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ):
            refused = await client.post(URL, files={"file": ("x", b"x")}, headers=headers)
            assert refused.status_code == 403
        elsewhere = await client.post("/api/v1/chat", files={"file": ("x", b"x")})
    assert elsewhere.status_code == 415


async def test_a_service_without_files_says_so() -> None:
    async with house() as home, browser_like(home.url) as client:
        refused = await bring(client, "x", b"x")
    assert refused.status_code in (404, 413)


async def test_strangers_may_not_fill_the_disk_and_nobody_in_a_rush(tmp_path: Path) -> None:
    files = Files(tmp_path, SystemClock(), limit=LIMIT)
    core = Core(Memory(), WebChannel(SystemClock()), Script())
    transport = httpx.ASGITransport(create_app(web_deps(core, files=files, loopback=False)))
    async with httpx.AsyncClient(transport=transport, base_url="http://bot.example") as client:
        stranger = await bring(client, "x", b"x")
    async with filing(tmp_path) as (_, client):
        answers = [await bring(client, "x", b"x") for _ in range(MOST_A_MINUTE + 2)]
    assert stranger.status_code == 403
    assert len(names_in(tmp_path)) == 1
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"]


async def test_one_visitor_has_room_for_so_much_and_the_database_keeps_its_own(tmp_path: Path) -> None:
    async with filing(tmp_path / "few", {"most_files": 2}) as (_, client):
        statuses = [(await bring(client, "x", content)).status_code for content in (b"a", b"b", b"b", b"c")]
    async with filing(tmp_path / "full", {"least_free": 1 << 60}) as (_, client):
        full = await bring(client, "x", b"d")
    assert statuses == [200, 200, 200, 507]
    assert full.status_code == 507
    assert "room" in full.json()["message"]


async def test_files_that_no_question_has_are_bounded_in_all_and_so_are_all(tmp_path: Path) -> None:
    clock = FakeClock()
    files = Files(tmp_path, clock, limit=LIMIT, least_free=0, total=25, most_unasked=15)
    first = await files.put("a" * 32, "1", b"1" * 10)
    with pytest.raises(NoRoom, match="wait for their question"):
        await files.put("b" * 32, "2", b"2" * 10)
    await files.use("a" * 32, first, "chat")
    second = await files.put("b" * 32, "2", b"2" * 10)
    await files.use("b" * 32, second, "chat")
    with pytest.raises(NoRoom, match="no room"):
        await files.put("c" * 32, "3", b"3" * 10)
    await files.release("a" * 32, "chat")
    third = await files.put("c" * 32, "3", b"3" * 10)
    assert await files.remove("c" * 32, third.id)
    await files.forget("b" * 32)
    await files.put("c" * 32, "4", b"4" * 15)
    again = Files(tmp_path, clock, limit=LIMIT, least_free=0, total=25, most_unasked=15)
    with pytest.raises(NoRoom, match="wait for their question"):
        await again.put("d" * 32, "5", b"5")  # counted from the disk after a restart
    await files.forget("c" * 32)
    with pytest.raises(NoRoom):
        await again.put("d" * 32, "5", b"5")
    await clock.advance(SCAN_SECONDS)
    await again.put("d" * 32, "5", b"5")  # and anew where another process made room


async def test_one_address_brings_so_much_an_hour_however_many_visitors_it_has(tmp_path: Path) -> None:
    async with filing(tmp_path, {"least_free": 0, "hourly": 30_000}, access="open") as (home, _):
        answers = []
        for number in range(4):
            async with browser_like(home.url) as fresh:
                fresh.headers["X-Forwarded-For"] = "203.0.113.7"
                answers.append(await bring(fresh, "x", bytes([number]) * 12_000))
        async with browser_like(home.url) as other:
            other.headers["X-Forwarded-For"] = "203.0.113.8"
            elsewhere = await bring(other, "x", b"x" * 12_000)
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600
    assert "your address" in answers[-1].json()["message"]
    assert elsewhere.status_code == 200


async def test_a_question_brings_its_files_and_its_history_shows_them(tmp_path: Path) -> None:
    async with filing(tmp_path) as (home, client):
        image = (await bring(client, "chart (1).png", PNG)).json()
        text = (await bring(client, "notes.txt", b"The code word is heron.")).json()
        ids = [image["id"], text["id"]]
        start = (await ask(client, "What is it?", attachments=ids))[0][1]
        parts = home.core.seen[0].parts
        silent = await ask(client, "", attachments=ids, conversation=start["conversation"])
        page = (await client.get(f"/api/v1/conversations/{start['conversation']}/messages")).json()
        with pytest.raises(FileRefused, match="at most 3"):
            await home.deps.channel.fetch(parts[2], 3)
        assert await home.deps.channel.fetch(parts[2], 1000) == b"The code word is heron."
        kept = await client.request("DELETE", f"{URL}/{image['id']}", json={})
    assert [(p.kind, p.name, p.media_type) for p in parts[1:]] == [
        (PartKind.IMAGE, "chart (1).png", "image/png"),
        (PartKind.FILE, "notes.txt", "text/plain"),
    ]
    assert silent[-1][0] == "done"
    assert page["messages"][0]["question"] == "What is it?"
    assert [a["id"] for a in page["messages"][0]["attachments"]] == ids
    assert kept.json() == {"accepted": False}


@pytest.mark.parametrize("body", [{"retry_of": "x"}, {"edit_of": "x", "text": "y"}, {"text": "x"}])
async def test_attachments_that_cannot_be_are_refused(tmp_path: Path, body: dict[str, str]) -> None:
    async with filing(tmp_path) as (_, client):
        refused = await client.post("/api/v1/chat", json={**body, "attachments": ["0" * 64]})
        many = await client.post("/api/v1/chat", json={"text": "x", "attachments": ["0" * 64] * 11})
    assert (refused.status_code, many.status_code) == (422, 422)


async def test_what_is_used_nowhere_is_removed_and_a_person_is_forgotten_at_once(tmp_path: Path) -> None:
    clock, visitor, other = FakeClock(), "a" * 32, "b" * 32
    files = Files(tmp_path, clock, limit=LIMIT)
    used, dropped, chip = [await files.put(visitor, f"{n}", bytes([65 + n])) for n in range(3)]
    theirs = await files.put(other, "x", b"x")
    await files.use(visitor, used, "kept")
    await files.use(visitor, dropped, "deleted")
    assert not await files.remove(visitor, used.id)
    assert await files.remove(visitor, chip.id)

    async def alive(owner: str, conversation: str) -> bool:
        return conversation == "kept"

    assert await files.sweep(alive) == 0
    await clock.advance(KEEP_UNUSED + 1)
    assert await files.sweep(alive) == 1
    await clock.advance(KEEP_USED)
    assert await files.sweep(alive) == 1
    assert await files.find(visitor, used.id) is not None
    assert await files.find(other, theirs.id) is None
    await files.forget("../" + "a" * 29)
    assert await files.find(visitor, used.id) is not None
    await files.forget(visitor)
    with pytest.raises(FileRefused):
        await files.read(used.part(visitor), LIMIT)
    with pytest.raises(FileRefused):
        await files.read(Part(ref="../../etc/passwd"), LIMIT)


async def test_the_adapter_looks_after_the_files_while_it_listens(tmp_path: Path) -> None:
    clock = FakeClock()
    files = Files(tmp_path, clock, limit=LIMIT)
    left = await files.put("c" * 32, "x", b"x")
    asked = await files.put("d" * 32, "x", b"x")
    await files.use("d" * 32, asked, "gone")
    core = Core(Memory(), WebChannel(clock), Script())

    async def deps(channel: WebChannel, put: Any) -> Any:
        return web_deps(core, files=files, clock=clock)

    adapter = WebAdapter(clock, host="127.0.0.1", port=0, deps=deps, files=files)
    async with adapter.lifespan(core.put):
        await clock.advance(KEEP_UNUSED + SWEEP_SECONDS)
        while await files.find("c" * 32, left.id) is not None:
            await clock.advance(SWEEP_SECONDS)
        assert await files.find("d" * 32, asked.id) is not None
        await clock.advance(KEEP_USED)
        while await files.find("d" * 32, asked.id) is not None:
            await clock.advance(SWEEP_SECONDS * SWEEPS_A_SCAN)
    await adapter.aclose()


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "application/octet-stream"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x1f\x8b\x08", "application/gzip"),
        ("héron 鹭".encode(), "text/plain"),
        (b"text with a \0", "application/octet-stream"),
    ],
)
def test_types_are_told_by_content(content: bytes, type: str) -> None:
    assert media_type(content) == type
