"""What people read, in their language: one TOML file per language beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FALLBACK = "en"
NAME = "name"


class Catalogue:
    """Texts by language tag (lower-case BCP 47) and dotted key, as Markdown."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self._texts = texts

    @classmethod
    def load(cls, folder: Path | None = None) -> Catalogue:
        """Read every `*.toml` of the folder (default: the ones that come with Tertulia)."""
        files = sorted((folder or Path(__file__).parent).glob("*.toml"))
        return cls({f.stem: dict(_flat(tomllib.loads(f.read_text(encoding="utf-8")))) for f in files})

    def say(self, language: str, key: str, /, **values: object) -> str:
        """The text in the language or its nearest ancestor (zh-Hans-CN, zh-Hans, zh), else in English.

        Raises KeyError for an unknown key, or for a placeholder without a value.
        """
        for tag in _ancestors(language):
            text = self._texts.get(tag, {}).get(key)
            if text is not None:
                return text.format(**values)
        return self._texts[FALLBACK][key].format(**values)

    def languages(self) -> list[tuple[str, str]]:
        """(tag, the language's own name), by tag."""
        return [(tag, texts[NAME]) for tag, texts in sorted(self._texts.items())]

    def find(self, wish: str) -> str | None:
        """The tag of the catalogue that serves this BCP 47 tag, or None."""
        return next((tag for tag in _ancestors(wish) if tag in self._texts), None)

    def pick(self, *wishes: str) -> str:
        """The first wish that a catalogue serves, as that catalogue's tag; English if there is none."""
        return next((tag for tag in map(self.find, wishes) if tag), FALLBACK)


def _ancestors(tag: str) -> Iterator[str]:
    """The tag, then shorter and shorter (RFC 4647, section 3.4: lookup)."""
    parts = tag.replace("_", "-").lower().split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
