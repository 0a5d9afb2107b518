"""How each end of a gateway connection is survived: nothing is lost, and nothing is hammered at."""

from __future__ import annotations

import pytest

from adapters.common.health import FIRST_PAUSE
from adapters.discord import rest
from adapters.discord.adapter import REJECTED_SECONDS, DiscordAdapter
from adapters.discord.gateway import HASTY, RESERVE
from bot.errors import ChannelUnavailable
from tests.adapters.discord_core import Core, at, shown, simulated
from tests.simulators.discord import Discord, GatewayRules


@pytest.fixture
def core() -> Core:
    return Core()


def sessions(dc: Discord) -> tuple[int, int]:
    """How many began, and how many were gone on with."""
    return dc.world.gateway.identifies, dc.world.gateway.resumes


@pytest.mark.parametrize("code", [1001, 4000, 4001, 4002, 4003, 4005, 4008])
async def test_a_close_that_leaves_the_session_is_resumed(core: Core, code: int) -> None:
    async with simulated() as dc, core.running(dc):
        ana = dc.person("Ana")
        await core.until_put(await ana.say("before"))
        dc.close_gateway(code)
        await core.until_put(await ana.say("meanwhile"))
        assert sessions(dc) == (1, 1)
    assert core.texts == ["before", "meanwhile"]
    assert dc.errors == []


@pytest.mark.parametrize("code", [4007, 4009])
async def test_a_close_that_ends_the_session_begins_another(core: Core, code: int) -> None:
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        await core.until_put(await ana.say("before"))
        dc.close_gateway(code)
        await ana.say("meanwhile")
        await core.until(lambda: len(core.texts) == 2, step=0.5)
        await core.until_put(await ana.say("after"))
        assert sessions(dc) == (2, 0)
        assert adapter.state.error == ""
    assert core.texts == ["before", "meanwhile", "after"]


@pytest.mark.parametrize("resumable", [True, False])
async def test_an_invalid_session_is_resumed_if_it_can_be(core: Core, resumable: bool) -> None:
    async with simulated() as dc, core.running(dc):
        ana = dc.person("Ana")
        await core.until_put(await ana.say("before"))
        dc.invalidate_sessions(resumable=resumable)
        await ana.say("meanwhile")
        await core.until(lambda: len(core.texts) == 2, step=0.5)
        assert sessions(dc) == ((1, 1) if resumable else (2, 0))
    assert core.texts == ["before", "meanwhile"]


async def test_a_connection_that_is_dead_is_left_for_another(core: Core) -> None:
    rules = GatewayRules(identify_seconds=0.0, heartbeat_seconds=1.0)
    async with simulated(gateway=rules) as dc, core.running(dc, silence=1.5):
        ana = dc.person("Ana")
        await core.until_put(await ana.say("before"))
        dc.mute_heartbeats()
        await core.until(lambda: dc.world.gateway.resumes)
        dc.mute_heartbeats(False)
        await core.until_put(await ana.say("after"))
        assert dc.world.gateway.identifies == 1
    assert dc.errors == []


