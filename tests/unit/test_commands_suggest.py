"""What `/settings` offers while it is typed."""

from __future__ import annotations

import pytest

from bot.commands.suggest import fitting, settings

KEYS = ["trigger", "threads", "collections", "persona", "channel", "everywhere"]
VALUES = {"trigger": ["mention", "all"], "collections": ["red", "blue"], "persona": ["pirate", "default"]}


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", KEYS),
        ("t", ["trigger", "threads", "collections"]),
        ("trigger", ["trigger", "trigger mention", "trigger all"]),
        ("trigger ", ["trigger mention", "trigger all"]),
        ("trigger al", ["trigger all"]),
        ("trigger all ", []),
        ("everywhere", ["everywhere"]),
        ("everywhere ", ["everywhere trigger", "everywhere threads", "everywhere collections",
                         "everywhere persona"]),
        ("Channel per", ["Channel persona"]),
        ("channel persona P", ["channel persona pirate"]),
        ("collections red ", ["collections red blue"]),
        ("everywhere everywhere ", []),
        ("nothing ", []),
        ("nothing at all", []),
    ],
)  # fmt: skip
def test_a_setting_is_completed_word_by_word(typed: str, offered: list[str]) -> None:
    assert settings(typed, KEYS, VALUES, ("collections",)) == offered


def test_what_begins_so_comes_first() -> None:
    assert fitting(["big", "tiny", "gigantic"], " g") == ["gigantic", "big"]
