"""Where the words of a search stand in a text, for snippets in which they are marked."""

from __future__ import annotations

import re

from bot.words import Sought, literal_terms, sought

AROUND = 90
"""Characters that a snippet shows before and after the first word found."""
_WORD = re.compile(r"\w+")
_MARKS = re.compile(r"[*`#>|~]+")
Piece = tuple[bool, str]
"""Whether it is one of the words, and the text."""


def snippet(text: str, query: str) -> list[Piece]:
    """What stands around the first of the query's words in the text, which are marked; from the
    beginning if none is there. Cost is bounded by the length of the text."""
    text = " ".join(_MARKS.sub(" ", text).split())
    places = _places(text, sought(query))
    first = max(0, places[0][0] - AROUND) if places else 0
    last = min(len(text), (places[0][1] if places else AROUND) + AROUND)
    pieces = [(False, "…")] if first else []
    at = first
    for start, end in places:
        if start >= last:
            break
        pieces += [(False, text[at:start]), (True, text[start : min(end, last)])]
        at = min(end, last)
    pieces += [(False, text[at:last])] + [(False, "…")] * (last < len(text))
    return [piece for piece in pieces if piece[1]]


def _places(text: str, asked: Sought) -> list[tuple[int, int]]:
    """Where the words stand; of a script without spaces, each pair, and pairs that meet as one."""
    found: list[tuple[int, int]] = []
    for word in _WORD.finditer(text):
        terms = literal_terms(word[0])
        if len(terms) == 1 and asked.asks(terms[0]):
            found.append(word.span())
        elif not word[0].isascii():
            _add_parts(found, word[0], word.start(), asked)
    return found


def _add_parts(found: list[tuple[int, int]], word: str, offset: int, asked: Sought) -> None:
    for term in asked.whole:
        if term.isascii():
            continue
        at = word.casefold().find(term)
        while at >= 0:
            found.append((offset + at, offset + at + len(term)))
            at = word.casefold().find(term, at + 1)
    found.sort()
    merged: list[tuple[int, int]] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    found[:] = merged
