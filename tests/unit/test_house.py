"""The rules of the house hold over the whole tree; and each check can fail."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import grimp
import pytest

from tests.unit import house_checks as checks
from tests.unit import imports_alone

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PACKAGES = ("bot", "adapters", "inference", "storage")
READS_ENVIRONMENT = {"bot/loading.py"}
CATCHES_ALL = {"bot/handler.py": 1, "bot/plugins/guard.py": 1}
"""The turn's boundary and the plugins', each in one place."""
GENERATED = ("docs/pictures/", "requirements", "tests/vllm/corpus.txt", "adapters/web/static/vendor/")

Check = Callable[[Mapping[str, str]], list[str]]


@pytest.fixture(scope="module")
def tree() -> dict[str, str]:
    """The text of every file that git would carry, by its path; locks, corpora and vendored libraries are
    not ours, and pictures no text."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    files = {}
    for name in listed:
        path = ROOT / name
        if path.is_file() and not name.startswith(GENERATED):
            files[name] = path.read_text(encoding="utf-8")
    return files


@pytest.fixture(scope="module")
def code(tree: dict[str, str]) -> dict[str, str]:
    return {n: t for n, t in tree.items() if n.endswith(".py")}


@pytest.fixture(scope="module")
def product(code: dict[str, str]) -> dict[str, str]:
    """The four packages."""
    return {n: t for n, t in code.items() if n.partition("/")[0] in PACKAGES}


@pytest.fixture(scope="module")
def tests(code: dict[str, str]) -> dict[str, str]:
    return {n: t for n, t in code.items() if n.startswith("tests/")}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_tree_that_is_checked_is_the_whole_tree(product: dict[str, str], tests: dict[str, str]) -> None:
    assert {n.partition("/")[0] for n in product} == set(PACKAGES)
    assert len(product) > 80
    assert "tests/unit/test_house.py" in tests


def test_files_are_short(tree: dict[str, str]) -> None:
    written = {n: t for n, t in tree.items() if n.endswith((".py", ".js", ".css"))}
    assert {"adapters/web/static/chat.js", "adapters/web/static/chat.css"} < written.keys()
    assert any(n.startswith("benchmarks/") for n in written)
    assert checks.long_files(written) == []


def test_functions_are_short(product: dict[str, str]) -> None:
    assert checks.long_functions(product) == []
    assert checks.spread(product) == []


def test_everything_is_annotated(code: dict[str, str]) -> None:
    assert checks.bare_signatures(code) == []


def test_the_environment_is_read_in_one_file(product: dict[str, str]) -> None:
    assert set(checks.environment_readers(product)) == READS_ENVIRONMENT


def test_everything_is_caught_only_at_the_boundaries(product: dict[str, str]) -> None:
    assert Counter(place.partition(":")[0] for place in checks.broad_catchers(product)) == CATCHES_ALL


def test_tests_replace_no_code_of_ours(tests: dict[str, str]) -> None:
    assert checks.mockers(tests) == []


def test_nothing_is_left_for_later(tree: dict[str, str]) -> None:
    assert checks.undone(tree) == []


def test_no_file_knows_the_machine_it_was_written_on(tree: dict[str, str]) -> None:
    ours = {n: t for n, t in tree.items() if n != "tests/unit/test_house.py"}
    assert checks.machine_paths(ours) == []
    assert checks.registries(ours) == []


def test_lock_files_name_no_registry() -> None:
    locks = {p.name: p.read_text(encoding="utf-8") for p in ROOT.glob("requirements*.lock")}
    assert len(locks) == 4
    assert checks.registries(locks) == []


def test_each_install_is_pinned_by_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-second-opinion.lock"):
        entries = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
        entries = [e for e in entries if e.strip() and not e.lstrip().startswith("#")]
        assert len(entries) > 5
        assert [e for e in entries if "==" not in e or "--hash=sha256:" not in e] == []


def test_no_import_cycle() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    assert len(graph.modules) > 80
    assert checks.cycles({m: sorted(graph.find_modules_directly_imported_by(m)) for m in graph.modules}) == []