@pytest.mark.parametrize("code", [4013, 4014])
async def test_without_the_intent_the_bot_serves_who_means_it(
    core: Core, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with simulated(privileged=["content"]) as dc:
        dc.refuse_sessions(code)
        async with core.running(dc, step=0.5, message_content=True) as adapter:
            ana = dc.person("Ana")
            room = await dc.guild("Club", ana)
            event = await core.until_put(await ana.ask("What is new?", channel=room.general))
            assert (event.text, adapter.state.error) == ("What is new?", "")
    assert "Message Content Intent" in caplog.text


@pytest.mark.parametrize("code", [4010, 4012, 4013])
async def test_a_refusal_that_only_an_operator_can_mend_is_told_and_waited_for(core: Core, code: int) -> None:
    async with simulated() as dc:
        dc.refuse_sessions(*[code] * 3)
        adapter = DiscordAdapter(core.deps(dc, shards=0))
        async with adapter.lifespan(core.put):
            await core.until(lambda: str(code) in adapter.state.error)
            assert dc.world.gateway.sockets == 1
            await core.until(lambda: not adapter.state.error, step=REJECTED_SECONDS / 4)
            assert dc.world.gateway.sockets == 4
        await adapter.aclose()


async def test_a_token_that_is_revoked_is_told_not_hammered_and_works_again_once_it_is_right(
    core: Core,
) -> None:
    async with simulated() as dc:
        ana = dc.person("Ana")
        async with core.running(dc) as adapter:
            await core.until_put(await ana.say("before"))
            calls, sockets = len(dc.log), dc.world.gateway.sockets
            dc.revoke_token()
            await core.until(lambda: "TERTULIA_DISCORD_TOKEN" in adapter.state.error)
            began = core.clock.monotonic()
            await core.until(lambda: core.clock.monotonic() > began + 3600, step=5)
            assert "TERTULIA_DISCORD_TOKEN" in adapter.state.error
            assert len(dc.log) - calls <= 3600 / REJECTED_SECONDS + 2
            assert dc.world.gateway.sockets - sockets <= 2
        await ana.say("meanwhile")
        async with core.running(dc, token="another", step=0.5):
            await core.until(lambda: len(core.texts) == 2, step=0.5)
            await core.until_put(await ana.say("after"))
    assert core.texts == ["before", "meanwhile", "after"]


async def test_a_token_that_only_calls_are_refused_with_is_told(core: Core) -> None:
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        here, token = at(ana.channel.id, dc), dc.world.bot.token
        dc.world.bot.token = "another"
        with pytest.raises(ChannelUnavailable):
            await adapter.channel.send(here, shown("Hello"), key="k")
        assert "TERTULIA_DISCORD_TOKEN" in adapter.state.error
        assert adapter.state.since == core.clock.time()
        dc.world.bot.token = token
        await core.clock.advance(rest.REJECTED_SECONDS)
        await adapter.channel.send(here, shown("Hello"), key="k")
        assert adapter.state.error == ""


async def test_the_last_sessions_of_a_day_are_not_begun(core: Core) -> None:
    rules = GatewayRules(identify_seconds=0.0, sessions=RESERVE + 2, reset_seconds=1000.0)
    async with simulated(gateway=rules, clock=core.clock.monotonic) as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        for n in range(2):
            await core.until_put(await ana.say(f"before {n}"))
            dc.invalidate_sessions()
            await core.until(lambda: not dc.connected)
            if n == 0:
                await core.until(lambda: dc.connected, step=0.5)
        await core.until(lambda: "no session may begin" in adapter.state.error, step=0.5)
        await ana.say("meanwhile")
        calls, until = dc.calls["GET /gateway/bot"], core.clock.monotonic() + 900
        await core.until(lambda: core.clock.monotonic() >= until, step=10)
        assert (dc.connected, dc.calls["GET /gateway/bot"]) == (0, calls)
        await core.until(lambda: not adapter.state.error, step=10)
        await core.until(lambda: len(core.texts) == 3, step=0.5)
    assert core.texts == ["before 0", "before 1", "meanwhile"]
    assert dc.errors == []


async def test_where_a_session_cannot_be_gone_on_with_another_begins(core: Core) -> None:
    rules = GatewayRules(identify_seconds=0.0, resume_url="ws://127.0.0.1:9/")
    async with simulated(gateway=rules) as dc, core.running(dc):
        ana = dc.person("Ana")
        await core.until_put(await ana.say("before"))
        dc.drop_gateway()
        await ana.say("meanwhile")
        await core.until(lambda: len(core.texts) == 2, step=0.5)
        assert sessions(dc) == (2, 0)
    assert core.texts == ["before", "meanwhile"]


async def test_connections_that_never_last_are_not_made_without_a_pause(core: Core) -> None:
    async with simulated() as dc, core.running(dc):
        ended = core.clock.monotonic() + 6.0

        def dropped_until_the_end() -> bool:
            dc.drop_gateway()
            return core.clock.monotonic() >= ended

        await core.until(dropped_until_the_end, step=0.01)
        assert dc.world.gateway.sockets <= 2 + HASTY + 6.0 / (FIRST_PAUSE * 0.75)
        await core.until(lambda: dc.connected, step=0.1)


async def test_an_outage_of_everything_is_waited_out(core: Core) -> None:
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        await core.until_put(await ana.say("before"))
        dc.outage("5xx")
        await ana.say("meanwhile")
        await core.until(lambda: "gateway" in adapter.state.error, step=0.5)
        calls, began = len(dc.log), core.clock.monotonic()
        await core.until(lambda: core.clock.monotonic() > began + 600, step=5)
        assert len(dc.log) - calls < 60, "longer and longer waits"
        dc.recover()
        await core.until(lambda: len(core.texts) == 2, step=1)
        assert adapter.state.error == ""
    assert core.texts == ["before", "meanwhile"]
