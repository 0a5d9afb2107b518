"""What the server does to every text before it is shown: entities are made to nest, control characters
and outer spaces go, links and mentions are found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from tests.simulators.telegram.entity import (
    FIXED,
    LINKED,
    QUOTES,
    STYLES,
    Entity,
    Text,
    ordered,
    units,
)
from tests.simulators.telegram.found import found_entities
from tests.simulators.telegram.refusals import bad

_DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
_SPACED = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f]")
# None of these alone makes a text that is not empty.
_INVISIBLE = re.compile(
    "[\\s\u00a0\u1680\u180e\u2000-\u200f\u202e\u202f\u205f\u2800\u3000\ufeff\ufffc\U000e0000-\U000e007f]*"
)
MOST_ENTITIES = 100
_CLOSED = (*FIXED, *LINKED)


def tidy(text: Text, *, find: bool = True) -> Text:
    """As the server stores it; refuses entities that point outside the text. Empty where nothing is left."""
    inside = [e for e in text.entities if e.length > 0]
    cleaned = trimmed(_cleaned(Text(text.text, tuple(fixed(inside)))))
    if _INVISIBLE.fullmatch(cleaned.text):
        return Text()
    entities = list(fixed(cleaned.entities))
    if find:
        entities = _merged(entities, found_entities(cleaned.text))
    return Text(cleaned.text, tuple(entities[:MOST_ENTITIES]))


def _cleaned(text: Text) -> Text:
    """Without the characters that the server drops; offsets follow."""
    kept = _SPACED.sub(" ", _DROPPED.sub("", text.text))
    if not text.entities:
        return Text(kept)
    places = _places(text.text)
    at = units(text.text)
    moved = []
    for entity in text.entities:
        if entity.offset > at:
            raise bad(f"entity begins after the end of the text at UTF-16 offset {entity.offset}")
        if entity.end > at:
            raise bad(
                f"entity beginning at UTF-16 offset {entity.offset} ends after the end of the text at "
                f"UTF-16 offset {entity.end}"
            )
        if entity.offset not in places:
            raise bad(f"entity begins in a middle of a UTF-16 symbol at byte offset {entity.offset}")
        if entity.end not in places:
            raise bad(
                f"entity beginning at UTF-16 offset {entity.offset} ends in a middle of a UTF-16 symbol at "
                f"byte offset {entity.end}"
            )
        start = places[entity.offset]
        moved.append(replace(entity, offset=start, length=places[entity.end] - start))
    return Text(kept, tuple(e for e in moved if e.length))


def _places(text: str) -> dict[int, int] | range:
    """Where every character's beginning, and the end, come to lie when some characters are dropped."""
    if text.isascii() and "\r" not in text:
        return range(len(text) + 1)
    places, at, kept = {0: 0}, 0, 0
    for character in text:
        size = 1 + (character > "\uffff")
        at += size
        kept += 0 if _DROPPED.match(character) else size
        places[at] = kept
    return places


def trimmed(text: Text) -> Text:
    """Without spaces and line ends around it; before an entity's start they stay."""
    body = text.text.rstrip(" \n")
    end = units(body)
    entities = [replace(e, length=min(e.end, end) - e.offset) for e in text.entities if e.offset < end]
    first = min((e.offset for e in entities), default=len(body))
    left = min(len(body) - len(body.lstrip(" \n")), first)
    return Text(body[left:], tuple(ordered(replace(e, offset=e.offset - left) for e in entities)))


def fixed(entities: Iterable[Entity]) -> list[Entity]:
    """Nothing overlaps but whole: code and links stand apart, quotations hold what is inside them, styles
    are cut at the borders of all others and never lie in code."""
    by_order = ordered(entities)
    styles = [e for e in by_order if e.type in STYLES]
    quotes = _apart(e for e in by_order if e.type in QUOTES)
    closed = _outside(_apart(e for e in by_order if e.type not in (*STYLES, *QUOTES)), quotes)
    others = ordered([*closed, *quotes])
    if _sound(by_order):
        return by_order
    return ordered([*others, *_Cutter(styles).cut(others)])


