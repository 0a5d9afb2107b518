"""The tree: what a Markdown text means, with nothing of how it was written.

CommonMark with tables, strikethrough and tasks, except that

- beside Chinese, Japanese and Korean, emphasis begins and ends as `bot.markup.flanks` says;
- raw HTML is text;
- link reference definitions are text, so that `[1]` stays `[1]` and what comes later never
  changes what came before;
- a link whose scheme is not http, https, mailto or tg is text; an image is a link to it (showing
  it would tell a third party who reads), and within a link only its text;
- of a link without an address the text alone is left;
- an emphasis within the same emphasis adds nothing, nor does bold within a heading;
- blocks nested deeper than `_DEEPEST` are text, a paragraph with more than `_MOST_BRACKETS` opening
  brackets has no links, and what comes after `_MARKDOWN_LENGTH` characters is paragraphs of text:
  so the time is bounded whatever the input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache, partial

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from bot.markup.addresses import link_addresses
from bot.markup.flanks import flank_by_script
from bot.markup.growing import finished, headed, held, open_inline
from bot.markup.math import GROWING, GUESSED, MATH, leave_math

_DEEPEST = 24
_MOST_BRACKETS = 500
_MARKDOWN_LENGTH = 65_536
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SCHEME = re.compile(r"(?:https?|mailto|tg):", re.IGNORECASE)
TASK = "task"
"""The `info` of an ITEM with a box."""
_BOXES = {"[ ] ": "☐", "[x] ": "☑"}
_NOT_LANGUAGE = re.compile(r"[^A-Za-z0-9+#_-]")


class Kind(StrEnum):
    DOCUMENT = "document"
    PARAGRAPH = "paragraph"
    HEADING = "heading"
    QUOTE = "quote"
    LIST = "list"
    ITEM = "item"
    CODE_BLOCK = "code_block"
    TABLE = "table"
    ROW = "row"
    CELL = "cell"
    RULE = "rule"
    TEXT = "text"
    CODE = "code"
    STRONG = "strong"
    EMPHASIS = "emphasis"
    STRIKE = "strike"
    LINK = "link"
    BREAK = "break"
    SOFT_BREAK = "soft_break"


@dataclass(frozen=True, slots=True)
class Node:
    """A block or an inline.

    Code (blocks and inline) has its text in a TEXT child, a table has its header as first row.
    """

    kind: Kind
    children: tuple[Node, ...] = ()
    text: str = ""
    """What a TEXT says; the source of a DOCUMENT."""
    info: str = ""
    """The URL of a LINK, the language of a CODE_BLOCK, the alignment of a CELL (left, right, center); MATH of
    CODE and a CODE_BLOCK that are formulas; TASK of an ITEM with a box."""
    number: int = -1
    """The level of a HEADING (1 to 6), the number of an ITEM in an ordered list (else -1)."""
    tight: bool = False
    """A LIST without blank lines between its items, and the PARAGRAPHs in it."""
    continued: bool = False
    """An ITEM that began in an earlier part: it has no marker here."""


_BLOCKS = {
    "paragraph": Kind.PARAGRAPH,
    "heading": Kind.HEADING,
    "blockquote": Kind.QUOTE,
    "bullet_list": Kind.LIST,
    "ordered_list": Kind.LIST,
    "list_item": Kind.ITEM,
    "table": Kind.TABLE,
    "tr": Kind.ROW,
    "th": Kind.CELL,
    "td": Kind.CELL,
}
_INLINES = {"strong": Kind.STRONG, "em": Kind.EMPHASIS, "s": Kind.STRIKE, "link": Kind.LINK}


def parse(text: str, *, page: bool = False, growing: bool = False) -> Node:
    """The DOCUMENT that `text` means. `page`: as our own pages show it, with formulas left as they are and
    bare addresses as links. `growing`: as it will most likely look when there is more of it (see
    `bot.markup.growing`). Never fails; takes time linear in the length."""
    cleaned = clean(text)
    end = _markdown_end(cleaned)
    parser, env, source = _parser(links=True, page=page), {GROWING: growing}, cleaned[:end]
    if growing and end == len(cleaned):
        parsed = partial(_block_tokens, page=page, growing=True)
        source = headed(held(source, parsed), parsed)
    blocks = _blocks(parser.parse(source, env))
    return Node(Kind.DOCUMENT, (*blocks, *_paragraphs(cleaned[end:])), text)


def last_block(text: str, *, page: bool = False) -> int:
    """Where the last block at the top level begins in a text that goes on: what stands before will not
    mean anything else, whatever comes. For a text that is `clean`."""
    shown = held(text, partial(_block_tokens, page=page, growing=True))
    starts = []
    for growing in (True, False):
        tokens = _block_tokens(shown, page=page, growing=growing)
        starts.append(next((t.map[0] for t in reversed(tokens) if t.level == 0 and t.map), 0))
    lines = shown.split("\n")[: min(starts)]
    return sum(map(len, lines)) + len(lines)


def _block_tokens(text: str, *, page: bool, growing: bool) -> list[Token]:
    parser, found = _parser(links=True, page=page), list[Token]()
    parser.block.parse(text, parser, {GROWING: growing}, found)
    return found


def clean(text: str) -> str:
    """Without control characters but newline and tab; lone surrogates become U+FFFD."""
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return _SCHEME.match(url) is not None


@lru_cache(maxsize=4)
def _parser(*, links: bool, page: bool) -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "maxNesting": 3 * _DEEPEST})
    flank_by_script(parser)
    parser.enable(["table", "strikethrough"]).disable(["reference", "html_block", "html_inline"])
    parser.block.ruler.before("table", "deep", _deep)
    parser.core.ruler.at("inline", partial(_inline_rule, page=page))
    if page:
        leave_math(parser)
        link_addresses(parser)
    return parser if links else parser.disable(["link", "image"])


def _inline_rule(state: StateCore, *, page: bool) -> None:
    """A core rule: inlines, without links where looking for them takes quadratic time."""
    if state.env.get(GROWING) and (last := open_inline(state.tokens, state.src)):
        last.content = finished(last.content)
    for token in state.tokens:
        if token.type == "inline":
            parser = _parser(links=token.content.count("[") <= _MOST_BRACKETS, page=page)
            token.children = []
            parser.inline.parse(token.content, parser, state.env, token.children)
            for child in token.children if GUESSED in token.content else ():
                child.content = child.content.replace(GUESSED, "")


def _markdown_end(text: str) -> int:
    """Where the Markdown ends: the whole, or the last blank line or newline within the bound."""
    if len(text) <= _MARKDOWN_LENGTH:
        return len(text)
    blank = text.rfind("\n\n", 0, _MARKDOWN_LENGTH)
    line = text.rfind("\n", 0, _MARKDOWN_LENGTH)
    return next((at for at in (blank, line) if at > 0), _MARKDOWN_LENGTH)


def _paragraphs(text: str) -> list[Node]:
    """Text without markup."""
    found: list[Node] = []
    for block in re.split(r"\n[ \t]*\n\s*", text.strip()):
        lines: list[Node] = []
        for line in block.split("\n") if block else ():
            lines += [Node(Kind.SOFT_BREAK)] if lines else []
            lines.append(Node(Kind.TEXT, text=line.strip()))
        found += [Node(Kind.PARAGRAPH, tuple(lines))] if lines else []
    return found


def _deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block rule: what is nested too deep is one paragraph (the parser would drop it)."""
    if state.level < _DEEPEST:
        return False
    if not silent:
        state.push("paragraph_open", "p", 1)
        inline = state.push("inline", "", 0)
        inline.content = state.getLines(start, end, state.blkIndent, False).strip()
        inline.children = []
        state.push("paragraph_close", "p", -1)
        state.line = end
    return True


