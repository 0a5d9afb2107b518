"""Every language says everything, with the same placeholders, and the nearest language is found."""

from __future__ import annotations

import string
import tomllib
from pathlib import Path

import pytest

import bot.locale
from bot.locale import Catalogue

FOLDER = Path(bot.locale.__file__).parent
TAGS = sorted(f.stem for f in FOLDER.glob("*.toml"))


def flat(table: dict[str, object], prefix: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            out.update(flat(value, f"{prefix}{key}."))
        else:
            assert isinstance(value, str), f"{prefix}{key} is no text"
            out[prefix + key] = value
    return out


def texts(tag: str) -> dict[str, str]:
    return flat(tomllib.loads((FOLDER / f"{tag}.toml").read_text(encoding="utf-8")))


def placeholders(text: str) -> list[str]:
    return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field is not None)


def test_english_and_chinese_are_there() -> None:
    assert {"en", "zh"} <= set(TAGS)
    assert dict(Catalogue.load().languages())["zh"] == "中文"


@pytest.mark.parametrize("tag", TAGS)
def test_no_language_lacks_a_text_or_has_one_too_many(tag: str) -> None:
    assert set(texts(tag)) == set(texts("en"))


@pytest.mark.parametrize("tag", TAGS)
def test_placeholders_are_the_same_in_every_language(tag: str) -> None:
    english = texts("en")
    assert {k: placeholders(v) for k, v in texts(tag).items()} == {
        k: placeholders(v) for k, v in english.items()
    }


@pytest.mark.parametrize("tag", TAGS)
def test_no_text_is_empty(tag: str) -> None:
    assert [k for k, v in texts(tag).items() if not v.strip()] == []


@pytest.mark.parametrize("language", ["zh", "zh-CN", "zh-Hans-CN", "ZH_hans"])
def test_a_narrower_tag_falls_back_to_its_language(language: str) -> None:
    assert Catalogue.load().say(language, "button.retry") == texts("zh")["button.retry"]


@pytest.mark.parametrize("language", ["", "fr", "-", "x-klingon"])
def test_an_unknown_language_falls_back_to_english(language: str) -> None:
    assert Catalogue.load().say(language, "button.retry") == texts("en")["button.retry"]


def test_values_are_filled_in() -> None:
    assert "7" in Catalogue.load().say("en", "access.rate", seconds=7)


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        Catalogue.load().say("en", "no.such.key")


def test_pick_takes_the_first_supported_wish() -> None:
    catalogue = Catalogue.load()
    assert catalogue.pick("", "fr-CA", "zh-TW", "en") == "zh"
    assert catalogue.pick("", "fr") == "en"
    assert catalogue.pick() == "en"


def test_a_dropped_file_is_a_new_language(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('name = "English"\n[a]\nb = "hi"\n', encoding="utf-8")
    (tmp_path / "pt-br.toml").write_text('name = "Português"\n[a]\nb = "oi"\n', encoding="utf-8")
    catalogue = Catalogue.load(tmp_path)
    assert catalogue.languages() == [("en", "English"), ("pt-br", "Português")]
    assert catalogue.say("pt-BR", "a.b") == "oi"
    assert catalogue.say("pt-PT", "a.b") == "hi"
