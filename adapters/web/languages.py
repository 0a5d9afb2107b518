"""The languages of the pages: those that have words beside this module.

A file `words/TAG.json` makes a language, by its tag in small letters (`es`, `pt-br`), and says its
`language.name`. The other files of a language stand beside the English ones, with its tag in their names.
Where a file is missing, or a word in it, English stands in; a word that no page says is an error.
`words/settings/TAG.json` describes settings; in English they do so themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path

from bot.errors import SettingsError

ENGLISH = "en"
NAME = "language.name"
SETTINGS = "settings"
_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_PLACE = re.compile(r"\{(\w+)\}")


class Shelf:
    """The words in a folder, each file read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, dict[str, str]] = {}

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The tags, English first."""
        found = sorted(path.stem for path in self._folder.glob("*.json") if _TAG.fullmatch(path.stem))
        return (ENGLISH, *(tag for tag in found if tag != ENGLISH))

    def name(self, language: str) -> str:
        """What the language calls itself."""
        return self._words(f"{language}.json")[NAME]

    def find(self, wish: str) -> str:
        """The language for this tag, or the nearest that it begins with (RFC 4647, section 3.4); "" if there
        is none."""
        parts = wish.lower().replace("_", "-").split("-")
        tags = ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((tag for tag in tags if tag in self.languages), "")

    def of(self, language: str, *parts: str) -> dict[str, str]:
        """The words of these parts; "" is the chat page's own."""
        found: dict[str, str] = {}
        for tag in dict.fromkeys((ENGLISH, language)):
            for part in parts:
                found |= self._words(_file(part, tag))
        return found

    def within(self, language: str, folder: str) -> dict[str, str]:
        """The words of all parts in a folder."""
        return self.of(language, *(part for part in self._parts if part.startswith(f"{folder}/")))

    def described(self, language: str) -> Mapping[str, str]:
        """What settings are for, by name; empty in English, where they say so themselves."""
        return self._words(f"{SETTINGS}/{language}.json")

    def check(self) -> None:
        """Raises SettingsError for words that cannot be, with the files that have them."""
        if wrong := list(self._wrong()):
            raise SettingsError(f"words of the pages in {self._folder}: {'; '.join(wrong[:5])}")

    @cached_property
    def _parts(self) -> list[str]:
        files = self._folder.rglob(f"*{ENGLISH}.json")
        names = sorted(path.relative_to(self._folder).as_posix() for path in files)
        return [name.removesuffix(f"{ENGLISH}.json").removesuffix(".") for name in names]

    def _words(self, file: str) -> dict[str, str]:
        if file not in self._read:
            try:
                words = json.loads((self._folder / file).read_text(encoding="utf-8"))
            except FileNotFoundError:
                words = {}
            self._read[file] = words
        return self._read[file]

    def _wrong(self) -> Iterator[str]:
        for path in sorted(self._folder.rglob("*.json")):
            file = path.relative_to(self._folder).as_posix()
            part, tag = _split(file)
            try:
                words = self._words(file)
            except ValueError as error:
                yield f"{file} is no JSON in UTF-8: {error}"
                continue
            if tag not in self.languages:
                yield f"{file}: there is no {tag}.json, which would make the language"
            elif not isinstance(words, dict):
                yield f"{file}: no object of words"
            elif part != SETTINGS and part not in self._parts:
                yield f"{file}: no page has such a file; there are {', '.join(filter(None, self._parts))}"
            else:
                known = None if part == SETTINGS else self._words(_file(part, ENGLISH))
                yield from (f"{file}: {why}" for why in _misfits(words, known))
                if not part and NAME not in words:
                    yield f"{file}: it needs {NAME!r}, what the language calls itself"


def _file(part: str, language: str) -> str:
    return f"{part}.{language}.json" if part else f"{language}.json"


def _split(file: str) -> tuple[str, str]:
    """The part and the tag of a file's name."""
    bare = file.removesuffix(".json")
    if bare.startswith(f"{SETTINGS}/"):
        return SETTINGS, bare.removeprefix(f"{SETTINGS}/")
    part, _, tag = bare.rpartition(".")
    return part, tag


def _misfits(words: Mapping[str, object], known: Mapping[str, str] | None) -> Iterator[str]:
    """What is wrong with a file's words, where these are the English ones."""
    for key, text in words.items():
        if not isinstance(text, str) or not text.strip():
            yield f"{key!r} is no text"
        elif known is None:
            continue
        elif key not in known:
            near = get_close_matches(key, known, n=1)
            yield f"no page says {key!r}{f'; did you mean {near[0]!r}?' if near else ''}"
        elif set(_PLACE.findall(text)) != set(_PLACE.findall(known[key])):
            places = " ".join(f"{{{name}}}" for name in _PLACE.findall(known[key])) or "none"
            yield f"{key!r} has other places for values than the English one, which has {places}"


@cache
def shelf() -> Shelf:
    """The words that come with the pages, and what was put beside them."""
    return Shelf(Path(__file__).parent / "words")
