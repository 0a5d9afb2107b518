"""Taken over at the console: whose a conversation is, what is kept of an answer that was not sent, and what
became of questions that were kept for a person."""

from __future__ import annotations

import html
import json

import pytest

from bot.types import ConsoleRole, FinishReason, TurnState
from tests.adapters.console_core import Browser, Site, shown, site
from tests.adapters.console_people import Town
from tests.fakes_takeover import FakeTakeover

HERE = "/console/conversations"
HTMX = {"HX-Request": "true"}


async def town(place: Site) -> tuple[Town, Browser, str]:
    """Somebody has asked, and an operator took the conversation, which is at this address."""
    home, operator = Town(place.memory, place.clock), await place.as_role(ConsoleRole.OPERATOR)
    at = f"{HERE}/{(await home.ask('Help!')).conversation_id}"
    await operator.post(f"{at}/take")
    return home, operator, at


async def works(place: Site, name: str) -> Browser:
    account = await place.account(name, ConsoleRole.OPERATOR)
    browser = await place.browser()
    await browser.open(await place.deps.accounts.again(account.id, seconds=60))
    return browser


async def test_it_stays_with_the_account_and_shows_what_that_is_called_now() -> None:
    async with site() as place:
        _, operator, at = await town(place)
        await operator.post("/console/account", name="Olga", language="en")
        assert "You answer here" in (await operator.get(at)).text
        namesake = await works(place, "A operator")
        page = await namesake.get(at)
        assert ("You answer here" in page.text, "Take over from Olga" in page.text) == (False, True)
        for query in ("", "?platform=telegram"):
            listed = (await namesake.get(f"{HERE}{query}")).text
            assert ("Olga answers" in listed, "A operator answers" in listed) == (True, False)


async def test_only_the_holder_speaks_and_what_another_wrote_stays_theirs() -> None:
    async with site() as place:
        home, _, at = await town(place)
        other = await works(place, "Otto")
        await other.get(at)
        refused = await other.post(f"{at}/say", text="I <know> it", key="a")
        assert refused.status_code == 409
        assert "A operator answers here now." in refused.text
        assert "I &lt;know&gt; it</textarea>" in refused.text
        part = await other.client.post(
            f"{at}/say", data={"csrf": other.csrf, "text": "I know", "key": "b"}, headers=HTMX
        )
        assert (part.status_code, part.headers["hx-trigger"]) == (409, "said")
        assert part.json()["message"].startswith("A operator answers here now.")
        await other.post(f"{at}/back")
        late = await other.post(f"{at}/say", text="Too late", key="c")
        assert (late.status_code, "Too late</textarea>" in late.text) == (409, True)
        assert "The assistant answers here again." in late.text
        assert len(home.memory.turns) == 1, "nothing was said"


async def test_a_draft_has_a_place_whoever_answers() -> None:
    async with site() as place:
        _, operator, at = await town(place)
        other = await works(place, "Otto")
        mine, theirs = (await operator.get(at)).text, (await other.get(at)).text
        assert ('id="f-text"' in mine, 'id="f-draft"' in mine) == (True, False)
        assert ('id="f-text"' in theirs, 'id="draft" hidden' in theirs) == (False, True)
        accounts = [page.split('data-draft="')[1].split('"')[0] for page in (mine, theirs)]
        assert len(set(accounts)) == 2, "by account and conversation"
        assert 'id="back"' in mine
        assert "Hand back for A operator?" in theirs


@pytest.mark.parametrize(
    ("change", "fields"),
    [("role", {"role": "viewer"}), ("disabled", {"disabled": "on"}), ("delete", {})],
    ids=["role", "disabled", "delete"],
)
async def test_who_may_not_answer_any_more_is_looked_for_at_once(change: str, fields: dict[str, str]) -> None:
    async with site() as place:
        await town(place)
        owner = await place.owner()
        account = await place.deps.accounts.named("A operator")
        assert account is not None
        await owner.post(f"/console/accounts/{account.id}/{change}", **fields)
        takeover = place.deps.takeover
        assert isinstance(takeover, FakeTakeover)
        assert takeover.looks == 1


