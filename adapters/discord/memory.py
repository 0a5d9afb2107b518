"""What is remembered of the last few thousand chats or messages."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

MANY = 4096
K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The newest entries by key; the oldest make room."""

    __slots__ = ("_entries", "_most")

    def __init__(self, most: int = MANY) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._most = most

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()
