"""What an event leads to: a command, feedback, a turn, or nothing.

The last line of each event is its end in the inbox; whatever fails before it makes the event
come again. All paths may run twice and change nothing the second time.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial

from bot.access import Gate, Refusal
from bot.audience import may_read, roles_of
from bot.citations import sources
from bot.commands import Commands
from bot.delivery import Courier
from bot.dispatcher import Dispatcher, Hold
from bot.errors import ChannelError, ChatGone, StorageError, StorageGone
from bot.groups import Groups, languages
from bot.locale import Catalogue
from bot.places import Places
from bot.plugins.host import PluginHost
from bot.ports import Channel, Clock, Conversations, Inbox, People, Telemetry, Turns
from bot.reading import edited, question_of
from bot.relay import Relay
from bot.support import may_solve, solve
from bot.takeover import taken
from bot.turn import Asked, Turner
from bot.types import (
    HELPED,
    Conversation,
    Event,
    EventKind,
    FinishReason,
    Person,
    Reply,
    Turn,
    TurnState,
)
from bot.urgent import Urgent, command_of

log = logging.getLogger(__name__)
FEEDBACK = {"👍": 1, "👎": -1, "": 0, "up": 1, "down": -1}


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
        people: People,
        conversations: Conversations,
        turns: Turns,
        turner: Turner,
        channels: Mapping[str, Channel],
        courier: Courier,
        plugins: PluginHost,
        groups: Groups,
        places: Places,
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
        self._groups = groups
        self._places = places
        self._catalogue = catalogue
        self._clock = clock
        self._telemetry = telemetry
        self.dispatcher = Dispatcher(self.handle, intercept=self.intercept, limit=concurrency)
        telemetry.watch("lanes_running", lambda: self.dispatcher.running)
        telemetry.watch("events_waiting", lambda: self.dispatcher.waiting)
        telemetry.watch("people_waiting", lambda: self.dispatcher.people)
        self._relay = Relay(
            people, conversations, turns, turner, courier, places, catalogue, clock, reply=self._reply
        )
        self.urgent = Urgent(
            self.dispatcher,
            inbox=inbox,
            gate=gate,
            conversations=conversations,
            concerns=self._concerns_us,
            accepts=self._accepts,
            tell=self._tell,
        )

    async def handle(self, event: Event, hold: Hold) -> None:
        """Deal with one event in its lane."""
        if event.received_at:
            self._telemetry.observe("queue", max(0.0, self._clock.time() - event.received_at))
        await self._see_through(event, partial(self._handle, event, hold))

    def intercept(self, event: Event) -> Coroutine[None, None, None] | None:
        """What cannot wait for the lane: stopping what runs in it."""
        work = self.urgent.take(event)
        if work is not None:
            return self._see_through(event, work)
        channel = self._channels.get(event.address.platform)
        asks = event.kind is EventKind.MESSAGE
        if asks and channel is not None and channel.capabilities(event.address).acknowledges:
            self.dispatcher.beside(self._acknowledge(event, channel), event)
        return None

    async def _acknowledge(self, event: Event, channel: Channel) -> None:
        """Show that a question will be answered, though others may be answered before. A courtesy."""
        try:
            if await self._accepts(event):
                await channel.acknowledge(event.address, event.message_id)
        except (ChannelError, StorageError) as error:
            log.info("question %s is not acknowledged: %s", event.key, error)

    async def _see_through(self, event: Event, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work until it is done. A database that fails is waited for: the lane keeps its
        order, and the event stays in the inbox. What nobody foresaw is a dead letter and an apology,
        never a silence and never a loop."""
        self._telemetry.count("events", kind=event.kind.value, platform=event.address.platform)
        pause = 1.0
        while True:
            try:
                return await work()
            except StorageGone as error:
                log.info("event %s: %s", event.key, error)
                return await self._inbox.done(event)
            except StorageError as error:
                log.error("event %s: %s; trying again in %.0f s", event.key, error, pause)
                self._telemetry.count("errors", kind="storage")
                await self._clock.sleep(pause)
                pause = min(pause * 2, 60.0)
            except Exception as error:
                log.exception("event %s failed", event.key)
                self._telemetry.count("errors", kind="unforeseen")
                await self._inbox.bury(event, f"{type(error).__name__}: {error}")
                return await self._apologise(event, error)

    async def _apologise(self, event: Event, failure: Exception) -> None:
        """In the message that the turn has begun, if it has."""
        channel = self._channels.get(event.address.platform)
        turn = await self._turns.of_event(event.key)
        note = self._catalogue.say(self._catalogue.pick(event.sender.language), "turn.failed")
        quiet = event.host or event.kind is EventKind.CONSOLE
        if channel is None or (turn is None and quiet) or (turn is not None and turn.state.ended):
            return
        text = f"{turn.text}\n\n{note}" if turn is not None and turn.text else note
        reply = Reply(text, finish_reason=FinishReason.ERROR)
        reply = replace(reply, thoughts=turn.thoughts) if turn is not None else reply
        try:
            await self._reply(event, channel, reply, key=turn.id if turn is not None else "")
        except ChannelError as error:
            log.error("event %s: the apology was not taken either: %s", event.key, error)
        if turn is None:
            return
        failed = replace(turn, state=TurnState.FAILED, text=text, finish_reason=FinishReason.ERROR)
        await self._turns.finish(replace(failed, error=repr(failure), ended_at=self._clock.time()))

    async def _handle(self, event: Event, hold: Hold) -> None:
        channel = self._channels.get(event.address.platform)
        if channel is None:
            log.warning("event %s waits: no adapter for %r runs", event.key, event.address.platform)
            return
        await self.urgent.arrived(event.address)
        if event.kind is EventKind.CONSOLE:
            turn = await self._relay.obey(event, channel, hold)
        else:
            visit = await self._admit(event, channel, hold) if await self._concerns_us(event) else None
            turn = await self._route(visit, hold) if visit is not None else None
        if turn is not None and turn.state is TurnState.FAILED:
            await self._inbox.bury(event, turn.error)
        else:
            await self._inbox.done(event)
        self.urgent.settle(event)

    async def _admit(self, event: Event, channel: Channel, hold: Hold) -> Visit | None:
        waits = channel.capabilities(event.address).waits
        admitted = await self._gate.admit(event, waits=waits)
        if isinstance(admitted, Refusal):
            self._telemetry.count("refusals", reason=admitted.reason)
            if admitted.reply is not None:
                hold.release()
                await self._reply(event, channel, admitted.reply)
            return None
        conversation = await self._places.open(event)
        language = self._catalogue.pick(*languages(event, admitted, conversation))
        return Visit(event, admitted, conversation, channel, language)

    async def _route(self, visit: Visit, hold: Hold) -> Turn | None:
        event = visit.event
        if event.kind is EventKind.REACTION or (
            event.kind is EventKind.BUTTON and event.data in ("up", "down")
        ):
            await self._feedback(visit)
        elif event.kind is EventKind.BUTTON and event.data == HELPED:
            await self._helped(visit, hold)
        elif event.kind is EventKind.BUTTON and event.data == "sources":
            await self._sources(visit, hold)
        elif command_of(event) == "retry":
            return await self._retry(visit, hold)
        elif command_of(event):
            caps = visit.channel.capabilities(event.address)
            reply = await self._commands.run(event, visit.person, visit.conversation, caps)
            hold.release()
            await self._reply(event, visit.channel, reply)
        elif event.kind is EventKind.EDIT:
            return await self._edited(visit, hold)
        elif event.kind is EventKind.MESSAGE:
            return await self._message(visit, hold)
        return None

    async def _message(self, visit: Visit, hold: Hold) -> Turn | None:
        """A plugin that takes it, else a turn."""
        visit = replace(visit, event=await self.urgent.newest(visit.event))
        asked = self._asked(visit, question_of(visit.event))
        if taken(visit.conversation) is not None:
            await self._entitle(visit, asked)
            return await self._relay.keep(asked, hold)
        reply = await self._plugins.on_event(self._turner.context(asked))
        if reply is not None:
            hold.release()
            await self._reply(visit.event, visit.channel, reply)
            return None
        return await self._turn(visit, hold, asked)

    async def _turn(self, visit: Visit, hold: Hold, asked: Asked) -> Turn:
        await self._entitle(visit, asked)
        turn = await self._turner.run(asked, hold)
        if hold.stopped == FinishReason.TAKEN and turn.state is TurnState.CANCELLED:
            await self._relay.told(asked)
        return turn

    async def _entitle(self, visit: Visit, asked: Asked) -> None:
        """The first question is the title, whoever answers it, and before it is answered."""
        title = _title(visit.event.text or asked.text)
        if title and not visit.conversation.title:
            await self._conversations.update(visit.conversation.id, title=title)

    def _asked(self, visit: Visit, text: str, replaces: Turn | None = None) -> Asked:
        return Asked(
            event=visit.event,
            person=visit.person,
            conversation=visit.conversation,
            channel=visit.channel,
            language=visit.language,
            text=text,
            speaker="" if visit.event.private else visit.event.sender.name,
            attachments=tuple(p for p in visit.event.parts if p.ref),
            replaces=replaces,
        )

    async def _retry(self, visit: Visit, hold: Hold) -> Turn | None:
        event = visit.event
        if taken(visit.conversation) is not None:
            hold.release()
            notice = self._relay.notice(visit.conversation, visit.language)
            await self._reply(event, visit.channel, notice)
            return None
        last = (
            await self._turns.of_message(visit.conversation.id, event.message_id)
            if event.kind is EventKind.BUTTON
            else await self._turns.last(visit.conversation.id)
        )
        question = await self._turns.question(last) if last else None
        if last is None or question is None:
            hold.release()
            await self._say(visit.event, visit.channel, visit.language, "retry.nothing")
            return None
        asked = self._asked(visit, question.text, replaces=last)
        asked = replace(asked, attachments=question.attachments, speaker=question.name)
        return await self._turn(visit, hold, asked)

    async def _edited(self, visit: Visit, hold: Hold) -> Turn | None:
        """The question is answered anew, in place of its old answer; one that did not change is not,
        unless a crash left its answer unfinished. In a group, an edit can make a question of what was
        none."""
        event = visit.event
        old = await self._turns.of_message(visit.conversation.id, event.message_id)
        question = await self._turns.question(old) if old is not None else None
        if question is not None:
            event = replace(event, parts=edited(question.attachments, event.parts))
        text = question_of(event)
        overtaken = self.urgent.overtaken(visit.event)
        unasked = old is None and (event.private or event.text.startswith("/"))
        answered = old is not None and old.state.ended
        unchanged = answered and question is not None and question.text == text
        if overtaken or unasked or unchanged or not event.text.strip():
            return None
        asked = self._asked(replace(visit, event=event), text, replaces=old)
        if taken(visit.conversation) is not None:
            return await self._relay.keep(asked, hold)
        return await self._turn(visit, hold, asked)

    async def _feedback(self, visit: Visit) -> None:
        value = FEEDBACK.get(visit.event.data)
        turn = await self._turns.shown_by(visit.event.address, visit.event.message_id)
        if value is not None and turn is not None:
            await self._turns.feedback(turn.id, visit.person.id, value, visit.event.text)
            self._telemetry.count("feedback", value=str(value))

    async def _helped(self, visit: Visit, hold: Hold) -> None:
        """The answer is what was looked for: the best rating, and the question is done with."""
        event, channel = visit.event, visit.channel
        turn = await self._turns.shown_by(event.address, event.message_id)
        hold.release()
        if turn is None or not channel.capabilities(event.address).solves:
            return
        mine = may_solve(event, visit.person, turn)
        if mine:
            await self._turns.feedback(turn.id, visit.person.id, 1, HELPED)
            self._telemetry.count("feedback", value=HELPED)
        text = self._catalogue.say(visit.language, "feedback.helped" if mine else "feedback.others")
        await self._reply(event, channel, Reply(text, aside=True))
        if mine:
            await solve(channel, visit.conversation, turn, self._clock)

    async def _sources(self, visit: Visit, hold: Hold) -> None:
        """What an answer's citations quote, to whom may read that; to nobody else, where others see it."""
        turn = await self._turns.of_message(visit.conversation.id, visit.event.message_id)
        hold.release()
        roles = roles_of(visit.event.sender, visit.person)
        cited = [c for c in turn.citations if may_read(c.audience, roles)] if turn is not None else []
        alone = visit.event.private or visit.channel.capabilities(visit.event.address).asides
        open_to_all = [c for c in cited if alone or not c.audience]
        if open_to_all:
            await self._reply(visit.event, visit.channel, Reply(sources(open_to_all), aside=True))
        elif cited:
            await self._say(visit.event, visit.channel, visit.language, "turn.closed_sources")

    async def _concerns_us(self, event: Event) -> bool:
        """Whether the event is for the bot. In a group, commands that it does not have are others';
        in a host's chat all are, and what the host writes is for the guest."""
        if event.kind is EventKind.MEMBERSHIP or event.sender.is_bot:
            return False
        if event.host and (event.kind is EventKind.COMMAND or not event.addressed):
            return False
        if event.addressed:
            return True
        if event.kind is EventKind.COMMAND:
            return self._commands.has(command_of(event))
        person = await self._gate.known(event)
        return await self._groups.answers(event, person.role if person else None)

    async def _accepts(self, event: Event) -> bool:
        """Whether the question will be asked: judged as when its turn comes, and counted once."""
        return (
            await self._concerns_us(event)
            and bool(event.text.strip())
            and not isinstance(await self._gate.admit(event), Refusal)
        )

    async def _tell(self, event: Event, key: str) -> None:
        channel = self._channels.get(event.address.platform)
        if channel is not None:
            await self._say(event, channel, self._catalogue.pick(event.sender.language), key)

    async def _say(self, event: Event, channel: Channel, language: str, key: str) -> None:
        await self._reply(event, channel, Reply(self._catalogue.say(language, key)))

    async def _reply(self, event: Event, channel: Channel, reply: Reply, *, key: str = "") -> None:
        """A reply outside of turns, as crash-proof as a turn's: its rows go by the event. In private all
        is for whoever asked alone."""
        reply = replace(reply, aside=reply.aside and not event.private)
        key = key or f"event:{event.key}"
        pressed = event.kind is EventKind.BUTTON and event.reply_to
        shown = self._courier.begin(channel, event.address, key, pressed or event.message_id)
        if rows := await self._turns.deliveries(key):
            shown.resume(rows)
        try:
            async with shown:
                await shown.finish(reply)
        except ChatGone as error:
            log.info("event %s: %s", event.key, error)


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