def _merged(entities: list[Entity], found: list[Entity]) -> list[Entity]:
    """With what was found, where it does not lie over what was marked."""
    if not found:
        return entities
    styles = [e for e in entities if e.type in STYLES]
    quotes = [e for e in entities if e.type in QUOTES]
    closed = [e for e in entities if e.type not in (*STYLES, *QUOTES)]
    new = [
        f for f in _outside(found, quotes) if not any(f.offset < e.end and e.offset < f.end for e in closed)
    ]
    others = ordered([*closed, *new, *quotes])
    return ordered([*others, *_Cutter(styles).cut(others)])


def _apart(entities: Iterable[Entity]) -> list[Entity]:
    """The first of those that overlap."""
    kept: list[Entity] = []
    for entity in entities:
        if not kept or entity.offset >= kept[-1].end:
            kept.append(entity)
    return kept


def _outside(entities: list[Entity], quotes: list[Entity]) -> list[Entity]:
    """Those that cross no quotation's border."""

    def crosses(entity: Entity, quote: Entity) -> bool:
        touches = entity.offset < quote.end and quote.offset < entity.end
        return touches and (entity.offset < quote.offset or quote.end < entity.end)

    return [e for e in entities if not any(crosses(e, q) for q in quotes)]


def _sound(entities: list[Entity]) -> bool:
    """They nest as they are, without a style in or beside another of its kind."""
    stack: list[Entity] = []
    ends: dict[str, int] = {}
    for entity in entities:
        while stack and entity.offset >= stack[-1].end:
            stack.pop()
        if stack and (entity.end > stack[-1].end or not _may_nest(entity, stack)):
            return False
        if entity.type in STYLES:
            if ends.get(entity.type, -1) >= entity.offset:
                return False
            ends[entity.type] = entity.end
        stack.append(entity)
    return True


def _may_nest(entity: Entity, around: list[Entity]) -> bool:
    kinds = {e.type for e in around}
    if entity.type in kinds or kinds & {*FIXED, *STYLES}:
        return False
    if entity.type in FIXED:
        return kinds <= set(QUOTES)
    return entity.type in STYLES or (kinds <= set(QUOTES) and entity.type not in QUOTES)


class _Cutter:
    """Cuts styles into pieces that nest in other entities; pieces of one style that touch are one, unless
    a border or another style's beginning lies between."""

    def __init__(self, styles: list[Entity]) -> None:
        self._waiting = styles[::-1]
        self._running: dict[str, tuple[int, int]] = {}
        self._pieces: list[Entity] = []

    def cut(self, others: list[Entity]) -> list[Entity]:
        stack: list[Entity] = []
        for other in others:
            self._leave(stack, other.offset)
            stack.append(other)
        self._leave(stack, None)
        return self._pieces

    def _leave(self, stack: list[Entity], offset: int | None) -> None:
        while stack and (offset is None or offset >= stack[-1].end):
            inside = stack.pop()
            before = len(self._pieces)
            self._advance(inside.end)
            if inside.type in FIXED:
                del self._pieces[before:]
        self._advance(offset)

    def _advance(self, offset: int | None) -> None:
        while self._waiting and (offset is None or self._waiting[-1].offset < offset):
            style = self._waiting.pop()
            start, end = self._running.get(style.type, (0, -1))
            if style.offset <= end:
                self._running[style.type] = start, max(end, style.end)
            else:
                self._flush(style.offset)
                self._running[style.type] = style.offset, style.end
        self._flush(offset)

    def _flush(self, offset: int | None) -> None:
        for kind in STYLES:
            start, end = self._running.get(kind, (0, -1))
            if end < 0 or (offset is not None and start >= offset):
                continue
            stop = end if offset is None else min(end, offset)
            self._pieces.append(Entity(kind, start, stop - start))
            if stop == end:
                del self._running[kind]
            else:
                self._running[kind] = offset or 0, end
