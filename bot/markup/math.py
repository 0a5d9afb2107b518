"""Rules for markdown-it that leave formulas as they were written.

Between `$…$`, `$$…$$`, `\\(…\\)` and, as a block of its own, `\\[…\\]`, Markdown means nothing. As
pandoc has it, a lone `$` opens before what is no space, closes after what is none and before no
digit, so that prices stay prices.
"""

from __future__ import annotations

import re
from functools import partial

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

GROWING = "growing"
"""The key of a parser's `env` that says that the text goes on: a block that has no end yet, nor a blank
line, is a formula already."""
MATH = "math"
"""The `info` of the nodes that hold formulas."""
GUESSED = "\x01"
"""Behind the end of a formula that was only guessed, and is not shown: it would move with each letter. (A
text that is `clean` has none.)"""
_LONGEST = 2000
INLINE = re.compile(
    rf"\$\$(?:[^$\\]|\\.){{1,{_LONGEST}}}?\$\$"
    rf"|\$(?![\s$])(?:[^$\\\n]|\\.){{0,{_LONGEST}}}?(?<![\s\\])\$(?![\d$])"
    rf"|\\\((?:[^\\]|\\[^()]){{1,{_LONGEST}}}?\\\)",
    re.DOTALL,
)
_ENDS = {"$$": "$$", "\\[": "\\]"}
_MOST_LINES = 200


def leave_math(parser: MarkdownIt) -> None:
    """Formulas become `math_inline` tokens, and blocks of them fences whose info is MATH."""
    parser.inline.ruler.before("escape", "math_inline", _inline)
    parser.block.ruler.before("fence", "math_block", _block, {"alt": ["paragraph", "blockquote", "list"]})


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\" or (state.src[state.pos] == "$" and _within_a_word(state)):
        return False
    found = INLINE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    guessed = state.src.startswith(GUESSED, found.end())
    if not silent:
        closing = 2 if found[0].startswith(("$$", "\\(")) else 1
        state.push("math_inline", "", 0).content = found[0][:-closing] if guessed else found[0]
    state.pos = found.end() + guessed
    return True


def _within_a_word(state: StateInline) -> bool:
    return state.pos > 0 and state.src[state.pos - 1].isalnum()


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    first = _line(state, start)
    closing = _ENDS.get(first[:2])
    if closing is None or state.is_code_block(start):
        return False
    if len(first) > 4 and first.endswith(closing):
        last = start
    elif closing in first[2:]:
        return False
    else:
        lines = range(start + 1, min(end, start + _MOST_LINES))
        last = next((n for n in lines if _line(state, n).endswith(closing)), -1)
        if (
            last < 0
            and state.env.get(GROWING)
            and end - start <= _MOST_LINES
            and all(map(partial(_line, state), lines))
        ):
            last = end - 1
    if last < 0:
        return False
    if not silent:
        token = state.push("fence", "code", 0)
        token.info = MATH
        token.content = state.getLines(start, last + 1, state.blkIndent, False)
        state.line = last + 1
    return True


def _line(state: StateBlock, number: int) -> str:
    begin = state.bMarks[number] + state.tShift[number]
    return state.src[begin : state.eMarks[number]].strip()
