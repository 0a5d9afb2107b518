"""What people may count on at Discord. Each behaviour is held against our own simulator, and as a second
opinion against SimCord, which others wrote.

Not asked of SimCord, since it has none of it: that what is sent twice with one nonce is one message, sessions
that are resumed, and rate limits. The last test is for those, on our own simulator alone.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.discord.deps import Limits
from bot.compose import App
from tests.conftest import require
from tests.e2e.discord_ours import ours
from tests.e2e.discord_place import Asked, DiscordPlace, Shown
from tests.e2e.discord_service import service
from tests.fakes_people import whole
from tests.simulators.discord import Discord, Faults, GatewayRules, RateLimits
from tests.simulators.openai import Server

_NUMBER = re.compile(r"n\d+\.")
ENDLESS = "[[chunks=3000 interval=0.01]] Tell me."


@pytest.fixture(params=["ours", "simcord"])
async def dc(request: pytest.FixtureRequest) -> AsyncIterator[DiscordPlace]:
    if request.param == "ours":
        async with ours() as place:
            yield place
            assert place.errors == []
        return
    try:
        from tests.e2e.discord_simcord import by_simcord
    except ModuleNotFoundError as error:
        if error.name != "simcord":
            raise
        require("SimCord is not installed: make setup-dev")
    async with by_simcord() as other:
        yield other
        assert other.errors == []


@pytest.fixture
async def model() -> AsyncIterator[Server]:
    """It says the question back, or what its behaviour has."""
    async with Server(window=100_000).lifespan() as server:
        yield server


@pytest.fixture
async def app(dc: DiscordPlace, model: Server, tmp_path: Path) -> AsyncIterator[App]:
    options: dict[str, Any] = {"model_url": model.url, "plugins_disabled": ("qa",)}
    async with service(dc, tmp_path, **options) as running:
        await dc.until(dc.commands, 20)
        yield running


def answers_to(dc: DiscordPlace, question: Shown, place: int = 0) -> list[Shown]:
    """The bot's messages after the question, up to the one with a button to try again."""
    after = [m for m in dc.sees(place or question.place) if m.id > question.id and m.by_bot]
    ends = [n for n, m in enumerate(after) if "retry" in m.buttons]
    return after[: ends[0] + 1] if ends else []


async def answers(dc: DiscordPlace, question: Shown, place: int = 0, within: float = 20) -> list[Shown]:
    return await dc.until(lambda: answers_to(dc, question, place), within)


async def answer(dc: DiscordPlace, question: Shown, place: int = 0) -> Shown:
    """The bot's whole answer, which is one message."""
    (shown,) = await answers(dc, question, place)
    return shown


async def becomes(dc: DiscordPlace, shown: Shown, text: str) -> None:
    """Until the text stands in this message."""
    await dc.until(lambda: any(m.id == shown.id and text in m.text for m in dc.sees(shown.place)))


async def came(dc: DiscordPlace, asked: Asked, text: str) -> None:
    """Until the text came of a command or a button."""
    await dc.until(lambda: any(text in shown for shown in asked.texts))


async def begun(dc: DiscordPlace, question: Shown) -> int:
    """The thread that the bot began from the question."""
    return await dc.until(lambda: dc.thread(question))


def said(dc: DiscordPlace, place: int) -> list[str]:
    return [m.text for m in dc.sees(place) if m.by_bot]


@pytest.mark.usefixtures("app")
async def test_what_is_written_in_private_is_answered(dc: DiscordPlace) -> None:
    question = await dc.say("hello there", dc.private)
    shown = await answer(dc, question)
    assert (shown.text, shown.reply_to, shown.calls) == ("hello there", question.id, False)


@pytest.mark.usefixtures("app")
async def test_in_a_guild_a_mention_and_a_reply_are_answered_and_nothing_else(dc: DiscordPlace) -> None:
    await dc.say("lunch?", dc.general)
    await dc.say("not for me", dc.general, by="Ben")
    asked = await dc.say(f"{dc.mention} what is up?", dc.general)
    shown = await answer(dc, asked)
    assert shown.reply_to == asked.id
    assert "what is up?" in shown.text
    assert not shown.calls
    for ping in (True, False):
        replied = await dc.say("and then?", dc.general, by="Ben", reply_to=shown, ping=ping)
        assert replied.calls == ping
        follow = await answer(dc, replied)
        assert follow.reply_to == replied.id
        assert "and then?" in follow.text
    assert len(said(dc, dc.general)) == 3


