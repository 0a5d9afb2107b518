"""One's own account, everybody's accounts, and the audit log."""

from __future__ import annotations

import re

import pytest

from adapters.web.console.account import FRESH
from adapters.web.console.accounts import SHOWN as MANY
from adapters.web.console.audit import SHOWN
from adapters.web.console.keys import packed
from bot.types import ConsoleRole
from tests.adapters.console_core import Site, shown, site, table
from tests.adapters.test_console_login import PASSWORD, guess, with_password

HERE = "/console/account"
ALL = "/console/accounts"


async def id_of(place: Site, name: str) -> str:
    account = await place.deps.accounts.named(name)
    assert account is not None
    return account.id


async def test_name_and_language_are_ones_own() -> None:
    async with site() as place:
        owner = await place.owner()
        await place.account("Ada", ConsoleRole.VIEWER)
        saved = await owner.post(HERE, name="  Grace   Hopper ", language="zh")
        assert saved.headers["location"] == "/console/account?done=saved"
        page = await owner.get("/console/account?done=saved")
        assert "Grace Hopper" in page.text
        assert "已保存" in page.text
        for name, language in (("ada", "en"), (" ", "en"), ("Grace", "xx")):
            assert (await owner.post(HERE, name=name, language=language)).status_code == 422
        assert (await place.audited())[0] == ("Owner", "account.change", "Grace Hopper")


async def test_a_new_password_needs_the_old_one_unless_one_has_just_come() -> None:
    async with site() as place:
        owner = await place.owner()
        assert (await owner.post(f"{HERE}/password", new=PASSWORD)).status_code == 303
        assert (await owner.post(f"{HERE}/password", new=PASSWORD + "!")).status_code == 303
        await place.clock.advance(FRESH + 1)
        assert 'name="old"' in (await owner.get(HERE)).text
        for old in ("", "wrong", PASSWORD):
            assert (await owner.post(f"{HERE}/password", old=old, new="another long one!")).status_code == 422
        changed = await owner.post(f"{HERE}/password", old=PASSWORD + "!", new="another long one!")
        assert changed.headers["location"] == "/console/account?done=password"
        assert await guess(await place.browser(), "Owner", "another long one!") == 303


async def test_the_old_password_cannot_be_guessed_in_a_session_either() -> None:
    async with site() as place:
        owner = await place.owner()
        await owner.post(f"{HERE}/password", new=PASSWORD)
        await place.clock.advance(FRESH + 1)
        statuses = [
            (await owner.post(f"{HERE}/password", old=f"wrong {n}", new="another long one!")).status_code
            for n in range(7)
        ]
        assert statuses == [422] * 5 + [429] * 2


@pytest.mark.parametrize(
    "password",
    [
        *("", "short", "x" * 201, "aaaaaaaaaaaa", "ababababababab", "A long name!"),
        *("password12", "Password123!", "qwertyuiop", "Tertulia2026", "summer2024!", "P@ssw0rd2024"),
        *("a long name! 1", "1234567890" * 20, "密码密码密码密码密码"),
    ],
)
async def test_a_password_that_is_none_is_refused_with_the_reason(password: str) -> None:
    async with site() as place:
        owner = await place.owner()
        await owner.post(HERE, name="a LONG name!", language="")
        await owner.get(HERE)
        refused = await owner.post(f"{HERE}/password", new=password)
        assert refused.status_code == 422
        assert 'class="wrong"' in refused.text
        assert "No password is set." in (await owner.get(HERE)).text


async def test_a_new_password_ends_all_other_sessions() -> None:
    async with site() as place:
        owner, other = await place.owner(), await place.owner()
        await owner.post(f"{HERE}/password", new=PASSWORD)
        assert (await owner.get(HERE)).status_code == 200
        assert (await other.get(HERE)).status_code == 303


async def test_sessions_are_listed_and_ended_one_by_one_or_all() -> None:
    async with site() as place:
        owner, other, third = await place.owner(), await place.owner(), await place.owner()
        viewer = await place.as_role(ConsoleRole.VIEWER)
        page = await owner.get(HERE)
        assert page.text.count('sessions/end"') == 3
        assert "this one" in page.text
        ids = re.findall(r'name="id" value="([^"]+)"', page.text)
        await viewer.post(f"{HERE}/sessions/end", id=ids[0])
        assert (await owner.get(HERE)).text.count('sessions/end"') == 3
        mine = await place.deps.accounts.session(other.session, idle=1e9)
        assert mine is not None
        await owner.post(f"{HERE}/sessions/end", id=mine.id)
        assert (await other.get(HERE)).status_code == 303
        assert (await third.get(HERE)).status_code == 200
        await third.post(f"{HERE}/sessions/end-all")
        assert (await owner.get(HERE)).status_code == 303
        assert (await viewer.get(HERE)).status_code == 200
        for session in (owner.session, other.session):
            assert session not in page.text


async def test_an_invitation_is_shown_once_and_makes_an_account_of_its_role() -> None:
    async with site() as place:
        owner = await place.owner()
        made = await owner.post(f"{ALL}/invite", name="Ada", role="author")
        (link,) = re.findall(r"http://localhost:8080/console/login\?token=([\w-]+)", made.text)
        assert made.headers["cache-control"] == "no-store"
        assert link not in (await owner.get(ALL)).text
        guest = await place.browser()
        assert (await guest.open(link)).status_code == 303
        page = await guest.get(HERE)
        assert "Ada" in page.text
        assert (await guest.get(ALL)).status_code == 403
        assert ("Owner", "account.invite", "Ada") in await place.audited()
        for name, role in (("ADA", "viewer"), ("", "viewer"), ("\x07", "viewer"), ("New", "king")):
            assert (await owner.post(f"{ALL}/invite", name=name, role=role)).status_code == 422


