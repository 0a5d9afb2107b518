"""Markdown, parsed once into a small tree, split by what a person will see, written in a channel's markup.

`parse` and `render` are for whole texts; `parts` is what a delivery calls, also while a text grows.
"""

from bot.markup.measure import utf16_length, visible
from bot.markup.split import Rendered, parts, plain_text, render
from bot.markup.tree import Kind, Node, clean, last_block, parse

__all__ = [
    "Kind",
    "Node",
    "Rendered",
    "clean",
    "last_block",
    "parse",
    "parts",
    "plain_text",
    "render",
    "utf16_length",
    "visible",
]
