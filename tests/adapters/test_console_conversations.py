"""The console's conversations: listed, searched, read, exported, and taken over."""

from __future__ import annotations

import json
import re

import pytest

from adapters.web.console.conversations import SHOWN
from adapters.web.console.reading import SHOWN as TURNS
from bot.types import Citation, ConsoleRole, Thoughts, TurnState
from tests.adapters.console_core import Browser, Site, shown, site
from tests.adapters.console_people import LINKED, Town

HERE = "/console/conversations"
HTMX = {"HX-Request": "true"}


async def town(place: Site) -> tuple[Town, Browser]:
    return Town(place.memory, place.clock), await place.as_role(ConsoleRole.OPERATOR)


def about(entries: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(action, target) for _, action, target in entries if action.startswith("conversation")]


async def test_an_empty_list_says_what_will_come() -> None:
    async with site() as place:
        _, operator = await town(place)
        assert "There is no conversation yet." in (await operator.get(HERE)).text


async def test_the_list_pages_by_key_and_by_platform_and_person() -> None:
    async with site() as place:
        home, operator = await town(place)
        for number in range(SHOWN + 5):
            await home.ask("Hi", chat=f"c{number}", title=f"Number {number:03}")
        await home.ask("Hi", chat="other", title="Elsewhere", platform="web", name="Bob")
        page = await operator.get(HERE)
        assert "Elsewhere" in page.text
        (older,) = re.findall(r'href="([^"]+before=[^"]+)"', shown(page))
        last = await operator.get(older, **HTMX)
        assert "<html" not in last.text
        assert re.findall(r"Number (\d+)", last.text) == [f"{n:03}" for n in range(5, -1, -1)]
        assert "before=" not in last.text
        web = await operator.get(f"{HERE}?platform=web", **HTMX)
        assert ("Elsewhere" in web.text, "Number" in web.text) == (True, False)
        bob = await home.person("Bob", "web")
        of_bob = await operator.get(f"{HERE}?person={bob.id}")
        assert ("Elsewhere" in of_bob.text, "Number" in of_bob.text) == (True, False)
        assert f"/console/people/{bob.id}" in of_bob.text
        assert set(about(await place.audited())) == {("conversations.list", "")}


@pytest.mark.parametrize(
    "query",
    [
        "before=WzEsOTk5OTk5OTk5OTk5OTk5OTk5OTk5OV0",
        "before=x",
        "before=W10",
        "person=%00",
        "platform=%ff",
        "before=!",
    ],
)
async def test_odd_keys_are_no_failure(query: str) -> None:
    async with site() as place:
        _, operator = await town(place)
        assert (await operator.get(f"{HERE}?{query}")).status_code == 200


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("telegram token", ["TOKEN", "Telegram"]),
        ("机器人", ["机器人"]),
        ("cafe", ["Café"]),
        ("tele", ["Telegram"]),
        ("token on tel", ["TOKEN", "on", "Telegram"]),
    ],
)
async def test_words_are_found_in_any_language_and_marked(query: str, marked: list[str]) -> None:
    async with site() as place:
        home, operator = await town(place)
        await home.ask("How do I get a TOKEN?", "Ask on Telegram.", chat="a")
        await home.ask("怎么连接机器人？", "…", chat="b")
        await home.ask("Café ?", LINKED, chat="d")
        found = await operator.get(f"{HERE}/search?q={query}")
        assert re.findall(r"<mark>([^<]+)</mark>", found.text) == marked
        assert "<img" not in found.text
        entries = await place.deps.audit.listing()
        assert (entries[0].action, entries[0].detail) == ("conversations.search", query)
        assert "Nothing was found." in (await operator.get(f"{HERE}/search?q=zebra")).text


async def test_a_search_pages_and_leads_to_the_turn() -> None:
    async with site() as place:
        home, operator = await town(place)
        for number in range(25):
            await home.ask(f"needle {number}")
        first = await operator.get(f"{HERE}/search?q=needle")
        (older,) = re.findall(r'href="([^"]+before=\d+)"', shown(first).replace("#", "# "))[-1:]
        second = await operator.get(older, **HTMX)
        assert (first.text.count('class="card"'), second.text.count('class="card"')) == (20, 5)
        place_of = re.findall(r'href="([^"]+)#(turn-\d+)"', shown(second))[0]
        assert f'id="{place_of[1]}"' in (await operator.get(place_of[0])).text


