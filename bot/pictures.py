"""The pictures of a conversation that the model is shown.

History refers to them. For each question those that are shown are fetched from their platform and
prepared (`bot.imaging`), once, and kept in memory for the questions that follow. One that cannot be
fetched or read is there in words alone, as all are for a model that does not see.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.clock import Ended, Scope
from bot.errors import ChannelError, FileRefused
from bot.imaging import MOST_BYTES, prepared
from bot.ports import Channel, Clock, Timer
from bot.types import Message, Part, PartKind, Picture

log = logging.getLogger(__name__)
MOST = 10
"""Pictures that are shown at once: as many as one message of each platform can bring."""
SECONDS = 20.0
"""One picture is waited for so long."""
KEPT = 32_000_000
"""Bytes of prepared pictures that are kept, in base64: some hundred and fifty."""
KEPT_SECONDS = 3600.0
"""After it was last asked for one is kept so long: what people delete does not stay in memory either."""
_UNREADABLE = 1_000
"""Bytes that one counts for of which only is known that it is none."""
RESTING_SECONDS = 60.0
"""One that could not be fetched just now is not asked for again so long: each question would wait for it."""
REFUSED_SECONDS = 600.0
"""One that a model's server did not take is not shown to that model so long: each answer would wait for a
refusal first, and of another picture, or another's, it says nothing."""
_FETCHED_AT_ONCE = 4
"""Of one platform: one that hangs keeps no other from its pictures."""
_PREPARED_AT_ONCE = 2
_TYPES = ("image/jpeg", "image/jpg", "image/png", "image/webp", "image/gif")


def is_picture(part: Part) -> bool:
    """Whether a model that sees may be shown it; a file that was sent as such is a picture, too."""
    if part.kind not in (PartKind.IMAGE, PartKind.FILE) or not part.ref:
        return False
    return part.media_type in _TYPES or (part.kind is PartKind.IMAGE and not part.media_type)


def newest(messages: Sequence[Message], most: int = MOST) -> list[tuple[Part, ...]]:
    """Of each message the pictures that are shown: all of the last messages that have any, `most`
    together. When one more would be too many, those before give way until half are left, so that the
    beginning of the prompt changes once in several pictures."""
    chosen: list[tuple[Part, ...]] = []
    first = count = 0
    for message in messages:
        chosen.append(tuple(part for part in message.attachments if is_picture(part))[:most])
        count += len(chosen[-1])
        if count <= most:
            continue
        while first < len(chosen) - 1 and count > most // 2:
            count -= len(chosen[first])
            chosen[first] = ()
            first += 1
    return chosen


def shown(messages: Sequence[Message], pictures: Mapping[str, Picture]) -> list[Message]:
    """The messages with those of their pictures, by reference, that the model is shown."""
    found = [
        tuple(pictures[part.ref] for part in parts if part.ref in pictures) for parts in newest(messages)
    ]
    return [replace(m, pictures=p) if p else m for m, p in zip(messages, found, strict=True)]


def references(messages: Sequence[Message], pictures: Mapping[str, Picture]) -> frozenset[str]:
    """Those of these pictures that the messages show."""
    found = {id(picture) for message in messages for picture in message.pictures}
    return frozenset(ref for ref, picture in pictures.items() if id(picture) in found)


@dataclass(slots=True)
class _Kept:
    """A prepared picture; None: it is known that there is none, `until` then."""

    picture: Picture | None
    used_at: float
    until: float = math.inf

    @property
    def size(self) -> int:
        return len(self.picture.base64) if self.picture is not None else _UNREADABLE


