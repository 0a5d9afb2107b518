"""Names of accounts: how one is kept, and when two are the same."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Container

from bot.errors import AccessError
from storage.text import clean

_CONTROL = "Cc"
_FORMAT = "Cf"


def tidy(name: str) -> str:
    """The name as it is kept: single spaces, no control characters. Raises AccessError if nothing
    that can be seen is left."""
    told = _spaced(clean(name), {_CONTROL})
    if not key_of(told):
        raise AccessError("an account needs a name")
    return told


def key_of(name: str) -> str:
    """Equal for names that differ in case, width, spacing or invisible characters alone."""
    folded = unicodedata.normalize("NFKC", clean(name)).casefold()
    return _spaced(unicodedata.normalize("NFKC", folded), {_CONTROL, _FORMAT})


def free(name: str, taken: Container[str]) -> str:
    """The name, with a number if its key is taken."""
    numbered = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
    return next(found for found in numbered if key_of(found) not in taken)


def _spaced(text: str, without: Container[str]) -> str:
    shown = (c for c in text if c.isspace() or unicodedata.category(c) not in without)
    return " ".join("".join(shown).split())
