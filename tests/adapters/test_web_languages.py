"""The languages of the pages: those that come with them, and one that somebody puts beside them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.web import pages
from adapters.web.languages import Shelf, shelf
from bot.errors import SettingsError
from bot.origins import in_force
from bot.plugins.configured import installed_entries, kind_of
from bot.plugins.forms import fields_of
from bot.settings import Settings
from bot.types import ConsoleRole
from tests.adapters.console_core import shown, site

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the words, to put others beside."""
    return Path(shutil.copytree(pages.HERE / "words", tmp_path / "words"))


def put(folder: Path, file: str, **words: Any) -> None:
    (folder / file).write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")


def test_what_comes_with_the_pages_is_in_order() -> None:
    shelf().check()
    assert shelf().languages == ("en", "zh")
    assert [shelf().name(tag) for tag in shelf().languages] == ["English", "中文"]


def test_one_file_makes_a_language_and_english_stands_in(folder: Path) -> None:
    put(folder, "es.json", **{"language.name": "Español", "send": "Enviar"})
    put(folder, "console/login.es.json", **{"login.go": "Entrar"})
    found = Shelf(folder)
    found.check()
    assert found.languages == ("en", "es", "zh")
    assert found.name("es") == "Español"
    words, english = found.of("es", "", "conversations"), found.of("en", "", "conversations")
    assert set(words) == set(english)
    assert {key for key in words if words[key] != english[key]} == {"language.name", "send"}
    assert found.within("es", "console") == {**found.within("en", "console"), "login.go": "Entrar"}
    assert found.described("es") == {}


@pytest.mark.parametrize(
    ("wish", "language"),
    [
        ("pt-BR", "pt-br"),
        ("pt_br", "pt-br"),
        ("pt-PT", ""),
        ("ZH-Hant-TW", "zh"),
        ("en-GB", "en"),
        ("", ""),
        ("x", ""),
        ("-", ""),
        ("../en", ""),
    ],
)
def test_a_wish_gets_the_nearest_language(folder: Path, wish: str, language: str) -> None:
    put(folder, "pt-br.json", **{"language.name": "Português"})
    assert Shelf(folder).find(wish) == language


@pytest.mark.parametrize(
    ("file", "words", "said"),
    [
        (
            "es.json",
            {"language.name": "Español", "sned": "x"},
            "no page says 'sned'; did you mean 'send'",
        ),
        ("es.json", {"send": "Enviar"}, "es.json: it needs 'language.name'"),
        ("es.json", {"language.name": ""}, "'language.name' is no text"),
        ("es.json", {"language.name": 7}, "'language.name' is no text"),
        ("es.json", ["x"], "no object of words"),
        ("mydata.es.json", {}, "there is no es.json"),
        ("console/login.es.json", {}, "there is no es.json"),
        ("nowhere.zh.json", {}, "nowhere.zh.json: no page has such a file"),
        ("settings/es.json", {}, "there is no es.json"),
        ("console/login.zh.json", {"login.paused": "wait"}, "which has {minutes}"),
    ],
)
def test_words_that_cannot_be_are_told_at_the_start(folder: Path, file: str, words: Any, said: str) -> None:
    (folder / file).write_text(json.dumps(words), encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        Shelf(folder).check()
    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""], ids=["half", "no utf-8", "empty"])
def test_a_file_that_is_no_json_is_told_at_the_start(folder: Path, content: bytes) -> None:
    (folder / "es.json").write_bytes(content)
    with pytest.raises(SettingsError, match=r"es\.json is no JSON in UTF-8"):
        Shelf(folder).check()


SCRIPT = """
import asyncio, httpx
from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from bot.clock import SystemClock
from tests.adapters.web_core import Core, Script, web_deps
from tests.fakes import Memory

async def main():
    app = create_app(web_deps(Core(Memory(), WebChannel(SystemClock()), Script())))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in ("/", "/?lang=es", "/", "/mydata", "/console/login", "/?lang=en"):
            print((await client.get(path, headers={"Accept-Language": "es-MX"})).text)
        client.cookies.clear()
        print((await client.get("/", headers={"Accept-Language": "de"})).text)

asyncio.run(main())
"""


