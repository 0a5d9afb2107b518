"""Names of accounts: how one is kept, when two are the same, and when they look so.

What looks alike follows Unicode's security mechanisms (https://www.unicode.org/reports/tr39/): no
word mixes scripts whose letters look alike (section 5.2), and each name has a skeleton that no other
one may have (section 4), made with the letters of these scripts that people cannot tell apart.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection, Container, Iterable

from bot.errors import NameRefused
from storage.text import clean

_CONTROL = "Cc"
_FORMAT = "Cf"
_VARIANTS = range(0xFE00, 0xFE10)
_UNSEEN = frozenset(
    map(
        chr,
        [
            0x34F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            *range(0x180B, 0x1810),
            0x3164,
            *range(0xFE00, 0xFE10),
            0xFFA0,
        ],
    )
)
"""Letters and marks that show nothing."""
_WORD = re.compile(r"[^\W_]+")
_SCRIPTS = ("LATIN ", "CYRILLIC ", "GREEK ")
_ALIKE = (
    "AАΑ BВΒ CСϹ EЕΕ HНΗ JЈ KКΚ MМΜ NΝ OОΟ0 PРΡ SЅ TТΤ XХΧ YҮΥ ZΖ WԜ lIІӀΙӏı1| aаαɑ bЬь cсϲ dԁ eе gɡ hһ"
    " iіι jјϳ kкκ nп oоο pрρ qԛ rг sѕ uυʋ vν wԝ xхχ yуγү 3З ËЁ ëё ÏЇ ïї"
)
"""Groups of letters and figures that look like the first of their group."""
_LIKE = str.maketrans({other: group[0] for group in _ALIKE.split() for other in group[1:]})


def tidy(name: str) -> str:
    """The name as it is kept: single spaces, no control characters. Raises NameRefused if nothing
    that can be seen is left, or a word mixes scripts."""
    told = _spaced(clean(name), {_CONTROL})
    if not skeleton(told):
        raise NameRefused("none", told)
    if any(len(_scripts(word)) > 1 for word in _WORD.findall(unicodedata.normalize("NFKC", told))):
        raise NameRefused("mixed", told)
    return told


def key_of(name: str) -> str:
    """Equal for names that differ in case, width, spacing or invisible characters alone."""
    folded = unicodedata.normalize("NFKC", clean(name)).casefold()
    return _spaced(unicodedata.normalize("NFKC", folded), {_CONTROL, _FORMAT})


def skeleton(name: str) -> str:
    """Equal for names that people take for each other."""
    plain = _spaced(unicodedata.normalize("NFKC", clean(name)), {_CONTROL, _FORMAT})
    seen = "".join(letter for letter in plain.translate(_LIKE) if letter not in _UNSEEN)
    return " ".join(unicodedata.normalize("NFKC", seen.casefold()).translate(_LIKE).split())


def refuse(name: str, others: Iterable[str]) -> None:
    """Raises NameRefused if it is, or looks like, one of these names."""
    key, looks = key_of(name), skeleton(name)
    for other in others:
        if key_of(other) == key:
            raise NameRefused("taken", name)
        if skeleton(other) == looks:
            raise NameRefused("alike", name)


def free(name: str, others: Collection[str]) -> str:
    """The name, with a number if it is, or looks like, one of these."""
    keys, looks = set(map(key_of, others)), set(map(skeleton, others))
    numbered = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
    return next(n for n in numbered if key_of(n) not in keys and skeleton(n) not in looks)


def _scripts(word: str) -> set[str]:
    names = [unicodedata.name(letter, "") for letter in word]
    return {script for script in _SCRIPTS for name in names if name.startswith(script)}


def _spaced(text: str, without: Container[str]) -> str:
    shown = (c for c in text if c.isspace() or unicodedata.category(c) not in without)
    return " ".join("".join(shown).split())
