"""Long answers with everything that answers have, each piece of it marked, so that it is known what became of
it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MARK = re.compile(r"s\d+(?:p\d+|l\d+n\d+|r\d+|w\d+|q\d+|e)x")
ITEM = re.compile(r"^( *)(?:(\d+)\.|[-•]) .*?s\d+l(\d)n(\d+)x")
ROW = re.compile(r"s\d+r\d+x +\|")
HEADER = re.compile(r"Name +\| +Count \|")


def answer(length: int) -> str:
    """Markdown of about so many characters: sections until there are enough, and the last one whole."""
    sections: list[str] = []
    while sum(map(len, sections)) < length:
        sections.append(_section(len(sections)))
    return "\n\n".join(sections)


def marks(texts: Sequence[str]) -> list[str]:
    """The pieces, in order."""
    return [found for text in texts for found in MARK.findall(text)]


def code(number: int) -> str:
    """The code of a section."""
    lines = (f'    if value["{n}"] < {n}:\n\n        return f"`{n}` & <{n}> *{n}* ```"' for n in range(12))
    return f"def s{number}(value):\n" + "\n".join(lines)


def code_lines(text: str) -> list[str]:
    """All the code of an answer, line by line."""
    return [line for n in range(text.count("## Section ")) for line in code(n).split("\n")]


def _section(number: int) -> str:
    return "\n\n".join(
        [
            f"## Section {number}",
            " ".join(f"Sentence *{n}* of **s{number}p{n}x** with `code {n}` and a_b_c." for n in range(8)),
            _list(number),
            f"````python\n{code(number)}\n````",
            _table(number),
            _wide(number),
            f"> A quote s{number}q1x\n> over two lines s{number}q2x\n>\n> - with a list s{number}q3x",
            f"The end of it: s{number}ex",
        ]
    )


def _list(number: int) -> str:
    """Four levels; a number is that of its item."""
    lines: list[str] = []
    for n in range(1, 10):
        lines += [
            f"{n}. One **s{number}l1n{n}x**",
            f"   - Two s{number}l2n{n}x",
            f"     1. Three s{number}l3n1x",
            f"        - Four s{number}l4n1x with [a link](https://e.example/{n}_{n})",
            f"     2. Three s{number}l3n2x",
        ]
    return "\n".join(lines)


def _table(number: int) -> str:
    rows = (f"| s{number}r{n}x | {7**n} | **ok** 你好 |" for n in range(9))
    return "| Name | Count | Note |\n|:--|--:|:-:|\n" + "\n".join(rows)


def _wide(number: int) -> str:
    """Too wide to be drawn."""
    rows = (f"| s{number}w{n}x | {'a long description of it, ' * 3}and on |" for n in range(4))
    return "| Thing | Description |\n|--|--|\n" + "\n".join(rows)


def check(texts: Sequence[str], text: str) -> None:
    """Everything is there once and in order; lists keep their levels and numbers, tables their columns."""
    assert marks(texts) == marks([text])
    for shown in texts:
        assert shown.strip()
        _check_items(shown)
        for rows in _tables(shown):
            assert HEADER.match(rows[0]), rows[0]
            assert len({_columns(row) for row in rows}) == 1, rows


def _check_items(shown: str) -> None:
    for line in shown.split("\n"):
        if item := ITEM.search(line):
            indent, numbered, level, number = item.groups()
            assert len(indent) == 2 * (int(level) - 1), line
            assert (numbered or number) == number, line
            assert (numbered is None) == (int(level) % 2 == 0), line


def _tables(shown: str) -> Iterator[list[str]]:
    """Each table that is drawn: its header and its rows, without the line between."""
    lines = shown.split("\n")
    starts = [n for n, line in enumerate(lines) if HEADER.match(line)]
    rows = sum(1 for line in lines if ROW.match(line))
    for start in starts:
        end = next(n for n in range(start + 2, len(lines) + 1) if n == len(lines) or not ROW.match(lines[n]))
        rows -= end - start - 2
        yield [lines[start], *lines[start + 2 : end]]
    assert rows == 0, "a row without its header"


def _columns(row: str) -> tuple[int, ...]:
    """Where the columns end; what is behind the last may be wide."""
    return tuple(found.start() for found in re.finditer(r"\|", row))[:2]
