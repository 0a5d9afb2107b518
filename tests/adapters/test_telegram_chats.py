"""All kinds of chats, there and back."""

from __future__ import annotations

import pytest

from bot.errors import ChatGone
from bot.types import Button, EventKind, Outgoing
from tests.adapters.telegram_core import Core
from tests.simulators.telegram import Telegram


async def test_a_business_account_is_answered_for() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg) as adapter:
        owner, customer = tg.person("Owner"), tg.person("Customer")
        business = await tg.business(owner)
        question = await business.say(customer, "Open today?")
        await core.until(lambda: core.events)
        where = core.events[0].address
        out = Outgoing("Yes", "Yes", buttons=(Button("Ask again", "retry"),))
        sent = await adapter.channel.send(where, out, key="k", reply_to=core.events[0].message_id)
        await adapter.channel.edit(where, sent, Outgoing("Yes, until six", "Yes, until six"))
        await adapter.channel.typing(where)
        shown = business.chat(customer)
        assert shown.texts == ["Yes, until six"]
        assert shown.answers[0].reply_to is question
        await business.owner_says(customer, "I take over")
        await business.edit(question, "Open tomorrow?")
        await business.delete(question)
        await core.until(lambda: len(core.events) == 4)
        assert [(e.kind, e.addressed) for e in core.events] == [
            (EventKind.MESSAGE, True),
            (EventKind.MESSAGE, False),
            (EventKind.EDIT, True),
            (EventKind.DELETE, True),
        ]
        assert {e.address for e in core.events} == {where}
        assert tg.errors == []


async def test_whose_an_account_is_is_known_before_anything_is_judged() -> None:
    core = Core()
    async with Telegram() as tg:
        owner, customer = tg.person("Owner"), tg.person("Customer")
        async with core.running(tg):
            business = await tg.business(owner)
            question = await business.say(customer, "told")
            await core.until(lambda: core.events)
        assert tg.calls["getBusinessConnection"] == 0
        async with core.running(tg):
            tg.fail("getBusinessConnection", "502", "drop")
            await business.say(customer, "asked for")
            await business.edit(question, "told again")
            await core.until(lambda: len(core.events) == 3, step=1)
            assert tg.calls["getBusinessConnection"] == 3
            assert tg.world.updates.confirmed >= 2
        assert core.texts == ["told", "asked for", "told again"]
        assert {e.host for e in core.events} == {str(owner.id)}


async def test_what_came_through_an_account_that_is_gone_is_passed_over() -> None:
    core = Core()
    async with Telegram() as tg:
        business = await tg.business(tg.person("Owner"))
        await business.say(tg.person("Customer"), "hello")
        del tg.world.connections[business.id]
        tg.world.updates.pending.pop(min(tg.world.updates.pending))
        async with core.running(tg):
            await tg.person("Ana").say("still here")
            await core.until(lambda: core.events)
            await tg.until(lambda: tg.world.updates.confirmed == 2)
        assert core.texts == ["still here"]


async def test_a_reaction_in_a_topic_is_about_that_topic() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg) as adapter:
        ana = tg.person("Ana")
        room = await tg.supergroup("Friends", ana, forum=True)
        await room.promote_bot()
        topic = await room.topic("Cooking")
        await ana.say("@tertulia_bot soup?", chat=room, topic=topic)
        await core.until(lambda: any(e.kind is EventKind.MESSAGE for e in core.events))
        where = core.events[-1].address
        assert where.thread == str(topic.id)
        sent = await adapter.channel.send(where, Outgoing("Salt", "Salt"), key="k")
        await ana.react(room.chat.answers[0], "👍")
        await core.until(lambda: core.events[-1].kind is EventKind.REACTION)
        reaction = core.events[-1]
        assert (reaction.address, reaction.message_id, reaction.data) == (where, sent, "👍")


async def test_a_group_that_moves_is_told_and_followed() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg) as adapter:
        ana = tg.person("Ana")
        group = await tg.group("Friends", ana)
        await ana.say("@tertulia_bot hello", chat=group)
        await core.until(lambda: len(core.events) == 2)
        where = core.events[-1].address
        moved = await group.migrate()
        await core.until(lambda: len(core.events) == 3)
        assert core.events[-1].data == f"moved {moved.id}"
        calls = tg.calls["sendMessage"]
        await adapter.channel.send(where, Outgoing("hi", "hi"), key="k")
        assert moved.texts == ["hi"]
        assert tg.calls["sendMessage"] == calls + 1


async def test_who_writes_again_is_answered_again() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg) as adapter:
        ana = tg.person("Ana")
        await ana.start()
        await core.until(lambda: core.events)
        where = core.events[0].address
        await ana.block_bot()
        await core.until(lambda: len(core.events) == 2)
        with pytest.raises(ChatGone):
            await adapter.channel.send(where, Outgoing("hi", "hi"), key="k")
        assert tg.calls["sendMessage"] == 0
        await ana.start()
        await core.until(lambda: len(core.events) == 3)
        await adapter.channel.send(where, Outgoing("hi", "hi"), key="k")
        assert ana.texts == ["hi"]


async def test_a_channel_answers_where_it_is_asked() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg) as adapter:
        ana = tg.person("Ana")
        channel = await tg.channel("News", ana)
        await ana.say("Nothing to see", chat=channel)
        await ana.say("@tertulia_bot what is new?", chat=channel)
        await core.until(lambda: core.texts[-1:] == ["what is new?"])
        assert [e.kind for e in core.events] == [EventKind.MEMBERSHIP, EventKind.MESSAGE]
        await adapter.channel.send(core.events[-1].address, Outgoing("All", "All"), key="k")
        assert channel.texts == ["All"]
