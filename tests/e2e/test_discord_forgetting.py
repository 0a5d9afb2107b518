"""Who is deleted is forgotten by the Discord adapter, too."""

from __future__ import annotations

from pathlib import Path

from bot.clock import SystemClock
from bot.opening import open_stores
from bot.settings import Settings
from bot.terminal import export_person
from tests.e2e.discord_service import calm, service


async def test_a_deleted_persons_interactions_are_removed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with calm() as dc:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Club", ana, ben)
        async with service(dc, home) as app:
            await dc.until(ana.commands)
            asked = [await person.slash("/whoami", channel=room.general) for person in (ana, ben)]
            await dc.until(lambda: all(each.texts != [""] and each.acknowledged for each in asked))
            person = await app.stores.people.find("discord", str(ana.id))
        assert person is not None
        settings = Settings.model_validate({"home": home, "model_discovery": False})
        assert await export_person(settings, person.id, tmp_path / "ana.json", delete=True)
        async with open_stores(settings, SystemClock(), durable_inbox=True) as stores:
            kept = await stores.values.items("discord", "", "i:")
            assert [value["user"] for value in kept.values()] == [str(ben.id)]
            assert await stores.people.get(person.id) is None
