"""Random Markdown, for tests of what reads it, writes it and delivers it."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Texts = SearchStrategy[str]

WORDS = st.sampled_from(
    [
        *("tea", "x_y_z", "[1]", "[2][3]", "你好，世界。", "シャーレ", "e\u0301te\u0301"),
        *("👩\u200d👩\u200d👧", "🇪🇸", "שלום", "مرحبا", "a.b!", "End. Begin", "<b>", "&amp;", "a < b"),
        *("||sp||", "<@1>", "@everyone", "\\*"),
        *("1.", "-", "#", "*", "**", "~~", "`", "``", "](", ">", "|", "\u200f", "\x07"),
        *("supercalifragilistic" * 4, "长" * 50, "😀" * 20),
    ]
)


def inlines(words: Texts = WORDS) -> Texts:
    """A few words in any markup."""
    plain = st.lists(words, min_size=1, max_size=12).map(" ".join)
    return st.one_of(
        plain,
        plain.map(lambda t: f"**{t}**"),
        plain.map(lambda t: f"请看**“{t}：”**然后"),
        plain.map(lambda t: f"*{t}*"),
        plain.map(lambda t: f"~~{t}~~"),
        plain.map(lambda t: f"`{t}`"),
        plain.map(lambda t: f'[{t}](https://e.x/a?b=1&c="2)'),
        plain.map(lambda t: f"[{t}](javascript:alert(1))"),
        plain.map(lambda t: f"![{t}](https://e.x/i.png)"),
        st.just("<https://auto.link/a_b>"),
        st.just("line  \nbreak"),
    )


def lines(words: Texts = WORDS) -> Texts:
    return st.lists(inlines(words), min_size=1, max_size=4).map(" ".join)


def texts(words: Texts = WORDS) -> Texts:
    """Blocks within blocks, but no tables."""
    line = lines(words)
    leaves = st.one_of(
        line,
        line.map(lambda t: "## " + t),
        line.map(lambda t: t + "\n==="),
        line.map(_fence),
        st.just("---"),
    )
    return st.recursive(leaves, _around, max_leaves=12)


def tables(words: Texts = WORDS) -> Texts:
    """Of two columns, named §h1 and §二."""
    cell = inlines(words).map(lambda t: t.replace("\n", " ").replace("|", "\\|"))
    return st.lists(st.tuples(cell, cell), min_size=1, max_size=8).map(
        lambda rows: "| §h1 | §二 |\n|:--|--:|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)
    )


def documents(words: Texts = WORDS) -> Texts:
    """Any of it."""
    text = texts(words)
    return st.one_of(text, st.tuples(text, tables(words), text).map("\n\n".join))


def _around(inner: Texts) -> Texts:
    items = st.lists(inner, min_size=1, max_size=4)
    return st.lists(
        st.one_of(
            inner,
            inner.map(lambda t: _prefixed(t, "> ", "> ")),
            items.map(lambda found: "\n".join(_prefixed(t, "- ", "  ") for t in found)),
            items.map(
                lambda found: "\n\n".join(_prefixed(t, f"{i + 7}. ", "   ") for i, t in enumerate(found))
            ),
        ),
        min_size=1,
        max_size=4,
    ).map("\n\n".join)


def _prefixed(text: str, first: str, rest: str) -> str:
    return first + text.replace("\n", "\n" + rest)


def _fence(text: str) -> str:
    return f"~~~py<t>\n{text}\n```\n  x < 1 && y\n~~~"
