"""Between the people of a conversation that was taken over (`bot.takeover`) and who answers there.

What people ask is kept as turns that wait: part of the history, without an answer. What the operator
says is a turn, too: it is the answer to the last question that waits, or one of its own. When the
conversation is handed back, the model answers what still waits. All paths may run twice and change
nothing the second time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace

from msgspec import ValidationError, convert

from bot.commands.call import plain
from bot.delivery import Courier
from bot.dispatcher import Hold
from bot.groups import LANGUAGE
from bot.locale import Catalogue
from bot.places import Places
from bot.ports import Channel, Clock, Conversations, People, Turns
from bot.takeover import SAY, SEEN, TAKEN, TOLD, taken
from bot.turn import Asked, Turner
from bot.types import (
    NO_THOUGHTS,
    Address,
    Button,
    Conversation,
    Event,
    EventKind,
    FinishReason,
    Message,
    Part,
    Person,
    PersonRole,
    Reply,
    Role,
    Sender,
    Turn,
    TurnState,
)

_RATING = (Button("👍", "up"), Button("👎", "down"))


@dataclass(frozen=True, slots=True)
class Told:
    """Of which takeover the people of a conversation know (by when it began), in which language they were
    told, and where the place lies."""

    at: float = 0.0
    language: str = ""
    within: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Relay:
    """One for the whole process. `reply` answers an event outside of turns."""

    people: People
    conversations: Conversations
    turns: Turns
    turner: Turner
    courier: Courier
    places: Places
    catalogue: Catalogue
    clock: Clock
    reply: Callable[[Event, Channel, Reply], Awaitable[None]]

    async def keep(self, asked: Asked, hold: Hold) -> Turn:
        """The question waits for the operator. Who asks the first one is told so; one that was being answered
        when the process died ends where it was. An edit of a question that waits takes its place."""
        if await self._was_being_answered(asked.event):
            hold.stop(FinishReason.TAKEN)
            turn = await self.turner.run(asked, hold)
            if turn.state is TurnState.CANCELLED:
                await self.told(asked)
            return turn
        hold.release()
        old = asked.replaces
        turn = await self.turns.begin(
            asked.conversation,
            asked.event,
            person_id=asked.person.id,
            replaces=old.id if old is not None and waits(old) else "",
        )
        if turn.state not in (TurnState.DONE, TurnState.CANCELLED):
            await self._tell_once(asked)
            turn = await self._keep(turn, asked)
        return turn

    def notice(self, conversation: Conversation, language: str) -> Reply:
        """That, and by whom, the conversation was taken over."""
        held = taken(conversation)
        text = self.catalogue.say(language, "takeover.now", name=plain(held.name) if held else "")
        return Reply(text, finish_reason=FinishReason.TAKEN)

    async def told(self, asked: Asked) -> None:
        """The people there know by now that the conversation was taken over."""
        told = Told(language=asked.language, within=asked.event.within)
        await self._mark(asked.conversation.id, told)

    async def obey(self, event: Event, channel: Channel, hold: Hold) -> Turn | None:
        """Do what an event of the console's says. Nothing, if the conversation was deleted."""
        what, number, at = event.data.split(" ")
        conversation = await self.conversations.get(int(number))
        if conversation is None:
            return None
        event = replace(event, address=conversation.address)  # the chat may have moved
        if what == SAY:
            return await self._say(event, conversation, channel, hold)
        return await self._hand_back(event, conversation, channel, hold, float(at))

    # what people ask

    async def _was_being_answered(self, event: Event) -> bool:
        turn = await self.turns.of_event(event.key)
        if turn is None or turn.state.ended:
            return False
        begun = turn.text or turn.state is TurnState.DELIVERING
        return bool(begun or await self.turns.deliveries(turn.id))

    async def _tell_once(self, asked: Asked) -> None:
        held = taken(asked.conversation)
        if held is not None and _told(asked.conversation).at != held.at:
            await self.reply(asked.event, asked.channel, self.notice(asked.conversation, asked.language))
            await self.told(asked)

    async def _keep(self, turn: Turn, asked: Asked) -> Turn:
        question = Message(
            Role.USER, asked.text, name=asked.speaker, attachments=asked.attachments, turn=turn.number
        )
        kept = replace(turn, state=TurnState.CANCELLED, text="", error="", finish_reason=FinishReason.TAKEN)
        kept = replace(kept, thoughts=NO_THOUGHTS, ended_at=self.clock.time())
        await self.turns.finish(kept, [question])
        return kept

    async def _mark(self, conversation_id: int, told: Told) -> None:
        conversation = await self.conversations.get(conversation_id)
        held = taken(conversation) if conversation is not None else None
        if held is not None:
            stored = asdict(replace(told, at=held.at))
            await self.conversations.update(conversation_id, settings={TOLD: stored})

    # what the operator says

    async def _say(self, event: Event, conversation: Conversation, channel: Channel, hold: Hold) -> Turn:
        hold.release()
        last = await self.turns.last(conversation.id)
        person = await self._person(conversation)
        waiting = last if last is not None and waits(last) else None
        turn = await self.turns.begin(
            conversation,
            event,
            person_id=person.id if person is not None else "",
            replaces=waiting.id if waiting is not None else "",
        )
        if turn.state in (TurnState.DONE, TurnState.CANCELLED):
            return turn
        if waiting is not None and turn.attempts == 1:  # what told that it waits stays as it is
            await self.turns.drop_deliveries(turn.id, 0)
        shown = self.courier.begin(channel, conversation.address, turn.id, turn.question_id)
        shown.resume(await self.turns.deliveries(turn.id))
        async with shown:
            if turn.state is not TurnState.DELIVERING:
                turn = await self._write(turn, event, self._language(conversation, person))
            turn = await self.turner.deliver(turn, shown, _RATING)
        if not _told(conversation).at:
            await self._mark(conversation.id, Told(language=self._language(conversation, person)))
        return turn

    async def _write(self, turn: Turn, event: Event, language: str) -> Turn:
        """Store the answer. People see who speaks; the model reads the words alone, or it would speak so."""
        question = await self.turns.question(turn)
        said = [question] if question is not None else []
        said.append(Message(Role.ASSISTANT, event.text))
        turn = replace(
            turn,
            state=TurnState.DELIVERING,
            text=self._signed(event, language),
            model=f"human:{event.sender.name}",
            finish_reason=FinishReason.STOP,
            error="",
        )
        await self.turns.finish(turn, [replace(m, turn=turn.number, step=i) for i, m in enumerate(said)])
        return turn

    def _signed(self, event: Event, language: str) -> str:
        """A text of several lines stands below the name: it may begin with a list, a table or code."""
        text = event.text.strip("\n")
        who = self.catalogue.say(language, "takeover.says", name=plain(event.sender.name))
        return f"{who}\n\n{text}" if "\n" in text else f"{who} {text}"

    async def _person(self, conversation: Conversation) -> Person | None:
        """Who asked last: the answer is theirs."""
        turns = await self.turns.listing(conversation.id, limit=1)
        return await self.people.get(turns[0].person_id) if turns else None

    def _language(self, conversation: Conversation, person: Person | None) -> str:
        chosen = str(conversation.settings.get(LANGUAGE, ""))
        told = _told(conversation).language
        return self.catalogue.pick(told, chosen, person.language if person is not None else "")

    # back to the assistant

    async def _hand_back(
        self, event: Event, conversation: Conversation, channel: Channel, hold: Hold, at: float
    ) -> Turn | None:
        held, told = taken(conversation), _told(conversation)
        if held is not None and held.at != at:
            return None  # it was taken over again since
        if held is not None:
            await self.conversations.update(conversation.id, settings={TAKEN: None, SEEN: None})
        person = await self._person(conversation)
        language = self._language(conversation, person)
        if told.at == at:
            await self.reply(event, channel, Reply(self.catalogue.say(language, "takeover.back")))
        event = replace(event, kind=EventKind.MESSAGE, within=told.within)
        asked = await self._waiting(event, channel, language)
        turn = await self.turner.run(asked, hold) if asked is not None else None
        await self.conversations.update(conversation.id, settings={TOLD: None})
        return turn

    async def _waiting(self, event: Event, channel: Channel, language: str) -> Asked | None:
        """The question that waits, if any does and whoever asked may still ask."""
        conversation = await self.places.open(event)
        begun = await self.turns.of_event(event.key)
        last = begun or await self.turns.last(conversation.id)
        if last is None or not (begun or waits(last)):
            return None
        question, person = await self.turns.question(last), await self.people.get(last.person_id)
        if question is None or person is None or person.role is PersonRole.BLOCKED:
            return None
        sender = Sender("", name=question.name, language=language)
        event = replace(event, sender=sender, message_id=last.question_id, private=not question.name)
        return Asked(
            event=replace(event, parts=(Part(text=question.text), *question.attachments)),
            person=person,
            conversation=conversation,
            channel=channel,
            language=language,
            text=question.text,
            speaker=question.name,
            attachments=question.attachments,
            replaces=last if begun is None else None,
        )


def waits(turn: Turn) -> bool:
    """Whether the turn's question waits for a person."""
    return turn.state is TurnState.CANCELLED and turn.finish_reason == FinishReason.TAKEN


def _told(conversation: Conversation) -> Told:
    try:
        return convert(conversation.settings.get(TOLD), Told)
    except ValidationError:
        return Told()
