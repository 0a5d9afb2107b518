"""What an event leads to: a command, feedback, a turn, or nothing.

The last line of each event is its end in the inbox; whatever fails before it makes the event
come again. All paths may run twice and change nothing the second time.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

from bot.access import Gate, Refusal
from bot.commands import Commands
from bot.delivery import Courier
from bot.dispatcher import Dispatcher, Hold
from bot.errors import ChatGone, StorageError
from bot.locale import Catalogue
from bot.plugins.host import PluginHost
from bot.ports import Channel, Clock, Conversations, Inbox, Telemetry, Turns
from bot.turn import Asked, Turner
from bot.types import (
    Conversation,
    Event,
    EventKind,
    Person,
    PersonRole,
    Reply,
    Turn,
    TurnState,
)

log = logging.getLogger(__name__)
FEEDBACK = {"👍": 1, "👎": -1, "": 0, "up": 1, "down": -1}
COMMAND_BUTTON = "cmd:"


@dataclass(frozen=True, slots=True)
class Visit:
    """An admitted event: who, where, and by which channel the answer goes back."""

    event: Event
    person: Person
    conversation: Conversation
    channel: Channel
    language: str


class Handler:
    """The dispatcher's `handle` and `intercept`."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        gate: Gate,
        commands: Commands,
        conversations: Conversations,
        turns: Turns,
        turner: Turner,
        channels: Mapping[str, Channel],
        courier: Courier,
        plugins: PluginHost,
        catalogue: Catalogue,
        clock: Clock,
        telemetry: Telemetry,
        concurrency: int,
    ) -> None:
        self._inbox = inbox
        self._gate = gate
        self._commands = commands
        self._conversations = conversations
        self._turns = turns
        self._turner = turner
        self._channels = channels
        self._courier = courier
        self._plugins = plugins
        self._catalogue = catalogue
        self._clock = clock
        self._telemetry = telemetry
        self.dispatcher = Dispatcher(self.handle, intercept=self.intercept, limit=concurrency)

    async def handle(self, event: Event, hold: Hold) -> None:
        """Deal with one event in its lane. A database that fails is waited for: the lane keeps
        its order, and the event stays in the inbox until it is dealt with."""
        self._telemetry.count("events", kind=event.kind.value)
        pause = 1.0
        while True:
            try:
                await self._handle(event, hold)
                return
            except StorageError as error:
                log.error("event %s: %s; trying again in %.0f s", event.key, error, pause)
                await self._clock.sleep(pause)
                pause = min(pause * 2, 60.0)

    def intercept(self, event: Event) -> Coroutine[None, None, None] | None:
        """What cannot wait for the lane: stopping what runs in it."""
        if _command(event) == "stop":
            return self._stop(event)
        if event.kind is EventKind.DELETE:
            return self._deleted(event)
        if event.kind is EventKind.EDIT:
            running = self.dispatcher.find(event.address.key, event.message_id)
            if running is not None:
                running.stop("edited")
        return None

    async def _handle(self, event: Event, hold: Hold) -> None:
        channel = self._channels.get(event.address.platform)
        if channel is None:
            log.warning("event %s waits: no adapter for %r runs", event.key, event.address.platform)
            return
        if event.kind is EventKind.MEMBERSHIP or not event.addressed or event.sender.is_bot:
            await self._inbox.done(event)
            return
        visit = await self._admit(event, channel)
        if visit is None:
            await self._inbox.done(event)
            return
        turn = await self._route(visit, hold)
        if turn is not None and turn.state is TurnState.FAILED:
            await self._inbox.bury(event, turn.error)
        else:
            await self._inbox.done(event)

    async def _admit(self, event: Event, channel: Channel) -> Visit | None:
        admitted = await self._gate.admit(event)
        if isinstance(admitted, Refusal):
            self._telemetry.count("refusals", reason=admitted.reason)
            if admitted.reply is not None:
                await self._reply(event, channel, admitted.reply)
            return None
        conversation = await self._conversations.open(event.address)
        language = self._catalogue.pick(admitted.language, event.sender.language)
        return Visit(event, admitted, conversation, channel, language)

    async def _route(self, visit: Visit, hold: Hold) -> Turn | None:
        event = visit.event
        if event.kind is EventKind.REACTION or (
            event.kind is EventKind.BUTTON and event.data in ("up", "down")
        ):
            await self._feedback(visit)
        elif _command(event) == "retry":
            return await self._retry(visit, hold)
        elif _command(event):
            reply = await self._commands.run(event, visit.person, visit.conversation)
            await self._reply(event, visit.channel, reply)
        elif event.kind is EventKind.EDIT:
            return await self._edited(visit, hold)
        elif event.kind is EventKind.MESSAGE:
            return await self._message(visit, hold)
        return None

    async def _message(self, visit: Visit, hold: Hold) -> Turn | None:
        """A plugin that takes it, else a turn."""
        reply = await self._plugins.on_event(self._turner.context(self._asked(visit, visit.event.text)))
        if reply is not None:
            await self._reply(visit.event, visit.channel, reply)
            return None
        return await self._turn(visit, hold, visit.event.text)

    async def _turn(self, visit: Visit, hold: Hold, text: str, replaces: Turn | None = None) -> Turn:
        turn = await self._turner.run(self._asked(visit, text, replaces), hold)
        if not visit.conversation.title and turn.state is TurnState.DONE:
            await self._conversations.update(visit.conversation.id, title=_title(text))
        return turn

    def _asked(self, visit: Visit, text: str, replaces: Turn | None = None) -> Asked:
        return Asked(
            visit.event, visit.person, visit.conversation, visit.channel, visit.language, text, replaces
        )

    async def _retry(self, visit: Visit, hold: Hold) -> Turn | None:
        event = visit.event
        last = (
            await self._turns.of_message(visit.conversation.id, event.message_id)
            if event.kind is EventKind.BUTTON
            else await self._turns.last(visit.conversation.id)
        )
        question = await self._turns.question(last) if last else None
        if last is None or question is None:
            await self._say(visit.event, visit.channel, visit.language, "retry.nothing")
            return None
        return await self._turn(visit, hold, question.text, replaces=last)

    async def _edited(self, visit: Visit, hold: Hold) -> Turn | None:
        """The question is answered anew, in place of its old answer."""
        old = await self._turns.of_message(visit.conversation.id, visit.event.message_id)
        if old is None or not visit.event.text.strip():
            return None
        return await self._turn(visit, hold, visit.event.text, replaces=old)

    async def _feedback(self, visit: Visit) -> None:
        value = FEEDBACK.get(visit.event.data)
        turn = await self._turns.of_message(visit.conversation.id, visit.event.message_id)
        if value is not None and turn is not None:
            await self._turns.feedback(turn.id, visit.person.id, value, visit.event.text)
            self._telemetry.count("feedback", value=str(value))

    async def _stop(self, event: Event) -> None:
        running = self.dispatcher.find(event.address.key)
        if running is not None and await self._may_stop(event, running):
            running.stop("stopped")
        elif event.kind is EventKind.COMMAND and (channel := self._channels.get(event.address.platform)):
            language = self._catalogue.pick(event.sender.language)
            await self._say(event, channel, language, "stop.nothing")
        await self._inbox.done(event)

    async def _may_stop(self, event: Event, running: Hold) -> bool:
        """In private everyone there; in a group who asked, and those who run the bot."""
        if event.private or running.event.sender.id == event.sender.id:
            return True
        person = await self._gate.known(event)
        return person is not None and person.role in (PersonRole.OWNER, PersonRole.OPERATOR)

    async def _deleted(self, event: Event) -> None:
        lane = event.address.key
        for waiting in self.dispatcher.withdraw(lane, event.message_id):
            await self._inbox.done(waiting)
        running = self.dispatcher.find(lane, event.message_id)
        if running is not None:
            running.stop("deleted")
        await self._inbox.done(event)

    async def _say(self, event: Event, channel: Channel, language: str, key: str) -> None:
        await self._reply(event, channel, Reply(self._catalogue.say(language, key)))

    async def _reply(self, event: Event, channel: Channel, reply: Reply) -> None:
        """A reply outside of turns, as crash-proof as a turn's: its rows go by the event."""
        key = f"event:{event.key}"
        shown = self._courier.begin(channel, event.address, key, event.message_id)
        shown.resume(await self._turns.deliveries(key))
        try:
            async with shown:
                await shown.finish(reply)
        except ChatGone as error:
            log.info("event %s: %s", event.key, error)


def _command(event: Event) -> str:
    """The command's name, whichever way it came; "" if the event is none."""
    if event.kind is EventKind.BUTTON and event.data in ("stop", "retry"):
        return event.data
    button = event.kind is EventKind.BUTTON and event.data.startswith(COMMAND_BUTTON)
    if not button and event.kind is not EventKind.COMMAND:
        return ""
    words = event.data.removeprefix(COMMAND_BUTTON if button else "").split(maxsplit=1)
    return words[0].lstrip("/").split("@")[0].lower() if words else ""


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
