"""What was missed is caught up with: all of it, in order, a little at a time, and with nobody's old rights."""

from __future__ import annotations

from bot.types import ADMIN, Event
from tests.adapters.discord_core import Core, simulated
from tests.simulators.discord import Channel, Discord, Person


async def lost_session(core: Core, dc: Discord, ana: Person, channel: Channel, text: str) -> Event:
    """What is asked while the bot's session is lost, as the bot hears of it in the next."""
    gateway = dc.world.gateway
    sessions = gateway.identifies
    gateway.sessions.clear()
    dc.drop_gateway()
    await ana.ask(text, channel=channel)
    await core.until(lambda: gateway.identifies == sessions + 1, step=0.5)
    await core.until(lambda: text in core.texts, step=0.1)
    return next(event for event in core.events if event.text == text)


async def test_a_role_that_was_taken_away_does_not_come_back_with_what_was_missed() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        owner, ana = dc.person("Owner"), dc.person("Ana")
        room = await dc.guild("Club", owner, ana)
        staff = await room.role("Staff", ana)
        await core.until_put(await ana.ask("zero", channel=room.general))
        before = await lost_session(core, dc, ana, room.general, "one")
        await room.take(staff, ana)
        after = await lost_session(core, dc, ana, room.general, "two")
    assert before.sender.roles == (f"role:{staff.id}", "@Staff")
    assert after.sender.roles == ()


async def test_whoever_has_left_has_no_rights_in_what_they_wrote_before() -> None:
    core = Core()
    async with simulated() as dc:
        owner, ana = dc.person("Owner"), dc.person("Ana")
        room = await dc.guild("Club", owner, ana)
        await room.role("Staff", ana)
        async with core.running(dc):
            await core.until_put(await ana.ask("one", channel=room.general))
            await core.until_put(await owner.ask("mine", channel=room.general))
        for person in (ana, owner):
            await person.ask(f"bye from {person.user.name}", channel=room.general)
            await room.leave(person)
        async with core.running(dc):
            await core.until(lambda: len(core.texts) == 4)
    roles = {event.text: event.sender.roles for event in core.events}
    assert ADMIN in roles["mine"]
    assert roles["bye from Ana"] == roles["bye from Owner"] == ()
