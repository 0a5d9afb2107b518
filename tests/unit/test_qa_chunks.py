"""Documents are cut into passages by their headings."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from bot.plugins.qa.chunks import SIZE, Document, document

GUIDE = """\
---

# Telegram

What it is.

## Connect Telegram

1. Open **BotFather**.
2. Send it:

```sh
# not a heading
/newbot
```

### With a `webhook`

Rarely needed.

## Connect Telegram

Again.

## Empty
"""


def cut(text: str, source: str = "handbook/en/telegram.md", markdown: bool = True) -> Document:
    return document(text, collection="c", source=source, markdown=markdown)


def test_passages_have_their_headings_as_title_and_anchor() -> None:
    guide = cut(GUIDE)
    assert guide.title == "Telegram"
    assert [(p.source.rpartition("/")[2], p.title) for p in guide.passages] == [
        ("telegram.md#telegram", "Telegram"),
        ("telegram.md#connect-telegram", "Telegram › Connect Telegram"),
        ("telegram.md#with-a-webhook", "Telegram › Connect Telegram › With a webhook"),
        ("telegram.md#connect-telegram-1", "Telegram › Connect Telegram"),
        ("telegram.md#empty", "Telegram › Empty"),
    ]
    assert "# not a heading\n/newbot\n```" in guide.passages[1].text
    assert guide.passages[-1].text == "Empty"


def test_chinese_headings_give_anchors() -> None:
    assert cut("# 模型\n## 连接 Telegram？\n粘贴令牌。").passages[-1].source.endswith("#连接-telegram")


def test_long_texts_are_cut_at_paragraphs_then_sentences_and_code_never() -> None:
    paragraphs = [f"Paragraph {n}. " + "Some words of it. " * 30 for n in range(5)]
    code = "```\n" + "line\n\n# no heading\n" * 300 + "```"
    passages = cut("# A\n" + "\n\n".join([*paragraphs, code, "One sentence. " * 300])).passages
    assert code in [p.text for p in passages]
    assert all(len(p.text) <= SIZE or p.text == code for p in passages)
    assert all(p.text.endswith((".", "```")) for p in passages)
    assert passages[0].text.startswith("Paragraph 0.")


def test_plain_text_has_no_headings() -> None:
    notes = cut("# not a heading\n\n```\ntext", "a/notes.txt", markdown=False)
    assert notes.title == "notes.txt"
    assert [(p.text, p.source, p.title) for p in notes.passages] == [
        ("# not a heading\n\n```\ntext", "a/notes.txt", "notes.txt")
    ]


def test_ids_are_unique_and_stable_and_the_digest_follows_the_text() -> None:
    first, again, other = cut(GUIDE), cut(GUIDE), cut(GUIDE + "more")
    assert first == again
    assert len({p.id for p in first.passages}) == len(first.passages)
    assert first.digest != other.digest
    assert not {p.id for p in cut(GUIDE, "b.md").passages} & {p.id for p in first.passages}


LINES = st.sampled_from(
    [
        "# A",
        "## B",
        "### C",
        "",
        "```",
        "~~~",
        "    code",
        "text",
        "x" * 700,
        "文" * 1500,
        "- item",
        "a. b. " * 300,
    ]
)


@given(st.lists(LINES, max_size=30), st.booleans())
@example(["# A", "```"], True)
def test_no_text_is_lost(lines: list[str], markdown: bool) -> None:
    passages = cut("\n".join(lines), markdown=markdown).passages
    kept = "".join("".join(p.title + p.text for p in passages).split())
    for line in lines:
        for piece in line.lstrip("# ").split():
            assert piece[:SIZE] in kept or not any(map(str.isalnum, piece))
    assert all(p.text.strip() for p in passages)
