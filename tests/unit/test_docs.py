"""The documents say what is so: settings, commands, links, and both languages in step."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli import app
from bot.commands import NAMES
from bot.plugins.qa.chunks import SIZE, document
from bot.settings import PREFIX, SamplingSettings, Settings
from tests.unit.settings_table import parse, rows, table

ROOT = Path(__file__).parents[2]
HANDBOOK = ROOT / "docs" / "handbook"
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh.md"}
PAGES = sorted(p.name for p in (HANDBOOK / "en").glob("*.md"))
DOCUMENTS = [
    *READMES.values(),
    *(ROOT / "docs").glob("*.md"),
    ROOT / "CHANGELOG.md",
    *HANDBOOK.glob("*/*.md"),
]
CJK = re.compile(r"[\u4e00-\u9fff]")
VARIABLE = re.compile(r"TERTULIA_[A-Z_]*[A-Z]")
FENCES = re.compile(r"```.*?```", re.DOTALL)


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def known_variables() -> set[str]:
    names = {PREFIX + n.upper() for n in (*Settings.model_fields, *SamplingSettings.model_fields)}
    return names | {f"{name}_FILE" for name in names}


def headings(markdown: str) -> list[str]:
    return re.findall(r"^(#+) ", FENCES.sub("", markdown), re.MULTILINE)


def commands_in(markdown: str) -> set[str]:
    return set(re.findall(r"`(?:\.venv/bin/)?tertulia ([a-z]+(?:-[a-z]+)*)", markdown))


def test_the_readmes_table_is_that_of_the_settings() -> None:
    assert parse(text(READMES["en"])) == rows(), f"The table in README.md should be:\n{table()}"


def test_the_chinese_readme_has_the_same_settings() -> None:
    english, chinese = (parse(text(p)) for p in READMES.values())
    assert [row[0] for row in chinese] == [row[0] for row in english]
    values = [(c[1], e[1]) for c, e in zip(chinese, english, strict=True) if "`" in e[1]]
    assert [c for c, _ in values] == [e for _, e in values]
    told = json.loads(text(ROOT / "adapters/web/words/settings/zh.json"))
    assert [row[2] for row in chinese] == [told[name] for name in Settings.model_fields]
    assert set(told) == {
        *Settings.model_fields,
        *(f"sampling.{name}" for name in SamplingSettings.model_fields),
    }
    assert all(map(CJK.search, told.values()))


def test_a_row_that_is_missing_shows() -> None:
    lines = table().splitlines()
    assert parse("\n".join(lines)) == rows()
    assert parse("\n".join(lines[:-1])) != rows()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_variable_named_exists(path: Path) -> None:
    # `TERTULIA_` alone is the prefix.
    assert set(VARIABLE.findall(text(path))) <= known_variables()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text(path))
    for link in (link for link in links if "://" not in link):
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_tertulia_command_named_exists(path: Path) -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert commands_in(text(path)) <= known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_make_target_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text(path), re.MULTILINE)) <= targets


def test_the_readmes_have_the_same_sections_and_commands() -> None:
    english, chinese = (text(p) for p in READMES.values())
    assert headings(english) == headings(chinese)
    assert commands_in(english) == commands_in(chinese)


def test_the_handbook_is_the_same_in_both_languages() -> None:
    assert sorted(p.name for p in (HANDBOOK / "zh").glob("*.md")) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_same_sections_in_both_languages(page: str) -> None:
    english, chinese = (text(HANDBOOK / language / page) for language in READMES)
    assert headings(english) == headings(chinese)
    assert set(VARIABLE.findall(english)) == set(VARIABLE.findall(chinese))
    assert len(FENCES.findall(english)) == len(FENCES.findall(chinese))
    assert not CJK.search(english)
    assert CJK.search(chinese)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", READMES)
def test_each_section_is_one_passage(language: str, page: str) -> None:
    name = f"{language}/{page}"
    passages = document(text(HANDBOOK / name), collection="h", source=name, markdown=True).passages
    assert len({p.source for p in passages}) == len(passages), "a section is cut in two"
    assert max(len(p.text) for p in passages) <= SIZE


@pytest.mark.parametrize("language", READMES)
def test_the_handbook_names_every_command(language: str) -> None:
    page = text(HANDBOOK / language / "commands.md")
    assert [name for name in NAMES if f"/{name}" not in page] == []


@pytest.mark.parametrize("language", READMES)
def test_the_handbook_names_every_command_of_the_command_line_and_standby(language: str) -> None:
    page = text(HANDBOOK / language / "commands.md")
    assert commands_in(page) == set(get_command(app).commands)  # type: ignore[attr-defined]
    assert "--standby" in page


def test_the_handbook_ships_with_the_package() -> None:
    shipped = files("bot.plugins.qa") / "handbook"
    assert (shipped / "en" / "telegram.md").read_text(encoding="utf-8") == text(
        HANDBOOK / "en" / "telegram.md"
    )


def test_the_changelog_has_the_version_of_the_project() -> None:
    version = re.search(r'^version = "(.+)"', text(ROOT / "pyproject.toml"), re.MULTILINE)
    assert version is not None
    assert f"## [{version[1]}] - " in text(ROOT / "CHANGELOG.md")
    assert f"image: tertulia:{version[1]}" in text(ROOT / "compose.yaml")
