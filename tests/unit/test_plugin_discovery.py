"""Installed plugins are found and made; what an operator wrote about them is checked."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from bot.errors import SettingsError
from bot.plugins.api import PluginSettings, Services
from bot.plugins.host import PluginHost
from tests.fakes import FakeClock, FakeKeyValue
from tests.fakes_search import FakeSearch
from tests.unit.test_plugin_host import Scripted


class Impostor(Scripted):
    name = "web"


def test_a_discovered_plugin_has_the_name_that_it_was_installed_under() -> None:
    assert discover({}, entry("mine", f"{__name__}:Impostor")).names() == ["mine"]


@pytest.mark.parametrize("name", ["web", "core"])
def test_a_plugin_cannot_have_a_name_of_the_services_own(name: str) -> None:
    host = discover({}, entry(name, HERE), entry("good", HERE))
    assert host.names() == ["good"]
    assert f"plugin '{name}': the name is the service's own" in host.problems[0]


class Unmade(Scripted):
    def __init__(self, settings: PluginSettings, services: Services) -> None:
        raise OSError("no disk")


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "tertulia.plugins")


def discover(
    settings: dict[str, dict[str, Any]], *entries: EntryPoint, disabled: tuple[str, ...] = ()
) -> PluginHost:
    return PluginHost.discover(
        settings,
        search=FakeSearch(),
        store=FakeKeyValue(),
        clock=FakeClock(),
        disabled=disabled,
        entries=entries,
    )


HERE = "tests.unit.test_plugin_host:Scripted"


def test_installed_plugins_are_loaded_with_their_settings_unless_disabled() -> None:
    host = discover({"one": {"greeting": "hello"}}, entry("one", HERE), entry("two", HERE), disabled=("two",))
    assert host.names() == ["one"]
    assert host.problems == []


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("no_such_module:Plugin", "plugin 'bad' cannot be loaded: No module named 'no_such_module'"),
        ("json:dumps", "plugin 'bad': json:dumps is no subclass of Plugin"),
        (f"{__name__}:Unmade", "plugin 'bad' cannot be loaded: no disk"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_reported_and_the_rest_runs(
    broken: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    host = discover({}, entry("bad", broken), entry("good", HERE))
    assert host.names() == ["good"]
    assert host.problems == [told]
    assert told in caplog.text


@pytest.mark.parametrize(
    ("settings", "disabled", "told"),
    [
        (
            {"one": {"greetin": "x"}},
            (),
            "plugin 'one': setting 'greetin' is unknown. Did you mean 'greeting'?",
        ),
        ({"one": {"greeting": 1}}, (), "plugin 'one': greeting: Input should be a valid string"),
        ({"ones": {}}, (), "plugin 'ones' is unknown. Did you mean 'one'?"),
        ({"zz": {}}, (), "plugin 'zz' is unknown. Known: one, two."),
        (
            {},
            ("tow",),
            "plugins_disabled (TERTULIA_PLUGINS_DISABLED): plugin 'tow' is unknown. Did you mean 'two'?",
        ),
    ],
)
def test_a_mistake_of_the_operator_is_an_error_that_names_the_nearest(
    settings: dict[str, dict[str, Any]], disabled: tuple[str, ...], told: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        discover(settings, entry("one", HERE), entry("two", HERE), disabled=disabled)
    assert str(caught.value) == told


def test_every_mistake_has_its_line_and_those_of_disabled_plugins_do_not_count() -> None:
    settings = {"one": {"a": 1, "b": 2}, "two": {"a": 1}, "zz": {}}
    with pytest.raises(SettingsError) as caught:
        discover(settings, entry("one", HERE), entry("two", HERE), disabled=("two",))
    assert len(str(caught.value).splitlines()) == 3
