"""HTML for our own pages: every text is escaped, every attribute quoted, nothing passes through."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bot.markup.layout import source
from bot.markup.tree import Kind, Node

_INLINE = {Kind.STRONG: "strong", Kind.EMPHASIS: "em", Kind.STRIKE: "s"}
_ALIGNMENTS = {"left", "right", "center"}


def to_html(node: Node) -> str:
    """Safe to insert as element content. `[1]` stays as it is, so that a page can link it."""
    return "\n".join(map(_block, node.children))


def _inlines(nodes: Sequence[Node]) -> str:
    return "".join(map(_inline, nodes))


def _inline(node: Node) -> str:
    match node.kind:
        case Kind.TEXT:
            return escape(node.text)
        case Kind.SOFT_BREAK:
            return "\n"
        case Kind.BREAK:
            return "<br>\n"
        case Kind.CODE:
            formula = f' class="{node.info}"' if node.info else ""
            return f"<code{formula}>{escape(source(node))}</code>"
        case Kind.LINK:
            href = escape(node.info)
            return f'<a href="{href}" rel="noopener nofollow noreferrer">{_inlines(node.children)}</a>'
        case _:
            tag = _INLINE[node.kind]
            return f"<{tag}>{_inlines(node.children)}</{tag}>"


def _block(node: Node) -> str:
    match node.kind:
        case Kind.PARAGRAPH:
            content = _inlines(node.children)
            return content if node.tight else f"<p>{content}</p>"
        case Kind.HEADING:
            return f"<h{node.number}>{_inlines(node.children)}</h{node.number}>"
        case Kind.QUOTE:
            return f"<blockquote>\n{to_html(node)}\n</blockquote>"
        case Kind.LIST:
            return _list(node)
        case Kind.CODE_BLOCK:
            language = f' class="language-{node.info}"' if node.info else ""
            return f"<pre><code{language}>{escape(source(node))}</code></pre>"
        case Kind.TABLE:
            return _table(node)
        case _:
            return "<hr>"


def _list(node: Node) -> str:
    items = "\n".join(map(_item, node.children))
    start = node.children[0].number
    if start < 0:
        return f"<ul>\n{items}\n</ul>"
    return f'<ol start="{start}">\n{items}\n</ol>' if start != 1 else f"<ol>\n{items}\n</ol>"


def _item(item: Node) -> str:
    names = " ".join(filter(None, ("continued" if item.continued else "", item.info)))
    return f'<li class="{names}">{to_html(item)}</li>' if names else f"<li>{to_html(item)}</li>"


def _table(node: Node) -> str:
    header, *rows = node.children
    body = "\n".join(_row(row, "td") for row in rows)
    tbody = f"\n<tbody>\n{body}\n</tbody>" if body else ""
    return f"<table>\n<thead>\n{_row(header, 'th')}\n</thead>{tbody}\n</table>"


def _row(row: Node, tag: str) -> str:
    cells = (f"<{tag}{_alignment(cell)}>{_inlines(cell.children)}</{tag}>" for cell in row.children)
    return f"<tr>{''.join(cells)}</tr>"


def _alignment(cell: Node) -> str:
    return f' class="{cell.info}"' if cell.info in _ALIGNMENTS else ""
