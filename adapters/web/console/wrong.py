"""What the core finds wrong with a field, in the words of the page's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_NUMBER = r"(?P<n>-?[\d,.]*\d)"
_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"is needed|is empty|Field required", "wrong.needed"),
    (r"a file is needed", "wrong.file"),
    (r"is no number|Input should be (?:a valid|a finite) number.*", "wrong.number"),
    (r"is no whole number|Input should be a valid integer.*", "wrong.whole"),
    (rf"(?:at least|Input should be greater than or equal to) {_NUMBER}(?: \w+)?", "wrong.least"),
    (rf"\w+ should have at least {_NUMBER} \w+.*", "wrong.least"),
    (rf"(?:at most|Input should be less than or equal to) {_NUMBER}(?: \w+)?", "wrong.most"),
    (rf"\w+ should have at most {_NUMBER} \w+.*", "wrong.most"),
    (rf"has [\d,]+ characters; at most {_NUMBER} are taken", "wrong.most"),
    (rf"(?:more than|Input should be greater than) {_NUMBER}(?: \w+)?", "wrong.above"),
    (rf"(?:less than|Input should be less than) {_NUMBER}(?: \w+)?", "wrong.below"),
    (r"is none of (?P<n>.+)", "wrong.none_of"),
    (r"1 to 64 characters, without spaces and backticks", "wrong.persona"),
    (r"'.+' is what people write for the default one", "wrong.reserved"),
)


def told(say: Callable[..., str], sentence: str) -> str:
    """The sentence as the page says it; as it is, if it is none that every page knows."""
    for pattern, key in _SENTENCES:
        if found := re.fullmatch(pattern, sentence, re.DOTALL):
            return say(key, **found.groupdict())
    return sentence


def all_told(say: Callable[..., str], fields: Mapping[str, str]) -> dict[str, str]:
    """By field."""
    return {name: told(say, sentence) for name, sentence in fields.items()}
