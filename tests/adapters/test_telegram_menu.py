"""Commands and descriptions in each language, set once."""

from __future__ import annotations

import asyncio

import pytest

from adapters.telegram import menu
from adapters.telegram.client import Connection
from adapters.telegram.deps import TelegramDeps
from tests.adapters.telegram_core import Core, say
from tests.simulators.telegram import Faults, Telegram


async def refresh(deps: TelegramDeps) -> None:
    connection = Connection(deps.token, deps.api_url, deps.clock)
    await connection.api.get_me()
    await menu.refresh(deps, connection.api)
    await connection.aclose()


async def test_the_menu_speaks_each_language() -> None:
    core = Core()
    async with Telegram() as tg:
        await refresh(core.deps(tg, languages=("en", "zh", "zh-hant", "pt-br")))
        for scope, help_ in (
            ("all_private_chats", "Begin anew"),
            ("all_group_chats", "Help"),
            ("all_chat_administrators", "Settings"),
        ):
            helps = {
                code: c[0]["description"] for (s, code), c in tg.world.bot.commands.items() if s == scope
            }
            assert helps == {
                "": f"{help_} (en)",
                "en": f"{help_} (en)",
                "zh": f"{help_} (zh)",
                "pt": f"{help_} (pt-br)",
            }
        assert tg.world.bot.names["description", "zh"] == say("zh", "telegram.description")
        assert tg.world.bot.names["short_description", ""] == say("en", "telegram.about")
        assert tg.errors == []


async def test_it_is_set_again_only_when_it_changed() -> None:
    core = Core()
    async with Telegram() as tg:
        await refresh(core.deps(tg))
        calls = tg.calls["setMyCommands"]
        await refresh(core.deps(tg))
        assert tg.calls["setMyCommands"] == calls
        await refresh(core.deps(tg, commands=lambda language: [("help", "Help")]))
        assert tg.calls["setMyCommands"] == 2 * calls


async def test_the_owner_has_more_commands() -> None:
    core = Core()
    async with Telegram() as tg:
        ana = tg.person("Ana")
        await ana.start()

        async def owner() -> str:
            return str(ana.id)

        deps = core.deps(
            tg, owner_chat=owner, owner_commands=lambda language: [("invite", "Invite somebody")]
        )
        await refresh(deps)
        assert [c["command"] for c in tg.world.bot.commands[f"chat {ana.id}", "en"]] == ["new", "invite"]
        assert [c["command"] for c in tg.world.bot.commands["all_private_chats", "en"]] == ["new"]
        calls = tg.calls["setMyCommands"]
        await refresh(deps)
        assert tg.calls["setMyCommands"] == calls


async def test_an_owner_who_has_not_come_yet_holds_up_nothing_else() -> None:
    core = Core()
    async with Telegram() as tg:
        ana = tg.person("Ana")

        async def owner() -> str:
            return str(ana.id)

        deps = core.deps(tg, owner_chat=owner)
        await refresh(deps)
        assert tg.world.bot.names["description", "zh"] == say("zh", "telegram.description")
        assert tg.world.bot.names["short_description", "zh"] == say("zh", "telegram.about")
        calls = tg.calls["setMyCommands"], tg.calls["setMyDescription"]
        await refresh(deps)
        assert (tg.calls["setMyCommands"] - calls[0], tg.calls["setMyDescription"]) == (1, calls[1])
        await ana.start()
        await refresh(deps)
        assert [c["command"] for c in tg.world.bot.commands[f"chat {ana.id}", "en"]] == ["new"]


async def test_a_description_written_by_hand_stays() -> None:
    core = Core()
    async with Telegram() as tg:
        tg.world.bot.names["description", ""] = "My own"
        for commands in ("new", "help"):
            await refresh(core.deps(tg, commands=lambda language, name=commands: [(name, "Help")]))
        assert tg.world.bot.names == {("description", ""): "My own"}


async def test_a_description_of_ours_is_changed() -> None:
    core = Core()
    async with Telegram() as tg:
        for words in ("old", "new"):
            await refresh(core.deps(tg, say=lambda language, key, words=words: f"{words} {key} {language}"))
        assert tg.world.bot.names["description", "zh"] == "new telegram.description zh"


async def test_a_refusal_is_tried_again_at_the_next_start(caplog: pytest.LogCaptureFixture) -> None:
    core = Core()
    async with Telegram() as tg:
        await refresh(core.deps(tg, commands=lambda language: [("Not A Command", "x")]))
        assert "not up to date" in caplog.text
        await refresh(core.deps(tg))
        assert tg.world.bot.commands


async def test_an_outage_is_waited_for() -> None:
    core = Core()
    async with Telegram(faults=Faults(bad_gateway=0.1, seed=4)) as tg:
        refreshing = asyncio.create_task(refresh(core.deps(tg)))
        await core.until(refreshing.done, step=60)
        assert tg.world.bot.names["short_description", "zh"]
        assert any(call.code == 502 for call in tg.log)


async def test_the_intake_does_not_wait_for_it() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg):
        await core.until(lambda: tg.polled)
        await core.until(lambda: tg.calls["setMyShortDescription"] == 3)