async def test_a_conversation_shows_all_of_each_turn_and_can_do_nothing() -> None:
    async with site() as place:
        home, operator = await town(place)
        cited = Citation(1, "p", "javascript:alert(1)", LINKED, "A quote")
        thoughts = Thoughts(f"I wonder {LINKED}", 11.6, cut=True)
        turn = await home.ask(
            LINKED, LINKED, name=LINKED, citations=(cited,), file="<b>plan</b>.pdf", thoughts=thoughts
        )
        await home.rate(turn, -1, f"Wrong {LINKED}", name="Bob")
        await home.ask("Next?", "", state=TurnState.FAILED)
        page = await operator.get(f"{HERE}/{turn.conversation_id}")
        assert "<strong>bold</strong>" in page.text
        for bad in ("<img", "<script>window", 'href="javascript:', "<b>plan"):
            assert bad not in page.text
        for text in (
            "tiny-7b",
            "120 + 34 tokens, 56 cached",
            "2.5 s",
            "<b>plan</b>.pdf",
            "A quote",
            "Thought for 12 s",
            "More was thought, and not kept.",
            "Failed",
        ):
            assert text in shown(page)
        assert "Wrong <img" in shown(page)
        assert "I wonder <img" in shown(page)
        assert page.text.count('<details class="thoughts">') == 1, "none where nothing was thought"
        assert about(await place.audited()) == [("conversation.read", str(turn.conversation_id))]


async def test_earlier_turns_come_by_key() -> None:
    async with site() as place:
        home, operator = await town(place)
        for number in range(2 * TURNS + 3):
            turn = await home.ask(f"Question {number:03}")
        at = f"{HERE}/{turn.conversation_id}"
        seen: list[str] = []
        page = await operator.get(at)
        while True:
            seen = re.findall(r"<p>Question (\d+)</p>", page.text) + seen
            earlier = re.findall(r'hx-get="([^"]+before=\d+)"', page.text)
            if not earlier:
                break
            page = await operator.get(earlier[0], **HTMX)
        assert seen == [f"{number:03}" for number in range(2 * TURNS + 3)]
        beyond = await operator.get(f"{at}?before=999999")
        assert 'id="tail"' in beyond.text


async def test_what_is_new_comes_while_the_page_is_open_and_is_read_aloud_once_in_the_log() -> None:
    async with site() as place:
        home, operator = await town(place)
        turn = await home.ask("First")
        at = f"{HERE}/{turn.conversation_id}"
        (news,) = re.findall(r'hx-get="([^"]+/news[^"]+)"', shown(await operator.get(at)))
        assert (await operator.get(news, **HTMX)).status_code == 204
        await home.ask("Second <b>")
        told = await operator.get(news, **HTMX)
        assert "Second &lt;b&gt;" in told.text
        assert "<html" not in told.text
        (news,) = re.findall(r'hx-get="([^"]+/news[^"]+)"', shown(told))
        assert (await operator.get(news, **HTMX)).status_code == 204
        assert about(await place.audited()) == [("conversation.read", str(turn.conversation_id))]
        other = await place.browser()
        account = await place.account("Otto", ConsoleRole.OPERATOR)
        await other.open(await place.deps.accounts.again(account.id, seconds=60))
        await other.get(f"{at}/news?since=1", **HTMX)
        assert (await place.audited())[0] == ("Otto", "conversation.read", str(turn.conversation_id))
        del place.memory.conversations[turn.conversation_id]
        gone = await operator.get(news, **HTMX)
        assert (gone.status_code, "not there any more" in gone.text) == (286, True)


