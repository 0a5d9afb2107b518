"""A growing text -> paced platform messages that a crash cannot double, cut or reorder.

Each part of an answer is one row (turn, part) -> platform message. The row is written in state
SENDING before the first send and SENT after it; everything later is an edit of that message,
which may be repeated. Where the platform takes an idempotency key, a send repeated after a crash
is no second message. Where it takes none, the first send is an opening: a few words of the text,
fit for a notification, and never all of it. What a crash can double is the opening, never the text
(policy AT_LEAST_ONCE); with AT_MOST_ONCE the whole text is the first send, and one whose outcome a
crash hid is taken as sent.

Where a chat shows drafts, a part that still grows is one: its message is sent when it is whole. In
a chat that refuses them it is a message that is edited, from the next preview on.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.enclosures import Enclose
from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    DraftsRefused,
    MarkupRefused,
    MessageGone,
    RetryAfter,
)
from bot.markup import Rendered, parts, visible
from bot.outgoing import OPENING, PLACEHOLDER, digest, is_file, messages, opening
from bot.pacing import Pacer
from bot.ports import Channel, Clock, Telemetry, Turns
from bot.settings import AmbiguousSend
from bot.types import (
    NO_THOUGHTS,
    Address,
    Button,
    Capabilities,
    Delivery,
    DeliveryState,
    Markup,
    Outgoing,
    Reply,
    Thoughts,
)

__all__ = ["OPENING", "PLACEHOLDER", "Courier", "Shown"]

log = logging.getLogger(__name__)
DRAFT_SECONDS = 20.0
"""A draft that did not change is shown again after so long: platforms let it vanish."""
TYPING_SECONDS = 4.5
MOST_GONE = 3
"""How often a message that vanished is sent anew."""


@dataclass(frozen=True, slots=True)
class Courier:
    """What all deliveries share."""

    turns: Turns
    pacer: Pacer
    clock: Clock
    telemetry: Telemetry
    ambiguous: AmbiguousSend = AmbiguousSend.AT_LEAST_ONCE

    def begin(
        self,
        channel: Channel,
        address: Address,
        turn_id: str,
        reply_to: str,
        *,
        preview_buttons: tuple[Button, ...] = (),
        enclose: Enclose | None = None,
        beyond: str = "",
    ) -> Shown:
        """`beyond`: the title of a thread for what the answer has beyond its first message; "" for none."""
        return Shown(self, channel, address, turn_id, reply_to, preview_buttons, enclose, beyond)


class Shown:
    """One turn's answer on its platform.

    ``async with courier.begin(…) as shown:`` then `show` the text whenever it has grown, and
    `finish` it once. `show` and `activity` never wait; previews are coalesced to the newest text.
    """

    def __init__(
        self,
        courier: Courier,
        channel: Channel,
        address: Address,
        turn_id: str,
        reply_to: str,
        preview_buttons: tuple[Button, ...],
        enclose: Enclose | None,
        beyond: str,
    ) -> None:
        self._courier = courier
        self._channel = channel
        self._address = address
        self._turn_id = turn_id
        self._reply_to = reply_to
        self._caps: Capabilities = channel.capabilities(address)
        self._preview_buttons = preview_buttons if self._caps.preview_buttons else ()
        self._enclose, self._beyond = enclose, beyond
        self._rows: dict[int, Delivery] = {}
        self._gone: Counter[int] = Counter()
        self._tried: set[str] = set()
        self._resumed = False
        self._text = ""
        self._thoughts = NO_THOUGHTS
        self._activity = ""
        self._draft = ""
        """What the draft shows, as a digest; "" when it must be shown (again)."""
        self._changed = asyncio.Event()
        self._calling = asyncio.Lock()
        self._previews: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Shown:
        if self._caps.edits or self._caps.drafts or self._caps.typing:
            self._previews = asyncio.create_task(self._preview_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_previews()

    def resume(self, rows: Sequence[Delivery]) -> None:
        """What an earlier attempt has sent. What those messages show by now is not known, files apart:
        they do not change."""
        self._resumed = True
        self._rows = {row.part: row if is_file(row) else replace(row, digest="") for row in rows}

    def show(self, text: str, thoughts: Thoughts = NO_THOUGHTS) -> None:
        """The text so far, and what was thought for it. Until there is any, the earlier text stays."""
        self._text = text or self._text
        self._thoughts = thoughts if self._caps.thoughts else NO_THOUGHTS
        self._activity = ""
        self._changed.set()

    def activity(self, text: str) -> None:
        """What is being done while no text grows."""
        self._activity = text
        self._changed.set()

    async def finish(self, reply: Reply) -> None:
        """Show the whole reply, however long flood control or an outage takes.

        On return every part is on the platform, and parts of an earlier, longer text are deleted.
        Raises ChatGone if the chat takes no more messages.
        """
        await self._stop_previews()
        outs = messages(reply, self._caps, self._enclose)
        try:
            await self._settle_all(outs)
        except ChannelError as error:
            if self._enclose is None or not any(out.attachment for out in outs):
                raise
            log.info("turn %s: %s; sending it without files", self._turn_id, error)
            self._enclose = None
            outs = messages(reply, self._caps, self._enclose)
            await self._settle_all(outs)
        surplus = [row for part, row in self._rows.items() if part >= len(outs)]
        for row in surplus:
            if row.message_id:
                await self._insist(partial(self._take_away, row))
        if surplus:
            await self._courier.turns.drop_deliveries(self._turn_id, len(outs))

    # previews

    async def _preview_loop(self) -> None:
        while not self._visible():
            self._changed.clear()
            async with self._calling:
                await self._show_typing()
            timer = self._courier.clock.call_later(TYPING_SECONDS, self._changed.set)
            await self._changed.wait()
            timer.cancel()
        while self._caps.edits or self._caps.drafts:
            timer = self._courier.clock.call_later(DRAFT_SECONDS, self._refresh_draft)
            await self._changed.wait()
            timer.cancel()
            async with self._courier.pacer.call(self._address, self._caps, final=False):
                self._changed.clear()
                async with self._calling:
                    await self._preview()

    def _visible(self) -> bool:
        return visible(self._text) or self._doing

    @property
    def _doing(self) -> bool:
        """Whether something stands where no text is to be seen yet."""
        return bool((self._caps.activity and self._activity) or self._thoughts.text)

    async def _show_typing(self) -> None:
        if not self._caps.typing:
            return
        try:
            await self._channel.typing(self._address)
        except RetryAfter as error:
            self._courier.pacer.block(self._address, error.seconds)
        except (ChannelUnavailable, ChatGone) as error:
            log.debug("typing: %s", error)

    async def _preview(self) -> None:
        """One call towards the newest text; a failure is left to the next preview."""
        rendered = parts(self._text, self._caps.markup, self._caps.text_limit)
        if self._enclose is not None:
            rendered = rendered[: self._enclose.most_parts]
        if not rendered and self._doing:
            rendered = [Rendered("", "")]
        index = -1
        try:
            for index, part in enumerate(rendered):
                out = replace(self._outgoing(part), activity=self._activity)
                if index == 0:
                    out = replace(out, thoughts=self._thoughts)
                if index == len(rendered) - 1:
                    if self._caps.drafts and index not in self._rows:
                        return await self._show_draft(index, out)
                    out = replace(out, buttons=self._preview_buttons)
                if not self._fresh(index, out):
                    await self._step(index, out)
                    if index < len(rendered) - 1 or not self._fresh(index, out):
                        self._changed.set()
                    return
        except RetryAfter as error:
            self._courier.telemetry.count("flood_waits", kind="preview")
            self._courier.pacer.block(self._address, error.seconds)
            self._changed.set()
        except MessageGone:
            self._forget(index)
        except DraftsRefused as error:
            log.info("turn %s: %s; showing it as a message", self._turn_id, error)
            self._caps = replace(self._caps, drafts=False)
            self._changed.set()
        except (ChannelUnavailable, MarkupRefused, ChatGone) as error:
            log.debug("preview of turn %s: %s", self._turn_id, error)

    async def _show_draft(self, index: int, out: Outgoing) -> None:
        shown = f"{index}:{digest(out, self._caps)}"
        if shown != self._draft:
            await self._channel.draft(self._address, f"{self._turn_id}:{index}", out)
            self._draft = shown

    def _refresh_draft(self) -> None:
        if self._draft:
            self._draft = ""
            self._changed.set()

    async def _stop_previews(self) -> None:
        """End the previews, never in the middle of a call: its outcome would be unknown."""
        task, self._previews = self._previews, None
        if task is None:
            return
        async with self._calling:
            task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    # single messages

    async def _settle_all(self, outs: Sequence[Outgoing]) -> None:
        for index, out in enumerate(outs):
            await self._settle(index, out)

    async def _settle(self, index: int, out: Outgoing) -> None:
        """Make part `index` show `out`, for good."""
        while not self._fresh(index, out):
            try:
                await self._insist(partial(self._step, index, out))
            except MarkupRefused as error:
                if out.markup is Markup.PLAIN:
                    raise ChatGone(f"the platform refuses even the plain text: {error}") from error
                log.warning("turn %s: %s; sending it plain", self._turn_id, error)
                out = replace(out, text=out.plain, markup=Markup.PLAIN)
            except MessageGone as error:
                if self._gone[index] >= MOST_GONE:
                    raise ChatGone(f"messages vanish as soon as they are sent: {error}") from error
                log.info("turn %s: %s; sending it anew", self._turn_id, error)
                self._forget(index)

    async def _insist(self, call: Callable[[], Awaitable[None]]) -> None:
        """Call until it is done: waits out flood control and outages, with a growing pause."""
        courier, pause = self._courier, 0.5
        while True:
            try:
                async with courier.pacer.call(self._address, self._caps, final=True):
                    return await call()
            except RetryAfter as error:
                courier.telemetry.count("flood_waits", kind="final")
                courier.pacer.block(self._address, error.seconds)
            except ChannelUnavailable as error:
                log.warning("turn %s: %s; trying again in about %.1f s", self._turn_id, error, pause)
                await courier.clock.sleep(pause * random.uniform(0.75, 1.25))
                pause = min(pause * 2, 30.0)

    async def _step(self, index: int, out: Outgoing) -> None:
        """One call that brings part `index` nearer to `out`: its first send, an edit, or away with a file
        that it was or is to be."""
        row = self._rows.get(index)
        if row is None or row.state is DeliveryState.SENDING:
            await self._send(index, out, row)
            return
        if is_file(row) or out.attachment is not None:
            if row.message_id:
                await self._take_away(row)
            return self._forget(index)
        if row.message_id:
            await self._channel.edit(await self._place(index), row.message_id, out)
        self._rows[index] = replace(row, digest=digest(out, self._caps))

    async def _send(self, index: int, out: Outgoing, row: Delivery | None) -> None:
        keyed, policy = self._caps.idempotent_sends, self._courier.ambiguous
        if row is None:
            row = Delivery(self._turn_id, index, DeliveryState.SENDING)
            if not keyed:
                await self._store(row)
        elif not keyed and policy is AmbiguousSend.AT_MOST_ONCE:
            taken = digest(out, self._caps) if out.attachment is not None else ""
            await self._store(replace(row, state=DeliveryState.SENT, digest=taken))
            return
        exposed = not keyed and self._caps.edits and policy is AmbiguousSend.AT_LEAST_ONCE
        first = opening(out) if exposed and out.attachment is None else out
        key = f"{row.key}:{self._gone[index]}" if self._gone[index] else row.key
        known = not (keyed and (self._resumed or key in self._tried))  # else it may show an earlier text
        if out.attachment is not None:
            key, known = f"{key}:{digest(out, self._caps)}", True
        if before := self._rows.get(index - 1):
            first = replace(first, follows=before.message_id)
        first_try = key not in self._tried
        self._tried.add(key)
        try:
            message_id = await self._channel.send(
                await self._place(index), first, key=key, reply_to=self._reply_to if index == 0 else ""
            )
        except (RetryAfter, MarkupRefused, MessageGone):
            if first_try:  # what became of an earlier one is no clearer
                self._tried.discard(key)
            await self._unsent(index)
            raise
        now = digest(first, self._caps) if known else ""
        sent = replace(row, state=DeliveryState.SENT, message_id=message_id, digest=now)
        await self._store(sent)

    async def _take_away(self, row: Delivery) -> None:
        await self._channel.delete(await self._place(row.part), row.message_id)

    async def _place(self, index: int) -> Address:
        """Where this part is: what is beyond the first may be in a thread of that."""
        first = self._rows.get(0)
        if not self._beyond or index == 0 or first is None or not first.message_id:
            return self._address
        return await self._channel.continue_under(self._address, first.message_id, self._beyond)

    async def _unsent(self, index: int) -> None:
        """The platform said that it did not take the first send: its outcome is no riddle."""
        if not self._caps.idempotent_sends and self._courier.ambiguous is AmbiguousSend.AT_MOST_ONCE:
            await self._courier.turns.drop_deliveries(self._turn_id, index)
            self._rows.pop(index, None)

    async def _store(self, row: Delivery) -> None:
        await self._courier.turns.put_delivery(row)
        self._rows[row.part] = row

    def _forget(self, index: int) -> None:
        """This part's message is gone: the next step sends it anew, by another key."""
        self._gone[index] += 1
        self._rows.pop(index, None)

    def _fresh(self, index: int, out: Outgoing) -> bool:
        """Whether the platform shows just this, or what was sent and can no longer be changed."""
        row = self._rows.get(index)
        if row is None or row.state is not DeliveryState.SENT:
            return False
        files = is_file(row) or out.attachment is not None
        return (not self._caps.edits and not files) or row.digest == digest(out, self._caps)

    def _outgoing(self, part: Rendered) -> Outgoing:
        return Outgoing(part.text, part.plain, markup=self._caps.markup)
