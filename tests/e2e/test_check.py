"""`tertulia check` finds what would fail later: plugins, and a model that the server does not have."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import tertulia
from tests.simulators.openai import Behaviour, Server

LOOK = "`tertulia check` looks for the cause."


@pytest.fixture
async def model() -> AsyncIterator[Server]:
    async with Server(Behaviour(text="Hello.")).lifespan() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


async def findings(home: Path, name: str, *before: str, **settings: str) -> list[dict[str, Any]]:
    """Those of this name."""
    return (await all_findings(home, *before, **settings)).get(name, [])


async def all_findings(home: Path, *before: str, **settings: str) -> dict[str, list[dict[str, Any]]]:
    """By their names; with a bad one, it fails."""
    ended = await tertulia(home, "check", "--json", before=before, **settings)
    assert ended.err == ""
    found: list[dict[str, Any]] = json.loads(ended.out)
    assert ended.code == any(f["verdict"] == "bad" for f in found)
    return {name: [f for f in found if f["name"] == name] for name in (f["name"] for f in found)}


def install(folder: Path, name: str, value: str) -> str:
    """An installed distribution that brings this plugin; returns what makes Python see it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[tertulia.plugins]\n{name} = {value}\n")
    return f"PYTHONPATH={folder}"


async def test_a_model_that_the_server_does_not_have_is_bad(home: Path, model: Server) -> None:
    (found,) = await findings(home, "model server", model_url=model.url, model="nosuch")
    assert found["verdict"] == "bad"
    assert found["detail"].endswith(" has no model 'nosuch'; it has tiny")
    assert "TERTULIA_MODEL" in found["advice"]
    (found,) = await findings(home, "model server", model_url=model.url, model="tiny")
    assert (found["verdict"], found["detail"].partition(" ")[2]) == ("ok", "has tiny")


async def test_asking_a_model_that_is_not_there_names_those_that_are(home: Path, model: Server) -> None:
    ended = await tertulia(home, "ask", "Hi", model_url=model.url, model="nosuch")
    assert ended.code == 1
    assert ended.err.endswith(f" Set TERTULIA_MODEL to a model that this server has. It has: tiny. {LOOK}\n")
    assert ".." not in ended.err


async def test_plugins_that_are_set_up_wrongly_are_bad_and_the_rest_is_looked_at(home: Path) -> None:
    (home / "tertulia.toml").write_text("[plugins.qa]\nlimt = 5\n[plugins.zz]\n")
    found = await all_findings(home, plugins_disabled="qaa")
    assert [f["verdict"] for f in found["plugin"]] == ["bad"] * 3
    told = "\n".join(f["detail"] for f in found["plugin"])
    assert "plugin 'qa': setting 'limt' is unknown. Did you mean 'limit'?" in told
    assert "plugin 'zz' is unknown" in told
    assert "plugin 'qaa' is unknown. Did you mean 'qa'?" in told
    assert [f["verdict"] for f in found["database"]] == ["ok"]


async def test_a_plugin_that_cannot_be_loaded_or_started_is_bad(home: Path, tmp_path: Path) -> None:
    path = install(tmp_path / "site", "broken", "no_such_module:Plugin")
    install(tmp_path / "site", "tired", "tired:Plugin")
    (tmp_path / "site" / "tired.py").write_text(
        "from bot.plugins import api\n"
        "class Plugin(api.Plugin):\n"
        "    def lifespan(self):\n"
        "        raise OSError('no disk')\n"
    )
    found = await all_findings(home, "env", path)
    assert [f["detail"] for f in found["plugin"]] == [
        "plugin 'broken' cannot be loaded: No module named 'no_such_module'",
        "plugin tired failed in its start: OSError: no disk",
    ]
    assert [f["detail"] for f in found["plugins"]] == ["qa"]
    (found_good,) = await findings(home, "plugins")
    assert (found_good["verdict"], found_good["detail"]) == ("ok", "qa")
