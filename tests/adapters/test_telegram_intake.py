"""Updates reach the inbox, all of them, in order, and are confirmed only then."""

from __future__ import annotations

import asyncio
import logging

import pytest

from adapters.common.lease import LEASE_SECONDS, STANDBY_SECONDS
from adapters.telegram.albums import AGAIN_SECONDS, QUIET_SECONDS, Albums
from adapters.telegram.client import Connection
from adapters.telegram.intake import Intake
from adapters.telegram.lanes import Lanes
from adapters.telegram.translate import Translator
from bot.errors import SettingsError, StorageError
from bot.types import EventKind, PartKind
from tests.adapters.telegram_core import Core
from tests.adapters.telegram_json import FILE, ME, event, message
from tests.fakes import FakeClock, settle
from tests.simulators.telegram import NO_FLOOD, Faults, Telegram


async def test_what_people_write_arrives_in_order_and_is_confirmed() -> None:
    core = Core()
    async with Telegram(flood=NO_FLOOD) as tg, core.running(tg):
        ana, ben = tg.person("Ana"), tg.person("Ben")
        for n in range(30):
            await ana.say(f"a{n}")
            await ben.say(f"b{n}")
        await tg.until(lambda: tg.world.updates.confirmed == 60)
    assert [t for t in core.texts if t[0] == "a"] == [f"a{n}" for n in range(30)]
    assert [t for t in core.texts if t[0] == "b"] == [f"b{n}" for n in range(30)]
    assert tg.errors == []


async def test_nothing_is_confirmed_while_it_cannot_be_stored() -> None:
    core = Core(broken=True)
    async with Telegram() as tg, core.running(tg) as adapter:
        ana = tg.person("Ana")
        await ana.say("one")
        await core.until(lambda: core.tries == 1)
        await ana.say("two")
        await core.until(lambda: "database" in adapter.state.error)
        assert tg.world.updates.confirmed == 0
        core.broken = False
        await core.until(lambda: tg.world.updates.confirmed == 2, step=1)
        assert adapter.state.error == ""
    assert core.texts == ["one", "two"]


async def test_what_comes_twice_is_stored_once() -> None:
    core = Core()
    async with Telegram(faults=Faults(repeated=1.0)) as tg, core.running(tg):
        await tg.person("Ana").say("one")
        await tg.until(lambda: len(tg.world.updates.given) > 1)
    assert core.texts == ["one"]


async def test_bad_gateways_and_lost_connections_lose_nothing() -> None:
    core = Core()
    async with (
        Telegram(faults=Faults(bad_gateway=0.3, dropped=0.3, cut_off=0.2, seed=3)) as tg,
        core.running(tg),
    ):
        ana = tg.person("Ana")
        for n in range(20):
            await ana.say(str(n))
        await core.until(lambda: tg.world.updates.confirmed == 20, step=30)
    assert core.texts == [str(n) for n in range(20)]


async def test_an_update_that_cannot_be_read_holds_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg):
        await tg.until(lambda: tg.polled)
        await tg.tell({"message": {"chat": "?"}})
        await tg.tell({"callback_query": {}})
        await tg.person("Ana").say("still here")
        await tg.until(lambda: tg.world.updates.confirmed == 3)
    assert core.texts == ["still here"]
    assert "cannot be read" in caplog.text


async def test_a_kind_that_nobody_knows_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    core = Core()
    async with Telegram() as tg:
        connection = Connection(tg.token, tg.url, core.clock)
        intake = Intake(core.deps(tg), connection.api, Translator(ME), core.put, lambda event: None)
        for kind in ("shiny", "shiny", "glossy", "chat_boost"):
            await intake.take({"update_id": 1, kind: None if kind == "chat_boost" else {}})
        await connection.aclose()
    told = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert [text.split("'")[1] for text in told] == ["shiny", "glossy"]


async def test_what_is_stored_is_confirmed_at_the_stop() -> None:
    core = Core()
    async with Telegram() as tg:
        async with core.running(tg):
            await tg.until(lambda: tg.polled)
            await tg.person("Ana").say("one")
            await core.until(lambda: core.events)
        assert tg.world.updates.confirmed == 1
        assert tg.world.updates.pending == {}


