"""What the core finds wrong with a field, in the words of the page's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_DURATION = r"\d+ (?:d|h|min|s|µs)\b"
_LIMIT = rf"(?P<n>-?{_DURATION}(?: {_DURATION})*|-?\d[\d,.:TZe+-]*)"
"""A duration, a number, a date, or a date and time."""
_UNIT = "(?: characters| entries| bytes)?"
_WHAT = "(?P<n>.+)"
_SENTENCES: tuple[tuple[str, str], ...] = (
    ("is needed|is empty", "wrong.needed"),
    ("a file is needed", "wrong.file"),
    ("there is no such field", "wrong.unknown"),
    ("cannot be changed here", "wrong.fixed"),
    ("has to be empty", "wrong.nothing"),
    ("is no text", "wrong.text"),
    ("has to be plain ASCII", "wrong.ascii"),
    (f"does not match the pattern {_WHAT}", "wrong.pattern"),
    (f"is none of {_WHAT}", "wrong.none_of"),
    ("is neither on nor off", "wrong.switch"),
    ("is no number", "wrong.number"),
    ("is no whole number", "wrong.whole"),
    ("has too many digits", "wrong.digits"),
    (f"is no multiple of {_LIMIT}", "wrong.multiple"),
    (f"at most {_LIMIT} digits", "wrong.most_digits"),
    (f"at most {_LIMIT} digits after the point", "wrong.most_after"),
    (f"at most {_LIMIT} digits before the point", "wrong.most_before"),
    (f"at least {_LIMIT}{_UNIT}", "wrong.least"),
    (f"at most {_LIMIT}{_UNIT}", "wrong.most"),
    (f"has [\\d,]+ characters; at most {_LIMIT} are taken", "wrong.most"),
    (f"more than {_LIMIT}{_UNIT}", "wrong.above"),
    (f"less than {_LIMIT}{_UNIT}", "wrong.below"),
    ("is no list", "wrong.list"),
    ("is no table", "wrong.table"),
    ("is no JSON", "wrong.json"),
    (f"is no date as {_WHAT}", "wrong.date"),
    (f"is no time as {_WHAT}", "wrong.time"),
    (f"is no date and time as {_WHAT}", "wrong.moment"),
    (f"is no duration as {_WHAT}", "wrong.duration"),
    ("is not in the past", "wrong.past"),
    ("is not in the future", "wrong.future"),
    ("needs a time zone", "wrong.zone"),
    ("may have no time zone", "wrong.no_zone"),
    ("is no time zone", "wrong.zone_name"),
    ("is no URL", "wrong.url"),
    (f"is no URL that begins with {_WHAT}", "wrong.scheme"),
    ("is no UUID", "wrong.uuid"),
    ("is no IP address", "wrong.ip"),
    ("is no email address", "wrong.email"),
    ("is no file that is there", "wrong.no_file"),
    ("is no folder that is there", "wrong.no_folder"),
    ("is there already", "wrong.there"),
    ("is no path", "wrong.path"),
    (f"is no size as {_WHAT}", "wrong.size"),
    ("is no regular expression", "wrong.regex"),
    ("is no card number", "wrong.card"),
    (f"does not fit: {_WHAT}", "wrong.other"),
    ("1 to 64 characters, without spaces and backticks", "wrong.persona"),
    ("'.+' is what people write for the default one", "wrong.reserved"),
    (f"there is no model '{_WHAT}' now", "wrong.model"),
    ("the question is empty", "wrong.question"),
    (f"there are more than {_LIMIT} messages", "wrong.messages"),
    (f"prompt and messages have more than {_LIMIT} characters", "wrong.together"),
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
