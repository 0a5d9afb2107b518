"""The page's weight and words, and what of a citation its API gives to whom."""

from __future__ import annotations

import gzip
import json
import re
from html import unescape

import httpx
import pytest

from adapters.web import pages
from adapters.web.blocks import html_blocks
from adapters.web.code import LANGUAGES as CODE_LANGUAGES
from adapters.web.code import MOST_CHARACTERS, dressed
from bot.types import Citation, Passage
from tests.adapters.web_core import CITATION, ask, browser_like, house

MOST_BYTES = 150_000
WORDS = pages.HERE / "words"
_ADDRESS = re.compile(r'(?:src|href)="(/static/[^"]+)"')


async def test_all_that_the_page_loads_is_small() -> None:
    async with house() as home, browser_like(home.url) as client:
        page = await client.get("/")
        addresses = set(_ADDRESS.findall(page.text))
        files = [await client.get(address) for address in addresses]
    assert {"/static/chat.js", "/static/turn.js", "/static/chat.css", "/static/answer.css"} <= addresses
    assert {f.status_code for f in files} == {200}
    assert sum(len(gzip.compress(f.content)) for f in (page, *files)) < MOST_BYTES


async def test_the_page_names_every_script_that_its_scripts_import() -> None:
    static = pages.HERE / "static"
    async with house() as home, browser_like(home.url) as client:
        named = set(_ADDRESS.findall((await client.get("/")).text))
    for script in static.glob("*.js"):
        for imported in re.findall(r'from "\./([a-z]+\.js)"', script.read_text(encoding="utf-8")):
            assert f"/static/{imported}" in named


