"""Cuts documents into passages: Markdown by its headings, plain text by its paragraphs. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from bot.types import Passage

VERSION = "1"
"""Of the cutting and the terms: part of every digest, so that a change indexes anew."""
SIZE = 1_200
"""Longest passage, in characters. A code block is never cut and may be longer."""

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*`]+")
_WORD = re.compile(r"[^\W_]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


@dataclass(frozen=True, slots=True)
class Document:
    """A source, ready for `Search.put`."""

    source: str
    title: str
    digest: str
    passages: tuple[Passage, ...]


@dataclass(slots=True)
class _Section:
    path: tuple[str, ...]
    anchor: str
    lines: list[str]


def digest(text: str) -> str:
    """Of a document's text, as `Document.digest` has it."""
    return blake2b(f"{VERSION}\0{text}".encode(errors="replace"), digest_size=16).hexdigest()


def document(text: str, *, collection: str, source: str, markdown: bool) -> Document:
    """The document's passages. A passage's title is its path of headings, its source the
    document's with the heading's anchor (GitHub's spelling)."""
    name = source.rpartition("/")[2]
    sections = _sections(text) if markdown else [_Section((), "", text.splitlines())]
    title = next((s.path[0] for s in sections if s.path), name)
    passages: list[Passage] = []
    for section in sections:
        where = f"{source}#{section.anchor}" if section.anchor else source
        heading = " › ".join(section.path) or title
        for piece in filter(_WORD.search, _pack(_blocks(section.lines, markdown))):
            key = f"{collection}\0{source}\0{len(passages)}"
            id = blake2b(key.encode(errors="replace"), digest_size=8).hexdigest()
            passages.append(Passage(id, piece, where, heading, collection=collection))
    return Document(source, title, digest(text), tuple(passages))


def _sections(text: str) -> list[_Section]:
    """One for each heading that has text of its own, or nothing below it."""
    sections = [_Section((), "", [])]
    path: list[tuple[int, str]] = []
    anchors: Counter[str] = Counter()
    for line, fenced in _lines(text):
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            sections[-1].lines.append(line)
            continue
        level, title = len(heading[1]), _MARKUP.sub(r"\1", heading[2]).strip()
        if path and path[-1][0] >= level:
            _close(sections[-1])
        path = [(n, t) for n, t in path if n < level] + [(level, title)]
        sections.append(_Section(tuple(t for _, t in path), _anchor(title, anchors), []))
    _close(sections[-1])
    return sections


def _close(section: _Section) -> None:
    """A heading that nothing follows is found by its own words."""
    if section.path and not _WORD.search("\n".join(section.lines)):
        section.lines = [section.path[-1]]


def _anchor(title: str, seen: Counter[str]) -> str:
    slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
    seen[slug] += 1
    return slug if seen[slug] == 1 else f"{slug}-{seen[slug] - 1}"


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to a fenced code block (its fences included)."""
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            closes = mark is not None and mark[1].startswith(fence) and not line.strip(" \t`~")
            yield line, True
            fence = "" if closes else fence
        else:
            fence = mark[1] if mark else ""
            yield line, bool(mark)


def _blocks(lines: Sequence[str], markdown: bool) -> Iterator[str]:
    """Paragraphs, lists and whole code blocks; those too long are cut, code blocks are not."""
    block: list[str] = []
    inside = False
    numbered = _lines("\n".join(lines)) if markdown else ((line, False) for line in lines)
    for line, fenced in numbered:
        if fenced != inside or (not fenced and not line.strip()):
            yield from _block(block, inside)
            block = []
        inside = fenced
        if fenced or line.strip():
            block.append(line.rstrip())
    yield from _block(block, inside)


def _block(lines: list[str], fenced: bool) -> Iterable[str]:
    text = "\n".join(lines)
    if fenced or len(text) <= SIZE:
        return [text] if text else []
    return _join([p for line in lines for p in _cut(line)], "\n")


def _cut(line: str) -> list[str]:
    """Pieces of one line: whole sentences while they fit, else at a fixed length."""
    if len(line) <= SIZE:
        return [line]
    parts = [s for s in _SENTENCE_END.split(line) if s]
    return _join([p[i : i + SIZE] for p in parts for i in range(0, len(p), SIZE)], " ")


def _pack(blocks: Iterable[str]) -> list[str]:
    return _join(blocks, "\n\n")


def _join(pieces: Iterable[str], between: str) -> list[str]:
    """Neighbours together while they fit."""
    out: list[str] = []
    for piece in pieces:
        if out and len(out[-1]) + len(between) + len(piece) <= SIZE:
            out[-1] += between + piece
        else:
            out.append(piece)
    return out
