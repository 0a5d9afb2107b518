"""Fields come off a settings schema; what is posted is checked against them, and secrets stay inside."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from bot.errors import FieldsRefused
from bot.plugins.api import PluginSettings
from bot.plugins.forms import LONGEST, fields_of, read
from bot.plugins.pages import Upload
from bot.types import FieldKind, FormField, Origin


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Deep(PluginSettings):
    token: SecretStr = SecretStr("deep-secret")


class Many(PluginSettings):
    greeting: str = Field("hi", title="How to greet", description="Said first.", max_length=5)
    poem: str = Field("", json_schema_extra={"multiline": True})
    count: Annotated[int, Field(ge=1, le=20)] = 4
    rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    on: bool = True
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] | None = None
    names: tuple[str, ...] = ("x", "y")
    key: SecretStr = SecretStr("")
    keys: tuple[SecretStr, ...] = (SecretStr("listed-secret"),)
    deep: Deep = Deep()
    needed: str


def fields(**values: Any) -> dict[str, FormField]:
    origins = dict.fromkeys(values, Origin.FILE)
    return {f.name: f for f in fields_of(Many, Many(needed="yes", **values), origins)}


def test_each_setting_is_a_field_of_its_kind() -> None:
    known = fields(count=7, key=SecretStr("hidden"))
    assert {name: field.kind for name, field in known.items()} == {
        "greeting": FieldKind.TEXT,
        "poem": FieldKind.LINES,
        "count": FieldKind.NUMBER,
        "rate": FieldKind.NUMBER,
        "on": FieldKind.SWITCH,
        "colour": FieldKind.CHOICE,
        "mode": FieldKind.CHOICE,
        "names": FieldKind.LIST,
        "key": FieldKind.SECRET,
        "keys": FieldKind.LINES,
        "deep": FieldKind.LINES,
        "needed": FieldKind.TEXT,
    }
    greeting = known["greeting"]
    assert (greeting.label, greeting.help, greeting.maximum) == ("How to greet", "Said first.", 5)
    count = known["count"]
    assert (count.label, count.value, count.default, count.whole) == ("count", 7, 4, True)
    assert (count.minimum, count.maximum, count.origin) == (1, 20, Origin.FILE)
    assert (known["rate"].above, known["rate"].below, known["rate"].value) == (0, 1, None)
    assert known["colour"].choices == ("red", "blue")
    assert (known["mode"].choices, known["names"].value) == (("a", "b"), ("x", "y"))
    assert known["needed"].required
    assert known["deep"].read_only
    assert known["keys"].read_only


def test_no_secret_comes_out() -> None:
    known = fields(key=SecretStr("top-secret"), deep=Deep(token=SecretStr("deeper-secret")))
    assert "-secret" not in repr(known)
    assert (known["key"].value, known["key"].is_set) == (None, True)
    assert not fields()["key"].is_set
    raw = Many.model_construct(**{"key": "top-secret"})  # type: ignore[arg-type]
    assert "top-secret" not in repr(fields_of(Many, raw))


def test_what_is_posted_becomes_values() -> None:
    posted = {
        "greeting": "a\r\nb",
        "count": " 9 ",
        "rate": "",
        "on": "on",
        "colour": "blue",
        "mode": "",
        "names": "one\n\n two \n",
        "key": "",
        "needed": "x",
    }
    values = read([*fields().values()], posted)
    assert values == {
        "greeting": "a\nb",
        "poem": "",
        "count": 9,
        "rate": None,
        "on": True,
        "colour": "blue",
        "mode": None,
        "names": ("one", "two"),
        "needed": "x",
    }
    assert read([*fields().values()], {**posted, "key": "new", "on": ""})["key"] == "new"


def test_a_secret_that_is_needed_stays_where_it_is_left_empty() -> None:
    one = FormField("key", FieldKind.SECRET, required=True)
    assert read([replace(one, is_set=True)], {"key": ""}) == {}
    with pytest.raises(FieldsRefused, match="is needed"):
        read([one], {"key": ""})


@pytest.mark.parametrize(
    ("posted", "why"),
    [
        ({"greeting": "123456"}, "at most 5 characters"),
        ({"count": "0"}, "at least 1"),
        ({"count": "21"}, "at most 20"),
        ({"count": "1.5"}, "is no whole number"),
        ({"rate": "0"}, "more than 0"),
        ({"rate": "1"}, "less than 1"),
        ({"rate": "nan"}, "is no number"),
        ({"rate": "x"}, "is no number"),
        ({"on": "perhaps"}, "is neither on nor off"),
        ({"colour": "green"}, "is none of red, blue"),
        ({"needed": " "}, "is needed"),
        ({"poem": "x" * (LONGEST + 1)}, "at most 100,000 characters"),
        ({"poem": Upload.of("x", b"")}, "is no text"),
        ({"deep": "{}"}, "cannot be changed here"),
        ({"other": "x"}, "there is no such field"),
    ],
)
def test_what_does_not_fit_is_said_of_its_field(posted: dict[str, Any], why: str) -> None:
    with pytest.raises(FieldsRefused) as refused:
        read([*fields().values()], {"needed": "x", **posted})
    assert refused.value.fields == {next(iter(posted)): why}


def test_files_are_taken_up_to_their_size() -> None:
    field = FormField("file", FieldKind.FILE, required=True, maximum=3)
    small = Upload.of("a", b"abc")
    assert read([field], {"file": small}) == {"file": small}
    assert small.content == small.content == b"abc"
    for file, why in ((Upload.of("a", b"abcd"), "at most 3 bytes"), ("a", "a file is needed")):
        with pytest.raises(FieldsRefused, match=why):
            read([field], {"file": file})


POSTED = st.dictionaries(st.sampled_from([*Many.model_fields, "x"]), st.text() | st.lists(st.text()))


@given(POSTED)
def test_whatever_is_posted_is_read_or_refused_by_field(posted: dict[str, Any]) -> None:
    with suppress(FieldsRefused):
        assert read([*fields().values()], posted).keys() <= Many.model_fields.keys()