async def test_who_missed_many_turns_is_told_all_that_are_left_of_them() -> None:
    async with site() as place:
        home, operator = await town(place)
        for _ in range(6 * TURNS):
            turn = await home.ask("Hi")
        at = f"{HERE}/{turn.conversation_id}/news"

        async def told(since: int) -> tuple[int, int, int]:
            """The first and the last turn, and where it goes on."""
            text = (await operator.get(f"{at}?since={since}", **HTMX)).text
            numbers = [int(number) for number in re.findall(r'id="turn-(\d+)"', text)]
            (following,) = re.findall(r"since=(\d+)", text)
            return numbers[0], numbers[-1], int(following)

        assert await told(1) == (1, 2 * TURNS, TURNS + 1)
        assert await told(4 * TURNS + 1) == (4 * TURNS + 1, 6 * TURNS, 5 * TURNS + 1)
        assert await told(5 * TURNS) == (5 * TURNS, 6 * TURNS, 5 * TURNS)
        turns = place.memory.turns
        for id in [id for id, (one, _) in turns.items() if one.number <= 2 * TURNS + 1]:
            del turns[id]
        assert await told(1) == (4 * TURNS + 1, 6 * TURNS, 5 * TURNS + 1)


@pytest.mark.parametrize("id", ["0", "77", "x", "-1", "9" * 30, "%00", "１"])
async def test_a_conversation_that_is_not_there_is_404(id: str) -> None:
    async with site() as place:
        _, operator = await town(place)
        assert (await operator.get(f"{HERE}/{id}")).status_code == 404


async def test_an_export_is_whole_and_written_down() -> None:
    async with site() as place:
        home, operator = await town(place)
        for number in range(TURNS + 2):
            turn = await home.ask(f"Question {number}", title='A "title" ✓\r\nX: y')
        at = f"{HERE}/{turn.conversation_id}/export"
        data = json.loads((await operator.get(f"{at}?format=json")).text)
        text = await operator.get(f"{at}?format=markdown")
        assert [row["question"] for row in data["turns"]] == [f"Question {n}" for n in range(TURNS + 2)]
        assert text.text.count("An answer.") == TURNS + 2
        assert text.headers["content-disposition"].startswith("attachment;")
        assert about(await place.audited())[0] == ("conversation.export", str(turn.conversation_id))


async def test_taking_over_saying_and_handing_back() -> None:
    async with site() as place:
        home, operator = await town(place)
        turn = await home.ask("Help!")
        at = f"{HERE}/{turn.conversation_id}"
        assert "The assistant answers here." in (await operator.get(at)).text
        assert (await operator.post(f"{at}/say", text="Hi", key="a")).status_code == 409
        assert (await operator.post(f"{at}/take")).headers["location"] == f"{at}#composer"
        page = await operator.get(at)
        assert "You answer here" in page.text
        assert "A operator answers" in (await operator.get(HERE)).text
        (key,) = re.findall(r'name="key" value="([\w-]+)"', page.text)
        for _ in range(2):
            assert (await operator.post(f"{at}/say", text="I am **here**", key=key)).status_code == 303
        empty = await operator.post(f"{at}/say", text="  ", key="b")
        assert (empty.status_code, "Write something first." in empty.text) == (422, True)
        long = await operator.post(f"{at}/say", text="x" * 20_001, key="c")
        assert (long.status_code, "too long" in long.text) == (422, True)
        page = await operator.get(at)
        assert page.text.count("<strong>here</strong>") == 1
        assert "A operator (staff)" in page.text
        other = await place.owner()
        theirs = await other.get(at)
        assert "A operator answers" in theirs.text
        await other.post(f"{at}/take")
        assert "Owner answers" in (await operator.get(at)).text
        assert (await operator.post(f"{at}/back")).headers["location"] == f"{at}?done=conversation.back"
        assert "The assistant answers here." in (await operator.get(at)).text
        actions = [
            action for action, at in about(await place.audited()) if at and action != "conversation.read"
        ]
        done = ["back", "take", "say", "say", "take"]
        assert actions == [f"conversation.{action}" for action in done]


async def test_a_part_of_the_page_answers_what_htmx_sends() -> None:
    async with site() as place:
        home, operator = await town(place)
        at = f"{HERE}/{(await home.ask('Help!')).conversation_id}"
        await operator.post(f"{at}/take")
        await operator.get(at)
        sent = await operator.client.post(
            f"{at}/say", data={"csrf": operator.csrf, "text": "Hi", "key": "k"}, headers=HTMX
        )
        assert (sent.status_code, sent.headers["hx-trigger"]) == (200, "said")
        assert "<html" not in sent.text
        refused = await operator.client.post(
            f"{at}/say", data={"csrf": operator.csrf, "text": " ", "key": "k"}, headers=HTMX
        )
        assert "Write something first." in refused.text
