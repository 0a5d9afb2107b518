"""Who runs a group, also when Telegram does not answer at once."""

from __future__ import annotations

from adapters.telegram.admins import Admins
from adapters.telegram.client import Connection
from bot.types import ADMIN
from tests.adapters.telegram_core import Core
from tests.simulators.telegram import Telegram


async def test_who_runs_a_group_is_asked_for_once_more_when_it_failed() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg):
        ana = tg.person("Ana")
        group = await tg.supergroup("Friends", ana)
        tg.fail("getChatAdministrators", "502")
        await ana.say("/settings trigger all", chat=group)
        await core.until(lambda: any(e.data for e in core.events if e.data.startswith("/")))
    assert core.events[-1].sender.roles == (ADMIN,)
    assert tg.calls["getChatAdministrators"] == 2


async def test_a_failure_is_not_remembered() -> None:
    core = Core()
    async with Telegram() as tg:
        ana = tg.person("Ana")
        group = await tg.supergroup("Friends", ana)
        connection = Connection(tg.token, tg.url, core.clock)
        admins = Admins(connection.api, core.clock)
        tg.fail("getChatAdministrators", "502", "drop")
        assert await admins.of(str(group.id)) == frozenset()
        assert await admins.of(str(group.id)) == {str(ana.id)}
        assert await admins.of(str(group.id)) == {str(ana.id)}
        assert tg.calls["getChatAdministrators"] == 3
        await group.remove_bot()
        admins.forget(str(group.id))
        assert await admins.of(str(group.id)) == frozenset()
        assert tg.calls["getChatAdministrators"] == 4
        await connection.aclose()
