"""Checks an answer's `[n]` markers against what was retrieved. Pure.

Passages are numbered from 1 in the order the model saw them. Markers are written `[1]`,
`[1][2]`, `[1, 2]` or `【1】`; inside code, and as the text of a link, they are left alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from bot.types import Citation, Passage
from bot.words import query_terms, terms

_URL = ":/?#@!$&'*+,;=%~-._"
QUOTE_LIMIT = 240
"""Longest quote, in characters."""
CLAIM_TERMS = 128
"""Different terms of a claim that count."""

_CODE = (
    r"^[ \t>]*(?P<fence>`{3,}|~{3,})[^\n]*(?:\n(?![ \t>]*(?P=fence))[^\n]*)*(?:\n[^\n]*|\Z)"
    r"|(?<![`\\])(?P<ticks>`+)(?!`)(?:[^\n]|\n(?![ \t]*\n))+?(?<!`)(?P=ticks)(?!`)"
)
_NUMBERS = r"\s?\d{1,3}(?:\s?[,，、;]\s?\d{1,3})*\s?"
_MARKER = rf"(?<!\\)(?:\[(?P<a>{_NUMBERS})\]|【(?P<b>{_NUMBERS})】)(?!\()"
_DEFINITION = rf"^ {{0,3}}\[{_NUMBERS}\]:"
_TOKEN = re.compile(rf"(?P<keep>{_CODE}|{_DEFINITION})|{_MARKER}", re.MULTILINE)
_PLACE = re.compile(r"^([ \t>]*)\[(\d{1,3})\]", re.MULTILINE)
_MARKERS_BEFORE = re.compile(r"(?:\s*\[\d+\])*\s*\Z")
_BORDER = re.compile(r"\[\d+\]|\n[ \t]*\n")
_SENTENCE = re.compile(
    r"(?:^[ \t>]*\d{1,3}[.)][ \t]+)?(?:[^.!?。！？\n]|[.!?](?=\S))+[.!?。！？]*", re.MULTILINE
)
"""The number of a list's item is no sentence of its own."""


def cite(text: str, passages: Sequence[Passage]) -> tuple[str, tuple[Citation, ...]]:
    """The answer with its markers checked, and what they stand for.

    A marker that points to no passage is removed; the others are numbered anew from 1 in order
    of first use, each passage once. A citation's quote is what of its passage, word for word, is
    nearest to what cites it first: a sentence, or several in a row where a whole list or
    paragraph cites them. Without passages the text comes back as it is.
    """
    if not passages:
        return text, ()
    places: dict[str, int] = {}
    citations: list[Citation] = []
    out: list[str] = []
    end = 0
    for match in _TOKEN.finditer(text):
        before, end = text[end : match.start()], match.end()
        out.append(before)
        if match["keep"] is not None:
            out.append(match["keep"])
            continue
        cited = [passages[n - 1] for n in _numbers(match) if 0 < n <= len(passages)]
        for passage in cited:
            if passage.id not in places:
                places[passage.id] = len(places) + 1
                claim = _claim("".join(out))
                citations.append(_citation(places[passage.id], passage, claim))
        numbers = dict.fromkeys(places[passage.id] for passage in cited)
        if not numbers and not text[end : end + 1].isalnum():
            out[-1] = before.rstrip(" \t")
        out.extend(f"[{n}]" for n in numbers)
    out.append(text[end:])
    return "".join(out), tuple(citations)


def shift(text: str, by: int) -> str:
    """A list of passages, each beginning a line with its `[n]`, numbered from `by` + 1 on: for
    passages that come after others in the same turn."""
    return _PLACE.sub(lambda m: f"{m[1]}[{int(m[2]) + by}]", text) if by else text


def listing(passages: Sequence[Passage]) -> str:
    """The passages as a model reads them, numbered from 1."""
    return "\n\n".join(f"[{n}] {p.title} ({p.source})\n{p.text}" for n, p in enumerate(passages, start=1))


def sources(citations: Sequence[Citation]) -> str:
    """What was cited, for a person: Markdown with each passage's title, place and quote."""
    return "\n\n".join(map(_source, citations))


def _source(citation: Citation) -> str:
    title = _label(citation.title or citation.source)
    linked = citation.source.startswith(("https://", "http://"))
    head = f"[{title}]({quote(citation.source, safe=_URL)})" if linked else title
    place = f" ({_label(citation.source)})" if not linked and citation.title else ""
    quoted = "\n".join(f"> {line}" for line in citation.quote.splitlines())
    return f"**\\[{citation.number}\\]** {head}{place}\n\n{quoted}"


def _label(text: str) -> str:
    """A line of text that no Markdown in it changes."""
    return re.sub(r"([\\`*_\[\]<>~|])", r"\\\1", " ".join(text.split()))


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, in any language; line ends part them as well."""
    return (found for m in _SENTENCE.finditer(text) if (found := m[0].strip()))


def _numbers(match: re.Match[str]) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", match["a"] or match["b"])]


def _claim(text: str) -> dict[str, float]:
    """The terms of what a marker at the end of `text` is about, and how much each counts: those of
    its sentence, and less those of what stands before it since the last marker or blank line."""
    tail = _BORDER.split(_MARKERS_BEFORE.sub("", text[-1000:]))[-1]
    *others, last = list(sentences(tail)) or [""]
    before = dict.fromkeys(query_terms(" ".join(others), CLAIM_TERMS), 0.5)
    return before | dict.fromkeys(query_terms(last, CLAIM_TERMS), 1.0)


def _citation(number: int, passage: Passage, claim: Mapping[str, float]) -> Citation:
    quoted = _quote(passage.text, claim)
    return Citation(number, passage.id, passage.source, passage.title, quoted, passage.audience)


def _quote(text: str, claim: Mapping[str, float]) -> str:
    """The sentences in a row that have the most in common with the claim, and little else."""
    spans = [m.span() for m in _SENTENCE.finditer(text) if m[0].strip()]
    own = [set(terms(text[start:end])) for start, end in spans]
    best, nearest = text.strip(), -1.0
    for first, (start, _) in enumerate(spans):
        found: set[str] = set()
        for place in range(first, len(spans)):
            quoted = text[start : spans[place][1]].strip()
            if place > first and len(quoted) > QUOTE_LIMIT:
                break
            found |= own[place]
            near = sum(claim.get(term, 0.0) for term in found) / math.sqrt(len(found) + 8)
            if near > nearest:
                best, nearest = quoted, near
    if len(best) <= QUOTE_LIMIT:
        return best
    cut = best[: QUOTE_LIMIT + 1].rfind(" ", QUOTE_LIMIT // 2)
    return best[: cut if cut > 0 else QUOTE_LIMIT].rstrip()
