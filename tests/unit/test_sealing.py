"""What is sealed opens with its key and in its place alone, and processes agree on one key."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SealError, SettingsError
from bot.loading import load_settings
from bot.sealing import FILE, KEY_BYTES, Sealer, keys_of
from tests.fakes_control import NOWHERE, a_sealer

PLACE = ("plugin", "greeter", "key")
SHORT = base64.b64encode(bytes(31)).decode()
OLD, NEW = b"o" * KEY_BYTES, b"n" * KEY_BYTES
RACE = """
import sys
from pathlib import Path
from bot.sealing import Sealer
sealer = Sealer((), Path(sys.argv[1]))
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(sealer.seal("s3cret", ("here",)))
"""


@given(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.text(max_size=9), max_size=3))
def test_what_is_sealed_opens_again_and_is_ascii(text: str, place: list[str]) -> None:
    sealed = a_sealer().seal(text, place)
    assert sealed.isascii()
    assert a_sealer().open(sealed, place) == text


def test_the_same_text_is_sealed_differently_each_time() -> None:
    sealer = a_sealer()
    assert sealer.seal("s3cret", PLACE) != sealer.seal("s3cret", PLACE)


@pytest.mark.parametrize(
    "place",
    [("plugin", "other", "key"), ("plugin", "greeter", "code"), ("plugin", "greeterkey"), (*PLACE, ""), ()],
)
def test_what_is_moved_does_not_open_there(place: tuple[str, ...]) -> None:
    sealer = a_sealer()
    with pytest.raises(SealError, match="for another place"):
        sealer.open(sealer.seal("s3cret", PLACE), place)


def test_what_was_changed_does_not_open() -> None:
    sealer = a_sealer()
    form, name, encoded = sealer.seal("s3cret", PLACE).split(".")
    ours = f"{form}.{name}."
    whole = bytearray(base64.urlsafe_b64decode(encoded))
    for at in (0, 12, len(whole) - 1):
        other = bytes(b ^ (at == place) for place, b in enumerate(whole))
        with pytest.raises(SealError):
            sealer.open(ours + base64.urlsafe_b64encode(other).decode(), PLACE)
    for broken in ("", "1", ours, f"{ours}é", f"{ours}A", "s3cret", f"2{ours[1:]}{encoded}"):
        with pytest.raises(SealError):
            sealer.open(broken, PLACE)


def test_another_key_does_not_open_and_the_error_names_the_one_that_does() -> None:
    sealed = a_sealer(OLD).seal("s3cret", PLACE)
    with pytest.raises(SealError, match=sealed.split(".")[1]):
        a_sealer(NEW).open(sealed, PLACE)
    with pytest.raises(SealError, match="which is not here"):
        Sealer((), NOWHERE).open(sealed, PLACE)


def test_the_first_key_seals_and_all_open() -> None:
    old, both = a_sealer(OLD), a_sealer(NEW, OLD)
    sealed = old.seal("s3cret", PLACE)
    assert both.open(sealed, PLACE) == "s3cret"
    assert not both.fresh(sealed)
    again = both.seal("s3cret", PLACE)
    assert both.fresh(again)
    assert a_sealer(NEW).open(again, PLACE) == "s3cret"
    with pytest.raises(SealError):
        old.open(again, PLACE)


def test_the_files_keys_open_beside_those_of_the_setting(tmp_path: Path) -> None:
    file = tmp_path / FILE
    sealed = Sealer((), file).seal("s3cret", PLACE)
    both = Sealer((NEW,), file)
    assert both.open(sealed, PLACE) == "s3cret"
    assert not both.fresh(sealed)


def test_the_first_secret_makes_the_file_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "home" / FILE
    sealer = Sealer((), file)
    with pytest.raises(SealError):
        sealer.open(a_sealer().seal("s3cret", PLACE), PLACE)
    assert not file.exists()
    sealed = sealer.seal("s3cret", PLACE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [FILE]
    assert len(keys_of(file.read_text())) == 1
    before = file.read_bytes()
    assert Sealer((), file).open(sealed, PLACE) == "s3cret"
    sealer.seal("another", PLACE)
    assert file.read_bytes() == before


def test_processes_that_make_the_file_at_once_have_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / FILE
    command = [sys.executable, "-c", RACE, str(file)]
    pipe = subprocess.PIPE
    racers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    sealed = [racer.communicate(timeout=60)[0] for racer in racers]
    assert {Sealer((), file).open(each, ("here",)) for each in sealed} == {"s3cret"}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("content", "why"), [("", "it is empty"), ("\n", "it is empty"), ("s3cret\n", "a line of it is no key")]
)
def test_a_file_that_is_no_key_is_said_to_be_so_and_stays(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / FILE
    file.write_text(content)
    for call in (lambda: Sealer((), file).seal("x", PLACE), lambda: Sealer((NEW,), file).fresh("1.x.y")):
        with pytest.raises(SealError, match=why) as refused:
            call()
        assert "s3cret" not in str(refused.value)
    assert file.read_text() == content


def test_a_home_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(SealError, match="Not a directory"):
        Sealer((), tmp_path / "home" / FILE).seal("s3cret", PLACE)


@pytest.mark.parametrize("shape", ["{}", "{},{}", " {} \n{}\n", "{}, {}"])
def test_keys_are_read_in_either_base64_with_and_without_padding(shape: str) -> None:
    keys = [b"\xff\xfe" * 16, b"\xfb" * 40]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for end in ("=", ""):
            words = [encode(key).decode().rstrip("=") for key in keys]
            padded = [word + end * (-len(word) % 4) for word in words]
            assert list(keys_of(shape.format(*padded))) == keys[: shape.count("{}")]


@pytest.mark.parametrize("word", ["passphrase", "c2hvcnQ=", "é" * 50, "a" * 45 + "!", SHORT])
def test_what_is_no_key_is_refused_by_the_settings_and_not_repeated(word: str) -> None:
    with pytest.raises(SettingsError, match=r"secret_key \(TERTULIA_SECRET_KEY\): this is no key") as refused:
        load_settings({"TERTULIA_SECRET_KEY": word}, folder=Path("/nowhere"))
    assert word not in str(refused.value)
