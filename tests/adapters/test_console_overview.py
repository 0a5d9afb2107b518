"""The overview's page and data: figures, charts as tables, and what strangers name in them."""

from __future__ import annotations

import inspect
import re

from adapters.web.console.render import words
from bot import access
from bot.types import Address, ConsoleRole
from tests.adapters.console_core import shown, site
from tests.fakes import FakeClock, Memory
from tests.fakes_history import FakeConversations
from tests.fakes_service import watching

ATTACK = "<script>window.hacked=1</script>"


async def test_the_first_page_of_everybody_is_the_overview() -> None:
    async with site() as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        response = await viewer.get("/console")
    assert response.headers["location"] == "/console/overview"


async def test_figures_and_charts_are_told_in_the_readers_language() -> None:
    memory, clock = Memory(), FakeClock()
    await FakeConversations(memory).open(Address("telegram", "1", "2"))
    watch, statistics = watching(memory, clock)
    statistics.count("events", platform="telegram", kind="message")
    statistics.count("turns", state="done")
    statistics.observe("turn", 1.0)
    statistics.count("errors", kind="ModelTimeout")
    async with site(watch=watch) as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        english = await viewer.get("/console/overview?span=hour&figures=true")
        chinese = await viewer.get("/console/overview?span=hour", **{"Accept-Language": "zh"})
        data = (await viewer.get("/console/overview/data?span=hour")).json()
    for text in ("Telegram", "The model was too slow", "0.0%", "0.99 s"):
        assert text in shown(english)
    assert "模型响应太慢" in shown(chinese)
    messages = data["charts"]["messages"]
    assert messages["unit"] == "count"
    assert [(s["label"], sum(s["values"])) for s in messages["series"]] == [("Telegram", 1)]
    assert len(data["times"]) == len(messages["series"][0]["values"]) == 60
    assert data["causes"] == [{"what": "Errors", "kind": "The model was too slow", "count": "1"}]
    assert [stat["value"] for stat in data["stats"]] == ["0", "1", "1", "–", "–", "0.0%"]
    assert not data["fresh"]


async def test_what_strangers_name_is_text() -> None:
    memory, clock = Memory(), FakeClock()
    watch, statistics = watching(memory, clock)
    statistics.count("events", platform=ATTACK, kind="message")
    statistics.count("refusals", reason=ATTACK)
    async with site(watch=watch) as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        page = await viewer.get("/console/overview?span=hour")
    assert ATTACK not in page.text
    assert shown(page).count(ATTACK) >= 2


async def test_the_tiles_say_what_they_count_and_levels_have_charts() -> None:
    memory, clock = Memory(), FakeClock()
    watch, statistics = watching(memory, clock)
    statistics.watch("events_waiting", lambda: 9)
    statistics.watch("people_waiting", lambda: 2)
    statistics.watch("lanes_running", lambda: 4)
    async with statistics.lifespan():
        await clock.advance(25)
    async with site(watch=watch) as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        data = (await viewer.get("/console/overview/data?span=hour")).json()
        page = await viewer.get("/console/overview?span=hour&figures=true")
    told = {stat["label"]: (stat["value"], stat["trend"]) for stat in data["stats"]}
    assert told["Waiting"] == ("2", "people in line right now")
    assert told["In progress"] == ("4", "conversations right now")
    for key, level in (("waiting", 2.0), ("lanes", 4.0)):
        chart = data["charts"][key]
        assert chart["unit"] == "level"
        assert [(one["label"], one["values"][-1]) for one in chart["series"]] == [
            ("On average", level),
            ("At most", level),
        ]
    assert "People in line" in shown(page)
    assert '<td class="number" data-label="At most">4</td>' in page.text


async def test_failures_are_shown_as_bad_once_they_are_many() -> None:
    memory, clock = Memory(), FakeClock()
    watch, statistics = watching(memory, clock)
    for state in ("done", "failed", "failed"):
        statistics.count("turns", state=state)
    async with site(watch=watch) as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        stats = (await viewer.get("/console/overview/data")).json()["stats"]
    assert stats[-1] == {"label": "Failed", "value": "66.7%", "trend": "2 of 3 in 24\u00a0h", "kind": "bad"}


async def test_an_empty_service_says_what_next() -> None:
    async with site() as place:
        viewer = await place.as_role(ConsoleRole.VIEWER)
        page = await viewer.get("/console/overview")
        data = (await viewer.get("/console/overview/data")).json()
    assert "What next" in shown(page)
    assert "tiny answers." in shown(page)
    assert data["fresh"]


async def test_where_nothing_is_measured_there_is_no_such_page() -> None:
    async with site(watch=None) as place:
        owner = await place.owner()
        assert (await owner.get("/console/overview")).status_code == 404
        assert "/console/overview" not in (await owner.get("/console/account")).text


def test_every_reason_of_a_refusal_has_its_words() -> None:
    reasons = set(re.findall(r'(?:Refusal\(.*, |_once\(event, )"(\w+)"', inspect.getsource(access)))
    assert {"rate", "stranger", "too_long"} <= reasons
    assert {f"overview.cause.{reason}" for reason in reasons} <= set(words("en"))