@pytest.mark.parametrize("by", ["Robot", "Hook"])
@pytest.mark.usefixtures("app")
async def test_other_bots_and_webhooks_are_not_answered(dc: DiscordPlace, by: str) -> None:
    await dc.say(f"{dc.mention} hello, colleague", dc.general, by=by)
    asked = await dc.say(f"{dc.mention} still there?", dc.general)
    await answer(dc, asked)
    assert [text.split(": ")[-1] for text in said(dc, dc.general)] == ["still there?"]


def numbered(length: int) -> str:
    """Headings, nested lists, tables, code and quotes, of at least so many characters."""
    blocks, number = ["# Everything"], 0
    while sum(len(block) + 2 for block in blocks) < length:
        n = number
        blocks += [
            f"## Part n{n}.",
            f"1. first n{n + 1}.\n   - deeper n{n + 2}.\n     - deepest n{n + 3}.\n2. second n{n + 4}.",
            f"| key | value |\n|---|---|\n| a | n{n + 5}. |\n| b | n{n + 6}. |",
            f"```python\nif x < {n}:\n    print('n{n + 7}.')\n```",
            f"> quoted n{n + 8}.\n> on **bold n{n + 9}.** goes",
        ]
        number += 10
    return "\n\n".join(blocks)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("length", [3_000, 30_000])
async def test_a_long_answer_arrives_whole_and_in_order(dc: DiscordPlace, model: Server, length: int) -> None:
    model.behaviour.text = text = numbered(length)
    await came(dc, await dc.slash("settings", dc.private, text="files off"), "`files`")
    wanted = _NUMBER.findall(text)
    await dc.say("Everything, please.", dc.private)

    def holds(whole: str) -> bool:
        return _NUMBER.findall(whole) == wanted

    def whole() -> bool:
        """In the messages, or in a file below those that have its beginning."""
        shown = [m for m in dc.sees(dc.private) if m.by_bot]
        files = [file for m in shown for file in m.files]
        return holds("\n".join(m.text for m in shown)) or any(map(holds, files))

    await dc.until(whole, 90)
    parts = said(dc, dc.private)
    begun = _NUMBER.findall("\n".join(parts))
    assert begun == wanted[: len(begun)]
    assert len(begun) > 90
    assert max(map(len, parts)) <= 2000
    assert all(part.count("```") % 2 == 0 for part in parts)


@pytest.mark.usefixtures("app")
async def test_what_the_model_writes_calls_nobody(dc: DiscordPlace, model: Server) -> None:
    model.behaviour.text = f"{' '.join(dc.others)} come here!"
    asked = await dc.say(f"{dc.mention} call them", dc.general)
    assert asked.calls
    shown = await answer(dc, asked)
    assert "come here!" in shown.text
    assert not shown.calls
    asked = await dc.say(f"{dc.mention} again", dc.general)  # one place, one after the other
    await answer(dc, asked)
    assert [m.calls for m in dc.sees(dc.general) if m.by_bot] == [False, False]


@pytest.mark.usefixtures("app")
async def test_commands_are_acknowledged_and_answered(dc: DiscordPlace) -> None:
    assert {"ask", "help", "new", "whoami"} <= set(dc.commands())
    for place in (dc.private, dc.general):
        helped = await dc.slash("help", place)
        await came(dc, helped, "/new")
        assert helped.acknowledged
    who = await dc.slash("whoami", dc.private)
    await came(dc, who, str(dc.user("Ana")))
    asked = await dc.slash("ask", dc.general, text="what is tea?")
    await came(dc, asked, "what is tea?")


async def test_buttons_stop_an_answer_and_try_again(dc: DiscordPlace, app: App, model: Server) -> None:
    question = await dc.say(ENDLESS, dc.private)
    growing = await dc.until(lambda: next((m for m in dc.sees(dc.private) if "stop" in m.buttons), None))
    stopped = await dc.press(growing, "stop")
    shown = await answer(dc, question)
    assert stopped.acknowledged
    assert shown.id == growing.id
    assert shown.text.endswith("*Stopped.*")
    model.behaviour.text = "better words"
    model.behaviour.chunks = 0
    question = await dc.say("once more", dc.private)
    shown = await answer(dc, question)
    model.behaviour.text = "the best words"
    again = await dc.press(shown, "retry")
    await becomes(dc, shown, "the best words")
    assert again.acknowledged
    assert len(said(dc, dc.private)) == 2


async def feedback(app: App, user: int) -> list[int]:
    person = await app.stores.people.find("discord", str(user))
    assert person is not None
    exported = await whole(app.stores.people.export(person.id))
    return [given["value"] for given in exported["feedback"]]


