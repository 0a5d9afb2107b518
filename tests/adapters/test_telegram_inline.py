"""Inline queries, buttons and reactions: what the bot answers outside of messages."""

from __future__ import annotations

from collections.abc import Sequence

from bot.types import ADMIN, Button, Markup, Outgoing, Passage, Sender
from tests.adapters.telegram_core import Core, say
from tests.simulators.telegram import Telegram, parse_html

PASSAGES = [
    Passage("p1", "Soup needs salt & <time>.", "cook.md § Soup", "Cooking"),
    Passage("p1", "The same again", "cook.md", "Cooking"),
    Passage("p2", "Long " * 2000, "https://a.example/long"),
]


async def found(sender: Sender, query: str) -> Sequence[Passage] | None:
    return PASSAGES if query == "soup" else ()


async def refused(sender: Sender, query: str) -> Sequence[Passage] | None:
    return None


async def test_an_inline_query_finds_passages() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg, search=found):
        asked = await tg.person("Ana").inline("soup")
        await core.until(lambda: asked.answer)
        assert asked.answer is not None
        first, second = asked.answer.results
        assert (first["title"], first["description"]) == ("Cooking", "Soup needs salt & <time>.")
        content = first["input_message_content"]
        shown = parse_html(content["message_text"])
        assert shown.text == "Soup needs salt & <time>.\n\nCooking — cook.md § Soup"
        assert second["title"] == "https://a.example/long"
        assert asked.answer.personal
        assert asked.answer.button is None
        assert tg.errors == []
    assert core.events == []


async def test_who_may_not_ask_is_led_to_the_private_chat() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg, search=refused):
        asked = await tg.person("Ana", "zh").inline("soup")
        await core.until(lambda: asked.answer)
        assert asked.answer is not None
        assert asked.answer.results == []
        assert asked.answer.button == {"text": say("zh", "telegram.private"), "start_parameter": "inline"}


async def test_a_button_is_answered_with_thanks_where_they_are_due() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg) as adapter:
        ana = tg.person("Ana", "en")
        await ana.start()
        await core.until(lambda: core.events)
        out = Outgoing(
            "Answer", "Answer", Markup.PLAIN, buttons=(Button("👍", "up"), Button("Again", "retry"))
        )
        await adapter.channel.send(core.events[0].address, out, key="k")
        thanked, plain = (
            await ana.press(ana.chat.answers[0], "up"),
            await ana.press(ana.chat.answers[0], "retry"),
        )
        await core.until(lambda: thanked.answer and plain.answer)
        assert thanked.answer is not None
        assert plain.answer is not None
        assert (thanked.answer.text, plain.answer.text) == (say("en", "feedback.thanks"), "")
        assert [e.data for e in core.events[1:]] == ["up", "retry"]


async def test_a_groups_admins_are_known_when_they_command() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg):
        ana, ben = tg.person("Ana"), tg.person("Ben")
        room = await tg.supergroup("Friends", ana, ben)
        for person in (ana, ben, ana):
            await person.say("/settings", chat=room)
        await core.until(lambda: len(core.events) == 4)
        assert [e.sender.roles for e in core.events[1:]] == [(ADMIN,), (), (ADMIN,)]
        assert tg.calls["getChatAdministrators"] == 1
