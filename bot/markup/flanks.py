"""Where an emphasis may begin and end, also in text that has no spaces.

CommonMark with the amendment for Chinese, Japanese and Korean
(https://github.com/tats-u/markdown-cjk-friendly/blob/main/specification.md): beside such a character
a run of `*` or `~` opens and closes whatever punctuation it touches, so that `**重要：**请看` is bold.
What is meant by `_` does not change.
"""

from __future__ import annotations

from unicodedata import category, east_asian_width

from markdown_it import MarkdownIt
from markdown_it.common.utils import isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from markdown_it.utils import EnvType

_EMOJI = ((0x2300, 0x2BFF), (0x1F000, 0x1FAFF))
"""Wide, but of no script."""
_JAMO = ((0x1160, 0x11FF), (0xD7B0, 0xD7FF))
"""The parts of Hangul that take no column of their own."""
_VARIANTS = range(0xFE00, 0xFE0F)
"""Say how the character before them looks."""
_IDEOGRAPHIC_VARIANTS = range(0xE0100, 0xE01F0)


def cjk(char: str) -> bool:
    """Whether this is a Chinese, Japanese or Korean letter or mark."""
    code = ord(char)
    if code < 0x1100:
        return False
    if east_asian_width(char) in "WFH":
        return not _within(code, _EMOJI)
    return code in _IDEOGRAPHIC_VARIANTS or _within(code, _JAMO)


def flanks(text: str, begin: int, end: int, *, limit: int | None = None) -> tuple[bool, bool]:
    """Whether the run of marks from `begin` to `end` can open and can close. The text ends at `limit`."""
    before = _before(text, begin)
    after = text[end] if end < (len(text) if limit is None else limit) else " "
    if isWhiteSpace(ord(before)) or isWhiteSpace(ord(after)):
        return not isWhiteSpace(ord(after)), not isWhiteSpace(ord(before))
    if text[begin] == "_":
        return _punctuation(before), _punctuation(after)
    free = cjk(before) or cjk(after) or _punctuation(before) == _punctuation(after)
    return free or _punctuation(before), free or _punctuation(after)


def flank_by_script(parser: MarkdownIt) -> None:
    """The parser finds emphasis and strikethrough as `flanks` says."""
    inlines = _Inlines()
    inlines.ruler, inlines.ruler2 = parser.inline.ruler, parser.inline.ruler2
    parser.inline = inlines


class _Inlines(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        return Scanned(*flanks(self.src, start, end, limit=self.posMax), end - start)


def _before(text: str, at: int) -> str:
    """The character before; a line begins as if behind a space."""
    if at > 1 and ord(text[at - 1]) in _VARIANTS and not isWhiteSpace(ord(text[at - 2])):
        return text[at - 2]
    return text[at - 1] if at else " "


def _punctuation(char: str) -> bool:
    return category(char)[0] in "PS"


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)
