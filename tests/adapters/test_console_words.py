"""The console's words, components and files: both languages, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.web.console.pages import PAGES
from adapters.web.console.render import HERE, words
from tests.adapters.console_core import site

WORDS = HERE / "words" / "console"
TEMPLATES = sorted((HERE / "templates" / "console").glob("*.html"))
FIELDS = re.compile(r"\{(\w+)\}")


def test_no_language_lacks_a_word_or_a_value_in_it() -> None:
    english, chinese = words("en"), words("zh")
    assert set(english) == set(chinese)
    assert all(english.values())
    assert [k for k in english if set(FIELDS.findall(english[k])) != set(FIELDS.findall(chinese[k]))] == []


@pytest.mark.parametrize("file", sorted(WORDS.glob("*.json")), ids=lambda f: f.name)
def test_each_file_says_a_word_once_and_no_other_file_says_it(file: Path) -> None:
    language = file.suffixes[0]
    keys = re.findall(r'^  "([^"]+)":', file.read_text(encoding="utf-8"), re.MULTILINE)
    others = [
        key
        for other in WORDS.glob(f"*{language}.json")
        if other != file
        for key in re.findall(r'^  "([^"]+)":', other.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(set(keys)) == len(keys)
    assert set(keys) & set(others) == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.name)
def test_a_template_uses_words_that_are_there_and_no_script_or_style_of_its_own(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert set(re.findall(r'say\("([^"]+)"[,)]', text)) <= set(words("en"))
    assert not re.search(r"<style|\bstyle=|\bon[a-z]+=|<script(?![^>]* src=)|javascript:|\| *safe", text)
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
        assert (HERE / path.lstrip("/")).is_file(), path


def test_the_navigation_has_a_word_and_a_drawing_for_each_page() -> None:
    drawings = (HERE / "templates" / "console" / "icons.html").read_text(encoding="utf-8")
    for entry, _ in PAGES:
        assert f"nav.{entry.key}" in words("en")
        assert f'"{entry.icon}":' in drawings


async def test_what_the_console_loads_is_small() -> None:
    async with site() as place:
        owner = await place.owner()
        page = await owner.get("/console/account")
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
        loaded = [await owner.client.get(file) for file in files]
    assert {response.status_code for response in loaded} == {200}
    assert sum(len(response.content) for response in (page, *loaded)) < 150_000