def _words() -> dict[str, dict[str, dict[str, str]]]:
    """What is in the words' files, by part of the page and language."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for path in WORDS.glob("*.json"):
        part, _, language = path.stem.rpartition(".")
        found.setdefault(part, {})[language] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_every_language_has_the_same_words() -> None:
    for part, languages in _words().items():
        assert set(languages) == {"en", "zh"}, part
        for language, words in languages.items():
            assert set(words) == set(languages["en"]), (part, language)
            assert all(isinstance(text, str) and text.strip() for text in words.values()), (part, language)


def test_every_word_that_the_page_says_is_there() -> None:
    known = {key for languages in _words().values() for key in languages["en"]}
    sources = [*(pages.HERE / "static").glob("*.js"), pages.HERE / "templates" / "chat.html"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert set(re.findall(r'words(?:\.|\[")([a-z][a-z.]*)', text)) <= known


async def _read(client: httpx.AsyncClient, answer: str, number: int = 1) -> httpx.Response:
    return await client.get(f"/api/v1/chat/{answer}/passages/{number}")


async def test_a_citations_passage_is_for_whom_it_was_cited() -> None:
    asked: list[tuple[str, str]] = []

    async def passage(visitor: str, citation: Citation) -> Passage | None:
        asked.append((visitor, citation.passage_id))
        return Passage("p1", f"Before. {CITATION.quote} After.", citation.source)

    async with (
        house(passage=passage) as home,
        browser_like(home.url) as mine,
        browser_like(home.url) as other,
    ):
        answer = (await ask(mine, "How?"))[0][1]["id"]
        await ask(other, "Else?")
        shown = (await _read(mine, answer)).json()
        refused = [await _read(other, answer), await _read(mine, answer, 2), await _read(mine, "made-up")]
        odd = [(await _read(mine, answer, number)).status_code for number in (0, -1, 1000)]
    assert shown == {
        "number": 1,
        "source": CITATION.source,
        "title": CITATION.title,
        "quote": CITATION.quote,
        "text": f"Before. {CITATION.quote} After.",
    }
    assert [r.status_code for r in refused] == [404] * 3
    assert odd == [422] * 3
    assert len(asked) == 1


@pytest.mark.parametrize("found", [None, Passage("p1", "Other words now.", "handbook/telegram.md")])
async def test_a_passage_that_changed_or_may_not_be_read_leaves_the_quote(found: Passage | None) -> None:
    async def passage(visitor: str, citation: Citation) -> Passage | None:
        return found

    async with house(passage=passage) as home, browser_like(home.url) as client:
        shown = (await _read(client, (await ask(client, "How?"))[0][1]["id"])).json()
    assert (shown["text"], shown["quote"]) == ("", CITATION.quote)


def test_code_is_marked_only_where_its_language_is_known_and_it_is_short() -> None:
    (known,) = html_blocks("```py\ndef f(): ...\n```")
    (unknown,) = html_blocks("```klingon\ndef f(): ...\n```")
    (nameless,) = html_blocks("```\n<b>&amp;\n```")
    (long,) = html_blocks(f"```py\n{'x = 1' + chr(10)}{'y ' * MOST_CHARACTERS}\n```")
    assert '<span class="k">def</span>' in known
    assert "<figcaption><span>py</span>" in known
    assert "<span>klingon</span>" in unknown
    assert "<code>def f(): ...\n</code>" in unknown
    assert "<code>&lt;b&gt;&amp;amp;\n</code>" in nameless
    assert 'class="n"' not in long


@pytest.mark.parametrize("language", sorted(CODE_LANGUAGES))
def test_code_says_what_it_said_whatever_its_language(language: str) -> None:
    code = "\n\n  <script>alert(1)</script> & \"quoted\" 'x' `y` # é 中 \t\n\n}"
    (block,) = html_blocks(f"```{language}\n{code}\n```")
    shown = unescape(re.sub(r"<[^>]*>", "", block[block.index("<pre") :]))
    assert shown == f"{code}\n"
    assert "<script" not in block


@pytest.mark.parametrize("language", ["java", "make", "powershell", "perl", "php"])
@pytest.mark.parametrize("unit", ["a ", "{", "\n#", '"', "<a "])
def test_hostile_code_takes_little_time(language: str, unit: str) -> None:
    lines = "\n".join([(unit * 1000)[:1900]] * 9)
    (block,) = html_blocks(f"```{language}\n{lines}\n```")
    assert block.startswith('<figure class="code">')


@pytest.mark.parametrize(
    "formula",
    [
        "$a_1*b*c_2$",
        "$$x_1 * y * z_2$$",
        "\\(a_1 * b * c\\)",
        "\\[\na_1\n- b * c *\n\\]",
        "$$\na\n= b\n# c\n$$",
        "$\\text{a \\$ b}_1$",
    ],
)
def test_formulas_stay_as_they_were_written(formula: str) -> None:
    (block,) = html_blocks(formula)
    assert f">{formula}</" in block
    assert 'class="math"' in block


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("costs $5 and $6", "<p>costs $5 and $6</p>"),
        ("US$5/US$6 *x*", "<p>US$5/US$6 <em>x</em></p>"),
        ("`$a*b*c$`", "<p><code>$a*b*c$</code></p>"),
        ("$ a *b* $", "<p>$ a <em>b</em> $</p>"),
        ("\\[1\\] and \\*", "<p>[1] and *</p>"),
        ("$$\nnever closed *x*", "<p>$$\nnever closed <em>x</em></p>"),
    ],
)
def test_what_only_looks_like_a_formula_is_text(text: str, shown: str) -> None:
    assert html_blocks(text) == [shown]


def test_pictures_of_other_hosts_are_links_and_tables_scroll() -> None:
    (picture,) = html_blocks("![a cat](https://evil.example/cat.png)")
    (table,) = html_blocks("|a|\n|-|\n|b|")
    assert "<img" not in picture
    assert ">a cat</a>" in picture
    assert table.startswith('<div class="wide" tabindex="0"><table>')
    assert dressed("<p>&lt;table&gt;</p>") == "<p>&lt;table&gt;</p>"
