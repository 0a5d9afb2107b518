"""Brings documents into search: a file or a folder (`tertulia learn`), and the handbook."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from bot.errors import DocumentError
from bot.plugins.qa.chunks import digest, document
from bot.plugins.qa.shelf import Shelf, spelled
from bot.ports import Search

COLLECTION = "documents"
HANDBOOK = "handbook"
SENT = "console"
"""Documents that were sent begin so: in their names, and where they come from."""
MAX_BYTES = 10_000_000
_MARKDOWN = (".md", ".markdown")
SUFFIXES = (*_MARKDOWN, ".txt")


_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What has no place in a name: control characters, and those that turn the direction of writing."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One file is dealt with: `name` is the document's source, `done` of `total`
    files are behind us. `changed`: it was new or differed.

    `error`, where it is not empty, says why this file of a folder was left out. `removed`: the
    folder has no such file any more, and its passages are gone.
    """

    name: str
    done: int
    total: int
    changed: bool = False
    passages: int = 0
    error: str = ""
    removed: bool = False


async def learn(search: Search, path: Path, collection: str = COLLECTION) -> AsyncIterator[Progress]:
    """Bring a text file, or all of a folder's, into the collection; unchanged ones cost a read.

    A document is known by where its file lies, and keeps its name. A new one is named by its path
    from the folder, beginning with that folder's name; where documents from elsewhere are named so,
    with more of the folders above. A folder learned again is learned as it is now: documents that
    lay there, and are there no longer, are removed. Hidden files and links that lead outside the
    folder are passed over.
    Raises DocumentError if `path` does not exist, is a file that cannot be read as text, or a folder
    without any file; files of a folder that cannot be read are told in the progress.
    """
    root = await asyncio.to_thread(path.resolve)
    single = await asyncio.to_thread(root.is_file)
    files = [root] if single else await asyncio.to_thread(lambda: list(_files(root)))
    if not files:
        raise DocumentError(f"{path}: no such file, or a folder without files")
    known = await search.sources(collection)
    shelf = await asyncio.to_thread(Shelf, root.parent if single else root, files, known, _digest_of)
    for done, file in enumerate(files, start=1):
        source = shelf.name(file)
        try:
            text = await asyncio.to_thread(read_text, file)
        except DocumentError as error:
            if single:
                raise
            yield Progress(source, done, len(files), error=str(error))
            continue
        changed, passages = await _put(search, collection, source, text, spelled(file))
        yield Progress(source, done, len(files), changed, passages)
    for source in [] if single else shelf.gone():
        await search.remove(collection, source)
        yield Progress(source, len(files), len(files), changed=True, removed=True)


def read_text(path: Path) -> str:
    """The file's text. Raises DocumentError, which names the file and what is supported."""
    _check(path, 0)
    try:
        _check(path, path.stat().st_size)
        return _text(path, path.read_bytes())
    except OSError as error:
        raise DocumentError(f"{path}: {error.strerror or error}") from None


def _check(path: Path, size: int) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise DocumentError(f"{path}: cannot be read; supported are text files ({', '.join(SUFFIXES)})")
    if size > MAX_BYTES:
        raise DocumentError(f"{path}: has {size:,} bytes; at most {MAX_BYTES:,} are read")


def _text(path: Path, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError(f"{path}: is no UTF-8 text; save it as UTF-8 and try again") from None
    if "\0" in text:
        raise DocumentError(f"{path}: is a binary file; supported are text files ({', '.join(SUFFIXES)})")
    return text


async def learn_file(search: Search, name: str, content: bytes, collection: str) -> Progress:
    """Bring a file that somebody sent into the collection, in place of one of that name that was sent
    before; documents that were read from a disk are others. Raises DocumentError."""
    path = Path(_NAMES.sub("", name.replace("\\", "/").rpartition("/")[2]).strip())
    _check(path, len(content))
    text = await asyncio.to_thread(_text, path, content)
    source = f"{SENT}/{path.name}"
    changed, passages = await _put(search, collection, source, text, f"{SENT}:{path.name}")
    return Progress(source, 1, 1, changed, passages)


def _files(root: Path) -> Iterator[Path]:
    """The folder's files in order; a link only where it leads to a file inside."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(n for n in names if not n.startswith(".")):
            file = Path(folder, name)
            if not file.is_symlink() or file.resolve().is_relative_to(root):
                yield file


def _digest_of(path: Path) -> str:
    try:
        return digest(read_text(path))
    except DocumentError:
        return ""


async def _put(search: Search, collection: str, source: str, text: str, origin: str = "") -> tuple[bool, int]:
    markdown = source.lower().endswith(_MARKDOWN)
    made = await asyncio.to_thread(document, text, collection=collection, source=source, markdown=markdown)
    changed = await search.put(
        collection, source, made.passages, title=made.title, digest=made.digest, origin=origin
    )
    return changed, len(made.passages)


async def sync_handbook(search: Search, root: Traversable) -> int:
    """Make the collection `handbook` what the Markdown files in `root` are: one folder for each
    language. Returns how many documents changed; where none did, it costs the reading."""
    texts = await asyncio.to_thread(lambda: dict(_handbook(root)))
    stored = {s.name: s.digest for s in await search.sources(HANDBOOK)}
    changed = 0
    for source, text in texts.items():
        if stored.get(source) != digest(text):
            changed += (await _put(search, HANDBOOK, source, text))[0]
    for source in stored.keys() - texts.keys():
        changed += await search.remove(HANDBOOK, source)
    return changed


def _handbook(root: Traversable) -> Iterator[tuple[str, str]]:
    if not root.is_dir():
        return
    for language in sorted((f for f in root.iterdir() if f.is_dir()), key=lambda f: f.name):
        for file in sorted(language.iterdir(), key=lambda f: f.name):
            if file.name.endswith(".md"):
                yield f"{HANDBOOK}/{language.name}/{file.name}", file.read_text("utf-8")
