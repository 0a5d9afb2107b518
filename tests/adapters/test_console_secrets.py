"""Secrets of plugins in the console: those that do not open are asked for again, in the reader's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sealing import FILE, KEY_BYTES, Sealer
from bot.types import ConsoleRole
from tests.adapters.console_core import shown, site
from tests.adapters.console_plugins import running
from tests.adapters.test_console_plugins import SETTINGS, SHOP
from tests.fakes import FakeKeyValue
from tests.fakes_control import a_sealer

CANARY = "qz7canary3wx"
ANOTHER = b"n" * KEY_BYTES
AGAIN = {
    "en": ("It needs its secrets again: key", "Enter them again and save.", "Needs to be entered again"),
    "zh": ("它的密钥需要重新输入：key", "请重新输入并保存", "需要重新输入"),
}
REFUSED = {"en": "The secret cannot be sealed for the database", "zh": "无法为数据库加密此密钥"}


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_secret_that_does_not_open_is_asked_for_again_and_the_rest_stays(language: str) -> None:
    store = FakeKeyValue()
    async with running(store=store) as desk:
        await desk.configure("shop", {**SETTINGS, "greeting": "hey", "key": CANARY})
    async with running(store=store, sealer=a_sealer(ANOTHER)) as desk, site(plugins=desk) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        page = shown(await operator.get(SHOP, **{"Accept-Language": language}))
        assert [words for words in AGAIN[language] if words not in page] == []
        assert 'value="hey"' in page
        assert 'name="clear.key"' in page
        listing = shown(await operator.get("/console/plugins", **{"Accept-Language": language}))
        assert listing.count(AGAIN[language][2]) == 1
        viewer = shown(await (await place.as_role(ConsoleRole.VIEWER)).get(SHOP))
        assert AGAIN["en"][0] in viewer
        saved = await operator.post(f"{SHOP}/settings", **{**SETTINGS, "greeting": "hey", "key": "fresh"})
        assert saved.status_code == 303
        page = shown(await operator.get(SHOP, **{"Accept-Language": language}))
        assert [words for words in AGAIN[language] if words in page] == []
    async with running(store=store, sealer=a_sealer(ANOTHER)) as desk:
        assert desk.states()[1].unreadable == ()


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_secret_that_cannot_be_sealed_is_refused_with_what_to_do(
    tmp_path: Path, language: str
) -> None:
    (tmp_path / "home").write_text("no folder")
    sealer = Sealer((), tmp_path / "home" / FILE)
    async with running(sealer=sealer) as desk, site(plugins=desk) as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        operator.client.headers["Accept-Language"] = language
        refused = await operator.post(f"{SHOP}/settings", **{**SETTINGS, "key": CANARY})
        assert refused.status_code == 422
        assert REFUSED[language] in shown(refused)
        assert "TERTULIA_SECRET_KEY" in shown(refused)
        assert CANARY not in refused.text
        assert not desk.form("shop")[6].is_set
        saved = await operator.post(f"{SHOP}/settings", **{**SETTINGS, "greeting": "hey"})
        assert saved.status_code == 303
