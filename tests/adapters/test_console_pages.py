"""The console's lists turn their pages by key, whatever stands in an address."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode

import pytest

from adapters.web.console import account, accounts, conversations, personas, playground
from adapters.web.console.keys import packed
from adapters.web.console.passkeys import MOST_PASSKEYS
from bot.personas import Personas
from bot.settings import PersonaSettings, SamplingSettings
from bot.types import ConsoleRole, Passkey, PersonRole
from tests.adapters.console_core import Browser, Site, shown, site, table
from tests.adapters.console_people import Town
from tests.fakes_people import FakePeople
from tests.fakes_personas import MemoryPersonas

ACCOUNT = "/console/account"
CONVERSATIONS = "/console/conversations"
NAMED = re.compile(r"Number (\d+)")
ROWS = re.compile(r">Number (\d+)<")
"""Once each, where a row tells its name in several places."""


async def turned(browser: Browser, path: str, target: str = "list") -> list[list[str]]:
    """What has a number on each page of a list, as htmx asks for one after the other."""
    found, label = [], re.compile(r'href="([^"]+)" hx-get="[^"]+" hx-target="#' + target)
    while path:
        page = await browser.get(path, **{"HX-Request": "true", "HX-Target": target})
        assert page.status_code == 200
        assert "<html" not in page.text
        assert page.text.count(f'id="{target}"') == 1
        found.append(list(dict.fromkeys(NAMED.findall(page.text))))
        links = [link for link in label.findall(shown(page)) if re.search("(after|before|held)=", link)]
        path = links[-1] if links else ""
        assert len(found) < 9
    return found


def numbers(count: int) -> list[str]:
    return [f"{number:03}" for number in range(count)]


def cut(rows: list[str], size: int) -> list[list[str]]:
    return [rows[first : first + size] for first in range(0, len(rows), size)]


async def test_accounts_turn_their_pages() -> None:
    async with site() as place:
        owner, rows = await place.owner(), numbers(2 * accounts.SHOWN + 3)
        for number in rows:
            await place.account(f"Number {number}", ConsoleRole.VIEWER)
        first = await owner.get("/console/accounts")
        assert first.text.count("<h1>") == 1
        pages = await turned(owner, "/console/accounts")
        assert pages == cut(rows, accounts.SHOWN)
        last = await owner.get(f"/console/accounts?after={packed('Number 102')}")
        assert "Owner" in last.text
        assert 'href="/console/accounts"' in last.text


async def keys_and_sessions(place: Site, browser: Browser, keys: int, sessions: int) -> str:
    """The account's id, after it was given so many more."""
    mine = await place.deps.accounts.session(browser.session, idle=1e9)
    assert mine
    for number in numbers(keys):
        await place.deps.accounts.add_passkey(
            Passkey(f"k{number}", mine.account.id, "public", 1, f"Number {number}")
        )
        await place.clock.advance(1)
    for number in numbers(sessions):
        await place.deps.accounts.open_session(
            mine.account.id, seconds=1e6, client="::1", agent=f"Number {number}"
        )
        await place.clock.advance(1)
    return mine.account.id


async def test_ones_own_passkeys_and_sessions_turn_their_pages_each_alone() -> None:
    async with site() as place:
        owner = await place.owner()
        await keys_and_sessions(place, owner, 2 * account.PASSKEYS + 5, 2 * account.SESSIONS + 5)
        keys, sessions = numbers(2 * account.PASSKEYS + 5), numbers(2 * account.SESSIONS + 5)[::-1]
        assert await turned(owner, ACCOUNT, "keys") == cut(keys, account.PASSKEYS)
        pages = await turned(owner, ACCOUNT)
        assert [row for page in pages for row in page] == sessions
        whole = shown(await owner.get(ACCOUNT))
        assert whole.count('class="pager"') == 2
        assert len(set(re.findall(r'class="pager" aria-label="([^"]+)"', whole))) == 2
        page = await owner.get(f"{ACCOUNT}?after={packed(1e300, '')}")
        assert "No keys" not in page.text
        assert "Add a passkey" in page.text


async def test_who_has_all_passkeys_that_one_may_have_gets_no_more() -> None:
    async with site() as place:
        owner = await place.owner()
        await keys_and_sessions(place, owner, MOST_PASSKEYS - 1, 0)
        assert (await owner.json(f"{ACCOUNT}/passkeys/options", {})).status_code == 200
        await place.deps.accounts.add_passkey(
            Passkey("last", await id_of(place, "Owner"), "public", 1, "last")
        )
        assert (await owner.json(f"{ACCOUNT}/passkeys/options", {})).status_code == 409


async def id_of(place: Site, name: str) -> str:
    found = await place.deps.accounts.named(name)
    assert found is not None
    return found.id


async def test_the_log_is_read_by_the_name_of_an_account_or_by_one_that_is_gone() -> None:
    async with site() as place:
        owner, put = await place.owner(), place.deps.audit.put
        ada = await place.account("Ada Lovelace", ConsoleRole.AUTHOR)
        for number in numbers(60):
            await put(ada.id, ada.name, "made.up", f"Number {number}")
        await put("gone", "Gone", "made.up", "Number 777")
        for who in ("Ada Lovelace", " ADA  lovelace "):
            page = await owner.client.get("/console/audit", params={"who": who})
            assert "Logged in" not in table(page)
            assert "Number 777" not in page.text
            assert ROWS.findall(page.text) == numbers(60)[:9:-1]
            assert f'value="{who}"' in page.text
        assert await turned(owner, "/console/audit?who=ada+lovelace") == [
            numbers(60)[:9:-1],
            numbers(10)[::-1],
        ]
        everything = await owner.get("/console/audit")
        assert f'href="/console/audit?account={ada.id}"' in everything.text
        gone = await owner.get("/console/audit?account=gone")
        assert ROWS.findall(gone.text) == ["777"]
        assert 'value="Gone"' in gone.text
        for who in ("Nobody", "\0", "<script>", "' OR 1=1"):
            page = await owner.client.get("/console/audit", params={"who": who})
            assert page.status_code == 200
            assert "Nothing like this was done" in page.text
            assert "<script>" not in page.text


