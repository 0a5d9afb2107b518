"""The console's places: what is set where, what is inherited, and that it changes."""

from __future__ import annotations

import re

import pytest

from adapters.web.console.places import SHOWN
from bot.groups import CHOICES
from bot.options import options
from bot.types import Address, Capabilities, ConsoleRole, Place
from tests.adapters.console_core import Site, shown, site
from tests.adapters.console_people import ATTACK, Town
from tests.fakes_atlas import FakeAtlas

HERE = "/console/places"
SERVER, ROOM, THREAD = (Address("discord", "99", chat) for chat in ("guild:10", "20", "56"))
GROUP = Address("telegram", "99", "-100")


async def known(place: Site) -> dict[str, str]:
    """A server with a channel and a thread in it, and a group of a platform that does not run; their
    addresses in the console."""
    atlas = FakeAtlas(place.memory)
    await atlas.note([Place(SERVER, "Club"), Place(ROOM, ATTACK, (SERVER,)), Place(GROUP, "Family")])
    await atlas.note([Place(THREAD, "", (ROOM, SERVER))])
    found = {at.chat: await atlas.find(at) for at in (SERVER, ROOM, THREAD, GROUP)}
    return {chat: f"{HERE}/{one.id}" for chat, one in found.items() if one is not None}


async def test_an_empty_list_says_how_places_come_to_be_known() -> None:
    async with site() as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        assert "No place is known yet." in (await operator.get(HERE)).text
        assert "No place is called that." in (await operator.get(f"{HERE}?q=zed")).text
        for odd in ("nobody", "0", "9" * 30, "-1"):
            assert (await operator.get(f"{HERE}/{odd}")).status_code == 404
        for query in ("after=x", "after=W10", "q=%00", "q=%ff"):
            assert (await operator.get(f"{HERE}?{query}")).status_code == 200


async def test_places_are_listed_page_by_page_and_found_by_name_and_id() -> None:
    async with site() as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        await known(place)
        rooms = [Place(Address("discord", "99", f"3{n:03}"), f"room {n:03}") for n in range(SHOWN + 5)]
        await FakeAtlas(place.memory).note(rooms)
        first = await operator.get(HERE)
        assert "<img" not in first.text
        (older,) = set(re.findall(r'href="([^"]+after=[^"]+)"', shown(first)))
        second = await operator.get(older, **{"HX-Request": "true"})
        assert "<html" not in second.text
        listed = re.findall(r">room (\d+)<", first.text + second.text)
        assert listed == [f"{n:03}" for n in range(SHOWN + 5)]
        assert "Club" in (await operator.get(f"{HERE}?q=10")).text
        found = await operator.get(f"{HERE}?q=56")
        assert f"Club › {ATTACK}" in shown(found)


async def test_what_is_set_in_a_server_is_inherited_and_audited() -> None:
    async with site() as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        at = await known(place)
        await operator.get(at["guild:10"])
        fields = {"trigger": "all", "threads": "long", "temperature": "0.5", "collections": "a, b"}
        done = await operator.post(at["guild:10"], **fields)
        assert done.headers["location"].endswith("done=place.settings")
        (entry,) = [e for e in await place.deps.audit.listing() if e.action == "place.settings"]
        assert (entry.account, entry.target) == ("A operator", "discord 10 Club")
        assert entry.detail == "trigger: all; threads: long; collections: a b; temperature: 0.5"
        home = await Town(place.memory, place.clock).conversations.find(SERVER)
        assert home is not None
        assert home.settings == {
            "trigger": "all", "threads": "long", "collections": ["a", "b"], "sampling": {"temperature": 0.5},
        }  # fmt: skip
        inside = shown(await operator.get(at["56"]))
        assert "Inherit: every message (from Club)" in inside
        assert "Inherit: 0.5 (from Club)" in inside
        assert "Inherit: off<" in inside
        assert "Answers: every message" in shown(await operator.get(HERE))
        again = await operator.post(at["guild:10"], **fields)
        assert again.headers["location"].endswith("done=place.same")
        await operator.post(at["guild:10"], trigger="", temperature="", collections="default")
        home = await Town(place.memory, place.clock).conversations.find(SERVER)
        assert home is not None
        assert home.settings == {"threads": "long"}


@pytest.mark.parametrize(
    ("name", "value"), [("trigger", "never"), ("temperature", "hot"), ("persona", "pirate"), ("model", "x")]
)
async def test_what_cannot_be_set_is_refused_and_nothing_is_stored(name: str, value: str) -> None:
    async with site() as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        at = await known(place)
        await operator.get(at["20"])
        refused = await operator.post(at["20"], overhear="off", **{name: value})
        assert (refused.status_code, "aria-invalid" in refused.text) == (422, True)
        assert await Town(place.memory, place.clock).conversations.find(ROOM) is None
        assert ("A operator", "place.settings") not in [e[:2] for e in await place.audited()]


async def test_the_form_has_all_that_the_command_takes_and_the_place_can() -> None:
    async with site() as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        at = await known(place)
        able = Capabilities(threads=True, solves=True, most_parts=4)
        for chat, caps in (("20", able), ("-100", Capabilities())):
            page = await operator.get(at[chat])
            names = set(re.findall(r'name="([\w-]+)"', page.text)) - {"csrf", "viewport", "color-scheme"}
            assert names - {"htmx-config"} == set(options(caps, private=False))
        assert set(CHOICES) <= set(options(able, private=False))


async def test_a_conversations_page_leads_to_its_place() -> None:
    async with site() as place:
        operator = await place.as_role(ConsoleRole.OPERATOR)
        town = Town(place.memory, place.clock)
        turn = await town.ask("Why?", chat="20", platform="discord")
        path = f"/console/conversations/{turn.conversation_id}"
        assert HERE + "/" not in (await operator.get(path)).text
        await FakeAtlas(place.memory).note([Place(Address("discord", "bot", "20"), "general")])
        assert f'href="{HERE}/1"' in (await operator.get(path)).text
