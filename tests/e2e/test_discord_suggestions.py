"""What is offered while a command is typed is for those who may choose it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.types import PersonRole
from tests.e2e.discord_service import calm, service
from tests.simulators.discord import Channel, Discord, Person

OPTIONS: dict[str, Any] = {
    "personas": {"pirate": {"prompt": "Talk like a pirate."}},
    "plugins": {"qa": {"collections": ["documents", "staff"]}},
}


async def offered(
    dc: Discord, person: Person, command: str, typed: str, channel: Channel | None = None
) -> list[str]:
    asked = await person.complete(command, "text", typed, channel=channel)
    await dc.until(lambda: asked.choices is not None)
    return [choice["value"] for choice in asked.choices or ()]


async def test_strangers_are_offered_nothing(tmp_path: Path) -> None:
    async with calm() as dc:
        eve = dc.person("Eve")
        await eve.install()
        async with service(dc, tmp_path, access="invite", **OPTIONS):
            await dc.until(eve.commands)
            for command, typed in (("persona", ""), ("model", ""), ("language", ""), ("settings", "coll")):
                assert await offered(dc, eve, command, typed) == []


async def test_who_is_shut_out_is_offered_nothing(tmp_path: Path) -> None:
    async with calm() as dc:
        ana = dc.person("Ana")
        await ana.install()
        async with service(dc, tmp_path, **OPTIONS) as app:
            await dc.until(ana.commands)
            assert await offered(dc, ana, "persona", "p") == ["pirate"]
            await ana.say("/whoami")
            await dc.until(lambda: ana.texts)
            person = await app.stores.people.find("discord", str(ana.id))
            assert person is not None
            await app.stores.people.update(person.id, role=PersonRole.BLOCKED)
            assert await offered(dc, ana, "persona", "p") == []


async def test_values_are_for_who_may_change_the_setting(tmp_path: Path) -> None:
    async with calm() as dc:
        boss, ana = dc.person("Boss"), dc.person("Ana")
        room = await dc.guild("Club", boss, ana)
        async with service(dc, tmp_path, **OPTIONS):
            await dc.until(ana.commands)
            assert await offered(dc, ana, "settings", "persona ", room.general) == []
            assert await offered(dc, ana, "persona", "", room.general) == []
            assert "zh" in await offered(dc, ana, "language", "", room.general)
            assert "pirate" in await offered(dc, boss, "persona", "", room.general)


async def test_collections_are_named_to_those_who_may_read_them(tmp_path: Path) -> None:
    async with calm() as dc:
        boss = dc.person("Boss")
        room = await dc.guild("Club", boss)
        async with service(dc, tmp_path, **OPTIONS) as app:
            await dc.until(boss.commands)
            role = await room.role("Staff")
            await app.stores.search.restrict("staff", [f"role:{role.id}"])
            for typed in ("collections ", "everywhere Collections ", "collections"):
                found = await offered(dc, boss, "settings", typed, room.general)
                assert not [value for value in found if "staff" in value]
            await room.give(role, boss)
            assert "collections staff" in await offered(dc, boss, "settings", "collections ", room.general)
