"""Operators see each setting in force and where it came from, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.loading import load_settings
from bot.origins import in_force
from bot.settings import Settings
from bot.types import Origin, SettingInForce

TOML = """\
# ours
web_port = 9000
plugins_disabled = ["one", "two"]

[sampling]
temperature = 0.5
top_p = 0.9

[personas.pirate]
prompt = '''
model = "not a key"
'''
model = "big"

[plugins.qa]
limit = 5
"""


@pytest.fixture
def known(tmp_path: Path) -> dict[str, SettingInForce]:
    (tmp_path / "tertulia.toml").write_text(TOML, "utf-8")
    (tmp_path / "token").write_text("12345:file-secret\n", "utf-8")
    environ = {
        "TERTULIA_HOME": str(tmp_path),
        "TERTULIA_MODEL_URL": "http://ann:pass-secret@one/v1?key=query-secret,http://two/v1",
        "TERTULIA_TOP_P": "0.8",
        "TERTULIA_TELEGRAM_TOKEN_FILE": str(tmp_path / "token"),
        "TERTULIA_DATABASE_URL": "postgresql://me:db-secret@host/name",
        "TERTULIA_ACCESS": "open",
        "TERTULIA_DISCORD_TOKEN": "",
    }
    settings = load_settings(environ, folder=tmp_path, web_host="0.0.0.0")
    return {setting.name: setting for setting in in_force(settings)}


def test_each_value_says_where_it_was_found(known: dict[str, SettingInForce], tmp_path: Path) -> None:
    file = tmp_path / "tertulia.toml"
    expected = {
        "home": (str(tmp_path), Origin.ENVIRONMENT, "TERTULIA_HOME"),
        "web_port": ("9000", Origin.FILE, f"{file}:2"),
        "web_host": ("0.0.0.0", Origin.OPTION, "--web-host"),
        "plugins_disabled": ("one, two", Origin.FILE, f"{file}:3"),
        "sampling.temperature": ("0.5", Origin.FILE, f"{file}:6"),
        "sampling.top_p": ("0.8", Origin.ENVIRONMENT, "TERTULIA_TOP_P"),
        "personas": ("pirate", Origin.FILE, f"{file}:9"),
        "plugins": ("qa", Origin.FILE, f"{file}:15"),
        "access": ("open", Origin.ENVIRONMENT, "TERTULIA_ACCESS"),
        "model": ("", Origin.DEFAULT, ""),
        "model_url": ("http://one/v1,http://two/v1", Origin.ENVIRONMENT, "TERTULIA_MODEL_URL"),
        "web": ("true", Origin.DEFAULT, ""),
    }
    found = {name: (s.value, s.origin, s.place) for name, s in known.items() if name in expected}
    assert found == expected
    assert known["access"].default == "invite"
    assert known["web_port"].description


def test_secrets_are_set_or_not_and_never_shown(known: dict[str, SettingInForce], tmp_path: Path) -> None:
    token = known["telegram_token"]
    assert (token.secret, token.is_set, token.value) == (True, True, "")
    assert (token.origin, token.place) == (
        Origin.SECRET_FILE,
        f"TERTULIA_TELEGRAM_TOKEN_FILE ({tmp_path / 'token'})",
    )
    assert (known["discord_token"].is_set, known["discord_token"].origin) == (False, Origin.DEFAULT)
    assert known["database_url"].secret
    assert "-secret" not in repr(known)


def test_every_setting_is_listed_also_where_none_was_loaded() -> None:
    names = [s.name.partition(".")[0] for s in in_force(Settings())]
    assert list(dict.fromkeys(names)) == list(Settings.model_fields)
    assert {s.origin for s in in_force(Settings())} == {Origin.DEFAULT}
