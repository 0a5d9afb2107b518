"""A plugin's secret, set in the console of a real service: in no file, backup, page, log or export, but
in the plugin; and asked for again where a backup is restored without the key."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

from bot.sealing import FILE
from storage.db import open_database
from storage.keyvalue import SqlKeyValue
from tests.adapters.console_core import shown
from tests.adapters.web_core import ask, browser_like, text_of
from tests.e2e.running import service, tertulia
from tests.e2e.test_check import findings, install
from tests.e2e.test_console import browser_at
from tests.e2e.test_console_desk import owner_of

CANARY = "qz7canary3wx"
PLUGIN = """
from pydantic import SecretStr
from bot.plugins import api
from bot.types import Reply


class Plugin(api.Plugin):
    class Settings(api.PluginSettings):
        greeting: str = "hello"
        key: SecretStr = SecretStr("")

    def commands(self):
        return (api.Command("reach", {"en": "Reach it"}, self.reach),)

    async def reach(self, context, arguments):
        return Reply(f"{self.settings.greeting}, {len(self.settings.key.get_secret_value())} letters")
"""
HERE = Path(__file__).parents[2]
PAGE = "/console/plugins/vault"


def vault(folder: Path) -> tuple[str, ...]:
    """What runs `tertulia` with a plugin that has a secret installed."""
    path = install(folder, "vault", "vault_plugin:Plugin")
    (folder / "vault_plugin.py").write_text(PLUGIN)
    return ("env", f"{path}{os.pathsep}{HERE}")


async def reached(url: str) -> str:
    async with browser_like(url) as visitor:
        return text_of(await ask(visitor, "/reach"))


def holding(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes())


async def test_a_secret_lies_nowhere_in_the_clear_and_a_backup_needs_its_key(tmp_path: Path) -> None:
    home, other, before = tmp_path / "home", tmp_path / "other", vault(tmp_path / "site")
    async with service(home, before=before) as running, browser_at(running.url) as owner:
        await owner_of(owner, running.out)
        await owner.get(PAGE)
        saved = await owner.post(f"{PAGE}/settings", greeting="hey", key=CANARY)
        assert saved.status_code == 303
        assert await reached(running.url) == "hey, 12 letters"
        assert holding(home) == []
        for path in (PAGE, "/console/plugins", "/console/audit", "/console/settings"):
            page = await owner.get(path)
            assert page.status_code == 200
            assert CANARY not in page.text
        backup = await owner.post("/console/backup")
        running.signal(signal.SIGTERM)
        assert await running.gone() == 0
        assert CANARY not in running.log + running.out
    assert holding(home) == []
    assert (home / FILE).stat().st_mode & 0o777 == 0o600
    assert b"plugin:vault" in backup.content
    assert CANARY.encode() not in backup.content
    await asyncio.to_thread((tmp_path / "b.tar").write_bytes, backup.content)
    restored = await tertulia(other, "restore", str(tmp_path / "b.tar"), before=before)
    assert "secret.key" in restored.out
    linked = await tertulia(other, "console-link", before=before)
    assert linked.code == 0, linked.err
    [bad] = await findings(other, "plugin", *before)
    assert (bad["verdict"], bad["detail"]) == ("bad", "vault goes without key")
    async with service(other, before=before) as running, browser_at(running.url) as owner:
        assert await reached(running.url) == "hey, 0 letters"
        assert "plugin 'vault' goes without what the console set as key" in running.log
        await owner_of(owner, running.out)
        assert "It needs its secrets again: key" in shown(await owner.get(PAGE))
    await asyncio.to_thread(shutil.copy, home / FILE, other / FILE)
    assert await findings(other, "plugin", *before) == []
    async with service(other, before=before) as running:
        assert await reached(running.url) == "hey, 12 letters"


async def test_secrets_of_an_earlier_version_are_sealed_when_the_service_starts(tmp_path: Path) -> None:
    home, before = tmp_path / "home", vault(tmp_path / "site")
    async with open_database(f"sqlite:///{home / 'tertulia.db'}") as db:
        record = {"settings": {"greeting": "hey", "key": CANARY}}
        await SqlKeyValue(db).put("core", "", "plugin:vault", record)
    assert holding(home) == ["tertulia.db"]
    ended = await tertulia(home, "ask", "/reach", before=before)
    assert "hey, 12 letters" in ended.out
    assert holding(home) == ["tertulia.db"]
    async with service(home, before=before) as running:
        assert await reached(running.url) == "hey, 12 letters"
        running.signal(signal.SIGTERM)
        assert await running.gone() == 0
    assert holding(home) == []
    ended = await tertulia(home, "ask", "/reach", before=before)
    assert "hey, 12 letters" in ended.out
