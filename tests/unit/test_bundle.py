"""A backup is one archive that is put back whole, or not at all."""

from __future__ import annotations

import io
import sqlite3
import tarfile
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import StorageError, StorageVersionError
from storage.bundle import DATABASE, WHOLE, pack, unpack
from storage.migrations import migrate

VISITOR, CONTENT = "ab" * 16, "cd" * 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of ours with something in it, and what two visitors brought."""
    made = tmp_path_factory.mktemp("home")
    migrate(f"sqlite:///{made / DATABASE}")
    with closing(sqlite3.connect(made / DATABASE)) as raw:
        raw.execute("INSERT INTO plugin_kv (plugin, scope, key, value) VALUES ('p', 's', 'k', '1')")
        raw.commit()
    for visitor, name, content in (
        (VISITOR, CONTENT, bytes(range(256)) * 9_000),
        (VISITOR, f"{CONTENT}.json", b"{}"),
        ("ef" * 16, CONTENT, b""),
        ("ef" * 16, f"{CONTENT}.new", b"half"),
    ):
        (made / "files" / visitor).mkdir(parents=True, exist_ok=True)
        (made / "files" / visitor / name).write_bytes(content)
    return made


def archive(home: Path) -> bytes:
    return b"".join(pack(home / DATABASE, home / "files"))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def restore(content: bytes, place: Path) -> None:
    (place / "backup").write_bytes(content)
    unpack(place / "backup", place / "new", place / "new" / DATABASE)


def test_what_is_packed_is_put_back_for_its_owner_alone(home: Path, tmp_path: Path) -> None:
    restore(archive(home), tmp_path)
    expected = {name: content for name, content in tree(home).items() if not name.endswith(".new")}
    found = tree(tmp_path / "new")
    with closing(sqlite3.connect(tmp_path / "new" / DATABASE)) as raw:
        assert raw.execute("SELECT value FROM plugin_kv").fetchall() == [("1",)]
    del found[DATABASE], expected[DATABASE]
    assert found == expected
    assert {p.stat().st_mode & 0o077 for p in (tmp_path / "new").rglob("*")} == {0}
    with tarfile.open(fileobj=io.BytesIO(archive(home))) as tar:
        assert [tar.getnames()[0], tar.getnames()[-1]] == [DATABASE, WHOLE]


def test_a_database_alone_is_put_back_as_well(home: Path, tmp_path: Path) -> None:
    restore((home / DATABASE).read_bytes(), tmp_path)
    assert set(tree(tmp_path / "new")) == {DATABASE}


def pieces(home: Path) -> Iterator[tuple[str, bytes]]:
    whole = archive(home)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        last = tar.getmember(WHOLE).offset
    yield "at a file's end", whole[:last]
    yield "within a file", whole[: last - 5_000]
    yield "within the database", whole[:9_000]
    yield "nothing", b""
    yield "rubbish", b"\x00rubbish" * 900
    yield "text", b"What is this?"
    yield "a zip", b"PK\x03\x04" + bytes(2_000)
    yield "half a database", (home / DATABASE).read_bytes()[:3_000]


def test_what_is_cut_off_or_no_backup_changes_nothing(home: Path, tmp_path: Path) -> None:
    for number, (kind, content) in enumerate(pieces(home)):
        place = tmp_path / str(number)
        place.mkdir()
        with pytest.raises(StorageError):
            restore(content, place)
        assert tree(place).keys() == {"backup"}, kind


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("../evil", tarfile.REGTYPE),
        ("/tmp/evil", tarfile.REGTYPE),
        ("files/../../evil", tarfile.REGTYPE),
        ("files/v/.hidden", tarfile.REGTYPE),
        ("tertulia.toml", tarfile.REGTYPE),
        (f"files/{VISITOR}/{CONTENT}", tarfile.SYMTYPE),
        (DATABASE, tarfile.LNKTYPE),
        ("files", tarfile.DIRTYPE),
        (f"files/{VISITOR}/{CONTENT}", tarfile.CHRTYPE),
    ],
)
def test_an_archive_with_anything_else_in_it_is_refused(
    home: Path, tmp_path: Path, name: str, type: bytes
) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type, "/etc/passwd"
    with pytest.raises(StorageError, match="it holds"):
        restore(info.tobuf() + archive(home), tmp_path)
    assert tree(tmp_path).keys() == {"backup"}


@pytest.mark.parametrize("there", [DATABASE, f"{DATABASE}-wal", "files/v/a"])
def test_nothing_that_is_there_is_touched(home: Path, tmp_path: Path, there: str) -> None:
    kept = tmp_path / "new" / there
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"mine")
    with pytest.raises(StorageError, match="is there already"):
        restore(archive(home), tmp_path)
    assert kept.read_bytes() == b"mine"


def test_a_backup_of_a_newer_version_is_refused(home: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    newer.write_bytes((home / DATABASE).read_bytes())
    with closing(sqlite3.connect(newer)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    with pytest.raises(StorageVersionError, match="newer"):
        restore(b"".join(pack(newer, home / "files")), tmp_path)
    assert not (tmp_path / "new" / DATABASE).exists()


def test_memory_stays_the_same_however_large_it_is(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(60_000_000)
    (tmp_path / "files" / "v").mkdir(parents=True)
    (tmp_path / "files" / "v" / "a").hardlink_to(large)
    tracemalloc.start()
    try:
        sent = sum(map(len, pack(large, tmp_path / "files")))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent > 120_000_000
    assert peak < 8_000_000


def test_a_file_that_goes_while_it_is_packed_is_left_out(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files" / "v"
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        (folder / name).write_bytes(b"x")
    blocks = pack(home / DATABASE, tmp_path / "files")
    first = next(blocks)
    (folder / "b").unlink()
    (tmp_path / "place").mkdir()
    restore(first + b"".join(blocks), tmp_path / "place")
    assert "files/v/a" in tree(tmp_path / "place" / "new")
