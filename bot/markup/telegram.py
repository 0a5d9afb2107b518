"""Telegram's HTML (https://core.telegram.org/bots/api#html-style).

Only tags that the Bot API lists; quotes do not nest, code has nothing within, links hold no code.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape

from bot.markup.layout import Line, Place, Style
from bot.markup.tree import Kind, Node

_TAGS = {Kind.STRONG: "b", Kind.EMPHASIS: "i", Kind.STRIKE: "s"}


class Telegram(Style):
    """With `tags=False`: the same text as a person sees it, which is what the length limit is on."""

    def __init__(self, *, tags: bool = True) -> None:
        super().__init__()
        self.tags = tags

    def overhead(self, node: Node) -> int:
        return 0

    def text(self, text: str) -> str:
        return escape(text, quote=False) if self.tags else text

    def code(self, text: str) -> str:
        return self._tagged("code", self.text(text))

    def span(self, node: Node, content: str) -> str:
        if node.kind is not Kind.LINK:
            return self._tagged(_TAGS[node.kind], content)
        return f'<a href="{escape(node.info)}">{content}</a>' if self.tags else content

    def heading(self, node: Node, content: str) -> str:
        return self._tagged("b", content) if content else ""

    def code_block(self, language: str, text: str) -> list[Line]:
        text = self.text(text)
        if self.tags:
            text = f'<code class="language-{language}">{text}</code>' if language else text
            text = f"<pre>{text}</pre>"
        return super().code_block(language, text)

    def quote(self, lines: list[Line], place: Place) -> list[Line]:
        if place.quotes or not self.tags:
            return lines
        opened = [replace(lines[0], text="<blockquote>" + lines[0].text), *lines[1:]]
        return [*opened[:-1], replace(opened[-1], text=opened[-1].text + "</blockquote>")]

    def _tagged(self, tag: str, content: str) -> str:
        return f"<{tag}>{content}</{tag}>" if self.tags else content


def entities(html: str) -> int:
    """At most so many entities does Telegram see (text has its `<` escaped)."""
    return html.count("</")
