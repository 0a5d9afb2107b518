"""How an answer looks at Discord."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.render import NO_PREVIEW, TEXT_LIMIT, body_of, calling, nonce_of, rows
from bot.markup import utf16_length
from bot.types import Button, Citation, Markup, Outgoing
from tests.adapters.discord_core import shown

SOURCES = (
    Citation(1, "a", "https://docs.example/a", "A guide [new]", "q"),
    Citation(2, "b", "handbook.pdf", "handbook.pdf", "q"),
    Citation(3, "c", "https://docs.example/with space", "", "q"),
)


def content(text: str, citations: tuple[Citation, ...] = SOURCES) -> str:
    return str(body_of(replace(shown(text), citations=citations, final=True))["content"])


def test_markers_link_outside_of_code_and_links() -> None:
    lines = content("[1] `[1]` ```\n[1]\n``` [see](<https://x.y/[1]>) [2] [9] \\[1]").split("\n-# ")
    assert lines == [
        "[[1]](<https://docs.example/a>) `[1]` ```\n[1]\n``` [see](<https://x.y/[1]>) [2] [9] \\[1]",
        "[1] [A guide (new)](<https://docs.example/a>)",
        "[2] handbook.pdf",
        "[3] https://docs.example/with space",
    ]


def test_plain_text_has_plain_sources() -> None:
    out = Outgoing("So [1].", "So [1].", citations=SOURCES[:2], final=True)
    assert body_of(out)["content"] == "So [1].\n[1] A guide [new] — https://docs.example/a\n[2] handbook.pdf"


def test_sources_wait_for_the_end() -> None:
    assert body_of(replace(shown("So [1]"), citations=SOURCES))["content"] == "So [1]"


@given(
    text=st.text(min_size=1, max_size=TEXT_LIMIT // 2),
    marks=st.lists(st.sampled_from(["[1]", " [2]", "`[1]`", "x" * 90]), max_size=40),
    citations=st.lists(st.sampled_from(SOURCES), max_size=3).map(tuple),
)
def test_no_message_is_too_long(text: str, marks: list[str], citations: tuple[Citation, ...]) -> None:
    text += "".join(marks)
    if utf16_length(text) <= TEXT_LIMIT and text.strip():
        assert utf16_length(content(text, citations)) <= TEXT_LIMIT


@pytest.mark.parametrize(
    ("text", "previews"),
    [
        ("See https://a.b/c", True),
        ("See https://a.b/c and https://a.b/c", True),
        ("See https://a.b/c or https://d.e/f", False),
        ("See <https://a.b/c>", False),
        ("See [it](<https://a.b/c>)", False),
        ("`https://a.b/c`", False),
        ("none", False),
    ],
)
def test_only_a_single_link_shows_its_page(text: str, previews: bool) -> None:
    assert body_of(shown(text))["flags"] == (0 if previews else NO_PREVIEW)


def test_buttons_stand_in_rows_and_odd_ones_are_left_out() -> None:
    buttons = [Button(str(n), f"b{n}") for n in range(30)]
    odd = [Button("long", "x" * 101), Button("none"), Button("far", url="https://a.b/" + "c" * 600)]
    made = rows([*odd, *buttons])
    assert [len(row["components"]) for row in made] == [5] * 5
    assert made[0]["components"][0] == {"type": 2, "style": 2, "label": "0", "custom_id": "b0"}
    assert rows([Button("x" * 90, "d")])[0]["components"][0]["label"] == "x" * 80


def test_one_person_is_called_if_there_is_room() -> None:
    body = calling(body_of(shown("So.")), "7")
    assert body["content"] == "<@7> So."
    assert body["allowed_mentions"] == {"parse": [], "replied_user": False, "users": ["7"]}
    full = body_of(shown("x" * 1998))
    assert calling(full, "7") == full


def test_a_nonce_is_short_and_belongs_to_its_key() -> None:
    assert nonce_of("turn:0") == nonce_of("turn:0") != nonce_of("turn:1")
    assert len(nonce_of("x" * 500)) <= 25


def test_nothing_to_see_is_still_a_message() -> None:
    assert body_of(Outgoing(" ", " ", markup=Markup.DISCORD))["content"] == "…"
    assert body_of(replace(shown(""), activity="a\nb_c"))["content"] == "*a b\\_c*"
