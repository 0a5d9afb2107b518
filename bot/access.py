"""Who may ask, and how much: the gate that every event passes first. Deny by default."""

from __future__ import annotations

import math
import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from bot.errors import AccessError
from bot.locale import Catalogue
from bot.markup.measure import visible
from bot.ports import Clock, People
from bot.settings import Access
from bot.types import Event, EventKind, Person, PersonRole, Reply

FAILED_CODES = 10
HOUR = 3600.0
MINUTE = 60.0
RUNS_BOT = (PersonRole.OWNER, PersonRole.OPERATOR)
_ASKS = (EventKind.MESSAGE, EventKind.COMMAND, EventKind.BUTTON)
_START = re.compile(r"/start(?:@\w+)?\s+(\S{1,64})\s*", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9_-]{22,32}")
_LINK = re.compile(r"https?://\S+[?&](?:start|invite)=([A-Za-z0-9_-]{22,32})")
_RETRY = re.compile(r"(?:cmd:)?/?retry\b.*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The event goes no further. `reply` is all that the sender gets; None: silence."""

    reply: Reply | None
    reason: str


@dataclass(slots=True)
class _Recent:
    """What is remembered of a sender. Times are monotonic."""

    asked: deque[tuple[float, str]] = field(default_factory=deque)
    failed: deque[float] = field(default_factory=deque)
    told: dict[str, tuple[float, str]] = field(default_factory=dict)


class Gate:
    """One for the whole process. A repeated event (after a database failure) is judged as
    before: it is counted once, and told again what it was told. Pauses and counts are kept for
    the last `remembered` senders."""

    def __init__(
        self,
        people: People,
        clock: Clock,
        catalogue: Catalogue,
        *,
        access: Access,
        rate_limit: int,
        max_input: int,
        remembered: int = 10_000,
    ) -> None:
        self._people = people
        self._clock = clock
        self._catalogue = catalogue
        self._open = access is Access.OPEN
        self._rate_limit = rate_limit
        self._max_input = max_input
        self._remembered = remembered
        self._recent: OrderedDict[tuple[str, str], _Recent] = OrderedDict()

    async def admit(self, event: Event) -> Person | Refusal:
        """The person who may go on, or why not. Raises StorageError."""
        person = await self.known(event)
        if person is not None and person.role is PersonRole.BLOCKED:
            return Refusal(None, "blocked")
        code = _code(event)
        if code:
            entered = await self._enter(event, person, code)
            if entered is not None:
                return entered
        admitted = person or await self._newcomer(event)
        if isinstance(admitted, Refusal):
            return admitted
        return self._question(event, admitted) or admitted

    async def known(self, event: Event) -> Person | None:
        """The sender, if they are known; nobody is admitted by this."""
        return await self._people.find(event.address.platform, event.sender.id)

    async def _newcomer(self, event: Event) -> Person | Refusal:
        if event.kind not in _ASKS:
            return Refusal(None, "stranger")
        if self._open or event.sender.trusted:
            return await self._people.admit(event.address.platform, event.sender)
        if not event.private:
            return Refusal(None, "stranger")
        return self._once(event, "stranger", HOUR, self._say(event, None, "access.stranger"))

    async def _enter(self, event: Event, person: Person | None, code: str) -> Person | Refusal | None:
        """Redeem a code. None: a person's message that looked like one and is none."""
        recent, now = self._of(event), self._clock.monotonic()
        while recent.failed and now - recent.failed[0] >= HOUR:
            recent.failed.popleft()
        if len(recent.failed) >= FAILED_CODES:
            return Refusal(None, "codes") if person is None else None
        command = event.kind is EventKind.COMMAND
        try:
            entered = await self._people.redeem(event.address.platform, event.sender, code)
        except AccessError:
            recent.failed.append(now)
            if person is None and (self._open or event.sender.trusted) and not command:
                return None
            return self._wrong_code(event, person) if person is None or command else None
        if entered.role is PersonRole.BLOCKED:
            return Refusal(None, "blocked")
        if command:
            return entered
        # A bare code is no question: it must not reach the model or the history.
        role = self._say(event, entered, f"role.{entered.role}")
        return Refusal(Reply(self._say(event, entered, "access.welcome", role=role)), "welcome")

    def _wrong_code(self, event: Event, person: Person | None) -> Refusal:
        if person is None:
            return Refusal(Reply(self._say(event, None, "access.code")), "code")
        role = self._say(event, person, f"role.{person.role}")
        return Refusal(Reply(self._say(event, person, "access.code_known", role=role)), "code")

    def _question(self, event: Event, person: Person) -> Refusal | None:
        """What is wrong with the question, if anything; commands are none."""
        retry = event.kind in (EventKind.COMMAND, EventKind.BUTTON) and _RETRY.fullmatch(event.data)
        if not retry and event.kind not in (EventKind.MESSAGE, EventKind.EDIT):
            return None
        if event.kind is EventKind.MESSAGE and _empty(event):
            return Refusal(Reply(self._say(event, person, "access.empty")), "empty")
        length = len(event.text)
        if length > self._max_input:
            text = self._say(event, person, "access.too_long", length=length, limit=self._max_input)
            return Refusal(Reply(text), "too_long")
        return self._pace(event, person)

    def _pace(self, event: Event, person: Person) -> Refusal | None:
        if not self._rate_limit or person.role in RUNS_BOT:
            return None
        recent, now = self._of(event), self._clock.monotonic()
        asked = recent.asked
        while asked and now - asked[0][0] >= MINUTE:
            asked.popleft()
        if any(key == event.key for _, key in asked):
            return None
        if len(asked) >= self._rate_limit:
            seconds = math.ceil(asked[0][0] + MINUTE - now)
            text = self._say(event, person, "access.rate", seconds=seconds)
            return self._once(event, "rate", MINUTE, text)
        asked.append((now, event.key))
        recent.told.pop("rate", None)
        return None

    def _once(self, event: Event, reason: str, pause: float, text: str) -> Refusal:
        """Say it, then keep silent about it for `pause` seconds."""
        told, now = self._of(event).told, self._clock.monotonic()
        at, key = told.get(reason, (-math.inf, ""))
        if now - at < pause and key != event.key:
            return Refusal(None, reason)
        told[reason] = (now, event.key)
        return Refusal(Reply(text), reason)

    def _of(self, event: Event) -> _Recent:
        key = (event.address.platform, event.sender.id)
        recent = self._recent.setdefault(key, _Recent())
        self._recent.move_to_end(key)
        if len(self._recent) > self._remembered:
            self._recent.popitem(last=False)
        return recent

    def _say(self, event: Event, person: Person | None, key: str, **values: object) -> str:
        language = self._catalogue.pick(person.language if person else "", event.sender.language)
        return self._catalogue.say(language, key, **values)


def _code(event: Event) -> str:
    """The invite or owner code that the event presents; only in private, where nobody reads along."""
    if not event.private:
        return ""
    if event.kind is EventKind.COMMAND:
        started = _START.fullmatch(event.data)
        return started[1] if started else ""
    text = event.text
    if event.kind is not EventKind.MESSAGE or len(text) > 500:
        return ""
    text = text.strip()
    link = _LINK.fullmatch(text)
    if link is not None:
        return link[1]
    return text if _CODE.fullmatch(text) else ""


def _empty(event: Event) -> bool:
    """Nothing to read: no attachment, and nothing that shows."""
    return not any(part.ref for part in event.parts) and not visible(event.text)
