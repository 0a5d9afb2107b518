"""Code in an answer's HTML, with its tokens marked by CSS classes (Pygments' short names).

Only languages that an answer names and that stand in `LANGUAGES` are marked: a lexer that guesses is
wrong often, and one that few use may take very long over hostile text.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import cache, lru_cache
from html import escape, unescape
from io import StringIO
from typing import Any

MOST_CHARACTERS = 20_000
"""Of a block that is marked; a longer one is plain, as is one with a line that is longer than this."""
MOST_IN_LINE = 2_000
MOST_SECONDS = 0.1
"""Of CPU for one block: some lexers take quadratic time over text that is no such code."""
LANGUAGES = {
    "bash": "bash", "sh": "bash", "shell": "bash", "zsh": "bash", "console": "console", "c": "c", "h": "c",
    "cpp": "cpp", "c++": "cpp", "cs": "csharp", "csharp": "csharp", "c#": "csharp", "css": "css",
    "diff": "diff", "patch": "diff", "dockerfile": "docker", "docker": "docker", "go": "go", "golang": "go",
    "haskell": "haskell", "hs": "haskell", "html": "html", "xml": "xml", "svg": "xml", "http": "http",
    "ini": "ini", "java": "java", "javascript": "javascript", "js": "javascript", "jsx": "javascript",
    "json": "json", "jsonc": "json", "julia": "julia", "kotlin": "kotlin", "kt": "kotlin", "lua": "lua",
    "makefile": "make", "make": "make", "matlab": "matlab", "nginx": "nginx", "perl": "perl", "php": "php",
    "powershell": "powershell", "ps1": "powershell", "python": "python", "py": "python", "py3": "python",
    "pycon": "pycon", "r": "r", "ruby": "ruby", "rb": "ruby", "rust": "rust", "rs": "rust",
    "scala": "scala", "sql": "sql", "swift": "swift", "toml": "toml", "typescript": "typescript",
    "ts": "typescript", "tsx": "typescript", "yaml": "yaml", "yml": "yaml",
}  # fmt: skip
"""What an answer may call a language -> Pygments' name of it."""
_BLOCK = re.compile(r'<pre><code(?: class="language-([^"<>]*)")?>([^<]*)</code></pre>')
_MATH = "math"


def dressed(html: str) -> str:
    """A block's safe HTML with its code marked and labelled, its formulas set apart, and what is wide
    in a frame that scrolls. Every text in it is escaped, so that tags are ours alone."""
    framed = html.replace("<table>", '<div class="wide" tabindex="0"><table>').replace(
        "</table>", "</table></div>"
    )
    return _BLOCK.sub(_block, framed)


def _block(found: re.Match[str]) -> str:
    language, escaped = found[1] or "", found[2]
    if language == _MATH:
        return f'<div class="math" tabindex="0">{escaped}</div>'
    code = marked(escaped, LANGUAGES.get(language.lower(), ""))
    label = f"<figcaption><span>{escape(language)}</span></figcaption>"
    return f'<figure class="code">{label}<pre tabindex="0"><code>{code}</code></pre></figure>'


@lru_cache(maxsize=64)
def marked(escaped: str, name: str) -> str:
    """Escaped code with its tokens in spans; as it is without a name, and where it is very long."""
    code = unescape(escaped)
    if not name or len(code) > MOST_CHARACTERS or max(map(len, code.split("\n"))) > MOST_IN_LINE:
        return escaped
    from pygments.formatters import HtmlFormatter

    tokens = list(_in_time(_lexer(name).get_tokens(code)))
    out = StringIO()
    HtmlFormatter(nowrap=True).format(tokens, out)
    return out.getvalue() if "".join(text for _, text in tokens) == code else escaped


def _in_time(tokens: Iterator[tuple[Any, str]]) -> Iterator[tuple[Any, str]]:
    """The tokens until the time is up."""
    end = time.thread_time() + MOST_SECONDS
    for token in tokens:
        yield token
        if time.thread_time() > end:
            return


@cache
def _lexer(name: str) -> Any:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)
