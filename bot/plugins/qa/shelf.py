"""Which stored document a file is, by where it lies; and the short name that people see."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bot.types import Source


class Shelf:
    """The documents of a collection, for the files of one folder. Reads the disk when made.

    A file is the document that was read from where it lies. Failing that, it is a document of
    which that is not known (an earlier version learned it) and which has the name that the file
    then had; or one of this folder before it was moved, which shows where a file has the same
    content as the document of its old place, and nothing is left of the folder there.
    A new file's name begins with the folder's; with those above it too, as many as it takes until
    no document from elsewhere has such a name. `digest_of` gives a file's digest, "" for none.
    """

    def __init__(
        self, root: Path, files: Sequence[Path], known: Sequence[Source], digest_of: Callable[[Path], str]
    ) -> None:
        self._root = root
        self._known = known
        self._by_origin = {s.origin: s.name for s in known if s.origin}
        self._unplaced = {s.name: s.digest for s in known if not s.origin}
        self._homes = [spelled(root)]
        self._learned_unplaced = False
        self._recognise([f for f in files if spelled(f) not in self._by_origin], digest_of)
        self._prefix = next(p for p in _prefixes(root) if self._is_free(p))
        self._files = {file: self._name(file) for file in files}

    def name(self, file: Path) -> str:
        """Of the file's document; no two files have the same."""
        return self._files[file]

    def gone(self) -> list[str]:
        """Names of the documents that lay in this folder, and are no file of it any more."""
        there = set(self._files.values())
        return [s.name for s in self._known if s.name not in there and self._lay_here(s)]

    def _lay_here(self, source: Source) -> bool:
        if not source.origin:
            return self._learned_unplaced and source.name.startswith(f"{self._root.name}/")
        return any(source.origin.startswith(_below(home, "")) for home in self._homes)

    def _recognise(self, new: Sequence[Path], digest_of: Callable[[Path], str]) -> None:
        by_last: dict[str, list[Source]] = defaultdict(list)
        for source in self._known:
            by_last[source.origin.rpartition("/")[2]].append(source)
        for file in new:
            relative = self._relative(file)
            old = self._unplaced.get(f"{self._root.name}/{relative}")
            if old and not self._learned_unplaced:
                self._learned_unplaced = old == digest_of(file)
            for source in by_last[relative.rpartition("/")[2]]:
                home = source.origin.removesuffix(f"/{relative}")
                if home in ("", source.origin, *self._homes) or os.path.lexists(home):
                    continue
                if source.digest == digest_of(file):
                    self._homes.append(home)

    def _name(self, file: Path) -> str:
        relative = self._relative(file)
        for home in self._homes:
            if name := self._by_origin.get(_below(home, relative)):
                return name
        old = f"{self._root.name}/{relative}"
        return old if old in self._unplaced else _below(self._prefix, relative)

    def _is_free(self, prefix: str) -> bool:
        """Whether every document with such a name is the file that would have it."""
        begin, here = _below(prefix, ""), self._homes[0]
        return all(
            not s.origin or not s.name.startswith(begin) or s.origin == _below(here, s.name[len(begin) :])
            for s in self._known
        )

    def _relative(self, file: Path) -> str:
        return spelled(file.relative_to(self._root))


def spelled(path: Path) -> str:
    """The path as text that can be stored, whatever bytes are in it."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _below(folder: str, name: str) -> str:
    return f"{folder.removesuffix('/')}/{name}" if folder else name


def _prefixes(root: Path) -> Iterator[str]:
    """The folder's name, then with more and more of those above; at last its whole path."""
    parts = spelled(root).removeprefix(spelled(Path(root.anchor))).split("/")
    yield from ("/".join(parts[-n:]) for n in range(1, len(parts) + 1))
    yield spelled(root)
