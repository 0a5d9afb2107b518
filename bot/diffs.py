"""Two texts compared line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from bot.types import DiffKind, DiffLine

CONTEXT = 3
"""Lines shown around a change."""


def compare(old: str, new: str, context: int = CONTEXT) -> list[DiffLine]:
    """The lines of both, in order; of those that are the same only `context` around each change.
    Empty where nothing changed."""
    before, after = old.splitlines(), new.splitlines()
    matcher = SequenceMatcher(None, before, after)
    lines: list[DiffLine] = []
    shown = 0
    for group in matcher.get_grouped_opcodes(context):
        lines += _skipped(group[0][1] - shown)
        for tag, i, i_end, j, j_end in group:
            lines += _lines(tag, before[i:i_end], i, after[j:j_end], j)
        shown = group[-1][2]
    return lines + _skipped(len(before) - shown) if lines else []


def _skipped(count: int) -> list[DiffLine]:
    return [DiffLine(DiffKind.SKIPPED, str(count))] if count else []


def _lines(tag: str, old: Sequence[str], i: int, new: Sequence[str], j: int) -> Iterator[DiffLine]:
    if tag == "equal":
        for n, text in enumerate(old, 1):
            yield DiffLine(DiffKind.SAME, text, i + n, j + n)
        return
    for n, text in enumerate(old, 1):
        yield DiffLine(DiffKind.REMOVED, text, old=i + n)
    for n, text in enumerate(new, 1):
        yield DiffLine(DiffKind.ADDED, text, new=j + n)
