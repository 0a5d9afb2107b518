"""How much room visitors' files take, without looking through them each time."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

Key = tuple[str, str]
"""A file: its visitor, and its id."""


class Ledger:
    """Bytes of files that some question has, and of each that none has yet. Used from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked = 0
        self._unasked: dict[Key, int] = {}

    def begin(self, files: Iterable[tuple[Key, int, bool]]) -> None:
        """Begin anew with these: each its size, and whether a question has it."""
        asked, unasked = 0, dict[Key, int]()
        for key, size, is_asked in files:
            if is_asked:
                asked += size
            else:
                unasked[key] = size
        with self._lock:
            self._asked, self._unasked = asked, unasked

    @property
    def total(self) -> int:
        with self._lock:
            return self._asked + sum(self._unasked.values())

    @property
    def unasked(self) -> dict[Key, int]:
        """A copy."""
        with self._lock:
            return dict(self._unasked)

    def brought(self, key: Key, size: int) -> None:
        """A new file, which no question has."""
        with self._lock:
            self._unasked[key] = size

    def asked(self, key: Key) -> None:
        """A question has it now."""
        with self._lock:
            self._asked += self._unasked.pop(key, 0)

    def gone(self, key: Key, size: int) -> None:
        with self._lock:
            if self._unasked.pop(key, None) is None:
                self._asked = max(0, self._asked - size)