async def test_roles_are_changed_and_accounts_disabled_enabled_and_deleted() -> None:
    async with site() as place:
        owner = await place.owner()
        await with_password(place)
        ada = await place.browser()
        await guess(ada, "Ada", PASSWORD)
        at = f"{ALL}/{await id_of(place, 'Ada')}"
        await owner.post(f"{at}/role", role="owner")
        assert (await ada.get(ALL)).status_code == 200
        await owner.post(f"{at}/disabled", disabled="on")
        assert (await ada.get(HERE)).status_code == 303
        assert (await owner.post(f"{at}/link")).status_code == 409
        assert "disabled" in (await owner.get(ALL)).text
        await owner.post(f"{at}/disabled")
        assert await guess(await place.browser(), "Ada", PASSWORD) == 303
        linked = await owner.post(f"{at}/link")
        (token,) = re.findall(r"login\?token=([\w-]+)", linked.text)
        assert (await (await place.browser()).open(token)).status_code == 303
        done = await owner.post(f"{at}/delete")
        assert done.headers["location"] == "/console/accounts?done=account.delete"
        assert (await owner.post(f"{at}/delete")).status_code == 404
        assert await guess(await place.browser(), "Ada", PASSWORD) == 401
        actions = [action for who, action, about in await place.audited() if about == "Ada"]
        assert actions == [
            "account.delete",
            "account.link",
            "account.enable",
            "account.disable",
            "account.role",
        ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("Оlga", "cannot stand together"), ("O1ga", "looks like a name"), ("olga", "has this name already")],
    ids=["mixed", "alike", "taken"],
)
async def test_a_name_like_anothers_is_refused_in_a_sentence(name: str, sentence: str) -> None:
    async with site() as place:
        owner = await place.owner()
        await place.account("Olga", ConsoleRole.OPERATOR)
        for path, fields in ((f"{ALL}/invite", {"role": "viewer"}), (HERE, {})):
            refused = await owner.post(path, name=name, **fields)
            assert refused.status_code == 422
            assert sentence in shown(refused)


async def test_a_change_on_a_later_page_of_accounts_leads_back_to_it() -> None:
    async with site() as place:
        owner, rows = await place.owner(), [f"Person {number:03}" for number in range(MANY + 2)]
        for name in rows:
            await place.account(name, ConsoleRole.VIEWER)
        later = f"{ALL}?after={packed(rows[MANY - 2])}"
        page = await owner.get(later)
        id = await id_of(place, rows[MANY - 1])
        forms = dict(re.findall(rf'action="{ALL}/{id}/(\w+)(\?[^"]*)"', page.text))
        assert forms.keys() == {"role", "link", "disabled", "delete"}
        linked = await owner.post(f"{ALL}/{id}/link{forms['link']}")
        assert rows[MANY] in linked.text
        for form in ("role", "disabled", "delete"):
            done = await owner.post(f"{ALL}/{id}/{form}{forms[form]}", role="author", disabled="on")
            assert done.headers["location"].startswith(f"{later}&done=account.")
        for name in rows[MANY:]:
            done = await owner.post(f"{ALL}/{await id_of(place, name)}/delete{forms['delete']}")
        assert rows[0] in (await owner.get(done.headers["location"])).text
        odd = await owner.post(f"{ALL}/{await id_of(place, rows[0])}/delete?after=//evil.example")
        assert odd.headers["location"] == f"{ALL}?done=account.delete"


async def test_the_last_owner_stays() -> None:
    async with site() as place:
        owner = await place.owner()
        at = f"{ALL}/{await id_of(place, 'Owner')}"
        for path, fields in (("role", {"role": "viewer"}), ("disabled", {"disabled": "on"}), ("delete", {})):
            refused = await owner.post(f"{at}/{path}", **fields)
            assert refused.status_code == 422
            assert "only owner" in refused.text
        assert (await owner.get(ALL)).status_code == 200


async def test_the_audit_log_pages_by_key_and_by_account() -> None:
    async with site() as place:
        owner = await place.owner()
        for number in range(2 * SHOWN + 10):
            await place.deps.audit.put("other", "Somebody", "persona.change", f"Number {number:03}")
        seen: list[str] = []
        path = "/console/audit"
        while path:
            page = await owner.get(path, **{"HX-Request": "true"})
            assert "<html" not in page.text
            seen += re.findall(r">Number (\d+)<", page.text)
            older = re.findall(r'href="([^"]+before=[^"]+)"', shown(page))
            path = older[0] if older else ""
        assert seen == [f"{number:03}" for number in reversed(range(2 * SHOWN + 10))]
        mine = await owner.get(f"/console/audit?account={await id_of(place, 'Owner')}")
        assert "Logged in by a link" in table(mine)
        assert "persona.change" not in table(mine)


@pytest.mark.parametrize("query", ["before=-1", "before=99999999999999999999", "account=%00", "account=%ff"])
async def test_odd_keys_of_a_list_are_no_failure(query: str) -> None:
    async with site() as place:
        assert (await (await place.owner()).get(f"/console/audit?{query}")).status_code in (200, 422)
