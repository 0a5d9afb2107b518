"""What happens at Discord reaches the inbox, all of it, in the order of each channel."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.common.entry import ENTRY_SECONDS
from adapters.common.lease import STANDBY_SECONDS
from adapters.discord.adapter import REJECTED_SECONDS, DiscordAdapter
from bot.errors import SettingsError
from bot.types import ADMIN, JOINED, LEFT, EventKind, PartKind
from tests.adapters.discord_core import Core, at, shown, simulated
from tests.simulators.discord import Faults, GatewayRules, Permission


async def test_what_people_write_arrives_in_order() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana, ben = dc.person("Ana"), dc.person("Ben")
        for n in range(30):
            await ana.say(f"a{n}")
            last = await ben.say(f"b{n}")
        await core.until_put(last)
        await core.until(lambda: len(core.events) == 60)
    assert [t for t in core.texts if t[0] == "a"] == [f"a{n}" for n in range(30)]
    assert [t for t in core.texts if t[0] == "b"] == [f"b{n}" for n in range(30)]
    assert all(e.private and e.addressed for e in core.events)
    assert dc.errors == []


async def test_a_guild_is_heard_where_the_bot_is_meant() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        await ana.say("nothing for a bot", channel=room.general)
        message = await ana.ask("What is new?", channel=room.general)
        event = await core.until_put(message)
    assert event.address == at(room.general.id, dc)
    assert (event.text, event.private, event.addressed) == ("What is new?", False, True)
    assert ADMIN in event.sender.roles
    assert [e.kind for e in core.events] == [EventKind.MEMBERSHIP, EventKind.MESSAGE]
    assert core.events[0].data == JOINED


async def test_without_the_content_intent_other_peoples_talk_is_kept_from_the_bot() -> None:
    core = Core()
    async with simulated(privileged=["content"]) as dc, core.running(dc, message_content=True):
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        event = await core.until_put(await ana.say("just talk", channel=room.general))
    assert (event.text, event.addressed, event.private) == ("just talk", False, False)


async def test_an_intent_that_is_not_allowed_is_done_without(caplog: pytest.LogCaptureFixture) -> None:
    core = Core()
    async with simulated() as dc, core.running(dc, message_content=True) as adapter:
        event = await core.until_put(await dc.person("Ana").say("hello"))
        assert (event.text, adapter.state.error) == ("hello", "")
    assert "Message Content Intent" in caplog.text


async def test_edits_deletions_and_reactions_are_told() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        question = await ana.say("Wat?")
        await core.until_put(question)
        await ana.edit(question, "What?")
        sent = await adapter.channel.send(at(ana.channel.id, dc), shown("So."), key="k")
        answer = ana.messages[-1]
        assert str(answer.id) == sent
        for _ in range(2):
            await ana.react(answer, "👍")
            await ana.unreact(answer, "👍")
        await ana.react(question, "👍")
        await ana.delete(question)
        await core.until(lambda: core.events[-1].kind is EventKind.DELETE)
    kinds = [e.kind for e in core.events]
    assert kinds == [EventKind.MESSAGE, EventKind.EDIT, *[EventKind.REACTION] * 4, EventKind.DELETE]
    edit, reactions = core.events[1], core.events[2:6]
    assert (edit.text, edit.message_id, edit.id[:2]) == ("What?", str(question.id), "e:")
    assert [(r.data, r.message_id) for r in reactions] == [("👍", sent), ("", sent)] * 2
    assert reactions[0].id.startswith(f"r:{sent}:{ana.id}:👍:add:")
    assert len({r.id for r in reactions}) == 4


async def test_roles_and_files_go_with_the_message() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        owner, ana = dc.person("Owner"), dc.person("Ana")
        room = await dc.guild("Club", owner, ana)
        role = await room.role("Staff", ana)
        message = await ana.ask("Read this", channel=room.general, files={"a.txt": b"hello"})
        event = await core.until_put(message)
    assert event.sender.roles == (f"role:{role.id}", "@Staff")
    file = event.parts[-1]
    assert (file.kind, file.name, file.media_type, file.size) == (PartKind.FILE, "a.txt", "text/plain", 5)


async def test_the_bot_is_let_in_and_thrown_out() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        room = await dc.guild("Club", dc.person("Ana"))
        await core.until(lambda: core.events)
        await room.kick_bot()
        await core.until(lambda: len(core.events) == 2)
    assert [(e.kind, e.data) for e in core.events] == [(EventKind.MEMBERSHIP, d) for d in (JOINED, LEFT)]


async def test_other_bots_are_heard_only_where_they_are_allowed() -> None:
    core = Core()
    async with simulated(privileged=["content"]) as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        friend, stranger, hook = dc.other_bot("R2", room), dc.other_bot("HAL", room), dc.webhook("CI")
        async with core.running(dc, message_content=True, allow_bots=[str(friend.user.id)]):
            await stranger.say("I am HAL", channel=room.general)
            await hook.say("build failed", channel=room.general)
            await friend.say("beep", channel=room.general)
            await core.until(lambda: core.events)
    assert [(e.text, e.sender.name, e.sender.is_bot) for e in core.events] == [("beep", "R2", False)]


# threads


async def test_in_a_thread_of_its_own_the_bot_is_always_meant() -> None:
    core = Core()
    async with simulated(privileged=["content"]) as dc, core.running(dc, message_content=True) as adapter:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        thread = await ana.thread("Plans", channel=room.general)
        first = await core.until_put(await ana.ask("You there?", channel=thread))
        await adapter.channel.send(at(thread.id, dc), shown("Yes."), key="k")
        second = await core.until_put(await ana.say("And now?", channel=thread))
    assert [e.address.chat for e in (first, second)] == [str(thread.id)] * 2
    assert second.addressed


async def test_a_question_moves_into_its_thread_with_all_that_becomes_of_it() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        core.threaded.add(str(room.general.id))
        message = await ana.ask("Why?", channel=room.general)
        event = await core.until_put(message)
        await ana.edit(message, f"{dc.bot.mention} Why not?")
        await ana.delete(message)
        await core.until(lambda: core.events[-1].kind is EventKind.DELETE)
    assert event.address == at(message.id, dc)
    assert {e.address.chat for e in core.events[1:]} == {str(message.id)}


# nothing is lost


async def test_what_cannot_be_stored_is_kept_and_nothing_overtakes_it() -> None:
    core = Core(broken=True)
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        for n in range(3):
            await ana.say(str(n))
        await core.until(lambda: "database" in adapter.state.error)
        core.broken = False
        await core.until(lambda: len(core.events) == 3, step=1)
        assert adapter.state.error == ""
    assert core.texts == ["0", "1", "2"]


async def test_a_dropped_socket_is_resumed() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana = dc.person("Ana")
        await core.until_put(await ana.say("before"))
        dc.drop_gateway()
        await core.until_put(await ana.say("meanwhile"))
        dc.request_reconnect()
        await core.until_put(await ana.say("after"))
        gateway = dc.world.gateway
        await core.until(lambda: gateway.resumes == 2)
        assert (gateway.identifies, gateway.resumes) == (1, 2)
    assert core.texts == ["before", "meanwhile", "after"]
    assert not [c for c in dc.calls if c.startswith("GET") and "messages" in c]


async def test_after_a_lost_session_what_was_missed_comes_first() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        await core.until_put(await ana.say("one"))
        await core.until_put(await ana.ask("first", channel=room.general))
        dc.world.gateway.sessions.clear()
        dc.drop_gateway()
        await ana.say("two")
        await ana.ask("second", channel=room.general)
        await core.until(lambda: dc.world.gateway.identifies == 2, step=0.5)
        await ana.say("three")
        await ana.ask("third", channel=room.general)
        await core.until(lambda: len(core.texts) == 6, step=0.1)
    private = [e.text for e in core.events if e.kind is EventKind.MESSAGE and e.private]
    public = [e.text for e in core.events if e.kind is EventKind.MESSAGE and not e.private]
    assert (private, public) == (["one", "two", "three"], ["first", "second", "third"])
    missed = next(e for e in core.events if e.text == "second")
    assert ADMIN in missed.sender.roles


async def test_after_a_restart_what_was_missed_is_caught_up_with() -> None:
    core = Core()
    async with simulated() as dc:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Club", ana, ben)
        quiet = await room.text("quiet")
        async with core.running(dc):
            await core.until_put(await ana.say("one"))
        await ana.say("two")
        await ben.ask("in a channel never used", channel=quiet)
        later = await room.text("later")
        await ben.ask("in a channel that is new", channel=later)
        thread = await ben.thread("T", channel=room.general)
        await ben.ask("in a thread that is new", channel=thread)
        async with core.running(dc):
            await core.until(lambda: len(core.texts) == 5)
        calls = dict(dc.calls)
        async with core.running(dc):
            await core.until_put(await ana.say("three"))
        histories = [c for c in calls if c.endswith("/messages") and c.startswith("GET")]
        again = {c: dc.calls[c] - calls[c] for c in histories}
    assert sorted(core.texts[:5]) == [
        "in a channel never used", "in a channel that is new", "in a thread that is new", "one", "two"
    ]  # fmt: skip
    assert core.texts[5:] == ["three"]
    assert sum(again.values()) == 1, "only the private chat is asked for: guilds tell what is new in them"


async def test_no_more_is_caught_up_with_than_is_allowed(caplog: pytest.LogCaptureFixture) -> None:
    core = Core()
    async with simulated() as dc:
        ana = dc.person("Ana")
        async with core.running(dc):
            await core.until_put(await ana.say("0"))
        for n in range(1, 200):
            await ana.say(str(n))
        async with core.running(dc, backfill_limit=150):
            await core.until(lambda: len(core.texts) == 151)
            await core.until(lambda: "more was missed" in caplog.text)
    assert core.texts == [str(n) for n in range(151)]


async def test_a_history_that_cannot_be_had_is_waited_for_and_a_closed_one_is_not() -> None:
    core = Core()
    async with simulated(faults=Faults(server_error=0.5, dropped=0.2, seed=5)) as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        async with core.running(dc, step=1):
            await core.until_put(await ana.say("one"))
            await core.until_put(await ana.ask("first", channel=room.general))
        await ana.say("two")
        await ana.ask("second", channel=room.general)
        await room.permit_bot(room.general, deny=Permission.READ_MESSAGE_HISTORY)
        async with core.running(dc, step=1):
            await core.until(lambda: len(core.texts) == 3, step=1)
    assert core.texts == ["one", "first", "two"]


async def test_broken_sockets_and_lost_sessions_lose_and_double_nothing() -> None:
    core = Core()
    faults = Faults(socket_drops=0.1, reconnects=0.1, invalid_sessions=0.3, seed=11)
    async with simulated(faults=faults) as dc, core.running(dc):
        people = [dc.person(f"P{n}") for n in range(5)]
        for person in people:
            await person.say("hello")
        await core.until(lambda: len(core.texts) == 5, step=0.5)
        for n in range(20):
            for person in people:
                await person.say(f"{person.user.name} {n}")
        await core.until(lambda: len(core.texts) == 105, step=0.5)
    for person in people:
        name = person.user.name
        assert [t for t in core.texts if t.startswith(name)] == [f"{name} {n}" for n in range(20)]


# connecting


async def test_a_token_that_is_refused_is_told_at_once() -> None:
    core = Core()
    async with simulated() as dc:
        adapter = DiscordAdapter(core.deps(dc, token="wrong"))
        with pytest.raises(SettingsError, match="TERTULIA_DISCORD_TOKEN"):
            async with adapter.lifespan(core.put):
                pass
        await adapter.aclose()
        assert "wrong" not in adapter.state.error


async def test_a_token_that_is_replaced_meanwhile_is_told() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc) as adapter:
        dc.world.bot.token = "another"
        dc.drop_gateway()
        await core.until(lambda: "the token is refused" in adapter.state.error, step=0.1)
        dc.world.bot.token = dc.token
        await core.until(lambda: not adapter.state.error, step=REJECTED_SECONDS)


async def test_a_discord_that_cannot_be_reached_is_waited_for() -> None:
    core = Core()
    async with simulated() as dc:
        dc.outage()
        adapter = DiscordAdapter(core.deps(dc))
        entering = asyncio.create_task(core.clock.advance(ENTRY_SECONDS))
        async with adapter.lifespan(core.put):
            await core.until(lambda: "cannot be reached" in adapter.state.error)
            dc.recover()
            await core.until(lambda: not adapter.state.error, step=1)
            assert adapter.state.username == "Tertulia"
            await core.until_put(await dc.person("Ana").say("hello"))
            dc.outage()
            await core.until(lambda: "gateway" in adapter.state.error, step=1)
        await entering
        await adapter.aclose()


async def test_a_second_process_stands_by_and_takes_over() -> None:
    core = Core()
    async with simulated() as dc:
        async with core.running(dc, holder="a"):
            other = DiscordAdapter(core.deps(dc, holder="b"))
            async with other.lifespan(core.put):
                await core.until(lambda: "standing by" in other.state.error)
                assert dc.connected == 1
        async with other.lifespan(core.put):
            await core.until(lambda: not other.state.error, step=STANDBY_SECONDS)
            await core.until_put(await dc.person("Ana").say("hello"))
        await other.aclose()


@pytest.mark.parametrize("shards", [0, 3])
async def test_many_guilds_come_in_shards(shards: int) -> None:
    core = Core()
    rules = GatewayRules(identify_seconds=0.0, shards=3)
    async with simulated(gateway=rules) as dc:
        ana = dc.person("Ana")
        rooms = [await dc.guild(f"G{n}", ana) for n in range(6)]
        adapter = DiscordAdapter(core.deps(dc, shards=shards))
        async with adapter.lifespan(core.put):
            await core.until(lambda: not adapter.state.error, step=1)
            assert dc.connected == 3
            for room in rooms:
                await core.until_put(await ana.ask("hello", channel=room.general))
            await core.until_put(await ana.say("private"))
        await adapter.aclose()


async def test_too_few_shards_become_as_many_as_are_needed() -> None:
    core = Core()
    rules = GatewayRules(identify_seconds=0.0, shards=2, sharding_required=True)
    async with simulated(gateway=rules) as dc:
        adapter = DiscordAdapter(core.deps(dc))
        async with adapter.lifespan(core.put):
            await core.until(lambda: not adapter.state.error, step=1)
            assert dc.connected == 2
        await adapter.aclose()


async def test_what_nobody_can_read_holds_up_nothing() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        odd: list[tuple[str, dict[str, Any]]] = [
            ("MESSAGE_CREATE", {"id": "x"}),
            ("MESSAGE_CREATE", {"id": "5", "channel_id": "6"}),
            ("MESSAGE_REACTION_ADD", {"channel_id": "1"}),
            ("INTERACTION_CREATE", {}),
            ("INTERACTION_CREATE", {"type": 4, "data": {}, "id": "1"}),
            ("GUILD_CREATE", {"id": "?"}),
            ("CHANNEL_UPDATE", {}),
            ("THREAD_CREATE", {"id": 1}),
            ("NO_SUCH_EVENT", {"a": 1}),
        ]
        for name, data in odd:
            for session in dc.world.gateway.sessions.values():
                dc.world.gateway._send(session, name, data)
        await core.until_put(await dc.person("Ana").say("still here"))
    assert core.texts == ["still here"]