class Pictures:
    """Fetches, prepares and keeps pictures. One for the whole process."""

    def __init__(self, clock: Clock, *, prepare: Callable[[bytes], Picture] = prepared) -> None:
        self._clock = clock
        self._prepare = prepare
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        """The one that was asked for last is the last."""
        self._size = 0
        self._refused: dict[tuple[str, str, str], float] = {}
        """Until when, by model, platform and reference."""
        self._fetching = defaultdict[str, asyncio.Semaphore](partial(asyncio.Semaphore, _FETCHED_AT_ONCE))
        """By platform."""
        self._preparing = asyncio.Semaphore(_PREPARED_AT_ONCE)
        self._work = set[asyncio.Task[Picture]]()
        self._timer: Timer | None = None

    async def of(self, channel: Channel, messages: Sequence[Message], model: str) -> dict[str, Picture]:
        """The pictures of these messages that this model is shown, by reference; without those that
        cannot be fetched or read, or were refused lately. Raises nothing, and takes little more than
        `SECONDS`."""
        self._forget()
        refused = {
            ref for name, platform, ref in self._refused if (name, platform) == (model, channel.platform)
        }
        parts = {p.ref: p for chosen in newest(messages) for p in chosen if p.ref not in refused}
        found = await asyncio.gather(*(self._picture(channel, part) for part in parts.values()))
        return {ref: picture for ref, picture in zip(parts, found, strict=True) if picture is not None}

    def refuse(self, channel: Channel, references: Iterable[str], model: str) -> None:
        """The model's server did not take these."""
        until = self._clock.monotonic() + REFUSED_SECONDS
        self._refused |= {(model, channel.platform, ref): until for ref in references}

    async def _picture(self, channel: Channel, part: Part) -> Picture | None:
        key, now = (channel.platform, part.ref), self._clock.monotonic()
        if (kept := self._kept.get(key)) is not None and now < kept.until:
            self._kept.move_to_end(key)
            kept.used_at = now
            return kept.picture
        picture, until = None, math.inf
        try:
            async with Scope(self._clock, SECONDS):
                picture = await self._prepared(channel, part)
        except FileRefused as error:  # for good
            log.info("a picture of %d bytes is not shown: %s", part.size, error)
        except (ChannelError, Ended) as error:
            log.warning("a picture of %d bytes is not shown this time: %s", part.size, error)
            until = self._clock.monotonic() + RESTING_SECONDS
        self._keep(key, picture, until)
        return picture

    async def _prepared(self, channel: Channel, part: Part) -> Picture:
        async with self._fetching[channel.platform]:  # until it is prepared: so much is in memory at a time
            content = await channel.fetch(part, MOST_BYTES)
            work = asyncio.create_task(self._decoded(content))
            self._work.add(work)
            work.add_done_callback(self._over)
            return await asyncio.shield(work)

    async def _decoded(self, content: bytes) -> Picture:
        """Nobody's giving up frees its place: a thread that decodes goes on."""
        async with self._preparing:
            return await asyncio.to_thread(self._prepare, content)

    def _over(self, work: asyncio.Task[Picture]) -> None:
        self._work.discard(work)
        if not work.cancelled():
            work.exception()  # whoever waited has it, and else nobody needs it

    def _keep(self, key: tuple[str, str], picture: Picture | None, until: float) -> None:
        if (before := self._kept.pop(key, None)) is not None:  # two may have asked at once, or again
            self._size -= before.size
            if before.picture is not None:
                picture, until = before.picture, before.until
        self._kept[key] = kept = _Kept(picture, self._clock.monotonic(), until)
        self._size += kept.size
        self._forget()

    def _forget(self) -> None:
        """What was not asked for lately, and what is too much; and what was refused long ago."""
        now = self._clock.monotonic()
        self._refused = {key: until for key, until in self._refused.items() if now < until}
        old = now - KEPT_SECONDS
        while self._kept and (self._size > KEPT or next(iter(self._kept.values())).used_at <= old):
            _, gone = self._kept.popitem(last=False)
            self._size -= gone.size
        if self._kept and self._timer is None:
            left = next(iter(self._kept.values())).used_at - old
            self._timer = self._clock.call_later(left, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._forget()