# albums


async def test_an_album_is_one_event_once_it_is_whole() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg):
        await tg.until(lambda: tg.polled)
        ana = tg.person("Ana")
        for n in (11, 12, 13):
            await tg.tell({"message": photo(n, ana.id, caption="Which is best?" if n == 12 else None)})
        await tg.until(lambda: tg.world.updates.confirmed == 3)
        await core.clock.advance(QUIET_SECONDS / 2)
        assert core.events == []
        await core.until(lambda: core.events, step=QUIET_SECONDS / 2)
    (album,) = core.events
    assert album.id == f"a:{ana.id}:g1"
    assert album.text == "Which is best?"
    assert [p.ref for p in album.parts if p.kind is PartKind.IMAGE] == ["p11", "p12", "p13"]
    assert album.message_id == "12"


async def test_who_goes_on_to_something_else_has_sent_the_whole_album() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg):
        await tg.until(lambda: tg.polled)
        ana = tg.person("Ana")
        await tg.tell({"message": photo(11, ana.id)})
        await tg.tell({"message": photo(12, ana.id)})
        await ana.say("Which is best?")
        await tg.until(lambda: tg.world.updates.confirmed == 3)
    assert [e.id[0] for e in core.events] == ["a", "m"]


def photo(number: int, person: int, caption: str | None = None, group: str = "g1") -> dict[str, object]:
    size = {**FILE, "file_id": f"p{number}", "width": 9, "height": 9}
    chat = {"id": person, "type": "private", "first_name": "Ana"}
    shown = message(None, chat, message_id=number, photo=[size], media_group_id=group)
    return {**shown, "from": {"id": person, "is_bot": False, "first_name": "Ana"}, "caption": caption}


async def test_an_album_that_comes_again_is_known_and_a_late_part_is_not() -> None:
    core = Core()
    first = [event(photo(n, 42)) for n in (11, 12)]
    for batch in (first, first, [*first, event(photo(13, 42))]):
        albums = Albums(core.put, core.store, core.clock)
        for part in batch:
            await albums.add("a:42:g1", part)
        await albums.close()
    assert [e.id for e in core.events] == ["a:42:g1", "m:42:13"]


async def test_an_album_outlives_the_process() -> None:
    core = Core()
    for part in (11, 12):
        await Albums(core.put, core.store, core.clock).add("a:42:g1", event(photo(part, 42)))
    albums = Albums(core.put, core.store, FakeClock())
    await albums.recover()
    await albums.close()
    assert [len(e.parts) for e in core.events] == [2]
    assert await core.store.items("album-part:") == {}


async def test_an_album_waits_for_the_database() -> None:
    core = Core(broken=True)
    albums = Albums(core.put, core.store, core.clock)
    await albums.add("a:42:g1", event(photo(11, 42)))
    await core.clock.advance(QUIET_SECONDS)
    assert core.tries == 1
    with pytest.raises(StorageError):
        await albums.settle(event(photo(11, 42)))
    core.broken = False
    await core.clock.advance(AGAIN_SECONDS)
    assert [e.id for e in core.events] == ["a:42:g1"]


async def test_old_albums_are_forgotten() -> None:
    core = Core()
    for name in ("old", "new"):
        albums = Albums(core.put, core.store, core.clock)
        await albums.add(name, event(photo(11, 42)))
        await albums.close()
        await core.clock.advance(100_000 if name == "old" else 0)
    assert list(await core.store.items("album:")) == ["album:new"]


async def test_nothing_overtakes_what_failed() -> None:
    lanes, done = Lanes(), list[str]()

    async def work(name: str, error: StorageError | None = None) -> None:
        async with lanes.turn("chat"):
            await asyncio.sleep(0)
            if error is not None:
                raise error
            done.append(name)

    tasks = [asyncio.create_task(w) for w in (work("1"), work("2", StorageError("no")), work("3"))]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert done == ["1"]
    assert [type(o) for o in outcomes] == [type(None), StorageError, StorageError]
    await work("2")
    assert done == ["1", "2"]


