"""Discord's Markdown (https://support.discord.com/hc/articles/210298617)."""

from __future__ import annotations

import re

from bot.markup.layout import Line, Place, Style
from bot.markup.measure import utf16_length
from bot.markup.tree import Kind, Node

_APART = "\u200b"
_MARKS = {Kind.STRONG: "**", Kind.EMPHASIS: "*", Kind.STRIKE: "~~"}
_SPECIAL = re.compile(
    r"(?P<url>https?://[^\s<>*|`]+)(?P<near>(?=[*|`]|<[@#:/\w]))?|[\\*_~`|]|<(?=[@#:/\w])|(?<=\])\("
)
_LINE_START = re.compile(r"(?m)^(\s*\d{0,9})(#{1,3}(?=\s)|-#|>|[-+](?=\s)|(?<=\d)[.)](?=\s))")


class Discord(Style):
    """Text means only what the Markdown meant: Discord's own syntax in it is escaped.

    Mentions are left as text (`<@` is escaped); `@everyone` has no escape, so a sender must also
    set `allowed_mentions`. Discord has no longer fences: backticks within code are kept apart by
    a zero-width space.
    """

    bullet = "- "

    def __init__(self, *, longest_url: int = 2048) -> None:
        super().__init__(urls=True, longest_url=longest_url)

    def overhead(self, node: Node) -> int:
        match node.kind:
            case Kind.LINK:
                return utf16_length(node.info) + 6 if self._shows(node) else 0
            case Kind.CODE_BLOCK:
                return 8 + len(node.info)
            case Kind.TABLE:
                return 8
            case Kind.CODE:
                return 6
            case Kind.HEADING:
                return 4
            case Kind.PARAGRAPH:
                return 1
            case _:
                return 2 * len(_MARKS.get(node.kind, ""))

    def text(self, text: str) -> str:
        return _SPECIAL.sub(_escaped, text)

    def code(self, text: str) -> str:
        if "`" not in text:
            return f"`{text}`"
        return f"`` {_apart(text)} ``"

    def span(self, node: Node, content: str) -> str:
        if node.kind is Kind.LINK:
            return self._link(node, content)
        mark, core = _MARKS[node.kind], content.strip()
        before = content[: len(content) - len(content.lstrip())]
        after = content[len(before) + len(core) :]
        return f"{before}{mark}{core}{mark}{after}" if core else content

    def paragraph(self, content: str) -> str:
        return _LINE_START.sub(r"\1\\\2", content)

    def heading(self, node: Node, content: str) -> str:
        return "#" * min(node.number, 3) + " " + content.replace("\n", " ") if content else ""

    def code_block(self, language: str, text: str) -> list[Line]:
        return super().code_block("", f"```{language}\n{_apart(text)}\n```")

    def quote(self, lines: list[Line], place: Place) -> list[Line]:
        return lines if place.quotes else [Line("> " + line.text) for line in lines]

    def _link(self, node: Node, content: str) -> str:
        url = node.info.replace(">", "%3E").replace("<", "%3C")
        if not self._shows(node):
            return content
        if content == node.info:
            return f"<{url}>"
        return f"[{content}](<{url}>)"


def _escaped(found: re.Match[str]) -> str:
    """An address stays as it is. A backslash just behind it would be part of it: it is closed before."""
    if found["url"] is None:
        return "\\" + found[0]
    return f"<{found['url']}>" if found["near"] is not None else found["url"]


def _apart(code: str) -> str:
    return code.replace("``", f"`{_APART}`").replace("``", f"`{_APART}`")
