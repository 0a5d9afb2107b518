"""A tree as lines of text. The base class writes plain text; a channel's style overrides the marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from bot.markup.measure import columns, utf16_length
from bot.markup.tree import Kind, Node

WIDEST_TABLE = 60
_INDENTS = 4
_QUOTES = 3
RULE = "———"
INDENT = "  "
LEADING = frozenset({Kind.PARAGRAPH, Kind.HEADING})
"""The blocks that may share a line with their item's marker."""


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    verbatim: bool = False
    """Code: a list's indentation would change it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block stands: within how many lists and quotes."""

    lists: int = 0
    quotes: int = 0


class Style:
    """Plain text. `urls`: a link's address is shown after its text."""

    bullet = "• "

    def __init__(self, *, urls: bool = False, longest_url: int = 2048) -> None:
        self.urls = urls
        self.longest_url = longest_url

    def render(self, node: Node) -> str:
        return "\n".join(line.text for line in self.blocks(node.children, Place()))

    def overhead(self, node: Node) -> int:
        """At most so many counted characters does a node add to its content, on one line."""
        return utf16_length(node.info) + 3 if node.kind is Kind.LINK and self._shows(node) else 0

    def text(self, text: str) -> str:
        return text

    def code(self, text: str) -> str:
        return text

    def span(self, node: Node, content: str) -> str:
        if node.kind is Kind.LINK and self._shows(node) and content != node.info.removeprefix("mailto:"):
            return f"{content} ({node.info})"
        return content

    def paragraph(self, content: str) -> str:
        return content

    def heading(self, node: Node, content: str) -> str:
        return content

    def code_block(self, language: str, text: str) -> list[Line]:
        return [Line(line, verbatim=True) for line in text.split("\n")]

    def quote(self, lines: list[Line], place: Place) -> list[Line]:
        return lines if place.quotes >= _QUOTES else [Line("> " + line.text) for line in lines]

    def blocks(self, nodes: Sequence[Node], place: Place, *, tight: bool = False) -> list[Line]:
        lines: list[Line] = []
        for node in nodes:
            block = self._block(node, place)
            if block and lines and not tight:
                lines.append(Line(""))
            lines += block
        return lines

    def inline(self, nodes: Sequence[Node]) -> str:
        return "".join(map(self._inline, nodes))

    def _shows(self, link: Node) -> bool:
        return self.urls and len(link.info) <= self.longest_url

    def _inline(self, node: Node) -> str:
        if node.kind is Kind.TEXT:
            return self.text(node.text)
        if node.kind in {Kind.BREAK, Kind.SOFT_BREAK}:
            return "\n"
        if node.kind is Kind.CODE:
            text = source(node)
            return self.code(text) if text else ""
        content = self.inline(node.children)
        return self.span(node, content) if content else ""

    def _block(self, node: Node, place: Place) -> list[Line]:
        match node.kind:
            case Kind.PARAGRAPH:
                return _lines(self.paragraph(self.inline(node.children)))
            case Kind.HEADING:
                return _lines(self.heading(node, self.inline(node.children)))
            case Kind.QUOTE:
                inner = self.blocks(node.children, replace(place, quotes=place.quotes + 1))
                return self.quote(inner, place) if inner else []
            case Kind.LIST:
                return self._list(node, replace(place, lists=place.lists + 1))
            case Kind.CODE_BLOCK:
                text = source(node).removesuffix("\n")
                return self.code_block(node.info, text) if text.strip() else []
            case Kind.TABLE:
                return self._table(node)
            case _:
                return [Line(RULE)]

    def _list(self, node: Node, place: Place) -> list[Line]:
        lines: list[Line] = []
        for item in node.children:
            if lines and not node.tight:
                lines.append(Line(""))
            lines += self._item(item, place, tight=node.tight)
        return lines

    def _item(self, item: Node, place: Place, *, tight: bool) -> list[Line]:
        lines = self.blocks(item.children, place, tight=tight)
        if item.continued:  # platforms trim a message: what its first line loses, all lose
            return lines
        marker, indent = self.marker(item), INDENT if place.lists <= _INDENTS else ""
        if lines and item.children[0].kind in LEADING:
            return [Line(marker + lines[0].text), *_indented(lines[1:], indent)]
        return [Line(marker.rstrip()), *_indented(lines, indent)]

    def marker(self, item: Node) -> str:
        return self.bullet if item.number < 0 else f"{item.number}. "

    def _table(self, node: Node) -> list[Line]:
        flat = Style()
        rows = [[flat.inline(c.children).replace("\n", " ") for c in row.children] for row in node.children]
        widths = [max(map(columns, column)) for column in zip_longest(*rows, fillvalue="")]
        if sum(widths) + 3 * (len(widths) - 1) > WIDEST_TABLE or _has_link(node):
            return self._records(node, rows[0])
        alignments = [cell.info for cell in node.children[0].children]
        drawn = [_aligned(row, widths, alignments) for row in rows]
        drawn.insert(1, "-+-".join("-" * width for width in widths))
        return self.code_block("", "\n".join(drawn))

    def _records(self, node: Node, header: list[str]) -> list[Line]:
        """Each row as lines of "header: value"."""
        lines: list[Line] = []
        for row in node.children[1:] or node.children:
            if lines:
                lines.append(Line(""))
            for name, cell in zip_longest(header, row.children, fillvalue=None):
                value = self.inline(cell.children).replace("\n", " ") if cell else ""
                lines += [Line(self.field(name or "") + value)] if value else []
        return lines

    def field(self, name: str) -> str:
        return self.paragraph(self.text(name)) + ": " if name else ""


def source(node: Node) -> str:
    """The text of a code block or a piece of inline code."""
    return "".join(child.text for child in node.children)


def prefix_length(place: Place) -> int:
    """At most so many characters stand before a line there."""
    return len(INDENT) * min(place.lists, _INDENTS) + 2 * min(place.quotes, _QUOTES)


def _lines(text: str) -> list[Line]:
    return [Line(line) for line in text.split("\n")] if text else []


def _indented(lines: list[Line], indent: str) -> list[Line]:
    return [line if line.verbatim or not line.text else Line(indent + line.text) for line in lines]


def _has_link(node: Node) -> bool:
    return node.kind is Kind.LINK or any(map(_has_link, node.children))


def _aligned(row: list[str], widths: list[int], alignments: list[str]) -> str:
    cells = []
    for text, width, alignment in zip(row, widths, alignments, strict=False):
        room = width - columns(text)
        left = {"right": room, "center": room // 2}.get(alignment, 0)
        cells.append(" " * left + text + " " * (room - left))
    return " | ".join(cells).rstrip()