@pytest.mark.parametrize("place", ["private", "general"])
async def test_thumbs_and_reactions_are_feedback(dc: DiscordPlace, app: App, place: str) -> None:
    where, ana = getattr(dc, place), dc.user("Ana")
    shown = await answer(dc, await dc.say(f"{dc.mention} how are you?", where))
    thumb = await dc.press(shown, "up")
    await came(dc, thumb, "Thank you!")
    assert thumb.acknowledged
    if where == dc.general:
        assert "Thank you!" not in [m.text for m in dc.sees(where, "Ben")]
    await answer(dc, await dc.say(f"{dc.mention} and you?", where))  # one place, one after the other
    assert await feedback(app, ana) == [1]
    await dc.react(shown, "👎")
    await answer(dc, await dc.say(f"{dc.mention} bye", where))
    assert await feedback(app, ana) == [-1]


@pytest.mark.usefixtures("app")
async def test_an_edited_question_is_answered_anew_in_place(dc: DiscordPlace) -> None:
    for place in (dc.private, dc.general):
        question = await dc.say(f"{dc.mention} first words", place)
        shown = await answer(dc, question)
        await dc.edit(question, f"{dc.mention} other words")
        await becomes(dc, shown, "other words")
        assert len(said(dc, place)) == 1


@pytest.mark.usefixtures("app")
async def test_a_deleted_question_is_not_answered_further(dc: DiscordPlace, model: Server) -> None:
    question = await dc.say(ENDLESS, dc.private)
    await dc.until(lambda: said(dc, dc.private))
    await dc.delete(question)
    await model.aborted.wait()
    assert "next" in (await answer(dc, await dc.say("next", dc.private))).text


@pytest.mark.usefixtures("app")
async def test_a_thread_keeps_its_own_history(dc: DiscordPlace, model: Server) -> None:
    chosen = await dc.slash("settings", dc.general, text="everywhere threads on")
    await came(dc, chosen, "`threads` is now")
    threads = []
    for word in ("tea", "rain"):
        question = await dc.say(f"{dc.mention} I like {word}.", dc.general)
        thread = await begun(dc, question)
        assert word in (await answer(dc, question, thread)).text
        threads.append(thread)
    follow = await dc.say("And what do I like?", threads[0])
    await answer(dc, follow)
    heard = "\n".join(m["content"] for m in model.chats[-1].body["messages"])
    assert "I like tea." in heard
    assert "rain" not in heard


@pytest.mark.usefixtures("app")
async def test_what_is_said_while_the_gateway_is_away_is_answered_once(dc: DiscordPlace) -> None:
    await answer(dc, await dc.say(f"{dc.mention} are you there?", dc.general))
    dc.drop()
    await dc.until(lambda: dc.connected == 0)
    missed = [await dc.say(f"{dc.mention} missed {n}", dc.general) for n in range(3)]
    await dc.until(lambda: said(dc, dc.general)[3:] and dc.connected == 1, 30)
    for question in missed:
        await answers(dc, question)
    await answer(dc, await dc.say(f"{dc.mention} all?", dc.general))
    asked = [text.split(": ")[-1] for text in said(dc, dc.general)]
    assert asked == ["are you there?", "missed 0", "missed 1", "missed 2", "all?"]


async def test_amid_limits_lost_receipts_and_broken_sockets_each_question_is_answered_once(
    model: Server, tmp_path: Path
) -> None:
    spared = Faults().spared | {"GET /applications/@me"}
    rules = GatewayRules(identify_seconds=0)
    rough = Discord(limits=RateLimits(), faults=Faults(spared=spared), gateway=rules, privileged={"content"})
    async with ours(rough) as dc:
        places = (dc.private, dc.general)
        options: dict[str, Any] = {"model_url": model.url, "plugins_disabled": ("qa",)}
        async with service(dc, tmp_path, limits=Limits(), **options):
            for number in range(6):
                for place in places:
                    await answers(dc, await dc.say(f"{dc.mention} question {number}", place), within=60)
                if number == 0:  # both places are known
                    rough.world.weather.faults = Faults(0.1, cut_off=0.2, socket_drops=0.2, spared=spared)
        for place in places:
            assert [text[-10:] for text in said(dc, place)] == [f"question {number}" for number in range(6)]
        assert dc.errors == []
    assert [call for call in rough.log if (call.status, call.description) == (0, "cut")]
    assert rough.world.gateway.resumes
