"""Rendering, and splitting by what is rendered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.markup.atoms import Atom, Atomiser, Break, assemble, opening, quality
from bot.markup.discord import Discord
from bot.markup.html import to_html
from bot.markup.layout import Style
from bot.markup.measure import utf16_length, visible
from bot.markup.telegram import Telegram, entities
from bot.markup.tree import Kind, Node, parse
from bot.types import Markup

_LEAST_LIMIT = 64
_MOST_ENTITIES = 100
"""Of one Telegram message (https://core.telegram.org/bots/api#formatting-options)."""
_MOST_BYTES = 24_000
"""Of a Telegram message with its markup. The Bot API takes 32,768; the rest is for what a channel adds."""
_NO_BOUND = 1 << 60


@dataclass(frozen=True, slots=True)
class Rendered:
    """A part: `text` in the channel's markup, `plain` the same as a person sees it."""

    text: str
    plain: str


def render(node: Node, markup: Markup) -> str:
    """The whole document in a markup, however long. MARKDOWN is the source text, unchanged."""
    match markup:
        case Markup.MARKDOWN:
            return node.text
        case Markup.HTML:
            return to_html(node)
        case _:
            return _style(markup, _NO_BOUND).render(node)


def plain_text(text: str) -> str:
    """What a person sees of a Markdown text, without links' addresses."""
    return Style().render(parse(text))


def parts(text: str, markup: Markup, limit: int) -> list[Rendered]:
    """Split a Markdown text into messages of at most `limit` UTF-16 code units each.

    What counts is the visible text for TELEGRAM_HTML and HTML (for TELEGRAM_HTML also the entities, at
    most 100, and the bytes with all markup, at most 24,000), the output itself for PLAIN, DISCORD and
    MARKDOWN (which is the source where it fits and Discord's dialect where it does not). Cuts are made
    between blocks if that fills half a part, else between items (of the outermost list that has some there),
    rows, sentences, words, and at last anywhere but within a character. What is cut is opened anew: fences
    with their language, lists with their number, quotes, links, emphasis; what is left of an item stands
    where its list does. Nothing visible is lost, and no part has nothing to see; a
    text with nothing to see gives [].

    Guaranteed for a text that grows: a cut depends only on what stands before it and on the word
    after it. So every part but the last stays the same when text is appended, unless Markdown gives
    the old text a new meaning (the other end of an emphasis or link, a setext underline, a blank
    line that makes a list loose, a table's delimiter row, more of a table's header).

    Raises ValueError for a limit below 64. Takes time linear in the length.
    """
    if limit < _LEAST_LIMIT:
        raise ValueError(f"limit must be at least {_LEAST_LIMIT}, not {limit}")
    if not text.strip():
        return []
    document = parse(text)
    target = _Target(markup, limit)
    length = utf16_length(text)
    if markup is Markup.MARKDOWN and length <= limit:
        return [Rendered(text, Style().render(document))]
    if length <= 4 * limit and target.excess(whole := target.render(document)) <= 0:
        return [whole] if visible(whole.plain) else []
    return [part for part in _split(document, target) if visible(part.plain)]


class _Target:
    """A markup with its limits."""

    def __init__(self, markup: Markup, limit: int) -> None:
        self.markup, self.limit = markup, limit
        self.telegram = markup is Markup.TELEGRAM_HTML
        self.entities = _MOST_ENTITIES if self.telegram else _NO_BOUND
        self.style = _style(markup, limit // 3)
        self._write = to_html if markup is Markup.HTML else self.style.render
        self._plain = {
            Markup.TELEGRAM_HTML: Telegram(tags=False),
            Markup.PLAIN: self.style,
        }.get(markup, Style())

    def render(self, document: Node) -> Rendered:
        return Rendered(self._write(document), self._plain.render(document))

    def excess(self, part: Rendered) -> int:
        """By how much a part is too long; not positive when it fits."""
        if self.telegram and (entities(part.text) > self.entities or len(part.text.encode()) > _MOST_BYTES):
            return 1
        shown = part.plain if self.telegram or self.markup is Markup.HTML else part.text
        return utf16_length(shown) - self.limit


def _style(markup: Markup, longest_url: int) -> Style:
    match markup:
        case Markup.TELEGRAM_HTML:
            return Telegram()
        case Markup.DISCORD | Markup.MARKDOWN:
            return Discord(longest_url=longest_url)
        case Markup.HTML:
            return Style()
        case _:
            return Style(urls=True, longest_url=longest_url)


def _split(document: Node, target: _Target) -> list[Rendered]:
    counted = Telegram(tags=False) if target.telegram else target.style
    coming = Atomiser(counted, target.limit).blocks(document.children)
    done: list[Rendered] = []
    before: Atom | None = None
    waiting: list[Atom] = []
    while True:
        _draw(waiting, coming, target.limit)
        if not waiting:
            return done
        end, part = _next_part(waiting, before, target, counted)
        done.append(part)
        before = waiting[end - 1]
        del waiting[:end]


def _draw(waiting: list[Atom], coming: Iterator[Atom], limit: int) -> None:
    """Draw atoms until there are more than fit one part, so that few live at a time."""
    units = sum(atom.units for atom in waiting)
    while units <= limit and (atom := next(coming, None)) is not None:
        waiting.append(atom)
        units += atom.units


def _next_part(
    atoms: Sequence[Atom], before: Atom | None, target: _Target, style: Style
) -> tuple[int, Rendered]:
    """The part that the first atoms make, and how many they are; `before` is the one before them.

    The lengths that are added up are upper bounds with rare exceptions; those try again with less.
    """
    room, most = target.limit, target.entities
    while True:
        end = _fill(atoms, style, room, most)
        part = target.render(assemble(atoms[:end], before))
        excess = target.excess(part)
        if excess <= 0:
            return end, part
        if end == 1:
            bare = Node(Kind.PARAGRAPH, (atoms[0].leaf,))
            return end, target.render(Node(Kind.DOCUMENT, (bare,)))
        room -= max(excess, target.limit // 16)
        most -= most // 8 if most < _NO_BOUND else 0


def _fill(atoms: Sequence[Atom], style: Style, room: int, most: int) -> int:
    """The end of the longest run of atoms that fits, moved back to the best place for a cut."""
    best: dict[tuple[Break, int], int] = {}
    units = tags = 0
    before: Atom | None = None
    for index, atom in enumerate(atoms):
        if before is not None and (2 * units >= room or 2 * tags >= most):
            best[quality(before, atom)] = index
        more, tagged = opening(style, before, atom)
        units += more + atom.units
        tags += tagged + atom.entities
        if before is not None and (units > room or tags > most):
            return best[max(best)] if best else index
        before = atom
    return len(atoms)
