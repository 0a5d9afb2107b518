"""Settings: where they come from, which wins, and what a mistake is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.loading import load_settings
from bot.settings import PREFIX, SamplingSettings, Settings
from bot.types import Sampling

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty working folder."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def load(folder: Path, environ: dict[str, str] | None = None, **overrides: Any) -> Settings:
    given = {"TERTULIA_HOME": str(folder / "home"), **(environ or {})}
    return load_settings(given, folder=folder, **overrides)


def problem(folder: Path, environ: dict[str, str] | None = None, toml: str = "") -> str:
    if toml:
        (folder / "tertulia.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        load(folder, environ)
    return str(caught.value)


def test_without_anything_the_defaults_hold(folder: Path) -> None:
    settings = load(folder)
    assert settings.database == f"sqlite:///{folder / 'home' / 'tertulia.db'}"
    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 8080)
    assert settings.model_urls == ()


def test_options_win_over_the_environment_which_wins_over_the_file(folder: Path) -> None:
    (folder / "tertulia.toml").write_text("web_port = 1\nmodel = 'file'\nmax_input = 3")
    settings = load(folder, {"TERTULIA_WEB_PORT": "2", "TERTULIA_MODEL": "env"}, web_port=4, model=None)
    assert (settings.web_port, settings.model, settings.max_input) == (4, "env", 3)


def test_the_working_folders_file_is_read_before_the_homes(folder: Path) -> None:
    (folder / "home").mkdir()
    (folder / "home" / "tertulia.toml").write_text("model = 'home'")
    assert load(folder).model == "home"
    (folder / "tertulia.toml").write_text("model = 'work'")
    assert load(folder).model == "work"


def test_an_empty_variable_is_as_if_unset(folder: Path) -> None:
    assert load(folder, {"TERTULIA_WEB_PORT": ""}).web_port == 8080


def test_sampling_is_joined_field_by_field(folder: Path) -> None:
    (folder / "tertulia.toml").write_text("[sampling]\ntemperature = 0.1\ntop_p = 0.5")
    sampling = load(folder, {"TERTULIA_TEMPERATURE": "0.9", "TERTULIA_STOP": "END, ###"}).sampling
    assert (sampling.temperature, sampling.top_p, sampling.stop) == (0.9, 0.5, ("END", "###"))


def test_sampling_lies_over_a_base() -> None:
    merged = SamplingSettings(temperature=0.0, stop=("a",)).over(Sampling(temperature=1.0, top_k=5))
    assert (merged.temperature, merged.top_k, merged.stop) == (0.0, 5, ("a",))


def test_several_model_servers_are_told_apart(folder: Path) -> None:
    urls = load(folder, {"TERTULIA_MODEL_URL": "http://a/v1/, http://b/v1/"}).model_urls
    assert urls == ("http://a/v1", "http://b/v1")


def test_a_value_can_be_read_from_a_file(folder: Path) -> None:
    (folder / "token").write_text("123:abc\n")
    settings = load(folder, {"TERTULIA_TELEGRAM_TOKEN_FILE": str(folder / "token")})
    assert settings.telegram_token.get_secret_value() == "123:abc"


def test_a_value_and_its_file_contradict_each_other(folder: Path) -> None:
    text = problem(folder, {"TERTULIA_MODEL": "a", "TERTULIA_MODEL_FILE": "/nowhere"})
    assert "TERTULIA_MODEL_FILE and TERTULIA_MODEL are both set" in text


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(folder: Path, content: bytes | None) -> None:
    path = folder / "secret"
    if content is not None:
        path.write_bytes(content)
    assert str(path) in problem(folder, {"TERTULIA_MODEL_API_KEY_FILE": str(path)})


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("TERTULIA_TELEGRAM_TOKN", "TERTULIA_TELEGRAM_TOKEN"),
        ("TERTULIA_MODELURL", "TERTULIA_MODEL_URL"),
        ("TERTULIA_TEMPRATURE", "TERTULIA_TEMPERATURE"),
        ("TERTULIA_TELEGRAM_TOKN_FILE", ""),
    ],
)
def test_an_unknown_variable_names_the_nearest(folder: Path, variable: str, nearest: str) -> None:
    (folder / "x").write_text("x")
    text = problem(folder, {variable: str(folder / "x")})
    assert "unknown setting" in text
    assert nearest in text


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("web_prt = 1", "'web_port'"),
        ("[sampling]\ntemprature = 1", "unknown setting"),
        ("web_port = 'x'", "web_port (TERTULIA_WEB_PORT)"),
        ("web_port = 70000", "web_port"),
        ("access = 'all'", "access"),
        ("model_url = 'localhost:8000'", "http://"),
        ("web_port =", "Mend the file"),
        ("[personas.p]\nmodel = 'm'", "personas.p.prompt"),
        ("sampling = 3", "sampling"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(folder: Path, toml: str, expected: str) -> None:
    assert expected in problem(folder, toml=toml)


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("[personas.x]\nprmpt = 'p'", "unknown setting 'personas.x.prmpt'. Did you mean 'prompt'?"),
        (
            "[personas.x]\nprompt = 'p'\n[personas.x.sampling]\ntop_q = 1",
            "unknown setting 'personas.x.sampling.top_q'. Did you mean 'top_p'?",
        ),
        ("[sampling]\ntemprature = 1", "unknown setting 'sampling.temprature'. Did you mean 'temperature'?"),
        ("sampling = 3", "sampling: Input should be a valid dictionary or instance of SamplingSettings"),
        ("[personas.p]\nmodel = 'm'", "personas.p.prompt: Field required"),
        ("sampling.top_p = 7", "sampling.top_p (TERTULIA_TOP_P): Input should be less than or equal to 1"),
    ],
)
def test_a_mistake_in_a_table_is_one_line(folder: Path, toml: str, line: str) -> None:
    assert problem(folder, toml=toml) == line


def test_what_has_no_variable_says_where_it_is_set(folder: Path) -> None:
    told = problem(folder, {"TERTULIA_SAMPLING": "temperature=1"})
    assert told.startswith("TERTULIA_SAMPLING is no variable: set TERTULIA_TEMPERATURE, ")
    assert told.endswith("or write [sampling] in tertulia.toml")
    assert problem(folder, {"TERTULIA_PERSONAS": "x"}).endswith(
        "is no variable: write [personas] in tertulia.toml"
    )


@pytest.mark.parametrize("value", ["inf", "1e400", "nan", "-inf"])
@pytest.mark.parametrize("name", [n for n, f in Settings.model_fields.items() if f.annotation is float])
def test_seconds_and_rates_are_finite(folder: Path, name: str, value: str) -> None:
    variable = PREFIX + name.upper()
    assert problem(folder, {variable: value}) == f"{name} ({variable}): Input should be a finite number"


def test_each_mistake_has_its_line(folder: Path) -> None:
    text = problem(folder, {"TERTULIA_WEB_PORT": "x", "TERTULIA_CONCURRENCY": "0"})
    assert len(text.splitlines()) == 2


def test_secrets_do_not_show(folder: Path) -> None:
    secrets = ("TELEGRAM_TOKEN", "DISCORD_TOKEN", "MODEL_API_KEY", "CACHE_SALT")
    settings = load(folder, {f"TERTULIA_{name}": f"hush-{name}" for name in secrets})
    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()


def test_passwords_in_addresses_do_not_show(folder: Path) -> None:
    settings = load(
        folder,
        {"TERTULIA_DATABASE_URL": "postgresql://ann:hush@db/x", "TERTULIA_BROKER_URL": "amqp://ann:hush@mq"},
    )
    assert "hush" in settings.database
    assert "hush" not in repr(settings)


def test_a_mistake_beside_a_secret_does_not_tell_it(folder: Path) -> None:
    text = problem(folder, {"TERTULIA_TELEGRAM_TOKEN": "hush", "TERTULIA_WEB_PORT": "x"})
    assert "hush" not in text


@pytest.mark.parametrize("name", ["MODEL_URL", "TELEGRAM_API_URL", "TELEGRAM_WEBHOOK_URL", "DISCORD_API_URL"])
@pytest.mark.parametrize(
    "url", ["http://[::1", "http://h:99999", "https://h:x/v1", "http://", "https://:80", "h:1"]
)
def test_an_address_that_leads_nowhere_is_one_line(folder: Path, name: str, url: str) -> None:
    text = problem(folder, {f"TERTULIA_{name}": url})
    assert f"TERTULIA_{name}" in text
    assert url in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("url", ["amqp://ann:hush@[mq", "http://ann:hush@mq", "amqp://ann:hush@mq:x"])
def test_a_brokers_address_that_leads_nowhere_is_not_shown(folder: Path, url: str) -> None:
    text = problem(folder, {"TERTULIA_BROKER_URL": url})
    assert "TERTULIA_BROKER_URL" in text
    assert "hush" not in text


def test_a_webhook_needs_https_except_from_a_local_server(folder: Path) -> None:
    hook = {
        "TERTULIA_TELEGRAM_MODE": "webhook",
        "TERTULIA_TELEGRAM_WEBHOOK_URL": "http://10.0.0.5:8080/hooks/telegram",
    }
    text = problem(folder, hook)
    assert "TERTULIA_TELEGRAM_WEBHOOK_URL" in text
    assert "https://" in text
    assert problem(folder, {**hook, "TERTULIA_TELEGRAM_API_URL": "https://API.telegram.org/"}) == text
    local = load(folder, {**hook, "TERTULIA_TELEGRAM_API_URL": "http://127.0.0.1:8081"})
    assert local.telegram_webhook_url == hook["TERTULIA_TELEGRAM_WEBHOOK_URL"]


names = st.sampled_from([n.upper() for n in (*Settings.model_fields, *SamplingSettings.model_fields)])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
variables = st.dictionaries((names | texts).map(PREFIX.__add__), texts, max_size=5)


@given(variables)
def test_any_environment_gives_settings_or_a_settings_error(environ: dict[str, str]) -> None:
    try:
        assert isinstance(load_settings(environ, folder=Path("/nowhere")), Settings)
    except SettingsError:
        return


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v))


@given(st.dictionaries(st.sampled_from(list(Settings.model_fields)), values, max_size=4))
def test_any_values_give_settings_or_a_settings_error(overrides: dict[str, Any]) -> None:
    try:
        assert isinstance(load_settings({}, folder=Path("/nowhere"), **overrides), Settings)
    except SettingsError:
        return


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode(errors="replace")))
def test_any_file_gives_settings_or_a_settings_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    folder.mkdir(exist_ok=True)
    (folder / "tertulia.toml").write_bytes(content)
    try:
        assert isinstance(load_settings({}, folder=folder), Settings)
    except SettingsError:
        return


def test_the_process_environment_and_working_folder_are_the_default(folder: Path) -> None:
    (folder / "tertulia.toml").write_text("web_port = 5")
    code = "from bot.loading import load_settings as load; s = load(); print(s.model, s.web_port)"
    environ = {"TERTULIA_MODEL": "m", "TERTULIA_HOME": str(folder), "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=folder, capture_output=True, text=True
    )
    assert shown.stdout.split() == ["m", "5"], shown.stderr


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Do you ship?; Where, then?;", ("Do you ship?", "Where, then?")),
        (";", ()),
        ("", None),
    ],
)
def test_suggestions_in_a_variable_may_have_commas(folder: Path, written: str, read: object) -> None:
    assert load_settings({"TERTULIA_SUGGESTIONS": written}, folder=folder).suggestions == read


@pytest.mark.parametrize(
    ("toml", "read"),
    [
        ('suggestions = ["A?", "B; C?"]', ("A?", "B; C?")),
        ('[suggestions]\nen = ["A?"]\nzh = []', {"en": ("A?",), "zh": ()}),
        ("suggestions = []", ()),
    ],
)
def test_suggestions_in_the_file_are_a_list_or_one_for_each_language(
    folder: Path, toml: str, read: object
) -> None:
    (folder / "tertulia.toml").write_text(toml, encoding="utf-8")
    assert load_settings({}, folder=folder).suggestions == read


@pytest.mark.parametrize(
    "toml",
    [
        'suggestions = "A?"',
        "suggestions = [1]",
        "suggestions = 7",
        'suggestions = ["1", "2", "3", "4", "5", "6", "7"]',
        f'suggestions = ["{"x" * 201}"]',
        'suggestions.en = "A?"',
        "suggestions.en.x = []",
    ],
    ids=["text", "numbers", "number", "many", "long", "text of a language", "deep"],
)
def test_suggestions_that_are_none_have_one_line(folder: Path, toml: str) -> None:
    (folder / "tertulia.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_settings({}, folder=folder)
    assert str(refused.value).count("\n") == 0
    assert str(refused.value).startswith("suggestions (TERTULIA_SUGGESTIONS): ")
