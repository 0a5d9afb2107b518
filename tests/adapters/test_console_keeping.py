"""The settings in force, and the backup, for owners."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.web.console.backup import Desk
from adapters.web.console.settings import GROUPS, group_of
from adapters.web.download import Lent
from bot.errors import StorageError
from bot.loading import load_settings
from bot.origins import in_force
from bot.settings import Settings
from tests.adapters.console_core import shown, site
from tests.fakes_control import FakeBackup

HOSTILE = "<script>alert(1)</script>"


async def test_the_settings_tell_their_values_and_where_each_came_from(tmp_path: Path) -> None:
    (tmp_path / "tertulia.toml").write_text('concurrency = 7\nsystem_prompt = "' + HOSTILE + '"\n')
    environ = {
        "TERTULIA_TELEGRAM_TOKEN": "123456:secret-token",
        "TERTULIA_MODEL_URL": "http://user:s3cret-word@127.0.0.1:1/v1",
    }
    settings = load_settings(environ, folder=tmp_path, home=tmp_path)
    async with site(settings=lambda: in_force(settings)) as place:
        owner = await place.owner()
        page = await owner.get("/console/settings")
        found = await owner.get("/console/settings?q=CONCURR&changed=on", **{"HX-Request": "true"})
        none = await owner.get("/console/settings?q=zzz")
        default = await owner.get("/console/settings?changed=on")
    text = shown(page)
    assert "secret-token" not in text
    assert "s3cret-word" not in text
    assert HOSTILE not in page.text
    for part in ("Set, and not shown", "tertulia.toml:1", "TERTULIA_TELEGRAM_TOKEN", "Command line"):
        assert part in text
    assert "<html" not in found.text
    assert found.text.count("<tr><td") == 1
    assert "Default: 64" in found.text
    assert "No setting fits" in none.text
    assert "web_port" not in default.text


def test_every_setting_has_a_group_that_is_shown() -> None:
    groups = {setting.name: group_of(setting.name) for setting in in_force(Settings())}
    assert set(groups.values()) == set(GROUPS)
    some = ("home", "access", "plugin_timeout", "sampling.seed", "tool_steps", "web")
    assert [groups[name] for name in some] == ["service", "access", "plugins", "sampling", "model", "web"]


async def test_a_backup_is_a_file_that_is_gone_once_it_was_sent_and_is_written_down() -> None:
    content = b"SQLite format 3\0" + bytes(300_000)
    backup = FakeBackup(content)
    async with site(backup=backup) as place:
        owner = await place.owner()
        assert "300.0 kB" in (await owner.get("/console/backup")).text
        for _ in range(2):
            file = await owner.post("/console/backup")
            with tarfile.open(fileobj=io.BytesIO(file.content)) as tar:
                stored = tar.extractfile("tertulia.db")
                assert stored
                assert stored.read() == content
        (last,) = await place.deps.audit.listing(limit=1)
    assert file.headers["content-disposition"].startswith('attachment; filename="tertulia-')
    assert file.headers["cache-control"] == "no-store"
    assert (last.action, last.detail) == ("backup.download", "300,016 bytes")


class Held(FakeBackup):
    """It is ready when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Path]:
        self.begun.set()
        await self.go.wait()
        async with super().copy() as path:
            yield path


async def test_one_backup_is_made_at_a_time() -> None:
    backup = Held()
    async with site(backup=backup) as place:
        owner = await place.owner()
        first = asyncio.create_task(owner.post("/console/backup"))
        await backup.begun.wait()
        second = await owner.post("/console/backup")
        assert second.status_code == 409
        assert "A backup is being made already" in second.text
        backup.go.set()
        assert (await first).status_code == 200
        assert (await owner.post("/console/backup")).status_code == 200


class Full(FakeBackup):
    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Path]:
        raise StorageError("the disk is full")
        yield Path()


async def test_a_backup_that_cannot_be_made_says_why_and_the_next_is_tried() -> None:
    async with site(backup=Full()) as place:
        owner = await place.owner()
        for _ in range(2):
            response = await owner.post("/console/backup")
            assert response.status_code == 503
            assert "The backup could not be made: the disk is full" in shown(response)
        assert "backup.download" not in [action for _, action, _ in await place.audited()]


@pytest.mark.parametrize("path", ["/console/settings", "/console/backup"])
async def test_without_what_they_need_the_pages_are_not_there(path: str) -> None:
    async with site(settings=None, backup=None) as place:
        owner = await place.owner()
        assert (await owner.get(path)).status_code == 404


async def test_an_owners_new_backup_ends_the_one_that_they_do_not_read(tmp_path: Path) -> None:
    desk, stuck = Desk(), asyncio.Event()
    (tmp_path / "x").write_bytes(b"x")

    async def unread(message: MutableMapping[str, Any]) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async with AsyncExitStack() as until:
        first = await desk.enter(until, "ann")
        assert first is not None
        assert await desk.enter(until, "ann") is None  # it is still being made
        desk.send(first)
        lent = Lent(tmp_path / "x", headers={}, media_type="text/plain", until=until.pop_all(), taking=first)
        scope = {"type": "http", "method": "POST", "headers": [], "asgi": {"spec_version": "2.4"}}
        sending = asyncio.create_task(lent(scope, _nothing, unread))
        await stuck.wait()
        assert await desk.enter(until, "bob") is None
        assert await desk.enter(until, "ann") is not None
        await sending
        assert await desk.enter(until, "bob") is None
    async with AsyncExitStack() as until:
        assert await desk.enter(until, "bob") is not None


async def _nothing() -> MutableMapping[str, Any]:
    raise AssertionError
