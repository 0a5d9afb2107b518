"""Whatever pydantic finds wrong with a form is said in words that the Chinese console has, too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ByteSize,
    DirectoryPath,
    Field,
    FilePath,
    HttpUrl,
    Json,
    NaiveDatetime,
    PastDate,
    TypeAdapter,
    ValidationError,
    create_model,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_core._pydantic_core import list_all_errors

from adapters.web.console.render import sayer, words
from adapters.web.console.wrong import _SENTENCES as _ALL
from adapters.web.console.wrong import told
from bot.mistakes import _OTHERS, _SENTENCES, sentence
from bot.plugins.forms import refused
from bot.plugins.qa.plugin import QaSettings
from bot.sampling import SamplingSettings

ERRORS: dict[str, Any] = {each["type"]: each for each in list_all_errors()}
OWN = ("value_error", "assertion_error")
"""These have the words of whoever wrote the validator."""
CONTEXTS: Mapping[str, Any] = {
    "expected": "'red', 'green' or 'blue'",
    "expected_schemes": "'http' or 'https'",
    "pattern": "^this or that$",
}
DAY = date(2026, 1, 2)
PROSE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
"""Two words of a language written in Latin letters, one after the other."""


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def raised(kind: str) -> ValidationError:
    """The error as pydantic raises it, with something in each place of its sentence."""
    given = ERRORS[kind].get("example_context") or {}
    context = {name: CONTEXTS.get(name, value if value != "" else "Qzx") for name, value in given.items()}
    details: InitErrorDetails = {"type": kind, "loc": ("size",), "input": "?", "ctx": context}
    return ValidationError.from_exception_data("Form", [details])


def in_chinese(error: ValidationError) -> str:
    return told(sayer("zh"), next(iter(refused(error).fields.values())))


def chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)


@pytest.mark.parametrize("kind", sorted(ERRORS.keys() - set(OWN)))
def test_every_kind_of_error_has_words_in_both_languages(kind: str) -> None:
    error = raised(kind)
    said = refused(error).fields["size"]
    assert said != error.errors()[0]["msg"]
    for language in ("en", "zh"):
        assert told(sayer(language), said) != said
    assert chinese(in_chinese(error))
    assert not PROSE.search(in_chinese(error).replace("^this or that$", ""))


def test_every_kind_that_pydantics_own_types_raise_is_known() -> None:
    spec = find_spec("pydantic")
    assert spec is not None
    assert spec.origin is not None
    sources = [path.read_text(encoding="utf-8") for path in Path(spec.origin).parent.rglob("*.py")]
    kinds = {k for text in sources for k in re.findall(r"PydanticCustomError\(\s*['\"](\w+)['\"]", text)}
    assert {"path_not_file", "ip_v4_address"} <= kinds
    assert kinds - _SENTENCES.keys() - _OTHERS == {"value_error"}


@pytest.mark.parametrize(
    ("kind", "value", "english", "chinese"),
    [
        (int, "", "This is no whole number.", "这不是整数。"),
        (int, 1.5, "This is no whole number.", "这不是整数。"),
        (int, "9" * 5_000, "This has too many digits.", "位数过多。"),
        (Annotated[int, Field(multiple_of=5)], "7", "This is no multiple of 5.", "这不是 5 的倍数。"),
        (Annotated[float, Field(gt=-0.5)], "-1", "More than -0.5.", "必须大于 -0.5。"),
        (Annotated[float, Field(ge=1e-9)], "0", "At least 1e-09.", "至少 1e-09。"),
        (Annotated[int, Field(le=1_000_000)], "2000000", "At most 1,000,000.", "至多 1,000,000。"),
        (
            Annotated[date, Field(ge=DAY)],
            "2025-01-01",
            "At least 2026-01-02.",
            "至少 2026-01-02。",
        ),
        (
            Annotated[datetime, Field(lt=datetime.combine(DAY, time(3)))],
            "2027-01-01T00:00",
            "Less than 2026-01-02T03:00:00.",
            "必须小于 2026-01-02T03:00:00。",
        ),
        (Annotated[timedelta, Field(le=timedelta(hours=2))], "P1D", "At most 2 h.", "至多 2 h。"),
        (
            Annotated[timedelta, Field(gt=timedelta(days=1, minutes=1, milliseconds=5))],
            "PT1S",
            "More than 1 d 1 min 5000 µs.",
            "必须大于 1 d 1 min 5000 µs。",
        ),
        (Annotated[Decimal, Field(max_digits=3)], "1234", "At most 3 digits.", "至多 3 位数字。"),
        (
            Annotated[Decimal, Field(decimal_places=2)],
            "1.234",
            "At most 2 digits after the point.",
            "小数点后至多 2 位。",
        ),
        (
            Annotated[str, Field(pattern="^a+$")],
            "b",
            "This does not match the pattern ^a+$.",
            "不符合格式 ^a+$。",
        ),
        (Annotated[str, Field(min_length=2)], "b", "At least 2.", "至少 2。"),
        (
            Literal["red", "blue", "this or that"],
            "x",
            "Choose one of these: 'red', 'blue', 'this or that'.",
            "请从中选择：'red', 'blue', 'this or that'。",
        ),
        (Literal[1, 2], "x", "Choose one of these: 1, 2.", "请从中选择：1, 2。"),
        (Colour, "x", "Choose one of these: 'red', 'blue'.", "请从中选择：'red', 'blue'。"),
        (bool, "perhaps", "This is neither on nor off.", "既不是开也不是关。"),
        (date, "soon", "This is no date such as 2026-12-31.", "这不是日期，例如 2026-12-31。"),
        (PastDate, "2999-01-01", "This is not in the past.", "这不是过去的时间。"),
        (AwareDatetime, "2026-01-01T00:00", "This needs the right time zone.", "需要正确的时区。"),
        (NaiveDatetime, "2026-01-01T00:00Z", "This may have no time zone.", "不能带时区。"),
        (timedelta, "long", "This is no duration such as 1:30:00.", "这不是时长，例如 1:30:00。"),
        (ZoneInfo, "Nowhere/None", "This is no time zone.", "这不是时区。"),
        (HttpUrl, "nowhere", "This is no web address.", "这不是网址。"),
        (
            HttpUrl,
            "ftp://example.org",
            "This is no address that begins with 'http', 'https'.",
            "这不是以 'http', 'https' 开头的地址。",
        ),
        (UUID, "x", "This is no UUID.", "这不是 UUID。"),
        (IPv4Address, "x", "This is no IP address.", "这不是 IP 地址。"),
        (IPv6Network, "x", "This is no IP address.", "这不是 IP 地址。"),
        (ByteSize, "big", "This is no size such as 10 MB.", "这不是大小，例如 10 MB。"),
        (FilePath, "/nowhere/none", "There is no such file.", "没有这个文件。"),
        (DirectoryPath, "/nowhere/none", "There is no such folder.", "没有这个目录。"),
        (re.Pattern[str], "(", "This is no regular expression.", "这不是正则表达式。"),
        (Json[int], "{", "This is no JSON.", "这不是 JSON。"),
        (tuple[int, ...], "x", "This is no list.", "这不是列表。"),
        (dict[str, int], "x", "This is no table.", "这不是表。"),
    ],
)
def test_what_a_setting_of_a_plugin_may_be_is_said_in_both_languages(
    kind: Any, value: Any, english: str, chinese: str
) -> None:
    form = create_model("Form", size=(kind, ...))
    with pytest.raises(ValidationError) as found:
        form.model_validate({"size": value})
    said = refused(found.value).fields["size"]
    assert (told(sayer("en"), said), told(sayer("zh"), said)) == (english, chinese)


@pytest.mark.parametrize("form", [SamplingSettings, QaSettings])
def test_our_own_settings_find_nothing_wrong_in_words_that_the_chinese_console_has_not(
    form: type[BaseModel],
) -> None:
    large = ("99999", "1e400", "9" * 5_000, "9" * 30, "-" + "9" * 30)
    odd: tuple[Any, ...] = ("", "x", "-2", *large, 1.5, [""], ["a"] * 9, {}, None)
    sentences = set()
    for name in (*form.model_fields, "nothing"):
        for value in odd:
            try:
                form.model_validate({name: value})
            except ValidationError as error:
                sentences |= set(refused(error).fields.values())
    assert len(sentences) >= 5
    assert [said for said in sentences if not chinese(told(sayer("zh"), said))] == []


def test_a_number_too_large_for_the_server_is_not_asked_to_be_larger() -> None:
    for name in ("seed", "top_k", "max_tokens"):
        with pytest.raises(ValidationError) as found:
            SamplingSettings.model_validate({name: 2**63})
        assert in_chinese(found.value) == f"至多 {2**63 - 1}。"
    with pytest.raises(ValidationError) as found:
        SamplingSettings.model_validate({"seed": -(2**63)})
    assert in_chinese(found.value) == f"至少 -{2**63 - 1}。"


def test_the_words_of_whoever_wrote_the_validator_stay() -> None:
    class Form(BaseModel):
        size: str

        @field_validator("size")
        @classmethod
        def _kind(cls, value: str) -> str:
            if value == "custom":
                raise PydanticCustomError("mine", "请友好一些")
            if value == "rude":
                raise AssertionError("be kind")
            raise ValueError("be {kind} or leave")

    expected = {"custom": "请友好一些", "rude": "be kind", "odd": "be {kind} or leave"}
    for value, said in expected.items():
        with pytest.raises(ValidationError) as found:
            Form(size=value)
        assert refused(found.value).fields == {"size": said}
        assert in_chinese(found.value) == said


def test_an_assertion_without_words_and_an_email_address_have_some() -> None:
    details: InitErrorDetails = {"type": "assertion_error", "loc": ("a",), "input": "", "ctx": {"error": ""}}
    assert chinese(in_chinese(ValidationError.from_exception_data("Form", [details])))
    custom = PydanticCustomError("value_error", "value is not a valid email address: x")
    other: InitErrorDetails = {"type": custom, "loc": ("a",), "input": ""}
    assert in_chinese(ValidationError.from_exception_data("Form", [other])) == "这不是电子邮件地址。"


def test_no_word_for_what_is_wrong_is_left_unused() -> None:
    adapter = TypeAdapter(int)
    with pytest.raises(ValidationError) as found:
        adapter.validate_python("x")
    assert sentence(found.value.errors()[0]) == "is no whole number"
    known = {key for key in words("en") if key.startswith("wrong.")}
    assert known == {key for _, key in _ALL}