async def test_an_invitation_tells_which_account_made_it() -> None:
    async with site() as place:
        owner, people = await place.owner(), FakePeople(place.memory, place.clock)
        for number in numbers(accounts.SHOWN + 5):
            await place.account(f"Number {number}", ConsoleRole.OPERATOR)
        made = f"console:{await id_of(place, f'Number {accounts.SHOWN + 4:03}')}"
        for by in (made, "console:gone", ""):
            await people.invite(by, role=PersonRole.MEMBER, uses=1)
        page = await owner.get("/console/invites")
    assert NAMED.findall(page.text) == [f"{accounts.SHOWN + 4:03}"]


def many(count: int) -> Personas:
    named = {f"Number-{number}": PersonaSettings(prompt=f"Number {number}") for number in numbers(count)}
    return Personas(named, SamplingSettings(), store=MemoryPersonas())


async def test_personas_turn_their_pages_the_default_one_first() -> None:
    desk = many(2 * personas.SHOWN)
    async with site(personas=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        pages = await turned(author, "/console/personas")
        assert [row for page in pages for row in page] == numbers(2 * personas.SHOWN)
        assert [len(page) for page in pages] == [personas.SHOWN - 1, personas.SHOWN, 1]
        await desk.write("Number-000x", prompt="p" * 1000)
        page = await author.get(f"/console/personas?after={packed('Number-000')}")
        assert page.text.index("Number-000x") < page.text.index("Number-001")
        assert "p" * personas.MOST_CLIP in page.text
        assert "p" * (personas.MOST_CLIP + 1) not in page.text


async def test_the_playground_offers_some_personas_and_each_from_its_own_page() -> None:
    async with site(personas=many(playground.OFFERED + 9)) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        page = await author.get("/console/models/playground")
        last = f"Number-{playground.OFFERED + 8:03}"
        assert page.text.count("<option") < 2 * playground.OFFERED + 20
        assert last not in page.text
        assert "from its own page" in page.text
        wanted = await author.get(f"/console/models/playground?persona={last}")
        assert re.search(rf"selected>{last}</option>", wanted.text)
        assert "selected" in (await author.get("/console/models/playground?persona=Number-000")).text
    async with site(personas=many(3)) as place:
        few = await (await place.as_role(ConsoleRole.AUTHOR)).get("/console/models/playground")
    assert "from its own page" not in few.text


async def test_two_versions_far_apart_are_compared_and_stay_chosen() -> None:
    desk = many(1)
    async with site(personas=desk) as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        for number in range(1, 3 * personas.VERSIONS):
            await desk.write("Number-000", prompt=f"Prompt {number}")
        path = "/console/personas/diff?name=Number-000"
        page = shown(await author.get(f"{path}&old=2&new=25"))
        assert re.findall(r'value="(\d+)" selected', page) == ["2", "25"]
        assert "+ Prompt 25" in page
        assert page.count("<option") < 2 * (2 * personas.VERSIONS + 3)
        settings = shown(await author.get(f"{path}&old=0&new=1"))
        assert re.findall(r'value="(\d+)" selected', settings) == ["0", "1"]


async def test_conversations_that_are_taken_over_turn_their_pages_beside_the_list() -> None:
    async with site() as place:
        owner = await place.owner()
        ada, town = await place.account("Ada", ConsoleRole.OPERATOR), Town(place.memory, place.clock)
        assert place.deps.takeover
        for number in numbers(conversations.SHOWN + 5):
            turn = await town.ask("Hello?", chat=f"c{number}", title=f"Number {number}")
            if int(number) < 2 * conversations.HELD + 3:
                await place.deps.takeover.take(turn.conversation_id, ada)
        pages = await turned(owner, CONVERSATIONS, "held")
        assert [len(page) for page in pages] == [conversations.HELD, conversations.HELD, 3]
        assert sorted(row for page in pages for row in page) == numbers(2 * conversations.HELD + 3)
        assert [len(page) for page in await turned(owner, CONVERSATIONS)] == [conversations.SHOWN, 5]
        beyond = await owner.get(f"{CONVERSATIONS}?held={2**63 - 1}")
        assert 'id="taken"' in beyond.text
        assert (await owner.get(f"{CONVERSATIONS}?held={2**63}")).status_code == 422
        whole = await owner.get(f"{CONVERSATIONS}?platform=telegram")
        assert 'id="taken"' not in whole.text


ODD = [
    *("x", "%00", "9" * 5000, urlsafe_b64encode(rb'["\ud800"]').decode()),
    *(packed(*key) for key in ((1,), (), ("a", "b"), (2**80, "x"), ("\0",), (1, 2, 3))),
]


@pytest.mark.parametrize("key", ODD, ids=range(len(ODD)))
async def test_an_odd_key_is_the_beginning_or_an_empty_page(key: str) -> None:
    async with site(personas=many(3)) as place:
        owner = await place.owner()
        for path in (
            f"/console/accounts?after={key}",
            f"{ACCOUNT}?after={key}",
            f"{ACCOUNT}?before={key}",
            f"/console/personas?after={key}",
        ):
            assert (await owner.get(path)).status_code == 200
