"""What our own pages show beyond the chat platforms: bare addresses as links; and tasks, for all."""

from __future__ import annotations

import re

import pytest

from bot.markup import parse, parts, render
from bot.types import Markup

REL = ' rel="noopener nofollow noreferrer"'


def html(text: str, *, page: bool = True) -> str:
    return render(parse(text, page=page), Markup.HTML)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("See https://example.org/a_b_c?d=1&e=2#f.", ["https://example.org/a_b_c?d=1&amp;e=2#f"]),
        ("(http://e.org/x_(y)) HTTPS://E.ORG!", ["http://e.org/x_(y)", "HTTPS://E.ORG"]),
        ("**https://e.org/a** _https://e.org/b_", ["https://e.org/a", "https://e.org/b"]),
        ("见https://e.org/x。谢谢，http://e.org/中文", ["https://e.org/x", "http://e.org/"]),
        ("见 https://e.org/x。谢谢", ["https://e.org/x"]),
        ("`https://e.org` ```https://e.org``` $https://e.org$", []),
        ("```\nhttps://e.org\n```", []),
        ("[https://e.org/label](https://e.org/link)", ["https://e.org/link"]),
        ("<https://e.org/a>", ["https://e.org/a"]),
        ("xhttps://e.org javascript://e.org ftp://e.org file:///etc https:// https://. //e.org", []),
        ('https://e.org/"onclick="x" https://e.org/<b>', ["https://e.org/", "https://e.org/"]),
        ("| a |\n|---|\n| https://e.org/a|", ["https://e.org/a"]),
        (
            "https://e.org\\@evil https://ru.wikipedia.org/wiki/Кошка",
            ["https://e.org", "https://ru.wikipedia.org/wiki/Кошка"],
        ),
    ],
)
def test_bare_addresses_are_links_on_pages(text: str, addresses: list[str]) -> None:
    found = re.findall(rf'<a href="([^"]*)"{REL}>', html(text))
    assert found == addresses
    assert len(re.findall("<a ", html(text))) == len(found)


def test_on_platforms_which_link_addresses_themselves_they_stay_text() -> None:
    text = "See https://example.org/a_b."
    assert "<a " not in html(text, page=False)
    for markup in (Markup.TELEGRAM_HTML, Markup.DISCORD, Markup.PLAIN):
        assert [part.text for part in parts(text, markup, 500)] == [text]


TASKS = "- [ ] buy **tea**\n- [x] drink\n- [X]\n- [1] cited\n- [ ](https://e.org)\n"


def test_tasks_have_boxes_everywhere() -> None:
    page = html(TASKS)
    assert '<li class="task">☐ buy <strong>tea</strong></li>\n<li class="task">☑ drink</li>' in page
    assert page.count('class="task"') == 2
    assert "[1] cited" in page
    assert "• ☐ buy tea\n• ☑ drink" in parts(TASKS, Markup.PLAIN, 500)[0].text
    assert "- ☐ buy **tea**\n- ☑ drink" in parts(TASKS, Markup.DISCORD, 500)[0].text
