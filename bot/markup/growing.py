"""Markdown that is still being written, as it will most likely look once it is.

An emphasis, a link, code or a formula without its end gets one; a table has one from its first line
on; and what cannot be told yet waits: a marker at the beginning of a line, a `*` with nothing behind
it. So what is shown stays as it is shown while more comes, and nothing waits for long: a few
characters, or the address of a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence

from markdown_it.token import Token

from bot.markup.flanks import cjk, flanks
from bot.markup.math import GUESSED, INLINE, MATH

_LONGEST = 400
"""Characters after which what has not ended is taken as it stands."""
_LINE = re.compile(
    r"(?:[ \t]|>|[-+*](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$))*"
    r"(?:[-=*_~`#|:+ \t]*|\d{1,9}[.)]?|\[[ xX]?\]?|\${1,2}|\\\[?|!|(?:`{3,}|~{3,})[^`\n]*)[ \t]*"
)
"""A line of which it cannot be told what it will be."""
_FENCE = re.compile(r"[ \t>]*(`+|~+)[ \t]*")
_PIPE = re.compile(r"(?<!\\)\|")
_NUMBER = re.compile(r"\^?\d{0,3}")
_LINK = re.compile(
    r"""\(\s*(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)"""
)
_TITLE_BEGUN = r"""(?:\s+(?:["'][^"'\n]*(?:["']\s*)?)?)?"""
_LINK_BEGUN = re.compile(rf"\(\s*(?:<[^<>\n]*(?:>{_TITLE_BEGUN})?|[^\s<]\S*{_TITLE_BEGUN})?")
_LONGEST_LINK, _LONGEST_CODE = 2_048, 4_000
_MOST_BRACKETS = 200
_MOST_OPEN = 50
"""Emphases that are open at once; of more the first are let be."""
_ADDRESS_BEGUN = re.compile(
    r"h|ht|htt|https?:?/?|https?://[^\s<>]*|m|ma|mai|mail|mailt|mailto|mailto:[^\s<>]*"
)
_ENTITY_BEGUN = re.compile(r"#?\w{0,9}")
_FORMULA_BEGUN = re.compile(r"[A-Za-z\\({\[|][^\n]*")
_PROSE = re.compile(r"(?:[a-z]{3,} +){3}")
_BLOCKS = ("paragraph_open", "heading_open", "td_open", "th_open")
Blocks = Callable[[str], Sequence[Token]]


def held(text: str, blocks: Blocks) -> str:
    """The text without its last line if that is not to be told yet. `blocks` parses into blocks."""
    start = text.rfind("\n") + 1
    last = text[start:]
    if not last:
        return text
    leaf, lines = _leaf(blocks(text)), text.count("\n") + 1
    if leaf is not None and leaf.type in ("fence", "code_block") and leaf.map and leaf.map[1] >= lines:
        if leaf.type == "code_block" or leaf.info == MATH:
            return text
        mark = _FENCE.fullmatch(last)
        opening = leaf.map[0] == lines - 1
        closing = mark is not None and mark[1][0] == leaf.markup[0] and len(mark[1]) < len(leaf.markup)
        return text[:start] if opening or closing else text
    return text[:start] if _LINE.fullmatch(last) else text


def headed(text: str, blocks: Blocks) -> str:
    """The text with the line that makes a table of its last one, if that looks like the head of one."""
    leaf = open_inline(blocks(text), text, within=("paragraph_open",))
    if leaf is None:
        return text
    *before, head = leaf.content.split("\n")
    if not head.startswith("|") or (before and before[-1].startswith("|")):
        return text
    if text.endswith("\n"):
        text = text.removesuffix("\n")
    else:
        cell = max(found.end() for found in _PIPE.finditer(text))
        text = f"{text[:cell]} {finished(text[cell:].strip())}"
    line = text.rpartition("\n")[2]
    around = re.sub(r"[^>\s]", " ", line[: line.find("|")])
    columns = len(_PIPE.findall(line.rstrip().removesuffix("|"))) or 1
    return f"{text}\n{around}|{'---|' * columns}"


def open_inline(tokens: Sequence[Token], text: str, within: Container[str] = _BLOCKS) -> Token | None:
    """The inline text in which the text ends, if it is `within` such a block; None if it ends in code,
    or after a block's end."""
    leaf = _leaf(tokens)
    lines = text.count("\n") + (not text.endswith("\n"))
    if leaf is None or leaf.type != "inline" or leaf.map is None or leaf.map[1] < lines:
        return None
    place = next(n for n in range(len(tokens) - 1, -1, -1) if tokens[n] is leaf)
    around = tokens[place - 1]
    if around.type not in within:
        return None
    if around.type == "heading_open" and (text.endswith("\n") or around.markup[0] in "-="):
        return None
    if around.type in ("td_open", "th_open"):
        row = [t for t in tokens[: place + 1] if t.type == "inline" and t.map == leaf.map and t.content]
        return row[-1] if row and not text.endswith("\n") else None
    return leaf