def _blocks(tokens: Iterable[Token]) -> tuple[Node, ...]:
    open_: list[tuple[Token | None, list[Node]]] = [(None, [])]
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if token.type == "inline":
            opening, inlines = open_[-1]
            bold = opening is not None and opening.type == "heading_open"
            inlines.extend(_inlines(token.children or [], {Kind.STRONG} if bold else set()))
        elif token.type in {"fence", "code_block"}:
            open_[-1][1].append(_code_block(token))
        elif token.type == "hr":
            open_[-1][1].append(Node(Kind.RULE))
        elif name in _BLOCKS and token.nesting == 1:
            open_.append((token, []))
        elif name in _BLOCKS:
            opening, children = open_.pop()
            open_[-1][1].append(_block(_BLOCKS[name], opening or token, children))
    return tuple(open_[0][1])


def _block(kind: Kind, token: Token, children: list[Node]) -> Node:
    node = Node(kind, tuple(children))
    if kind is Kind.HEADING:
        return replace(node, number=int(token.tag[1:]))
    if kind is Kind.PARAGRAPH:
        return replace(node, tight=token.hidden)
    if kind is Kind.CELL:
        return replace(node, info=str(token.attrGet("style") or "").removeprefix("text-align:"))
    if kind is Kind.ITEM:
        return _task(node)
    if kind is Kind.LIST:
        paragraphs = [c for item in children for c in item.children if c.kind is Kind.PARAGRAPH]
        tight = all(p.tight for p in paragraphs)
        if token.type == "ordered_list_open":
            start = int(token.attrs.get("start", 1))
            children = [replace(item, number=start + i) for i, item in enumerate(children)]
        return replace(node, children=tuple(children), tight=tight)
    return node


