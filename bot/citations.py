"""Checks an answer's `[n]` markers against what was retrieved. Pure.

Passages are numbered from 1 in the order the model saw them. Markers are written `[1]`,
`[1][2]`, `[1, 2]` or `【1】`; inside code, and as the text of a link, they are left alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from bot.types import Citation, Passage
from bot.words import terms

_URL = ":/?#@!$&'*+,;=%~-._"
QUOTE_LIMIT = 240
"""Longest quote, in characters."""

_CODE = (
    r"^[ \t>]*(?P<fence>`{3,}|~{3,})[^\n]*(?:\n(?![ \t>]*(?P=fence))[^\n]*)*(?:\n[^\n]*|\Z)"
    r"|(?<![`\\])(?P<ticks>`+)(?!`)(?:[^\n]|\n(?![ \t]*\n))+?(?<!`)(?P=ticks)(?!`)"
)
_NUMBERS = r"\s?\d{1,3}(?:\s?[,，、;]\s?\d{1,3})*\s?"
_MARKER = rf"(?<!\\)(?:\[(?P<a>{_NUMBERS})\]|【(?P<b>{_NUMBERS})】)(?!\()"
_DEFINITION = rf"^ {{0,3}}\[{_NUMBERS}\]:"
_TOKEN = re.compile(rf"(?P<keep>{_CODE}|{_DEFINITION})|{_MARKER}", re.MULTILINE)
_PLACE = re.compile(r"^([ \t>]*)\[(\d{1,3})\]", re.MULTILINE)
_SENTENCE = re.compile(r"(?:[^.!?。！？\n]|[.!?](?=\S))+[.!?。！？]*")


def cite(text: str, passages: Sequence[Passage]) -> tuple[str, tuple[Citation, ...]]:
    """The answer with its markers checked, and what they stand for.

    A marker that points to no passage is removed; the others are numbered anew from 1 in order
    of first use, each passage once. A citation's quote is the sentence of its passage that is
    nearest to the sentence that cites it first, word for word. Without passages the text
    comes back as it is.
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


def _claim(before: str) -> str:
    """The sentence that a marker at the end of `before` is about."""
    tail = re.sub(r"\[\d+\]", "", before[-1000:])
    found = list(sentences(tail))
    return found[-1] if found else ""


def _citation(number: int, passage: Passage, claim: str) -> Citation:
    return Citation(number, passage.id, passage.source, passage.title, _quote(passage.text, claim))


def _quote(text: str, claim: str) -> str:
    wanted = set(terms(claim))

    def nearness(sentence: str) -> float:
        own = set(terms(sentence))
        return len(own & wanted) / math.sqrt(len(own) + 8)

    best = max(sentences(text), key=nearness, default=text.strip())
    if len(best) <= QUOTE_LIMIT:
        return best
    cut = best[: QUOTE_LIMIT + 1].rfind(" ", QUOTE_LIMIT // 2)
    return best[: cut if cut > 0 else QUOTE_LIMIT].rstrip()
