"""A server's settings, chosen in the console, in force on Discord."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bot.console import place_desk
from bot.types import ConsoleRole
from tests.adapters.console_core import shown, site
from tests.e2e.discord_service import answer, calm, service
from tests.simulators.openai import Server


async def test_a_servers_trigger_and_persona_are_set_in_the_console_and_hold_in_its_channels(
    tmp_path: Path,
) -> None:
    personas = {name: {"prompt": f"You are a {name}."} for name in ("pirate", "poet")}
    async with calm() as dc, Server().lifespan() as model:
        boss, ana = dc.person("Boss"), dc.person("Ana")
        room = await dc.guild("Club", boss, ana)
        side = await room.text("side")
        options: dict[str, Any] = {"model_url": model.url, "plugins_disabled": ("qa",), "personas": personas}
        async with service(dc, tmp_path, **options) as app, site(places=place_desk(app)) as console:
            operator = await console.as_role(ConsoleRole.OPERATOR)
            asked = await ana.ask("Hello", channel=side)
            await answer(dc, asked)
            unasked = await ana.say("Anybody?", channel=side)
            listed = await operator.get("/console/places")
            (club,) = re.findall(r'href="(/console/places/\d+)" dir="auto">Club<', listed.text)
            page = await operator.get(club)
            (inside,) = re.findall(r'href="(/console/places/\d+)" dir="auto">side<', page.text)
            assert 'value="long"' in page.text
            assert (await operator.post(club, trigger="all", persona="pirate")).status_code == 303
            heard = await ana.say("And now?", channel=side)
            assert (await answer(dc, heard)).content.startswith("Ana: And now?")
            assert "You are a pirate." in str(model.chats[-1].body["messages"][0]["content"])
            assert side.answers_to(unasked) == []
            assert "Inherit: pirate (from Club)" in shown(await operator.get(inside))
            await operator.post(inside, persona="poet")
            await answer(dc, await ana.say("And here?", channel=side))
            assert "You are a poet." in str(model.chats[-1].body["messages"][0]["content"])
            await operator.post(inside, persona="", trigger="mention")
            quiet = await ana.say("Silence", channel=side)
            await answer(dc, await ana.ask("Who?", channel=side))
            assert "You are a pirate." in str(model.chats[-1].body["messages"][0]["content"])
            assert side.answers_to(quiet) == []
        assert dc.errors == []