def _task(item: Node) -> Node:
    """An item that begins with `[ ]` or `[x]` has a box."""
    first = item.children[0] if item.children else item
    begun = first.children[0] if first.kind is Kind.PARAGRAPH and first.children else first
    box = _BOXES.get(begun.text[:4].lower()) if begun.kind is Kind.TEXT else None
    if box is None:
        return item
    boxed = replace(begun, text=f"{box} {begun.text[4:]}")
    first = replace(first, children=(boxed, *first.children[1:]))
    return replace(item, children=(first, *item.children[1:]), info=TASK)


def _code_block(token: Token) -> Node:
    language = _NOT_LANGUAGE.sub("", (token.info.split() or [""])[0])
    return Node(Kind.CODE_BLOCK, (Node(Kind.TEXT, text=token.content),), info=language)


def _inlines(tokens: Iterable[Token], outer: Set[Kind]) -> list[Node]:
    open_: list[tuple[Kind | None, str, list[Node]]] = [(None, "", [])]
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if token.type == "image":
            open_[-1][2].extend(_image(token, outer | {kind for kind, _, _ in open_ if kind}))
        elif name not in _INLINES:
            open_[-1][2].extend(_leaf(token))
        elif token.nesting == 1:
            open_.append((_INLINES[name], str(token.attrGet("href") or ""), []))
        else:
            kind, url, children = open_.pop()
            assert kind is not None
            nothing = kind in outer or any(other is kind for other, _, _ in open_)
            nothing = nothing or (kind is Kind.LINK and not url)
            open_[-1][2].extend(children if nothing else [Node(kind, tuple(children), info=url)])
    return open_[0][2]


def _image(token: Token, outer: Set[Kind]) -> list[Node]:
    """A link to it; within a link what it is called."""
    url = str(token.attrGet("src") or "")
    name = _inlines(token.children or [], outer | {Kind.LINK})
    if not url:
        return name
    name = name or [Node(Kind.TEXT, text=url)]
    return name if Kind.LINK in outer else [Node(Kind.LINK, tuple(name), info=url)]


def _leaf(token: Token) -> list[Node]:
    if token.type == "softbreak":
        return [Node(Kind.SOFT_BREAK)]
    if token.type == "hardbreak":
        return [Node(Kind.BREAK)]
    if token.type == "code_inline":
        return [Node(Kind.CODE, (Node(Kind.TEXT, text=token.content),))]
    if token.type == "math_inline":
        return [Node(Kind.CODE, (Node(Kind.TEXT, text=token.content),), info=MATH)]
    return [Node(Kind.TEXT, text=token.content)] if token.content else []
