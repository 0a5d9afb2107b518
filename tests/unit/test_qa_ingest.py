"""Files, folders and the handbook become documents."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from bot.errors import DocumentError
from bot.plugins.qa.ingest import HANDBOOK, MAX_BYTES, Progress, learn, sync_handbook
from bot.ports import Search
from storage.db import Database
from storage.search import SqlSearch
from tests.fakes_search import FakeSearch


async def learned(search: Search, path: Path) -> list[Progress]:
    return [progress async for progress in learn(search, path, "documents")]


async def names(search: Search, collection: str = "documents") -> list[str]:
    return [source.name for source in await search.sources(collection)]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    (docs / "sub").mkdir(parents=True)
    (docs / "a.md").write_text("# Alpha\nFirst words.")
    (docs / "sub" / "b.txt").write_text("Second words.")
    (docs / ".hidden.md").write_text("secret")
    return docs


async def test_a_folder_is_learned_and_the_second_time_nothing_changes(folder: Path) -> None:
    search = FakeSearch()
    assert await learned(search, folder) == [
        Progress("docs/a.md", 1, 2, changed=True, passages=1),
        Progress("docs/sub/b.txt", 2, 2, changed=True, passages=1),
    ]
    assert not any(p.changed for p in await learned(search, folder))
    assert search.puts == 2
    (found,) = await search.search("second", collections=["documents"])
    assert (found.source, found.title) == ("docs/sub/b.txt", "b.txt")
    assert await search.search("secret", collections=["documents"]) == []


async def test_a_single_file_has_the_name_it_has_with_its_folder(folder: Path) -> None:
    search = FakeSearch()
    assert [p.name for p in await learned(search, folder / "a.md")] == ["docs/a.md"]
    (folder / "a.md").write_text("# Alpha\nNew words.")
    assert [p.changed for p in await learned(search, folder)] == [True, True]
    assert await search.search("first", collections=["documents"]) == []


async def test_what_is_gone_from_a_folder_is_forgotten_when_it_is_learned_again(
    folder: Path, sqlite_db: Database
) -> None:
    search = SqlSearch(sqlite_db)
    neighbour = write(folder.parent / "docs2", {"c.md": "Third words."})
    for path in (folder, neighbour, folder / "sub"):
        assert [p async for p in learn(search, path, "documents")]
    assert [p async for p in learn(search, folder / "a.md", "other")]
    (folder / "a.md").unlink()
    (folder / "sub" / "b.txt").write_bytes(b"\xff")
    steps = [p async for p in learn(search, folder, "documents")]
    assert steps[1:] == [Progress("docs/a.md", 1, 1, changed=True, removed=True)]
    assert await names(search) == ["docs/sub/b.txt", "docs2/c.md"]
    assert await names(search, "other") == ["docs/a.md"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.pdf", b"%PDF", "supported are text files"),
        ("x", b"text", "supported are text files"),
        ("x.txt", "caf\u00e9".encode("latin-1"), "no UTF-8"),
        ("x.md", b"a\0b", "binary"),
        ("x.txt", b"a" * (MAX_BYTES + 1), "at most"),
    ],
)
async def test_what_cannot_be_read_is_named_with_the_reason(
    folder: Path, name: str, content: bytes, reason: str
) -> None:
    bad = folder / name
    bad.write_bytes(content)
    with pytest.raises(DocumentError, match=f"{name}.*{reason}"):
        await learned(FakeSearch(), bad)
    left_out = [p for p in await learned(FakeSearch(), folder) if p.error]
    assert [p.name for p in left_out] == [f"docs/{name}"]
    assert reason in left_out[0].error


async def test_a_missing_path_and_an_empty_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.md", tmp_path):
        with pytest.raises(DocumentError, match="no such file"):
            await learned(FakeSearch(), path)


async def test_links_that_lead_outside_are_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text("secret")
    (folder / "link.md").symlink_to(tmp_path / "outside" / "secret.md")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "inside.md").symlink_to(folder / "a.md")
    sources = [p.name for p in await learned(FakeSearch(), folder)]
    assert sources == ["docs/a.md", "docs/inside.md", "docs/sub/b.txt"]


async def test_the_handbook_follows_its_files_and_a_second_start_is_quick(
    tmp_path: Path, sqlite_db: Database
) -> None:
    search = SqlSearch(sqlite_db)
    for language in ("en", "zh"):
        (tmp_path / language).mkdir()
        for n in range(15):
            text = "".join(f"## Part {part}\n" + "Words of it. " * 60 for part in range(12))
            (tmp_path / language / f"{n}.md").write_text(f"# Chapter {n}\n{text}")
    assert await sync_handbook(search, tmp_path) == 30
    started = time.process_time()
    assert await sync_handbook(search, tmp_path) == 0
    assert time.process_time() - started < 0.05
    (tmp_path / "en" / "0.md").write_text("# Changed")
    (tmp_path / "zh" / "1.md").unlink()
    assert await sync_handbook(search, tmp_path) == 2
    assert len(await search.sources(HANDBOOK)) == 29
    shutil.rmtree(tmp_path / "en")
    assert await sync_handbook(search, tmp_path) == 15
