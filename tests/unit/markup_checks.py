"""Strict readers of what the renderers write; they share no code with them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_TELEGRAM = {"b", "i", "u", "s", "a", "code", "pre", "blockquote"}
_VOID = {"br", "hr"}
_HTML = _VOID | {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre", "code"),
    *("table", "thead", "tbody", "tr", "th", "td", "strong", "em", "s", "a"),
}
_ATTRIBUTES = {
    ("a", "href"): r"(?i)(https?|mailto|tg):.*",
    ("a", "rel"): "noopener nofollow noreferrer",
    ("code", "class"): "language-[A-Za-z0-9+#_-]+",
    ("li", "class"): "continued|task|continued task",
    ("ol", "start"): "[0-9]+",
    ("th", "class"): "left|right|center",
    ("td", "class"): "left|right|center",
}


class _Strict(HTMLParser):
    def __init__(self, allowed: set[str]) -> None:
        super().__init__(convert_charrefs=False)
        self.allowed = allowed
        self.open: list[str] = []
        self.seen: list[str] = []
        self.tags = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.allowed, tag
        for name, value in attrs:
            assert (tag, name) in _ATTRIBUTES, (tag, name)
            assert re.fullmatch(_ATTRIBUTES[tag, name], value or ""), value
        self.tags += 1
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert "<" not in data
        assert ">" not in data
        assert "&" not in data
        self.seen.append(data)

    def handle_entityref(self, name: str) -> None:
        self.seen.append({"amp": "&", "lt": "<", "gt": ">", "quot": '"'}[name])

    def handle_charref(self, name: str) -> None:
        assert name == "x27"
        self.seen.append("'")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


class _Telegram(_Strict):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in self.open, f"{tag} within {tag}"
        assert "code" not in self.open
        assert "pre" not in self.open or (tag == "code" and self.open[-1] == "pre" and attrs)
        super().handle_starttag(tag, attrs)


def check_telegram(html: str) -> tuple[str, int]:
    """What a person sees, and the number of entities."""
    return _read(_Telegram(_TELEGRAM), html)


def check_html(html: str) -> str:
    return _read(_Strict(_HTML), html)[0]


def _read(parser: _Strict, html: str) -> tuple[str, int]:
    assert "<!" not in html
    parser.feed(html)
    parser.close()
    assert not parser.open
    return "".join(parser.seen), parser.tags - html.count('<code class="')


def check_discord(text: str) -> None:
    """Fences are balanced, and nothing pings."""
    outside: list[str] = []
    fenced = False
    for line in text.split("\n"):
        bare = line.lstrip().removeprefix("> ").lstrip()
        if bare.startswith("```"):
            assert not fenced or bare == "```"
            fenced = not fenced
        elif fenced:
            assert "```" not in line
        else:
            outside.append(line)
    assert not fenced
    prose = re.sub(r"\\.|(`+).*?\1|https?://\S+", "", "\n".join(outside))
    assert not re.search(r"<[@#]|\|\|", prose), prose


def marks_removed(text: str) -> str:
    """Without space, and without what layouts put before and between blocks."""
    lines = (re.sub(r"^(?:[ >]|•|\d+\.(?= |$))*", "", line) for line in text.split("\n"))
    kept = "".join(line for line in lines if not re.fullmatch(r"[-+ ]*|———", line))
    return re.sub(r"\d+\.|§h1|§二", "", re.sub(r"[\s\u200b|>•:-]|———", "", kept))