def _leaf(tokens: Sequence[Token]) -> Token | None:
    return next((t for t in reversed(tokens) if t.type in ("inline", "fence", "code_block", "hr")), None)


def finished(text: str) -> str:
    """An inline text with what is open in it closed, and without what cannot be told yet."""
    return _Scan(text).result()


class _Scan:
    """One way through an inline text. Each rule takes what begins at `at`, or gives False."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._end = text, 0, len(text)
        self._out: list[str] = []
        self._length = self._brackets = 0
        self._dropped: set[int] = set()
        self._open: list[tuple[str, int, int]] = []
        """Emphasis: its character, how many, and where in the output it begins."""

    def result(self) -> str:
        rules = {"\\": self._escape, "`": self._code, "$": self._dollar, "[": self._bracket}
        rules |= {"!": self._picture, "<": self._angle, "&": self._entity}
        rules |= dict.fromkeys("*_~", self._emphasis)
        while self._at < self._end:
            char = self._text[self._at]
            if self._at in self._dropped:
                self._at += 1
            elif char not in rules or not rules[char]():
                self._copy(1)
        return self._closed("".join(self._out).rstrip())

    def _closed(self, text: str) -> str:
        for mark, count, begin in reversed(self._open):
            if not text[begin + count :].strip():
                text = text[:begin].rstrip()
            elif len(text) - begin <= _LONGEST:
                text += mark * count
        return text

    def _copy(self, count: int) -> bool:
        self._put(self._text[self._at : self._at + count])
        self._at += count
        return True

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._length += len(text)

    def _cut(self) -> bool:
        """What begins here waits."""
        self._at = self._end
        return True

    def _rest(self, skip: int, most: int = 2 * _LONGEST) -> str:
        """What follows; no more of it than decides anything."""
        begin = self._at + skip
        return self._text[begin : min(self._end, begin + most)]

    def _far(self) -> bool:
        """Whether the end is so far that what begins here is no concern of it."""
        return self._end - self._at > 2 * _LONGEST

    def _run(self) -> int:
        char, end = self._text[self._at], self._at
        while end < self._end and self._text[end] == char:
            end += 1
        return end - self._at

    def _provisional(self, opening: str, inner: str, closing: str) -> bool:
        """The rest, with an end of its own."""
        if not inner.strip():
            return self._cut()
        whole = f"{opening}{inner}{closing}"
        self._put(whole + GUESSED if INLINE.fullmatch(whole) else whole)
        return self._cut()

    def _escape(self) -> bool:
        rest = self._rest(1)
        if not rest:
            return self._cut()
        if rest[0] != "(":
            return self._copy(2)
        if found := INLINE.match(self._text, self._at, self._end):
            return self._copy(len(found[0]))
        inner = _whole_escapes(rest[1:])
        if self._far() or "\\)" in inner or len(inner) > _LONGEST:
            return self._copy(2)
        return self._provisional("\\(", inner, "\\)")

    def _code(self) -> bool:
        run = self._run()
        for found in re.finditer("`+", self._rest(run, _LONGEST_CODE)):
            if len(found[0]) == run:
                return self._copy(run + found.end())
        inner = _whole_escapes(self._rest(run).rstrip("`"))
        if self._far() or len(inner) > _LONGEST or "\n" in inner:
            return self._copy(run)
        return self._provisional("`" * run, inner, "`" * run)

    def _dollar(self) -> bool:
        if self._out and self._out[-1][-1].isalnum():
            return self._copy(1)
        run = min(2, self._run())
        rest = self._rest(run)
        found = INLINE.match(self._text, self._at, self._end)
        if found and (run == 2 or found.end() < self._end):
            return self._copy(len(found[0]))
        if self._far():
            return self._copy(run)
        if not rest.strip("$"):
            return self._cut()
        inner = _whole_escapes(rest.removesuffix("$")).rstrip()
        likely = run == 2 or (_FORMULA_BEGUN.fullmatch(inner) and not _PROSE.search(inner))
        if "$" not in inner and likely and len(inner) <= _LONGEST:
            return self._provisional("$" * run, inner, "$" * run)
        if rest.endswith("$") and "$" not in inner:
            self._end -= 1
        return self._copy(1)

    def _emphasis(self) -> bool:
        run, char = self._run(), self._text[self._at]
        before = self._text[self._at - 1] if self._at else " "
        if self._at + run >= self._end:
            return self._cut()
        opens, closes = flanks(self._text, self._at, self._at + run)
        if char == "~" and run < 2:
            return self._copy(run)
        left = run
        if closes:
            left = self._close(char, run)
        product = char == "*" and before.isalnum() and (run == 1 or not cjk(before))
        if left and opens and not product:
            self._open.append((char, left, self._length + run - left))
            del self._open[:-_MOST_OPEN]
        return self._copy(run)

    def _close(self, char: str, left: int) -> int:
        """How many of the marks close nothing."""
        while left and any(mark == char for mark, _, _ in self._open):
            while self._open[-1][0] != char:
                self._open.pop()
            mark, count, begin = self._open.pop()
            if count > left:
                self._open.append((mark, count - left, begin))
            left -= min(count, left)
        return left

    def _picture(self) -> bool:
        if self._at + 1 >= self._end:
            return self._cut()
        return self._text[self._at + 1] == "[" and self._bracket(1)

    def _bracket(self, skip: int = 0) -> bool:
        """A link: its text alone as long as its address is not known. A number may be a citation."""
        begin = self._at + skip
        self._brackets += 1
        if self._brackets > _MOST_BRACKETS:
            return False
        close = _closing(self._text, begin, min(self._end, begin + 2 * _LONGEST))
        label = self._text[begin + 1 : min(self._end, begin + 2 * _LONGEST) if close < 0 else close]
        rest = "" if close < 0 else self._text[close + 1 : min(self._end, close + 2 * _LONGEST_LINK)]
        if close < 0:
            if _NUMBER.fullmatch(label):
                return self._cut()
            if len(label) > _LONGEST:
                return False
        elif not rest:
            if _NUMBER.fullmatch(label) or not label.strip():
                return False
            self._dropped.add(close)
        elif whole := _LINK.match(rest):
            return self._copy(skip + len(label) + 2 + whole.end())
        elif _LINK_BEGUN.fullmatch(rest) and len(rest) <= _LONGEST_LINK:
            self._end = close
        else:
            return False
        self._at = begin + 1
        return True

    def _angle(self) -> bool:
        rest = self._rest(1)
        if not rest:
            return self._cut()
        if not _ADDRESS_BEGUN.fullmatch(rest):
            return False
        self._at += 1
        return True

    def _entity(self) -> bool:
        return bool(_ENTITY_BEGUN.fullmatch(self._rest(1))) and self._cut()


def _closing(text: str, begin: int, end: int) -> int:
    """Where the bracket at `begin` is closed; -1 if it is not."""
    depth, at = 0, begin
    while at < end:
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return -1


def _whole_escapes(text: str) -> str:
    """Without a backslash at the end that has nothing to escape yet."""
    slashes = len(text) - len(text.rstrip("\\"))
    return text[:-1] if slashes % 2 else text
