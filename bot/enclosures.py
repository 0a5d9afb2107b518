"""Text that is better read as a file: the whole of a long answer, and code that no message holds.

What a message can hold is shown as ever; the file stands below it, so that nothing is lost and
nothing that was read already moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.markup import Kind, Node, Rendered, parse, utf16_length
from bot.types import Citation, Outgoing, Part, PartKind, Reply

MOST_CODE = 4
"""Files of code beside an answer."""
_EXTENSIONS = {
    "bash": "sh", "c++": "cpp", "csharp": "cs", "c#": "cs", "dockerfile": "dockerfile", "golang": "go",
    "haskell": "hs", "javascript": "js", "julia": "jl", "kotlin": "kt", "latex": "tex", "makefile": "mk",
    "markdown": "md", "perl": "pl", "powershell": "ps1", "python": "py", "python3": "py", "ruby": "rb",
    "rust": "rs", "shell": "sh", "typescript": "ts", "zsh": "sh",
}  # fmt: skip
_PLAIN = re.compile(r"[a-z][a-z0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Enclose:
    """How much of an answer is shown in messages; `whole` is said of the file that has all of it."""

    most_parts: int
    whole: str

    def of(
        self, reply: Reply, rendered: Sequence[Rendered], limit: int
    ) -> tuple[list[Rendered], list[Outgoing]]:
        """What of the answer, `rendered` in messages of `limit`, is shown so, and its files: all of it
        where it is too long, and code that is longer than a message."""
        shown = list(rendered[: self.most_parts])
        files = [_message(file) for file in _long_code(reply.text, limit)]
        if len(shown) < len(rendered):
            whole = "\n\n".join((reply.text, *_listed(reply.citations)))
            files.insert(0, _message(_file("answer.md", whole), self.whole))
        return shown, files


def _message(file: Part, text: str = "") -> Outgoing:
    return Outgoing(text, text, attachment=file)


def _long_code(text: str, limit: int) -> Iterator[Part]:
    if "```" not in text and "~~~" not in text:
        return
    long = [node for node in _code(parse(text)) if utf16_length(_text(node)) > limit]
    for number, node in enumerate(long[:MOST_CODE], start=1):
        yield _file(f"code-{number}.{_extension(node.info)}", _text(node))


def named(part: Part) -> str:
    """A file where only text can be shown."""
    name = part.name or part.kind.value
    return f"[{name}]({part.ref})" if part.ref.startswith(("https://", "http://")) else f"[{name}]"


def _file(name: str, text: str) -> Part:
    return Part(PartKind.FILE, text, media_type="text/plain", name=name)


def _listed(citations: Sequence[Citation]) -> Iterator[str]:
    """What the markers in the text stand for."""
    for citation in citations:
        yield f"[{citation.number}] {' — '.join(dict.fromkeys((citation.title, citation.source)))}"


def _code(node: Node) -> Iterator[Node]:
    if node.kind is Kind.CODE_BLOCK:
        yield node
    for child in node.children:
        yield from _code(child)


def _text(node: Node) -> str:
    return "".join(child.text for child in node.children)


def _extension(language: str) -> str:
    name = language.lower()
    return _EXTENSIONS.get(name) or (name if _PLAIN.fullmatch(name) else "txt")
