"""The console's people and invitations."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from adapters.web.console.people import SHOWN
from bot.errors import AccessError
from bot.types import ConsoleRole, PersonRole, Sender
from tests.adapters.console_core import Browser, Site, shown, site
from tests.adapters.console_people import ATTACK, Town

HERE = "/console/people"
INVITES = "/console/invites"
HTMX = {"HX-Request": "true"}


async def town(place: Site, role: ConsoleRole = ConsoleRole.OPERATOR) -> tuple[Town, Browser]:
    return Town(place.memory, place.clock), await place.as_role(role)


async def test_an_empty_list_says_how_to_invite() -> None:
    async with site() as place:
        _, operator = await town(place)
        page = await operator.get(HERE)
        assert "Nobody has come yet." in page.text
        assert 'href="/console/invites"' in page.text
        assert "Nobody is called that." in (await operator.get(f"{HERE}?name=zed")).text


async def test_people_are_listed_by_name_page_by_page_and_filtered() -> None:
    async with site() as place:
        home, operator = await town(place)
        for number in range(SHOWN + 5):
            await home.person(f"Person {number:03}")
        blocked = await home.person("Zoë 王")
        await home.people.update(blocked.id, role=PersonRole.BLOCKED)
        first = await operator.get(HERE)
        (older,) = re.findall(r'href="([^"]+after=[^"]+)"', shown(first))
        second = await operator.get(older, **HTMX)
        assert re.findall(r"Person (\d+)", first.text + second.text) == [f"{n:03}" for n in range(SHOWN + 5)]
        assert "<html" not in second.text
        for query in ("name=zo", "role=blocked"):
            found = await operator.get(f"{HERE}?{query}")
            assert ("Zoë 王" in found.text, "Person 0" in found.text) == (True, False)


@pytest.mark.parametrize("query", ["after=x", "after=W10", "name=%00", "name=%ff", "role=king"])
async def test_odd_queries_are_no_failure(query: str) -> None:
    async with site() as place:
        _, operator = await town(place)
        assert (await operator.get(f"{HERE}?{query}")).status_code == 200


async def test_one_person_is_shown_whole_and_the_reading_written_down() -> None:
    async with site() as place:
        home, operator = await town(place)
        turn = await home.ask(f"Why? {ATTACK}", name=ATTACK)
        await home.rate(turn, -1, f"Because {ATTACK}", name=ATTACK)
        person = await home.person(ATTACK)
        page = await operator.get(f"{HERE}/{person.id}")
        for text in (person.id, f"id-{ATTACK}", "Telegram", f"Because {ATTACK}"):
            assert text in shown(page)
        assert "<img" not in page.text
        assert f'href="/console/conversations/{turn.conversation_id}"' in page.text
        assert (await place.audited())[0] == ("A operator", "person.read", person.id)
        assert (await operator.get(f"{HERE}/nobody")).status_code == 404


async def test_roles_change_and_only_owners_make_or_change_owners() -> None:
    async with site() as place:
        home, operator = await town(place)
        person = await home.person()
        at = f"{HERE}/{person.id}/role"
        assert (await operator.post(at, role="blocked")).headers["location"].endswith("done=person.role")
        found = await home.people.get(person.id)
        assert found is not None
        assert found.role is PersonRole.BLOCKED
        assert (await operator.post(at, role="owner")).status_code == 403
        assert (await operator.post(at, role="king")).status_code == 422
        owner = await place.owner()
        assert (await owner.post(at, role="owner")).status_code == 303
        assert (await operator.post(at, role="member")).status_code == 403
        assert (await operator.post(f"{HERE}/{person.id}/delete", word="delete")).status_code == 403
        assert 'value="member"' not in (await operator.get(f"{HERE}/{person.id}")).text
        entries = [e for e in await place.deps.audit.listing() if e.action == "person.role"]
        assert [e.detail for e in entries] == ["Ann: blocked → owner", "Ann: member → blocked"]


async def test_everything_about_a_person_is_exported() -> None:
    async with site() as place:
        home, operator = await town(place)
        turn = await home.ask("Why?")
        person = await home.person()
        answer = await operator.get(f"{HERE}/{person.id}/export")
        assert json.loads(answer.text)["turns"][0]["id"] == turn.id
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert (await place.audited())[0] == ("A operator", "person.export", person.id)


async def test_a_person_is_deleted_only_with_the_word() -> None:
    async with site() as place:
        home, operator = await town(place)
        await home.ask("Why?")
        person = await home.person()
        at = f"{HERE}/{person.id}"
        for word in ("", "Ann", "delet"):
            refused = await operator.post(f"{at}/delete", word=word)
            assert (refused.status_code, "Nothing was deleted" in refused.text) == (422, True)
        done = await operator.post(f"{at}/delete", word=" Delete ")
        assert done.headers["location"] == f"{HERE}?done=person.delete"
        assert (await operator.get(at)).status_code == 404
        assert await home.people.find("telegram", "id-Ann") is None
        assert ("A operator", "person.delete", person.id) in await place.audited()


async def test_an_invitation_is_shown_once_works_and_is_taken_back() -> None:
    async with site() as place:
        home, operator = await town(place)
        made = await operator.post(INVITES, role="operator", uses="2", days="7")
        (code,) = re.findall(r"<code>([\w-]{24})</code>", made.text)
        assert f"https://t.me/bot?start={code}" in made.text
        assert f"/start {code}" in made.text
        listed = await operator.get(INVITES)
        assert code not in listed.text
        assert "A operator" in listed.text
        person = (await home.people.redeem("telegram", Sender("new", "New"), code)).person
        assert person.role is PersonRole.OPERATOR
        (id,) = re.findall(r'name="id" value="(\w+)"', listed.text)
        assert (await operator.post(f"{INVITES}/revoke", id=id)).status_code == 303
        assert (await operator.post(f"{INVITES}/revoke", id=id)).status_code == 404
        with pytest.raises(AccessError):
            await home.people.redeem("telegram", Sender("other", "Other"), code)
        assert "No invitation is open." in (await operator.get(INVITES)).text
        actions = [action for _, action, _ in await place.audited()][:2]
        assert actions == ["invite.revoke", "invite.make"]


@pytest.mark.parametrize(
    ("role", "uses", "days"),
    [
        ("owner", "1", "7"),
        ("blocked", "1", "7"),
        ("king", "1", "7"),
        ("member", "0", "7"),
        ("member", "1001", "7"),
        ("member", "x", "7"),
        ("member", "²", "7"),
        ("member", "1", "8"),
        ("member", "1", ""),
    ],
)
async def test_an_invitation_that_may_not_be_is_not_made(role: str, uses: str, days: str) -> None:
    async with site() as place:
        _, operator = await town(place)
        assert (await operator.post(INVITES, role=role, uses=uses, days=days)).status_code == 422
        assert place.memory.invites == {}


async def test_invitations_by_people_name_them_and_owners_may_invite_owners() -> None:
    async with site() as place:
        home, owner = await town(place, ConsoleRole.OWNER)
        ann = await home.person(f"Ann {ATTACK}")
        await home.people.invite(ann.id)
        await home.people.owner_code()
        assert (await owner.post(INVITES, role="owner", uses="1", days="0")).status_code == 200
        page = await owner.get(INVITES)
        assert f"Ann {ATTACK}" in shown(page)
        assert "<img" not in page.text
        assert f'href="/console/people/{ann.id}"' in page.text
        assert "first start" in page.text
        assert "before=" in (await _with_many(home, owner)).text


async def _with_many(home: Town, owner: Browser) -> httpx.Response:
    for _ in range(60):
        await home.people.invite("")
    return await owner.get(INVITES)
