"""Who may ask, and how much: the gate that every event passes first. Deny by default."""

from __future__ import annotations

import math
import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace

from bot.errors import AccessError, LinkRefused
from bot.locale import Catalogue
from bot.markup import visible
from bot.ports import Clock, People
from bot.settings import Access
from bot.types import Button, Event, EventKind, Person, PersonRole, Redeemed, Reply, Sender

FAILED_CODES = 10
HOUR = 3600.0
MINUTE = 60.0
RUNS_BOT = (PersonRole.OWNER, PersonRole.OPERATOR)
_ASKS = (EventKind.MESSAGE, EventKind.COMMAND, EventKind.BUTTON)
_START = re.compile(r"(?:cmd:)?/(start|link)(?:@\w+)?\s+(\S{1,64})\s*", re.IGNORECASE)
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
    """What is remembered of a sender, or of a person. Times are monotonic."""

    asked: deque[tuple[float, str]] = field(default_factory=deque)
    failed: deque[float] = field(default_factory=deque)
    told: dict[str, tuple[float, str]] = field(default_factory=dict)


class Gate:
    """One for the whole process. A repeated event (after a database failure) is judged as
    before: it is counted once, and told again what it was told. Pauses and counts are kept for
    the last `remembered` senders and people; a person's accounts share one pace."""

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

    async def admit(self, event: Event, *, waits: bool = False) -> Person | Refusal:
        """The person who may go on, or why not; where the sender `waits` for an answer
        (`Capabilities.waits`), why not is said each time. Raises StorageError."""
        if event.host:
            return await self._as_guest(event)
        person = await self.known(event)
        if person is not None and person.role is PersonRole.BLOCKED:
            return Refusal(None, "blocked")
        code = _code(event)
        if code:
            entered = await self._enter(event, person, code, waits)
            if entered is not None:
                return entered
        admitted = person or await self._newcomer(event, waits)
        if isinstance(admitted, Refusal):
            return admitted
        return self._question(event, admitted, waits) or admitted

    async def known(self, event: Event) -> Person | None:
        """The sender, if they are known; nobody is admitted by this."""
        return await self._people.find(event.address.platform, _identity(event).id)

    async def _as_guest(self, event: Event) -> Person | Refusal:
        """In a host's chat all guests of a host who may use the bot are let in, as people who are
        known there only: it gives them nothing anywhere else. Whatever is refused is silence."""
        platform = event.address.platform
        host = await self._people.find(platform, event.host)
        sender = await self._people.find(platform, event.sender.id)
        if _is_blocked(host) or _is_blocked(sender):
            return Refusal(None, "blocked")
        if host is None and not self._open:
            return Refusal(None, "host")
        if _code(event):
            return Refusal(None, "code")
        guest = await self.known(event)
        if guest is None:
            if event.kind not in _ASKS:
                return Refusal(None, "stranger")
            guest = await self._people.admit(platform, _identity(event))
        if _is_blocked(guest):
            return Refusal(None, "blocked")
        wrong = self._question(event, guest, waits=False)
        return guest if wrong is None else Refusal(None, wrong.reason)

    async def _newcomer(self, event: Event, waits: bool) -> Person | Refusal:
        mentions_anew = event.kind is EventKind.EDIT and not event.private
        if event.kind not in _ASKS and not mentions_anew:
            return Refusal(None, "stranger")
        if self._open or event.sender.trusted:
            return await self._people.admit(event.address.platform, event.sender)
        if not event.private:
            return Refusal(None, "stranger")
        return self._once(event, "stranger", 0 if waits else HOUR, self._say(event, None, "access.stranger"))

    async def _enter(
        self, event: Event, person: Person | None, code: str, waits: bool
    ) -> Person | Refusal | None:
        """Redeem a code. None: a person's message that looked like one and is none."""
        recent, now = self._of(event), self._clock.monotonic()
        while recent.failed and now - recent.failed[0] >= HOUR:
            recent.failed.popleft()
        if len(recent.failed) >= FAILED_CODES:
            told = Reply(self._say(event, None, "access.codes")) if waits else None
            return Refusal(told, "codes") if person is None else None
        command = _commanded(event)
        try:
            redeemed = await self._people.redeem(
                event.address.platform, event.sender, code, sure=command == "link"
            )
        except LinkRefused as refused:
            if refused.why == "spent":
                recent.failed.append(now)
            return self._no_link(event, person, code, refused.why)
        except AccessError:
            recent.failed.append(now)
            if person is None and (self._open or event.sender.trusted) and not command:
                return None
            return self._wrong_code(event, person) if person is None or command else None
        return self._entered(event, redeemed, command)

    def _entered(self, event: Event, redeemed: Redeemed, command: str) -> Person | Refusal:
        person = redeemed.person
        if person.role is PersonRole.BLOCKED:
            return Refusal(None, "blocked")
        if command == "start" and not redeemed.linked:
            return person
        # A bare code is no question: it must not reach the model or the history.
        role = self._say(event, person, f"role.{person.role}")
        key, reason = ("link.linked", "linked") if redeemed.linked else ("access.welcome", "welcome")
        return Refusal(Reply(self._say(event, person, key, role=role)), reason)

    def _no_link(self, event: Event, person: Person | None, code: str, why: str) -> Refusal:
        if why != "rises" or person is None:
            return Refusal(Reply(self._say(event, person, f"link.{why}")), "link")
        role = self._say(event, person, f"role.{person.role}")
        button = Button(self._say(event, person, "link.sure"), f"cmd:/link {code}")
        return Refusal(Reply(self._say(event, person, "link.rises", role=role, code=code), (button,)), "link")

    def _wrong_code(self, event: Event, person: Person | None) -> Refusal:
        if person is None:
            return Refusal(Reply(self._say(event, None, "access.code")), "code")
        role = self._say(event, person, f"role.{person.role}")
        return Refusal(Reply(self._say(event, person, "access.code_known", role=role)), "code")

    def _question(self, event: Event, person: Person, waits: bool) -> Refusal | None:
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
        return self._pace(event, person, waits)

    def _pace(self, event: Event, person: Person, waits: bool) -> Refusal | None:
        if not self._rate_limit or person.role in RUNS_BOT:
            return None
        now = self._clock.monotonic()
        recent = self._of(event)
        # By account too: one that is linked and taken off again does not begin to count anew.
        counts = (recent.asked, self._recall(("", person.id)).asked)
        for asked in counts:
            while asked and now - asked[0][0] >= MINUTE:
                asked.popleft()
        if any(key == event.key for asked in counts for _, key in asked):
            return None
        full = [asked[0][0] for asked in counts if len(asked) >= self._rate_limit]
        if full:
            seconds = math.ceil(max(full) + MINUTE - now)
            text = self._say(event, person, "access.rate", seconds=seconds)
            return self._once(event, "rate", 0 if waits else MINUTE, text)
        for asked in counts:
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
        return self._recall((event.address.platform, event.sender.id))

    def _recall(self, key: tuple[str, str]) -> _Recent:
        recent = self._recent.setdefault(key, _Recent())
        self._recent.move_to_end(key)
        if len(self._recent) > self._remembered:
            self._recent.popitem(last=False)
        return recent

    def _say(self, event: Event, person: Person | None, key: str, **values: object) -> str:
        language = self._catalogue.pick(person.language if person else "", event.sender.language)
        return self._catalogue.say(language, key, **values)


def _identity(event: Event) -> Sender:
    """Who the sender is to the bot: a guest is nobody but a host's guest."""
    if not event.host or event.sender.id == event.host:
        return event.sender
    return replace(event.sender, id=f"guest:{event.host}:{event.sender.id}")


def _is_blocked(person: Person | None) -> bool:
    return person is not None and person.role is PersonRole.BLOCKED


def _commanded(event: Event) -> str:
    """The command that the event brings a code with, if it is one: `start` or `link`."""
    command = event.kind in (EventKind.COMMAND, EventKind.BUTTON) and _START.fullmatch(event.data)
    return command[1].lower() if command else ""


def _code(event: Event) -> str:
    """The code that the event presents: an invite, an owner's or a link; only in private, where
    nobody reads along."""
    if not event.private:
        return ""
    if event.kind in (EventKind.COMMAND, EventKind.BUTTON):
        started = _START.fullmatch(event.data)
        return started[2] if started else ""
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
