"""An answer as a stream of events: all of it so far, then what is new, until it has ended.

The channel tells what changes; the store is what is true. A reader looks into the store when it
attaches and whenever the channel has been silent for a while, so that an answer of a process that
died, or of another process, is found and ended all the same. Whether there is none to come is
the inbox's to say: a question may wait for its turn as long as it must.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from adapters.web.blocks import Blocks, Renderer, Told
from adapters.web.channel import Stream, WebChannel
from adapters.web.identity import AnswerId
from bot.errors import StorageError
from bot.ports import Clock, Turns
from bot.types import NO_THOUGHTS, FinishReason, Outgoing, Thoughts, Turn, TurnState, Usage

LOOK_SECONDS = 2.0
HEARTBEAT_LOOKS = 5
GONE_LOOKS = 2
"""An apology may follow the end of its event: so many looks in a row must find nothing."""
_GONE = {
    "unanswered": "There is no answer to this message.",
    "lost": "This answer is not available any more.",
}
Pending = Callable[[str], Awaitable[bool]]


def event_key(event_id: str) -> str:
    """The key that `Event.key` gives an event of the page."""
    return f"web/web/{quote(event_id, safe='')}"


async def message_of(turns: Turns, turn: Turn) -> str:
    """The id of the message that shows this turn; "" if there is none (any more)."""
    rows = await turns.deliveries(turn.id)
    return rows[0].message_id if rows else ""


class Answer:
    """One reader's way through one answer. `follow` it once."""

    def __init__(
        self,
        answer: AnswerId,
        channel: WebChannel,
        turns: Turns,
        pending: Pending,
        clock: Clock,
        *,
        html: Renderer | None = None,
    ) -> None:
        self._id = answer
        self._key = event_key(answer.text)
        self._pending = pending
        self._channel = channel
        self._turns = turns
        self._clock = clock
        self._message_id = ""
        self._text = ""
        self._thoughts = NO_THOUGHTS
        self._activity = ""
        self._blocks = Blocks(html, clock) if html is not None else None

    async def follow(self, *, fresh: bool) -> AsyncIterator[Told]:
        """`fresh`: the question was put just now, so that the store cannot know it yet."""
        yield Told("start", {"id": self._id.text, "conversation": self._id.conversation})
        woken = asyncio.Event()
        looks = gone = 0
        turn = None if fresh else await self._stored()
        while True:
            if turn is not None and turn.state in _WHOLE:
                async for told in self._ending(_outgoing(turn), turn):
                    yield told
                return
            if turn is not None and not self._text:
                if turn.text:
                    for told in self._thought(turn.thoughts, turn.text):
                        yield told
                async for told in self._progress(turn.text):
                    yield told
            stream = self._channel.find(self._id.text, self._message_id)
            async for told in self._live(stream, woken):
                yield told
                if told.name in ("done", "error"):
                    return
            if self._channel.closing:
                return
            turn = await self._stored()
            looks, gone = looks + 1, gone + 1 if turn is None and await self._gone() else 0
            if gone >= GONE_LOOKS:
                yield await self._farewell()
                return
            if looks % HEARTBEAT_LOOKS == 0:
                yield Told()

    async def _live(self, stream: Stream, woken: asyncio.Event) -> AsyncIterator[Told]:
        """What is new, until the answer has ended or nothing has happened for a while."""
        with self._channel.reading(stream, woken):
            while True:
                now = stream.now
                if now.final:
                    async for told in self._ending(now, await self._stored()):
                        yield told
                    return
                async for told in self._news(now):
                    yield told
                if self._channel.closing or (stream.now is now and not await self._wait(woken)):
                    return

    async def _wait(self, woken: asyncio.Event) -> bool:
        """True after a change (or when HTML is due); False after `LOOK_SECONDS` without one."""
        due = self._blocks.due_in(self._text) if self._blocks else None
        quiet = due is None
        timer = self._clock.call_later(LOOK_SECONDS if due is None else due, woken.set)
        before = self._clock.monotonic()
        try:
            await woken.wait()
        finally:
            timer.cancel()
            woken.clear()
        return not quiet or self._clock.monotonic() - before < LOOK_SECONDS

    async def _news(self, now: Outgoing) -> AsyncIterator[Told]:
        if now.activity != self._activity:
            self._activity = now.activity
            yield Told("activity", {"text": now.activity})
        if now.thoughts.text or now.text:
            for told in self._thought(now.thoughts, now.text):
                yield told
        async for told in self._progress(now.text or self._text):
            yield told

    def _thought(self, thoughts: Thoughts, text: str) -> Iterator[Told]:
        """The way from what was told of the thoughts to these, beside this much of the answer."""
        before = self._thoughts
        if thoughts == before or not self._channel.thoughts:
            return
        self._thoughts = thoughts
        anew = not thoughts.text.startswith(before.text)
        more = thoughts.text if anew else thoughts.text[len(before.text) :]
        news = {"text": more, "seconds": round(thoughts.seconds, 1), "cut": thoughts.cut}
        yield Told("thought", {**news, "anew": anew, "thinking": bool(thoughts.text) and not text})

    async def _progress(self, text: str, *, ends: bool = False) -> AsyncIterator[Told]:
        """The way from what was told to `text`."""
        before, self._text = self._text, text
        if not text.startswith(before):
            yield Told("replace", {"text": text})
        elif delta := text[len(before) :]:
            yield Told("chunk", {"text": delta})
        if self._blocks is not None and (told := await self._blocks.changed(text, ends=ends)):
            yield told

    async def _ending(self, out: Outgoing, turn: Turn | None) -> AsyncIterator[Told]:
        for told in self._thought(out.thoughts, out.text):
            yield told
        async for told in self._progress(out.text, ends=True):
            yield told
        yield Told("citations", [asdict(c) for c in out.citations])
        done: dict[str, Any] = {"finish_reason": str(out.finish_reason or FinishReason.STOP)}
        if turn is not None and turn.usage != Usage():
            done["usage"] = asdict(turn.usage)
        yield Told("done", done)

    async def _stored(self) -> Turn | None:
        try:
            turn = await self._turns.of_event(self._key)
            if turn is not None and not turn.state.ended and not self._message_id:
                self._message_id = await message_of(self._turns, turn)
            return turn
        except StorageError:
            return None  # the channel goes on telling; the store is asked again

    async def _gone(self) -> bool:
        """Whether it is certain that there is no turn and none to come."""
        try:
            return not await self._pending(self._key) and await self._turns.of_event(self._key) is None
        except StorageError:
            return False

    async def _farewell(self) -> Told:
        """Refused in silence, or answered outside of turns, of which the store keeps no text."""
        try:
            answered = bool(await self._turns.deliveries(f"event:{self._key}"))
        except StorageError:
            answered = False
        code = "lost" if answered else "unanswered"
        return Told("error", {"message": _GONE[code], "code": code})


_WHOLE = (TurnState.DELIVERING, TurnState.DONE, TurnState.CANCELLED, TurnState.FAILED)


def _outgoing(turn: Turn) -> Outgoing:
    return Outgoing(
        turn.text,
        turn.text,
        citations=turn.citations,
        finish_reason=turn.finish_reason,
        thoughts=turn.thoughts,
        final=True,
    )
