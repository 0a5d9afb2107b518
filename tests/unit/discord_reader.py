"""What people see of Discord's Markdown (https://support.discord.com/hc/articles/210298617): a strict
reader, which shares no code with what writes it.

It knows what its writer may use: marks for bold, italic and struck text, headings, lists, quotes, code,
links. All else that Discord would take for markup (mentions, spoilers, times, underlines) is refused, and so
is a mark without its other end.
"""

from __future__ import annotations

import re
from collections import Counter

_TOKEN = re.compile(
    r"""
    \\(?P<literal>[^0-9A-Za-z\s])
    | ```(?:[\w+#.-]*\n)?(?P<block>(?:(?!```).)+)```
    | (?P<ticks>`{1,2})(?P<code>(?:(?!(?P=ticks)).)+)(?P=ticks)(?!`)
    | <(?P<address>(?:https?|mailto|tg|ftp):[^\s<>]+)>
    | (?P<url>https?://[^\s<>*|`\]]+)
    | (?P<link>\]\(<[^<>\n]*>\))
    | (?P<open>\[)
    | (?P<shut>\])
    | (?P<heading>(?<=\n)(?:[ >]|-\ |\d+\.\ )*\#{1,3}\s+)
    | (?P<strike>~~)
    | (?P<star>\*)
    | (?P<refused>\|\||__|<(?:@|\#|:|t:|/|a:)|`)
    """,
    re.VERBOSE | re.DOTALL,
)
_TEXT = frozenset({"literal", "block", "code", "address", "url", "shut"})


def read(content: str) -> str:
    """The text without its marks. Raises AssertionError for what nobody meant to be markup."""
    content = f"\n{content}"
    marks: Counter[str] = Counter()
    seen: list[str] = []
    brackets: list[int] = []
    paired: list[int] = []
    last = 0
    for token in _TOKEN.finditer(content):
        seen.append(content[last : token.start()])
        last, kind = token.end(), str(token.lastgroup)
        assert kind != "refused", content[max(0, token.start() - 40) : token.end() + 40]
        marks[kind] += 1
        if kind == "open":
            brackets.append(len(seen))
        elif kind == "shut" and brackets:
            paired.append(brackets.pop())
        elif kind == "link":  # one bracket too many in its text is text: `[a]b](<…>)` is a link
            seen[(brackets or paired).pop()] = ""
        seen.append("[" if kind == "open" else token[kind] if kind in _TEXT else "")
    assert marks["star"] % 2 == marks["strike"] % 2 == 0, content
    return "".join([*seen, content[last:]])[1:]
