"""The slash commands and menus that Discord shows, set when they changed and not otherwise."""

from __future__ import annotations

import pytest

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.commands import PAUSES, commands_of, locales
from tests.adapters.discord_core import Core, simulated
from tests.simulators.discord import Faults

SET = "PUT /applications/{application_id}/commands"


async def test_people_are_offered_the_commands_everywhere() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana = dc.person("Ana")
        await ana.install()
        room = await dc.guild("Club", ana)
        group = await dc.group(ana, dc.person("Ben"))
        wanted = ["ask", "new", "model", "stop", "retry", "discord.menu_ask en", "discord.menu_summarise en"]
        for channel in (None, room.general, group):
            assert ana.commands(channel) == wanted
    assert dc.errors == []


async def test_they_are_set_once_and_again_when_they_change() -> None:
    core = Core()
    async with simulated() as dc:
        for _ in range(2):
            async with core.running(dc):
                pass
        assert dc.calls[SET] == 1
        async with core.running(dc, commands=lambda language: [("other", "Something else")]):
            await core.until(lambda: dc.calls[SET] == 2)
            await dc.until(lambda: "other" in dc.person("Ana").commands())


async def test_what_fails_is_tried_again() -> None:
    core = Core()
    spared = frozenset({"GET /users/@me", "GET /applications/@me", "GET /gateway/bot"})
    async with simulated(faults=Faults(server_error=0.6, seed=6, spared=spared)) as dc:
        async with core.running(dc, step=PAUSES[0]):
            assert "new" in dc.person("Ana").commands()
        assert dc.calls[SET] > 1


async def test_what_is_refused_is_told_and_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    core = Core()
    async with simulated() as dc:
        adapter = DiscordAdapter(core.deps(dc, commands=lambda language: [("new", "x"), ("new", "y")]))
        async with adapter.lifespan(core.put):
            await core.until(lambda: "not up to date" in caplog.text)
        await adapter.aclose()
        assert dc.calls[SET] == 1


async def test_each_language_has_its_words() -> None:
    core = Core()
    async with simulated() as dc:
        made = {c["name"]: c for c in commands_of(core.deps(dc))}
    new, ask = made["new"], made["ask"]
    assert new["description"] == "Begin anew en"
    assert new["description_localizations"] == {
        "en-US": "Begin anew en", "en-GB": "Begin anew en", "zh-CN": "Begin anew zh",
    }  # fmt: skip
    assert made["discord.menu_ask en"]["name_localizations"]["zh-CN"] == "discord.menu_ask zh"
    assert (ask["options"][0]["required"], new["options"][0]["required"]) == (True, False)
    assert [name for name, c in made.items() if c.get("options") and c["options"][0]["autocomplete"]] == [
        "model"
    ]


async def test_what_discord_does_not_take_is_left_out() -> None:
    core = Core()
    odd = [
        ("With Space", "x"),
        ("UPPER", "x"),
        ("silent", ""),
        ("ask", "twice"),
        *((f"c{n}", "x") for n in range(120)),
    ]
    async with simulated() as dc:
        made = commands_of(core.deps(dc, commands=lambda language: odd))
    names = [c["name"] for c in made]
    assert names[:2] == ["ask", "c0"]
    assert len(names) == len(set(names)) == 102


def test_our_languages_stand_for_discords() -> None:
    assert locales(("en", "zh-Hant", "zh", "pt-PT", "fr-CA", "fr", "eo")) == {
        "en-US": "en", "en-GB": "en", "zh-TW": "zh-Hant", "zh-CN": "zh", "pt-BR": "pt-PT", "fr": "fr-CA",
    }  # fmt: skip