def test_import_contracts_are_kept() -> None:
    done = run(BIN / "lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout
    assert "3 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("room", "module"),
    [("adapters", "bot.settings"), ("inference", "bot.citations"), ("storage", "bot.plugins.qa.ingest")],
)
def test_a_room_that_imports_what_is_not_allowed_breaks_the_contract(
    tmp_path: Path, product: dict[str, str], room: str, module: str
) -> None:
    for name, text in product.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (tmp_path / room / "wrong.py").write_text(f"import {module}\n")
    done = subprocess.run(
        (BIN / "lint-imports", "--no-cache"), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert f"{room}.wrong -> {module}" in done.stdout
    assert "2 kept, 1 broken" in done.stdout


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)], ids=" ".join
)
def test_linters_and_types_are_content(command: tuple[str, ...]) -> None:
    done = run(BIN / command[0], *command[1:])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_tests_are_typed() -> None:
    done = run(BIN / "mypy", "tests")
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_does_nothing() -> None:
    done = run(sys.executable, "-B", imports_alone.__file__, str(ROOT), *PACKAGES)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "body",
    [
        "open(__file__ + '.txt', 'w')",
        "open('/proc/self/status').read()",
        "import socket; socket.socket()",
        "import threading; threading.Timer(0.2, print).start()",
        "import sqlite3; sqlite3.connect(':memory:')",
        "import subprocess; subprocess.run(['true'])",
    ],
)
def test_an_import_that_does_something_is_seen(tmp_path: Path, body: str) -> None:
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / "__init__.py").touch()
    (tmp_path / "busy" / "module.py").write_text(body)
    done = run(sys.executable, "-B", imports_alone.__file__, str(tmp_path), "busy")
    assert done.returncode == 0, done.stderr
    assert done.stdout != ""


BAD: list[tuple[Check, str]] = [
    (checks.long_files, "x = 1\n" * 401),
    (checks.long_functions, "def f() -> None:\n" + "    x = 1\n" * 60),
    (checks.spread, "def f() -> None:\n" + "    x = 1\n" * 10 + "def g() -> None:\n" + "    x = 1\n" * 12),
    (checks.bare_signatures, "def f(x) -> None: ..."),
    (checks.bare_signatures, "def f(x: int): ..."),
    (checks.bare_signatures, "async def f(*x, y: int) -> None: ..."),
    (checks.bare_signatures, "class A:\n    def f(self, *, y) -> None: ..."),
    (checks.environment_readers, "import os\nos.environ['A']"),
    (checks.environment_readers, "import os\nos.getenv('A')"),
    (checks.environment_readers, "from os import environ"),
    (checks.broad_catchers, "try: ...\nexcept: ..."),
    (checks.broad_catchers, "try: ...\nexcept Exception: ..."),
    (checks.broad_catchers, "try: ...\nexcept (OSError, BaseException) as e: ..."),
    (checks.broad_catchers, "import contextlib\nwith contextlib.suppress(Exception): ..."),
    (checks.mockers, "from unittest import mock"),
    (checks.mockers, "from unittest.mock import patch"),
    (checks.mockers, "import unittest.mock"),
    (checks.mockers, "def test(monkeypatch: object) -> None: ..."),
    (checks.undone, "# TO" + "DO: later"),
    (checks.undone, "raise NotImplemented" + "Error"),
    (checks.machine_paths, "DATA = '/home/" + "somebody/data'"),
    (checks.registries, "pip install --index-url" + " x"),
    (checks.registries, "https://files.pythonhosted." + "org/packages"),
]


@pytest.mark.parametrize(("check", "text"), BAD, ids=[f"{c.__name__}-{i}" for i, (c, _) in enumerate(BAD)])
def test_a_broken_rule_is_seen(check: Check, text: str) -> None:
    assert check({"bad.py": text}) != []


def test_a_ring_of_imports_is_seen() -> None:
    assert checks.cycles({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b <-> c"]
    assert checks.cycles({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def test_what_is_allowed_passes() -> None:
    good = (
        "class A:\n    def f(self, x: int, *r: str) -> None:\n        try: ...\n        except OSError: ...\n"
        "def g() -> None: ...\n"
        "HOME = 'https://example.org/home/page'\n"
    )
    every: list[Check] = [check for check, _ in BAD]
    assert [problem for check in every for problem in check({"good.py": good})] == []


def test_linters_see_what_they_should(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import os\nprint('x')\ndef f(x: int) -> str:\n    return x\n")
    linted = run(BIN / "ruff", "check", "--config", ROOT / "pyproject.toml", bad).stdout
    assert "F401" in linted
    assert "T201" in linted
    assert run(BIN / "ruff", "format", "--check", "--config", ROOT / "pyproject.toml", bad).returncode == 1
    assert "return-value" in run(BIN / "mypy", "--config-file", ROOT / "pyproject.toml", bad).stdout
