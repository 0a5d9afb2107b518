"""One person, several accounts: linked from end to end, and what others see of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.locale import Catalogue
from tests.adapters.web_core import ask, browser_like, text_of
from tests.e2e.running import service, tertulia
from tests.fakes_people import whole
from tests.scripted import World

SAY = Catalogue.load().say


def plain(text: str) -> str:
    """As a platform without markup shows it."""
    return text.replace("**", "").replace("`", "")


def code_in(text: str) -> str:
    found = re.search(r"(?<![\w-])[\w-]{24}(?![\w-])", text, re.ASCII)
    assert found is not None, text
    return found[0]


async def test_a_link_shares_the_person_and_leaves_each_conversation_where_it_is() -> None:
    world = World(["from the phone"], ["from the desk"], ["phone again"])
    async with world.running():
        await world.ask("canary-phone", person="phone", chat="p")
        await world.ask("canary-desk", person="desk", chat="d")
        await world.ask("/language zh", person="phone", chat="p")
        code = code_in(await world.ask("/link", person="phone", chat="p"))
        linked = await world.ask(f"/start {code}", person="desk", chat="d")
        assert linked == plain(SAY("zh", "link.linked", role="成员"))
        assert "身份" in await world.ask("/whoami", person="desk", chat="d"), "the language is shared"
        shown = await world.ask("/whoami", person="phone", chat="p")
        assert "phone" in shown
        assert "desk" in shown
        await world.ask("And?", person="phone", chat="p")
        said = [m.text for m in world.model.requests[-1].messages]
        assert "canary-phone" in said
        assert "canary-desk" not in said
        person = await world.stores.people.find("sim", "desk")
        assert person is not None
        assert len((await whole(world.stores.people.export(person.id)))["turns"]) == 3


async def test_a_third_person_sees_nothing_of_a_link() -> None:
    world = World()
    async with world.running():
        for person in ("ann", "bob", "eve"):
            await world.ask(f"canary-{person}", person=person, chat=person)
        eve = await world.stores.people.find("sim", "eve")
        assert eve is not None
        before = await whole(world.stores.people.export(eve.id))
        code = code_in(await world.ask("/link", person="ann", chat="ann"))
        await world.ask(code, person="bob", chat="bob")
        assert await whole(world.stores.people.export(eve.id)) == before
        assert await world.ask(f"/start {code}", person="eve", chat="eve") == plain(SAY("en", "link.spent"))
        shown = await world.ask("/whoami", person="eve", chat="eve")
        assert not any(other in shown for other in ("ann", "bob"))
        await world.ask("What do you know?", person="eve", chat="eve")
        said = str(world.model.requests[-1].messages)
        assert "canary-ann" not in said
        assert "canary-bob" not in said
        assert all(code not in str(request.messages) for request in world.model.requests)


async def test_in_a_group_no_code_is_given_and_no_other_account_shown() -> None:
    world = World()
    async with world.running():
        code = code_in(await world.ask("/link", person="ann", chat="a"))
        await world.ask(code, person="ann2", chat="b")
        for command in ("/link", "/unlink"):
            told = await world.ask(command, person="ann", chat="g", private=False)
            assert told == SAY("en", "group.private")
        shown = await world.ask("/whoami", person="ann", chat="g", private=False)
        assert "on sim: ann" in shown
        assert "ann2" not in shown


async def test_an_account_that_was_linked_is_taken_off_again() -> None:
    world = World(access="invite")
    async with world.running():
        owner_code = await world.stores.people.owner_code()
        await world.ask(f"/start {owner_code}", person="boss", chat="a")
        code = code_in(await world.ask("/link", person="boss", chat="a"))
        await world.ask(f"/start {code}", person="second", chat="b")
        assert "role: owner" in await world.ask("/whoami", person="second", chat="b")
        assert await world.ask("/unlink", person="second", chat="b") == SAY("en", "unlink.done")
        shown = await world.ask("/whoami", person="second", chat="b")
        assert "role: member" in shown
        assert "boss" not in shown
        assert await world.ask("Hi", person="second", chat="b") == "echo: Hi"
        assert "role: owner" in await world.ask("/whoami", person="boss", chat="a")
        assert await world.ask("/unlink", person="boss", chat="a") == SAY("en", "unlink.only")


@pytest.mark.parametrize("stored", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_the_page_and_the_terminal_are_one_person(
    tmp_path: Path, request: pytest.FixtureRequest, stored: str
) -> None:
    home = tmp_path / "home"
    url: str = request.getfixturevalue(f"{stored}_url")
    settings = {"database_url": url}
    async with service(home, **settings) as running, browser_like(running.url) as page:
        asked = await ask(page, "How do I connect Telegram?")
        await ask(page, "/language zh")
        code = code_in(text_of(await ask(page, "/link")))
        linked = await tertulia(home, "ask", "--json", f"/start {code}", **settings)
        assert SAY("zh", "link.linked", role="成员") in linked.out
        shown = text_of(await ask(page, "/whoami"))
        assert "terminal" in shown
        assert "web" in shown
        told = await tertulia(home, "ask", "/whoami", **settings)
        assert "身份" in told.out
        listed = (await page.get("/api/v1/conversations")).json()["conversations"]
        assert asked[0][1]["conversation"] in [c["id"] for c in listed]
        async with browser_like(running.url) as stranger:
            assert "terminal" not in text_of(await ask(stranger, "/whoami"))