async def test_who_speaks_is_named_once() -> None:
    async with site() as place:
        _, operator, at = await town(place)
        await operator.get(at)
        await operator.post(f"{at}/say", text="I am **here**", key="k")
        page = await operator.get(at)
        assert page.text.count("A operator (staff)") == 1
        assert "<strong>here</strong>" in page.text
        exported = await operator.get(f"{at}/export?format=markdown")
        assert "**A operator (staff):** I am **here**" in exported.text


async def kept(home: Town, question: str) -> None:
    """Somebody asks, and it is kept for a person."""
    await home.ask(question, "", state=TurnState.CANCELLED, finish_reason=FinishReason.TAKEN)


async def test_what_became_of_each_question_is_told_on_the_page_and_in_files() -> None:
    async with site() as place:
        home, operator, at = await town(place)
        await kept(home, "First?")
        await kept(home, "Second?")

        async def fates() -> list[str]:
            page = shown(await operator.get(at))
            said = [part.split("</article>")[0] for part in page.split('<article class="said"')[1:]]
            words = ("Waits for a person", "Answered further below", "Not answered")
            return [next((word for word in words if word in one), "") for one in said]

        assert await fates() == ["", *["Waits for a person"] * 2]
        await home.ask("Third?", "All three answered.")
        assert await fates() == ["", *["Answered further below"] * 2, ""]
        await kept(home, "Fourth?")
        assert (await fates())[-1] == "Waits for a person"
        await operator.post(f"{at}/back")
        assert await fates() == ["", *["Answered further below"] * 2, "", "Not answered"]
        text = (await operator.get(f"{at}/export?format=markdown")).text
        assert text.count("*Answered further below.*") == 2
        assert text.count("*This was not answered.*") == 1
        assert text.count("## Tertulia") == 2, "none stands empty"
        data = json.loads((await operator.get(f"{at}/export?format=json")).text)
        assert [row["fate"] for row in data["turns"]] == ["", "later", "later", "", "unanswered"]


async def test_what_was_asked_before_a_fresh_start_is_answered_by_nothing_after_it() -> None:
    async with site() as place:
        home, operator, at = await town(place)
        await kept(home, "Old?")
        await home.conversations.restart(int(at.rpartition("/")[2]))
        await home.ask("New?", "Yes.")
        page = shown(await operator.get(at))
        assert ("Not answered" in page, "Answered further below" in page) == (True, False)


async def test_nothing_is_done_to_a_takeover_that_the_page_did_not_show() -> None:
    async with site() as place:
        _, operator, at = await town(place)
        other = await works(place, "Otto")
        held = str(place.clock.time())
        await other.get(at)
        refused = await other.post(f"{at}/take", since="0.0")
        assert (refused.status_code, "A operator took this conversation over" in refused.text) == (409, True)
        assert (await other.post(f"{at}/back", since="0.0")).status_code == 409
        assert "You answer here" in (await operator.get(at)).text
        await place.clock.advance(1)
        assert (await other.post(f"{at}/take", since=held)).status_code == 303
        assert (await operator.post(f"{at}/back", since=held)).status_code == 409
        assert (await other.post(f"{at}/back", since="0.0")).status_code == 303, "one's own"
        assert (await operator.post(f"{at}/back", since=held)).status_code == 303, "there is nothing to do"


async def test_the_place_to_write_in_comes_anew_only_where_another_answers() -> None:
    async with site() as place:
        home, operator, at = await town(place)
        page = (await operator.get(at)).text
        news = html.unescape(page.partition('hx-get="')[2].partition('"')[0])
        assert (await operator.get(news, **HTMX)).status_code == 204
        await home.ask("And?")
        told = (await operator.get(news, **HTMX)).text
        assert ("And?" in told, 'id="composer"' in told) == (True, False)
        await operator.post(f"{at}/back")
        told = (await operator.get(news, **HTMX)).text
        assert 'id="composer"' in told
