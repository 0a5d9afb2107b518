"""A tree as a row of atoms, the pieces that are never parted, and trees made from some of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from bot.markup.layout import LEADING, WIDEST_TABLE, Place, Style, prefix_length
from bot.markup.measure import utf16_length
from bot.markup.tree import Kind, Node

_INLINE = frozenset(
    {Kind.TEXT, Kind.CODE, Kind.STRONG, Kind.EMPHASIS, Kind.STRIKE, Kind.LINK, Kind.BREAK, Kind.SOFT_BREAK}
)
_BREAKS = frozenset({Kind.BREAK, Kind.SOFT_BREAK})
_ENTITIES = {
    Kind.STRONG: 1,
    Kind.EMPHASIS: 1,
    Kind.STRIKE: 1,
    Kind.LINK: 1,
    Kind.CODE: 1,
    Kind.HEADING: 1,
    Kind.QUOTE: 1,
    Kind.CODE_BLOCK: 2,
    Kind.TABLE: 1,
}
_SMALLEST_TABLE = 400
"""The least limit at which a table is kept together; below, its rows are paragraphs."""

_CJK = "\u2e80-\u2fff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CLOSERS = "、。〉》」』】〕！），．：；？"
_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0e31-\u0e4e"
_MARKS += "\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\U0001f3fb-\U0001f3ff"
_SENTENCE = re.compile(r"[.!?…][)\"'”’»\]]*\s+$|[。！？][」』）”’]*\s*$")
_WORD = re.compile(rf"[\s{_CJK}{_CLOSERS}]$")


class Break(IntEnum):
    """How good a place for a cut is."""

    ANYWHERE = 0
    WORD = 1
    SENTENCE = 2
    INNER_BLOCK = 3
    BLOCK = 4


class Atom(NamedTuple):
    """A leaf of the tree, or a piece of one, with the nodes around it, the outermost first."""

    path: tuple[Node, ...]
    leaf: Node
    units: int
    """At most so many characters does the leaf take, without its surroundings."""
    entities: int = 0


@lru_cache(maxsize=16)
def _token(longest: int) -> re.Pattern[str]:
    """A word with the space around it, a few CJK characters, or a piece of a word of `longest`."""
    core = rf"(?:[{_CJK}]{{1,8}}|[^\s{_CJK}]{{1,{longest}}})[{_MARKS}]{{0,8}}(?:\u200d\S){{0,4}}"
    return re.compile(rf"\s{{0,8}}{core}[{_CLOSERS}]{{0,4}}\s{{0,8}}|\s{{1,{longest}}}")


@dataclass(frozen=True, slots=True)
class Atomiser:
    """Makes atoms for a style and a limit."""

    style: Style
    limit: int

    def blocks(self, nodes: Sequence[Node], path: tuple[Node, ...] = ()) -> Iterator[Atom]:
        for node in nodes:
            inner = (*path, node)
            if node.kind in LEADING:
                yield from self._inline(node.children, inner)
            elif node.kind is Kind.CODE_BLOCK:
                yield from self._code_lines(node, inner)
            elif node.kind is Kind.TABLE:
                yield from self._table(node, path)
            elif node.kind is Kind.RULE:
                yield Atom(path, node, 2 + 2 * (1 + _prefix(path)) + 3)
            else:
                if node.kind is Kind.ITEM and not (node.children and node.children[0].kind in LEADING):
                    yield Atom(inner, Node(Kind.TEXT), 0)
                yield from self.blocks(node.children, inner)

    @property
    def _piece(self) -> int:
        return max(8, self.limit // 16)

    def _inline(self, nodes: Sequence[Node], path: tuple[Node, ...]) -> Iterator[Atom]:
        escaped = path[-1].kind is not Kind.CODE
        break_units = 2 + _prefix(path)
        for node in nodes:
            if node.kind is Kind.TEXT:
                for piece in _token(self._piece).findall(node.text):
                    shown = self.style.text(piece) if escaped else piece
                    yield Atom(path, Node(Kind.TEXT, text=piece), utf16_length(shown))
            elif node.kind in _BREAKS:
                yield Atom(path, node, break_units)
            else:
                yield from self._inline(node.children, (*path, node))

    def _code_lines(self, node: Node, path: tuple[Node, ...]) -> Iterator[Atom]:
        prefix = _prefix(path)
        pieces = re.compile(rf"[^\n]{{1,{self._piece}}}\n?|\n")
        for child in node.children:
            for piece in pieces.findall(child.text):
                yield Atom(path, Node(Kind.TEXT, text=piece), utf16_length(piece) + piece.count("`") + prefix)

    def _table(self, table: Node, path: tuple[Node, ...]) -> Iterator[Atom]:
        header = table.children[0]
        room = self.limit // 4 if self.limit >= _SMALLEST_TABLE else 0
        narrow = self._row_units(header, header) <= room
        for row in table.children[1:] or table.children:
            units = self._row_units(header, row)
            if narrow and units <= room:
                yield Atom((*path, table), row, units, _entities(row))
            else:
                yield from self._record(header, row, path)

    def _row_units(self, header: Node, row: Node) -> int:
        """At most so many characters does a row take, drawn or as a record."""
        names, values = self._cells(header), self._cells(row)
        drawn = WIDEST_TABLE + 1 + _invisible("".join(values))
        return max(drawn, sum(utf16_length(text) + 5 for text in (*names, *values)) + 2)

    def _cells(self, row: Node) -> list[str]:
        return [self.style.inline(cell.children) for cell in row.children]

    def _record(self, header: Node, row: Node, path: tuple[Node, ...]) -> Iterator[Atom]:
        """A row that is too long: a paragraph of lines "header: value"."""
        plain = Style()
        lines: list[Node] = []
        for name, cell in zip_longest(header.children, row.children, fillvalue=Node(Kind.CELL)):
            if cell.children:
                label = plain.inline(name.children) if row is not header else ""
                lines += [Node(Kind.SOFT_BREAK)] if lines else []
                lines += [Node(Kind.TEXT, text=f"{label}: ")] if label else []
                lines += cell.children
        yield from self._inline(lines, (*path, Node(Kind.PARAGRAPH, tuple(lines))))


def opening(style: Style, before: Atom | None, atom: Atom) -> tuple[int, int]:
    """At most so many characters and entities are added by what an atom opens after another."""
    if before is not None and before.path is atom.path:
        return 0, 0
    new = atom.path[common(before, atom) :]
    units = sum(map(style.overhead, new))
    if any(node.kind not in _INLINE for node in new):
        units += 2 * (1 + _prefix(atom.path))
    for node in new:
        if node.kind is Kind.ITEM:
            units += utf16_length(style.marker(node))
        elif node.kind is Kind.CODE_BLOCK:
            units += 2 * _prefix(atom.path)
        elif node.kind is Kind.TABLE:
            header = "".join(style.inline(cell.children) for cell in node.children[0].children)
            units += 2 * (WIDEST_TABLE + 1) + _invisible(header) + 4 * _prefix(atom.path)
    return units, sum(_ENTITIES.get(node.kind, 0) for node in new)


def common(before: Atom | None, atom: Atom) -> int:
    """How many of the nodes around the two are the same."""
    if before is None:
        return 0
    count = 0
    for one, other in zip(before.path, atom.path, strict=False):
        if one is not other:
            break
        count += 1
    return count


def quality(before: Atom, atom: Atom) -> tuple[Break, int]:
    """How good a cut between two neighbours is; of two between blocks, the one within fewer others is better.
    (Platforms trim a message, so that a part which begins deep in a list begins with a line too far left.)"""
    shared = common(before, atom)
    kind = _kind(before, atom, shared)
    return kind, -shared if kind is Break.INNER_BLOCK else 0


def _kind(before: Atom, atom: Atom, shared: int) -> Break:
    if any(n.kind not in _INLINE for n in (*before.path[shared:], *atom.path[shared:])):
        if any(n.kind is Kind.HEADING for n in before.path[shared:]):
            return Break.ANYWHERE
        return Break.INNER_BLOCK if shared else Break.BLOCK
    if before.leaf.kind in {Kind.ROW, Kind.RULE} or atom.leaf.kind in {Kind.ROW, Kind.RULE}:
        return Break.INNER_BLOCK
    text = before.leaf.text
    if before.leaf.kind in _BREAKS or text.endswith("\n") or _SENTENCE.search(text):
        return Break.SENTENCE
    return Break.WORD if _WORD.search(text) or atom.leaf.kind in _BREAKS else Break.ANYWHERE


def assemble(atoms: Sequence[Atom], before: Atom | None) -> Node:
    """The DOCUMENT that holds these atoms; `before` is the one that stands before the first."""
    ongoing = {id(node) for node in before.path[: common(before, atoms[0])]} if before else set()
    open_: list[tuple[Node, list[Node]]] = [(Node(Kind.DOCUMENT), [])]
    for atom in _trimmed(atoms):
        depth = 0
        while depth < min(len(open_) - 1, len(atom.path)) and open_[depth + 1][0] is atom.path[depth]:
            depth += 1
        while len(open_) > depth + 1:
            _close(open_, ongoing)
        open_ += [(node, []) for node in atom.path[depth:]]
        if atom.leaf.kind is not Kind.TEXT or (atom.leaf.text and open_[-1][0].kind is not Kind.ITEM):
            open_[-1][1].append(atom.leaf)
    while len(open_) > 1:
        _close(open_, ongoing)
    return Node(Kind.DOCUMENT, tuple(open_[0][1]))


def _close(open_: list[tuple[Node, list[Node]]], ongoing: set[int]) -> None:
    node, children = open_.pop()
    if node.kind is Kind.TABLE and children[0] is not node.children[0]:
        children.insert(0, node.children[0])
    made = replace(node, children=_joined(children), continued=node.kind is Kind.ITEM and id(node) in ongoing)
    open_[-1][1].append(made)


def _joined(nodes: list[Node]) -> tuple[Node, ...]:
    """Pieces of text that stand side by side are one again."""
    out: list[Node] = []
    pieces: list[str] = []
    for node in nodes:
        if node.kind is Kind.TEXT:
            pieces.append(node.text)
            continue
        if pieces:
            out.append(Node(Kind.TEXT, text="".join(pieces)))
            pieces = []
        out.append(node)
    if pieces:
        out.append(Node(Kind.TEXT, text="".join(pieces)))
    return tuple(out)


def _trimmed(atoms: Sequence[Atom]) -> list[Atom]:
    """Without the breaks and the space at the two ends."""
    kept = list(atoms)
    while len(kept) > 1 and kept[0].leaf.kind in _BREAKS:
        del kept[0]
    while len(kept) > 1 and kept[-1].leaf.kind in _BREAKS:
        kept.pop()
    if not _in_code(kept[0]):
        kept[0] = kept[0]._replace(leaf=replace(kept[0].leaf, text=kept[0].leaf.text.lstrip()))
    if not _in_code(kept[-1]):
        kept[-1] = kept[-1]._replace(leaf=replace(kept[-1].leaf, text=kept[-1].leaf.text.rstrip()))
    return kept


def _in_code(atom: Atom) -> bool:
    return atom.leaf.kind is not Kind.TEXT or (bool(atom.path) and atom.path[-1].kind is Kind.CODE_BLOCK)


def _prefix(path: Sequence[Node]) -> int:
    kinds = [node.kind for node in path]
    return prefix_length(Place(kinds.count(Kind.LIST), kinds.count(Kind.QUOTE)))


def _entities(node: Node) -> int:
    return _ENTITIES.get(node.kind, 0) + sum(map(_entities, node.children))


def _invisible(text: str) -> int:
    """How many more UTF-16 units than columns a text may have."""
    return 0 if text.isascii() else utf16_length(text)
