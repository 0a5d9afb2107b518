"""A document is known by where its file lies: equal names are no reason to take one for another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.plugins.qa.chunks import document
from bot.plugins.qa.ingest import Progress, learn
from storage.db import Database
from storage.search import SqlSearch


def write(folder: Path, **files: str) -> Path:
    """A folder with these Markdown files; `sub__x` is `sub/x.md`."""
    for name, text in files.items():
        file = folder / f"{name.replace('__', '/')}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


class Library:
    """A database, and what is learned into it."""

    def __init__(self, db: Database) -> None:
        self.search = SqlSearch(db)

    async def learn(self, path: Path) -> list[Progress]:
        return [step async for step in learn(self.search, path)]

    async def changes(self, path: Path) -> dict[str, str]:
        """What learning it changes: + for learned, - for forgotten."""
        return {p.name: "-" if p.removed else "+" for p in await self.learn(path) if p.changed}

    async def names(self) -> list[str]:
        return [source.name for source in await self.search.sources("documents")]

    async def found(self, word: str) -> list[str]:
        return [p.source for p in await self.search.search(word, collections=["documents"])]

    async def learned_before(self, **texts: str) -> None:
        """As an earlier version did: by name alone."""
        for name, text in texts.items():
            source = f"docs/{name.replace('__', '/')}.md"
            made = document(text, collection="documents", source=source, markdown=True)
            await self.search.put("documents", source, made.passages, title=made.title, digest=made.digest)


@pytest.fixture
def library(sqlite_db: Database) -> Library:
    return Library(sqlite_db)


async def test_two_folders_of_one_name_are_both_known_and_stay_so(library: Library, tmp_path: Path) -> None:
    one = write(tmp_path / "a" / "docs", x="apple", y="pear")
    two = write(tmp_path / "b" / "docs", x="plum", sub__z="fig")
    assert await library.changes(one) == {"docs/x.md": "+", "docs/y.md": "+"}
    assert await library.changes(two) == {"b/docs/x.md": "+", "b/docs/sub/z.md": "+"}
    assert await library.found("apple") == ["docs/x.md"]
    assert await library.found("plum") == ["b/docs/x.md"]
    for folder in (one, two, one):
        assert await library.changes(folder) == {}
    (two / "x.md").unlink()
    write(two, new="cherry")
    assert await library.changes(one) == {}
    assert await library.changes(two) == {"b/docs/new.md": "+", "b/docs/x.md": "-"}


async def test_two_files_of_one_name_in_folders_of_one_name_are_both_known(
    library: Library, tmp_path: Path
) -> None:
    for above, text in (("c", "apple"), ("d", "plum")):
        await library.learn(write(tmp_path / above / "n", x=text) / "x.md")
    assert await library.names() == ["d/n/x.md", "n/x.md"]
    assert await library.found("apple") == ["n/x.md"]


async def test_a_file_is_one_document_whichever_folder_it_is_learned_with(
    library: Library, tmp_path: Path
) -> None:
    docs = write(tmp_path / "docs", sub__x="apple", y="pear")
    for path in (docs / "sub" / "x.md", docs, docs / "sub", tmp_path):
        await library.learn(path)
    assert await library.names() == ["docs/y.md", "sub/x.md"]


async def test_a_name_is_as_long_as_it_takes(library: Library, tmp_path: Path) -> None:
    for above in ("p/a", "q/a", "a/docs"):
        await library.learn(write(tmp_path / above / "docs", x=f"text of {above}"))
    assert await library.names() == ["a/docs/x.md", "docs/docs/x.md", "docs/x.md"]


async def test_of_a_database_learned_by_names_alone_nothing_is_there_twice(
    library: Library, tmp_path: Path
) -> None:
    await library.learned_before(x="apple", y="pear", gone="nut")
    docs = write(tmp_path / "docs", x="apple", y="a new pear", z="fig")
    assert await library.changes(docs) == {"docs/y.md": "+", "docs/z.md": "+", "docs/gone.md": "-"}
    assert await library.names() == ["docs/x.md", "docs/y.md", "docs/z.md"]
    other = write(tmp_path / "b" / "docs", x="plum")
    assert await library.changes(other) == {"b/docs/x.md": "+"}


async def test_another_folder_forgets_nothing_that_was_learned_by_name_alone(
    library: Library, tmp_path: Path
) -> None:
    await library.learned_before(x="apple", y="pear")
    assert await library.changes(write(tmp_path / "b" / "docs", z="fig")) == {"docs/z.md": "+"}
    assert await library.changes(write(tmp_path / "a" / "docs", x="apple", y="pear")) == {}
    assert await library.names() == ["docs/x.md", "docs/y.md", "docs/z.md"]


async def test_a_folder_that_was_moved_is_the_same_folder(library: Library, tmp_path: Path) -> None:
    docs = write(tmp_path / "a" / "docs", x="apple", y="pear", gone="nut")
    await library.learn(docs)
    moved = docs.rename(tmp_path / "docs")
    write(moved, y="a new pear")
    (moved / "gone.md").unlink()
    assert await library.changes(moved) == {"docs/y.md": "+", "docs/gone.md": "-"}
    assert await library.changes(moved) == {}


async def test_a_copy_is_no_move(library: Library, tmp_path: Path) -> None:
    docs = write(tmp_path / "a" / "docs", x="apple")
    await library.learn(docs)
    copy = shutil.copytree(docs, tmp_path / "b" / "docs")
    assert await library.changes(copy) == {"b/docs/x.md": "+"}


async def test_a_name_of_any_bytes_is_kept_over_relearning(library: Library, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", x="apple")
    (docs / "caf\udce9.md").write_text("coffee")
    assert len(await library.changes(docs)) == 2
    assert await library.changes(docs) == {}
