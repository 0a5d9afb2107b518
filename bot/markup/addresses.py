"""A rule for markdown-it that makes bare web addresses links, up to what only follows them in a sentence."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

_SCHEME = re.compile(r"(?:^|[^A-Za-z0-9.+-])(https?)$", re.IGNORECASE)
_CJK = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_ADDRESS = re.compile(rf"://(?=\w)[^\s\x01<>\"`|\\^{{}}\[\]*{_CJK}]{{1,2000}}")
_AFTER = ".,;:!?'_~…’”»"


def link_addresses(parser: MarkdownIt) -> None:
    parser.inline.ruler.before("escape", "address", _address)


def _address(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != ":" or state.linkLevel > 0:
        return False
    scheme = _SCHEME.search(state.pending)
    found = _ADDRESS.match(state.src, state.pos, state.posMax)
    if scheme is None or found is None:
        return False
    rest = _without_what_follows(found[0])
    url = scheme[1] + rest
    if len(rest) <= len("://") or not state.md.validateLink(url):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[1])]
        state.push("link_open", "a", 1).attrs = {"href": url}
        state.push("text", "", 0).content = url
        state.push("link_close", "a", -1)
    state.pos += len(rest)
    return True


def _without_what_follows(address: str) -> str:
    """Without punctuation at the end, nor a bracket that was opened before."""
    while True:
        bare = address.rstrip(_AFTER)
        if bare.endswith(")") and bare.count(")") > bare.count("("):
            bare = bare[:-1]
        if bare == address:
            return bare
        address = bare