# one poller


async def test_a_second_instance_stands_by_and_takes_over() -> None:
    core = Core()
    async with Telegram() as tg:
        async with core.running(tg, holder="first"):
            await tg.until(lambda: tg.polled)
            async with core.running(tg, holder="second") as second:
                await settle(200)
                assert "standing by" in second.state.error
                assert tg.calls["getUpdates"] == 1
        async with core.running(tg):
            await tg.person("Ana").say("hello")
            await core.until(lambda: core.events)
    assert core.texts == ["hello"]


async def test_a_lease_of_a_dead_process_runs_out() -> None:
    core = Core()
    async with Telegram() as tg:
        core.memory.leases[f"telegram:{tg.bot.id}"] = ("dead", core.clock.time() + LEASE_SECONDS)
        async with core.running(tg):
            await settle(200)
            assert tg.calls["getUpdates"] == 0
            for _ in range(int(LEASE_SECONDS / STANDBY_SECONDS) + 1):
                await core.clock.advance(STANDBY_SECONDS)
            await tg.until(lambda: tg.polled)


async def test_who_was_killed_need_not_wait_for_the_own_lease() -> None:
    core = Core()
    async with Telegram() as tg:
        core.memory.leases[f"telegram:{tg.bot.id}"] = ("same", core.clock.time() + LEASE_SECONDS)
        async with core.running(tg, holder="same"):
            await tg.until(lambda: tg.polled)


async def test_another_program_that_polls_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg) as adapter:
        await tg.until(lambda: tg.polled)
        for _ in range(3):
            tg.world.updates.abort()
            await tg.until(lambda: not tg.polled)
            await core.until(lambda: tg.polled, step=10)
        assert adapter.state.username == "tertulia_bot"
    assert "another program polls" in caplog.text


# the token


async def test_a_wrong_token_is_told_at_once() -> None:
    core = Core()
    async with Telegram() as tg:
        with pytest.raises(SettingsError, match=r"TERTULIA_TELEGRAM_TOKEN.*@BotFather"):
            async with core.running(tg, token="1:wrong"):
                pass


async def test_a_telegram_that_is_down_is_waited_for() -> None:
    core = Core()
    async with Telegram() as tg:
        tg.outage()
        entering = asyncio.create_task(enter_and_wait(core, tg))
        await core.until(lambda: core.events, step=1)
        await entering


async def enter_and_wait(core: Core, tg: Telegram) -> None:
    async with core.running(tg) as adapter:
        assert "cannot be reached" in adapter.state.error
        tg.recover()
        await tg.person("Ana").say("back?")
        await core.until(lambda: core.events)


async def test_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    core = Core()
    async with Telegram(faults=Faults(bad_gateway=0.3, dropped=0.3, seed=5)) as tg:
        with pytest.raises(SettingsError) as refused:
            async with core.running(tg, token="1:wrong-secret"):
                pass
        async with core.running(tg):
            await tg.person("Ana").say("hello")
            await core.until(lambda: tg.world.updates.confirmed == 1, step=30)
    ours = "\n".join(
        r.getMessage() + str(r.exc_info) for r in caplog.records if not r.name.startswith("aiohttp")
    )
    assert tg.token not in ours
    assert "wrong-secret" not in ours + str(refused.value)


# courtesies


async def test_kinds_are_asked_for_by_name() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg):
        await tg.until(lambda: tg.polled)
        assert {"message", "message_reaction", "chat_member", "guest_message"} <= tg.world.updates.allowed


async def test_who_blocks_the_bot_is_told_to_the_core() -> None:
    core = Core()
    async with Telegram() as tg, core.running(tg):
        ana = tg.person("Ana")
        await ana.start("code")
        await ana.block_bot()
        await core.until(lambda: len(core.events) == 2)
    assert [(e.kind, e.data) for e in core.events] == [
        (EventKind.COMMAND, "/start code"),
        (EventKind.MEMBERSHIP, "left"),
    ]
