"""A mistake in the settings is one clear line, whatever the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.running import tertulia


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def write(home: Path, toml: str) -> None:
    (home / "tertulia.toml").write_text(toml)


@pytest.mark.parametrize(
    "command",
    [["run"], ["ask", "Hi"], ["chat"], ["learn", "."], ["migrate"], ["dead"], ["export", "somebody"]],
    ids=lambda c: c[0],
)
async def test_a_typo_in_a_plugins_settings_ends_every_command(home: Path, command: list[str]) -> None:
    write(home, "[plugins.qa]\nlimt = 5")
    ended = await tertulia(home, *command)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "tertulia: plugin 'qa': setting 'limt' is unknown. Did you mean 'limit'?\n"


@pytest.mark.parametrize(
    ("toml", "disabled", "told"),
    [
        ("[plugins.zz]", "", "plugin 'zz' is unknown. Known: qa.\n"),
        ("", "qaa", "(TERTULIA_PLUGINS_DISABLED): plugin 'qaa' is unknown. Did you mean 'qa'?\n"),
        ("[personas.x]\nprmpt = 'p'", "", "unknown setting 'personas.x.prmpt'. Did you mean 'prompt'?\n"),
    ],
)
async def test_an_unknown_name_names_the_nearest(home: Path, toml: str, disabled: str, told: str) -> None:
    write(home, toml)
    ended = await tertulia(home, "migrate", plugins_disabled=disabled)
    assert ended.code == 1
    assert ended.err.startswith("tertulia: ")
    assert ended.err.endswith(told)
    assert ended.err.count("\n") == 1
