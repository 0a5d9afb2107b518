"""One turn, from its event to the finished reply.

    begin (GENERATING) -> context, prompt, model -> finish (DELIVERING, with its messages)
      -> the platform shows all of it -> finish (DONE | CANCELLED | FAILED)

Each arrow is durable before the next begins. After a crash the same event comes again: a turn
that was generating goes on from its checkpoint, one that was delivering delivers the stored
answer; either way into the platform messages that the deliveries table names.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from bot.checkpoints import Checkpoints
from bot.citations import cite
from bot.clock import Ended, Scope
from bot.counts import counted
from bot.delivery import Courier, Shown
from bot.dispatcher import Hold
from bot.enclosures import Enclose
from bot.ending import apology, below, end_state, history_of, restricted, stopped
from bot.errors import ChatGone, ModelError
from bot.generation import Ask, Draft, Generation, Limits
from bot.groups import FILES, LONG, OVERHEAR, SUPPORT, THREADS, choice
from bot.locale import Catalogue
from bot.personas import Personas
from bot.pictures import Pictures
from bot.plugins.api import PluginContext
from bot.plugins.host import PluginHost
from bot.ports import Channel, Clock, Conversations, Model, Models, Overheard, Telemetry, Turns
from bot.prompt import Summary
from bot.reading import above, files_in, joined, remarks_in
from bot.summaries import Summaries
from bot.tools import Toolbox
from bot.types import (
    HELPED,
    NO_THOUGHTS,
    Button,
    Conversation,
    Event,
    EventKind,
    FinishReason,
    Message,
    ModelRequest,
    Part,
    Person,
    Reply,
    Role,
    Sampling,
    Thoughts,
    Turn,
    TurnState,
)

log = logging.getLogger(__name__)
COUNT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way to a turn. `text` may differ from the event's (a retry)."""

    event: Event
    person: Person
    conversation: Conversation
    channel: Channel
    language: str
    text: str
    speaker: str = ""
    """Who asks, where several may."""
    attachments: tuple[Part, ...] = ()
    replaces: Turn | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that bear on a turn."""

    turn_timeout: float
    checkpoint_interval: float
    salt: str
    limits: Limits


class Turner:
    """Runs turns. One for the whole process."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        turns: Turns,
        overheard: Overheard,
        models: Models,
        personas: Personas,
        plugins: PluginHost,
        toolbox: Toolbox,
        summaries: Summaries,
        courier: Courier,
        catalogue: Catalogue,
        clock: Clock,
        telemetry: Telemetry,
        rules: Rules,
    ) -> None:
        self._conversations = conversations
        self._turns = turns
        self._overheard = overheard
        self._models = models
        self._personas = personas
        self._plugins = plugins
        self._toolbox = toolbox
        self._summaries = summaries
        self._courier = courier
        self._catalogue = catalogue
        self._clock = clock
        self._telemetry = telemetry
        self._rules = rules
        self._pictures = Pictures(clock)

    async def run(self, asked: Asked, hold: Hold) -> Turn:
        """Answer, deliver and save; returns the ended turn. Raises StorageError, and
        CancelledError when the process stops (the turn then goes on at the next start)."""
        turn = await self._turns.begin(
            asked.conversation,
            asked.event,
            person_id=asked.person.id,
            replaces=asked.replaces.id if asked.replaces else "",
        )
        if turn.state in (TurnState.DONE, TurnState.CANCELLED):
            return turn
        shown = self._courier.begin(
            asked.channel,
            asked.event.address,
            turn.id,
            asked.event.message_id,
            preview_buttons=(self._button(asked, "stop"),),
            enclose=self._enclose(asked),
            beyond=self._beyond(asked),
        )
        if turn.attempts > 1 or asked.replaces is not None:
            shown.resume(await self._turns.deliveries(turn.id))
        async with shown:
            if turn.state is not TurnState.DELIVERING:
                turn = await self._answer(turn, asked, hold, shown)
            hold.release()
            return await self.deliver(turn, shown, self._buttons(turn, asked))

    async def deliver(self, turn: Turn, shown: Shown, buttons: tuple[Button, ...]) -> Turn:
        """Show the stored answer, whole, and end the turn."""
        started = self._clock.monotonic()
        reply = Reply(
            turn.text,
            buttons,
            citations=turn.citations,
            usage=turn.usage,
            finish_reason=turn.finish_reason,
            thoughts=turn.thoughts,
        )
        try:
            await shown.finish(reply)
        except ChatGone as error:
            turn = replace(turn, error=turn.error or str(error))
            self._telemetry.count("errors", kind=type(error).__name__)
        state = end_state(turn.finish_reason)
        turn = replace(turn, state=state, ended_at=self._clock.time())
        await self._turns.finish(turn)
        self._telemetry.observe("deliver", self._clock.monotonic() - started)
        self._telemetry.observe("turn", turn.ended_at - turn.started_at)
        self._telemetry.count("turns", state=state.value)
        for kind, tokens in asdict(turn.usage).items():
            if tokens:
                self._telemetry.count("tokens", tokens, kind=kind, model=turn.model)
        return turn

    async def _answer(self, turn: Turn, asked: Asked, hold: Hold, shown: Shown) -> Turn:
        """Generate, and store the whole answer. A model's failures become answers that say so."""
        goes_on = turn.state is TurnState.GENERATING
        draft = Draft(turn.text, thoughts=turn.thoughts) if goes_on else Draft()
        ask: Ask | None = None
        error = ""
        try:
            async with hold.guard(Scope(self._clock, self._rules.turn_timeout)):
                ask = await self._ask(turn, asked, draft)
                turn = replace(turn, model=ask.model.name)
                await self._generate(turn, ask, draft, asked, shown)
        except Ended as ended:
            draft.finish_reason, key = stopped(ended.reason, draft.text)
            draft.note = self._catalogue.say(asked.language, key)
            if draft.finish_reason == FinishReason.TAKEN:  # they were for no answer
                draft.thoughts = NO_THOUGHTS
        except ModelError as failure:
            error = str(failure) or type(failure).__name__
            log.warning("turn %s failed: %s", turn.id, error)
            self._telemetry.count("errors", kind=type(failure).__name__)
            draft.finish_reason = FinishReason.ERROR
            draft.note = self._catalogue.say(asked.language, apology(failure))
        return await self._save(turn, draft, asked, ask, error)

    async def _ask(self, turn: Turn, asked: Asked, draft: Draft) -> Ask:
        """Everything that the model is asked with."""
        started = self._clock.monotonic()
        conversation = asked.conversation
        persona = self._personas.of(conversation)
        first_turn = conversation.first_turn
        if not self._model_of(conversation).generates:  # it quotes: the last question is enough
            first_turn = max(first_turn, turn.number - 1)
        history = await self._conversations.history(
            conversation.id, first_turn=first_turn, before_turn=turn.number
        )
        if first_turn == 1:
            history = [*await above(self._turns, asked.event), *history]
        context = self.context(asked, history)
        added, draft.passages = joined(await self._plugins.gather(context))
        files = await files_in(asked.channel, asked.attachments)
        kept, passing = below(files, added), await self._said_before(asked)
        if restricted(draft.passages):
            kept, passing = files, below(added, passing)
        question = Message(
            Role.USER,
            asked.text,
            context=below(kept, passing),
            name=asked.speaker,
            attachments=asked.attachments,
            turn=turn.number,
        )
        pictures = {}
        if context.model.sees:
            pictures = await self._pictures.of(asked.channel, [*history, question], context.model.name)
        self._telemetry.observe("context", self._clock.monotonic() - started)
        return Ask(
            model=context.model,
            system=await self._personas.system(persona, context.model),
            history=history,
            question=question,
            passing=passing,
            pictures=pictures,
            summary=Summary(conversation.first_turn, conversation.summary, conversation.summary_tokens),
            context_turn=conversation.context_turn,
            prepared=self._summaries.prepared(conversation),
            sampling=(asked.event.sampling or Sampling()).over(persona.sampling),
            request=ModelRequest(
                messages=(),
                tools=self._toolbox.specs if context.model.generates else (),
                session=conversation.address.key,
                request_id=turn.id,
                salt=self._rules.salt,
                language=asked.language,
            ),
            plugin_context=context,
        )

    async def _said_before(self, asked: Asked) -> str:
        if asked.event.private or choice(asked.conversation, OVERHEAR) != "on":
            return ""
        return remarks_in(await self._overheard.recent(asked.conversation.id))

    def context(self, asked: Asked, history: Sequence[Message] = ()) -> PluginContext:
        """What plugins are given with this question."""
        conversation = asked.conversation
        return PluginContext(
            event=replace(
                asked.event, kind=EventKind.MESSAGE, parts=(Part(text=asked.text), *asked.attachments)
            ),
            person=asked.person,
            conversation=conversation,
            history=history,
            model=self._model_of(conversation),
            language=asked.language,
            person_store=self._plugins.store_of(asked.person),
            conversation_store=self._plugins.store_of(conversation),
            clock=self._clock,
        )

    def _model_of(self, conversation: Conversation) -> Model:
        return self._models.get(self._personas.of(conversation).model) or self._models.default()

    async def _generate(self, turn: Turn, ask: Ask, draft: Draft, asked: Asked, shown: Shown) -> None:
        checkpoints = Checkpoints(self._turns, turn.id, self._clock, self._rules.checkpoint_interval)

        def show(text: str, thoughts: Thoughts) -> None:
            shown.show(text, thoughts)
            if text and not draft.steps:  # with tool calls before it, a text cannot be continued
                checkpoints.offer(text, thoughts)

        generation = Generation(
            ask,
            draft,
            self._toolbox,
            self._rules.limits,
            clock=self._clock,
            telemetry=self._telemetry,
            show=show,
            activity=shown.activity,
            say=partial(self._catalogue.say, asked.language),
            thoughts=asked.channel.capabilities(asked.event.address).thoughts,
        )
        started = self._clock.monotonic()
        try:
            await generation.run()
        except asyncio.CancelledError:
            checkpoints.flush()
            raise
        finally:
            await checkpoints.close()
            self._pictures.refuse(asked.channel, draft.unseen, ask.model.name)
            self._telemetry.observe("generate", self._clock.monotonic() - started)
        await self._settle_window(generation.ask, draft)

    async def _settle_window(self, ask: Ask, draft: Draft) -> None:
        """Keep a cut that the prompt made, and prepare the summary of the next one."""
        prompt = draft.prompt
        conversation = ask.plugin_context.conversation
        if prompt is None or not ask.model.generates:
            return
        if prompt.summary.first_turn > conversation.first_turn:
            self._telemetry.count("window_cuts")
            await self._conversations.cut(
                conversation.id,
                first_turn=prompt.summary.first_turn,
                context_turn=prompt.context_turn,
                summary=prompt.summary.text,
                summary_tokens=prompt.summary.tokens,
            )
        else:
            self._summaries.consider(ask, prompt)

    async def _save(self, turn: Turn, draft: Draft, asked: Asked, ask: Ask | None, error: str) -> Turn:
        """Store the answer and its messages. An answer anew that failed leaves the old one be."""
        text, citations = cite(draft.text, draft.passages)
        turn = replace(
            turn,
            state=TurnState.DELIVERING,
            text=below(text, draft.note),
            citations=citations,
            thoughts=draft.thoughts,
            usage=draft.usage,
            finish_reason=draft.finish_reason or FinishReason.STOP,
            error=error,
        )
        old = asked.replaces
        if (
            error
            and old is not None
            and old.state is TurnState.DONE
            and asked.event.kind is not EventKind.EDIT
        ):
            restored = below(old.text, draft.note)
            turn = replace(
                turn,
                text=restored,
                citations=old.citations,
                thoughts=old.thoughts,
                finish_reason=FinishReason.STOP,
            )
            await self._turns.finish(turn)
            return turn
        plain = Message(Role.USER, asked.text, name=asked.speaker, attachments=asked.attachments)
        messages = history_of(plain, ask, draft, failed=bool(error))
        if ask is not None and not error and not draft.note:
            messages = await self._counted(ask.model, messages)
        await self._turns.finish(turn, [replace(m, turn=turn.number, step=i) for i, m in enumerate(messages)])
        return turn

    async def _counted(self, model: Model, messages: list[Message]) -> list[Message]:
        """With the counts that the stream did not tell; a server that is slow to count is not
        waited for: what stays uncounted is counted when it matters."""
        try:
            async with Scope(self._clock, COUNT_SECONDS):
                return await counted(model, messages)
        except Ended:
            return messages

    def _buttons(self, turn: Turn, asked: Asked) -> tuple[Button, ...]:
        caps, own = asked.channel.capabilities(asked.event.address), list[Button]()
        if caps.solves and choice(asked.conversation, SUPPORT) != "off":
            own.append(self._button(asked, HELPED))
        own += (self._button(asked, "retry"), Button("👍", "up"), Button("👎", "down"))
        if turn.citations and not caps.cites:
            own.append(self._button(asked, "sources"))
        return tuple(own)

    def _enclose(self, asked: Asked) -> Enclose | None:
        most = asked.channel.capabilities(asked.event.address).most_parts
        if not most or choice(asked.conversation, FILES) == "off":
            return None
        return Enclose(most, self._catalogue.say(asked.language, "turn.whole"))

    def _beyond(self, asked: Asked) -> str:
        """The title of the thread that a long answer goes on in; "" where it goes on in the chat."""
        able = asked.channel.capabilities(asked.event.address).threads and not asked.event.private
        wanted = able and choice(asked.conversation, THREADS) == LONG
        return (" ".join(asked.text.split()) or asked.speaker or "…") if wanted else ""

    def _button(self, asked: Asked, what: str) -> Button:
        return Button(self._catalogue.say(asked.language, f"button.{what}"), what)
