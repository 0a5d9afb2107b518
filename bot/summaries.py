"""Summaries of what the next cut of a window will leave out, written ahead in the background.

A summary that came after its cut would change the prompt's head a second time, and the cached
prefix with it. So it is asked for when the window is three quarters full, for just the turns that
the cut will take, as a continuation of the same prefix; it takes effect with the cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from functools import partial

from msgspec import ValidationError, convert

from bot.clock import Ended, Scope
from bot.errors import ModelError, StorageError
from bot.generation import Ask
from bot.ports import Clock, Conversations, Model
from bot.prompt import Prompt, Summary, alternating, cut_at, tokens_of, unseen
from bot.types import Conversation, Message, ModelRequest, Priority, Role, Sampling

log = logging.getLogger(__name__)
KEY = "prepared_summary"
FULL = 0.75
DEADLINE = 300.0
REST = 600.0
MANY = 4096
LENGTH = 256
"""Tokens of a summary, at most."""
_INSTRUCTION = (
    "Summarise the conversation above in at most 150 words, in its language: what the person "
    "wants, facts and decisions worth remembering, open questions. Write the summary only."
)


class Summaries:
    """Prepared summaries wait in the conversation's settings, so that a restart keeps them."""

    def __init__(self, conversations: Conversations, clock: Clock, *, enabled: bool) -> None:
        self._conversations = conversations
        self._clock = clock
        self._enabled = enabled
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._resting: dict[int, float] = {}
        """Until when a conversation whose summary failed is left alone."""

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """On leaving, summaries under way are given up: they can be written again."""
        try:
            yield
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def prepared(self, conversation: Conversation) -> Summary | None:
        """The summary that waits for this conversation's next cut."""
        try:
            summary = convert(conversation.settings.get(KEY), Summary)
        except ValidationError:  # none, or one of another version's
            return None
        return summary if summary.first_turn > conversation.first_turn else None

    def consider(self, ask: Ask, prompt: Prompt) -> None:
        """Begin a summary if the window is nearly full and none waits. Never waits itself."""
        conversation = ask.plugin_context.conversation
        busy = conversation.id in self._tasks or ask.prepared is not None
        words = sum(tokens_of(unseen(m)) for m in prompt.messages)  # pictures give way to them
        if not self._enabled or busy or words < FULL * prompt.budget:
            return
        if self._clock.monotonic() < self._resting.get(conversation.id, 0):
            return
        task = asyncio.create_task(self._prepare(ask, prompt, conversation.id))
        self._tasks[conversation.id] = task
        task.add_done_callback(partial(self._ended, conversation.id))

    async def wait(self) -> None:
        """Until no summary is under way."""
        await asyncio.gather(*self._tasks.values())

    async def _prepare(self, ask: Ask, prompt: Prompt, conversation_id: int) -> None:
        head = prompt.messages[0]
        history = [unseen(m) for m in prompt.messages[1:] if m.turn < ask.question.turn]
        asked = tokens_of(unseen(ask.question))
        first_turn = cut_at(history, room=prompt.budget - tokens_of(head) - asked)
        gone = [m for m in history if m.turn < first_turn]
        if not gone:
            return
        try:
            async with Scope(self._clock, DEADLINE):
                summary = await self._write(ask.model, [head, *gone], ask.request, first_turn)
            await self._conversations.update(conversation_id, settings={KEY: asdict(summary)})
        except (ModelError, StorageError, Ended) as error:
            log.warning("no summary for conversation %d: %s", conversation_id, error)
            if len(self._resting) >= MANY:
                self._resting.clear()
            self._resting[conversation_id] = self._clock.monotonic() + REST

    def _ended(self, conversation_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(conversation_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the summary of conversation %d failed", conversation_id, exc_info=error)

    async def _write(
        self, model: Model, messages: list[Message], like: ModelRequest, first_turn: int
    ) -> Summary:
        request = replace(
            like,
            messages=alternating([*messages, Message(Role.USER, _INSTRUCTION)]),
            sampling=Sampling(temperature=0.2, max_tokens=LENGTH),
            request_id=f"{like.request_id}-summary",
            priority=Priority.BATCH,
        )
        text, tokens, reasoned = "", 0, False
        async with contextlib.aclosing(model.stream(request)) as stream:
            async for chunk in stream:
                text += chunk.text
                reasoned = reasoned or bool(chunk.reasoning)
                tokens = chunk.usage.completion if chunk.usage else tokens
        if not text.strip():
            raise ModelError("an empty summary")
        return Summary(first_turn, text.strip(), 0 if reasoned else tokens)
