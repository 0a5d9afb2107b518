"""The wheel that people install holds everything that a running Tertulia opens."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "adapters", "inference", "storage")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("tertulia-*.whl")
    return zipfile.Path(path)


def names(wheel: zipfile.Path) -> set[str]:
    return {n for n in wheel.root.namelist() if not n.endswith("/")}


def test_it_holds_every_file_of_the_four_packages_and_nothing_else(wheel: zipfile.Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    held = {n for n in names(wheel) if ".dist-info/" not in n}
    assert held == {n for n in listed if (ROOT / n).is_file()}
    assert {n.partition("/")[0] for n in held} == set(PACKAGES)


def test_it_holds_what_is_no_python(wheel: zipfile.Path) -> None:
    kinds = {(n.partition("/")[0], Path(n).suffix) for n in names(wheel)}
    for folder in (
        "adapters/web/static/",
        "adapters/web/templates/",
        "bot/locale/",
        "bot/plugins/qa/handbook/",
    ):
        assert any(n.startswith(folder) for n in names(wheel)), folder
    assert {("adapters", ".js"), ("adapters", ".html"), ("bot", ".toml"), ("bot", ".md")} <= kinds
    assert "storage/migrations/script.py.mako" in names(wheel)


def test_its_entry_points_lead_somewhere(wheel: zipfile.Path) -> None:
    (info,) = {n.partition("/")[0] for n in names(wheel) if ".dist-info/" in n}
    points = ConfigParser()
    points.read_string((wheel / info / "entry_points.txt").read_text(encoding="utf-8"))
    assert points["console_scripts"]["tertulia"] == "bot.cli:main"
    assert "qa" in points["tertulia.plugins"]
    for section in points.sections():
        for target in points[section].values():
            module = target.partition(":")[0].replace(".", "/")
            assert {f"{module}.py", f"{module}/__init__.py"} & names(wheel), target
    assert any(n.endswith("licenses/LICENSE") for n in names(wheel))
