"""The console over a real service: a document is answered from, a backup opens, a persona speaks."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.adapters.console_core import Browser, shown
from tests.adapters.web_core import ask, browser_like, text_of
from tests.e2e.running import service, tertulia
from tests.e2e.test_console import LINK, browser_at

DOCUMENTS = "/console/plugins/qa/documents"
TEXT = "# The keeper\n\nThe lighthouse keeper of Brevik is called Ottilie and lights the lamp at dusk.\n"
QUESTION = "What is the lighthouse keeper of Brevik called?"


async def owner_of(browser: Browser, out: str) -> None:
    found = LINK.search(out)
    assert found is not None, out
    assert (await browser.open(found[2])).status_code == 303


async def test_a_document_is_learnt_answered_from_in_the_chat_and_removed(tmp_path: Path) -> None:
    async with service(tmp_path / "home") as running, browser_at(running.url) as owner:
        await owner_of(owner, running.out)
        await owner.get(DOCUMENTS)
        learnt = await owner.client.post(
            f"{DOCUMENTS}/learn",
            data={"csrf": owner.csrf, "collection": "documents"},
            files={"file": ("keeper.md", TEXT.encode())},
        )
        assert "1 passages are found" in shown(await owner.get(learnt.headers["location"]))
        async with browser_like(running.url) as visitor:
            assert "Ottilie" in text_of(await ask(visitor, QUESTION))
        fields = {"collection": "documents", "source": "console/keeper.md"}
        removed = await owner.post(f"{DOCUMENTS}/remove", **fields)
        assert "was removed" in shown(await owner.get(removed.headers["location"]))
        async with browser_like(running.url) as visitor:
            assert "Ottilie" not in text_of(await ask(visitor, QUESTION))


async def test_a_backup_from_the_console_is_a_database_that_a_service_starts_on(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    left = home / "copies" / "backup-left"
    left.mkdir(parents=True)
    (home / "files" / "v").mkdir(parents=True)
    (home / "files" / "v" / "a").write_bytes(b"brought")
    async with service(home) as running, browser_at(running.url) as owner:
        assert not left.exists()
        await owner_of(owner, running.out)
        for path in ("/console/settings", "/console/personas", "/console/plugins", "/console/backup"):
            page = await owner.get(path)
            assert page.status_code == 200
        written = await owner.post("/console/personas/one", name="poet", new="on", prompt="Rhyme.")
        assert written.status_code == 303
        backup = await owner.post("/console/backup")
        assert re.search(r"tertulia-\d{8}-\d{6}\.tar", backup.headers["content-disposition"])
        async with asyncio.timeout(10):
            while list((home / "copies").iterdir()):
                await owner.get("/healthz")
    await asyncio.to_thread((tmp_path / "b.tar").write_bytes, backup.content)
    restored = await tertulia(other, "restore", str(tmp_path / "b.tar"))
    assert restored.code == 0, restored.err
    assert "1 files" in restored.out
    assert (other / "files" / "v" / "a").read_bytes() == b"brought"
    again = await tertulia(other, "restore", str(tmp_path / "b.tar"))
    assert again.code == 1
    assert "is there already" in again.err
    linked = await tertulia(other, "console-link")
    assert linked.code == 0, linked.err
    async with service(other) as running, browser_at(running.url) as owner:
        await owner_of(owner, running.out)
        assert "Rhyme." in shown(await owner.get("/console/personas"))