def test_a_language_that_was_put_there_is_on_every_page_and_in_its_picker(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "adapters", tmp_path / "adapters", ignore=shutil.ignore_patterns("__pycache__"))
    words = tmp_path / "adapters" / "web" / "words"
    put(words, "es.json", **{"language.name": "Español", "send": "Enviar"})
    put(words, "mydata.es.json", title="Tus datos")
    put(words, "console/login.es.json", **{"login.title": "Entrar en la consola"})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *spanish, english, german = done.stdout.split("<!doctype html>")[1:]
    assert len(spanish) == 5
    assert all('<html lang="es"' in page for page in spanish)
    assert all('hreflang="zh">中文</a>' in page and 'hreflang="en">English</a>' in page for page in spanish)
    assert all('<summary class="language">Español</summary>' in page for page in spanish[:3])
    assert all('aria-label="Enviar"' in page for page in spanish[:3])
    assert "<h1>Tus datos</h1>" in spanish[3]
    assert "<h1>Entrar en la consola</h1>" in spanish[4]
    assert "Log in with password" in spanish[4]
    for page in (english, german):
        assert '<html lang="en"' in page
        assert 'href="/?lang=es" lang="es" hreflang="es">Español</a>' in page


async def test_the_settings_are_described_in_chinese_and_found_by_that() -> None:
    async with site() as place:
        owner = await place.as_role(ConsoleRole.OWNER)
        page = shown(await owner.get("/console/settings", **{"Accept-Language": "zh"}))
        found = shown(await owner.get("/console/settings?q=随机性", **{"Accept-Language": "zh"}))
        english = shown(await owner.get("/console/settings"))
    told = shelf().described("zh")
    for setting in in_force(Settings()):
        assert told[setting.name].replace("`", "") in page
        assert setting.description
        assert setting.description.replace("`", "") in english
    assert '<small lang="en">' not in page
    assert "sampling.temperature" in found
    assert "web_port" not in found


async def test_the_sampling_of_a_persona_is_described_in_chinese() -> None:
    async with site() as place:
        author = await place.as_role(ConsoleRole.AUTHOR)
        page = shown(await author.get("/console/personas/new", **{"Accept-Language": "zh"}))
    for name, text in shelf().described("zh").items():
        if name.startswith("sampling."):
            assert text in page


BUNDLED = [name for name, entry in installed_entries().items() if entry.value.startswith("bot.plugins.")]


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_the_settings_of_a_plugin_that_comes_with_the_service_are_told_in_chinese(name: str) -> None:
    schema = kind_of(installed_entries()[name]).Settings
    english, chinese = (fields_of(schema, schema(), language=tag) for tag in ("", "zh-CN"))
    assert english
    for before, after in zip(english, chinese, strict=True):
        assert before.help, before.name
        assert not after.label.isascii(), before.name
        assert not after.help.isascii(), before.name


HAN = r"[\u4e00-\u9fff」”）}]"
NARROW = re.compile(
    rf"{HAN}[,:;?!](?=[\u4e00-\u9fff「“（{{]|\s*$)|(?<=[\u4e00-\u9fff])\.(?=[\u4e00-\u9fff]|$)", re.MULTILINE
)
WORDS = sorted(
    (
        *pages.HERE.glob("words/**/*zh.json"),
        *ROOT.glob("bot/locale/zh*.toml"),
        *ROOT.glob("bot/plugins/**/zh*.toml"),
    )
)


def told_in(file: Path) -> Iterator[str]:
    """Each text of a file of words."""
    content = file.read_text(encoding="utf-8")
    left: list[Any] = [tomllib.loads(content) if file.suffix == ".toml" else json.loads(content)]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        else:
            left += value.values() if isinstance(value, dict) else value


@pytest.mark.parametrize("file", WORDS, ids=lambda f: str(f.relative_to(ROOT)))
def test_chinese_has_its_own_punctuation_and_one_way_to_address_people(file: Path) -> None:
    for text in told_in(file):
        assert not NARROW.search(text), text
        assert "你" not in text, text
