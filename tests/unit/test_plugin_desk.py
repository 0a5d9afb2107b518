"""Plugins are enabled, disabled and set anew while the service runs, and their pages answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest
from pydantic import Field, SecretStr, field_validator

from bot.errors import FieldsRefused, PluginError, SettingsError, ToolError
from bot.plugins.api import Command, Context, Plugin, PluginContext, PluginSettings
from bot.plugins.choices import Choice, Choices
from bot.plugins.configured import GROUP, installed_entries
from bot.plugins.desk import Configured, PluginDesk, open_desk
from bot.plugins.guard import TRIP
from bot.plugins.host import PluginHost
from bot.plugins.pages import (
    Action,
    Component,
    ConsolePage,
    Done,
    Heading,
    Notice,
    PageRequest,
    Stats,
    Table,
)
from bot.types import FieldKind, FormField, Origin, PluginStatus, Reply
from tests.fakes import FakeClock, FakeKeyValue, settle
from tests.fakes_control import a_sealer
from tests.fakes_core import make_context
from tests.fakes_search import FakeSearch

REQUEST = PageRequest("en")


class Greeter(Plugin):
    """Its context is its greeting. `log` tells what all of them did."""

    log: ClassVar[list[str]] = []
    held: ClassVar[asyncio.Event | None] = None

    class Settings(PluginSettings):
        greeting: str = Field("hi", max_length=20)
        key: SecretStr = SecretStr("")

        @field_validator("greeting")
        @classmethod
        def _kind(cls, value: str) -> str:
            if value == "rude":
                raise ValueError("be kind")
            return value

    settings: Settings

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        if self.settings.greeting == "cannot":
            raise ToolError("no disk")
        self.log.append(f"start {self.settings.greeting}")
        yield
        self.log.append(f"stop {self.settings.greeting}")

    def commands(self) -> Sequence[Command]:
        return (Command(f"greet_{self.settings.greeting}", {"en": "Greet"}, self.greet),)

    async def greet(self, context: PluginContext, arguments: str) -> Reply:
        return Reply(self.settings.greeting)

    async def context(self, context: PluginContext) -> Context:
        if self.held is not None:
            await self.held.wait()
        return Context(f"{self.settings.greeting} {self.settings.key.get_secret_value()}".strip())

    def pages(self) -> Sequence[ConsolePage]:
        fields = (FormField("who", FieldKind.TEXT, required=True),)
        actions = {"greet": Action(self.greet_them, lambda request: fields)}
        return (ConsolePage("greetings", {"en": "Greetings"}, self.shown, actions=actions),)

    async def shown(self, request: PageRequest) -> Sequence[Component]:
        if request.after == "broken":
            raise RuntimeError("boom")
        return ["<b>"] if request.after == "html" else [Heading(self.settings.greeting)]  # type: ignore[list-item]

    async def greet_them(self, request: PageRequest, values: Mapping[str, Any]) -> Done:
        if values["who"] == "nobody":
            raise FieldsRefused({"who": "nobody is there"})
        return Done(Notice(f"{self.settings.greeting}, {values['who']}"))


class Other(Greeter):
    class Settings(Greeter.Settings):
        greeting: str = "hello"


def entries(*extra: EntryPoint) -> dict[str, EntryPoint]:
    here = [
        EntryPoint("greeter", f"{__name__}:Greeter", GROUP),
        EntryPoint("other", f"{__name__}:Other", GROUP),
    ]
    return installed_entries([*here, *extra])


class Stage:
    """A running host and its desk, over one store."""

    def __init__(self, store: FakeKeyValue | None = None, configured: Configured | None = None) -> None:
        self.store = store or FakeKeyValue()
        self.sealer = a_sealer()
        self.configured = configured or Configured({})
        self.clock = FakeClock()
        self.extra: tuple[EntryPoint, ...] = ()
        self.host: PluginHost

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PluginDesk]:
        Greeter.log.clear()
        desk = await open_desk(
            self.configured,
            search=FakeSearch(),
            store=self.store,
            sealer=self.sealer,
            clock=self.clock,
            seconds=10,
            entries=entries(*self.extra).values(),
        )
        self.host = desk.host
        async with self.host.lifespan():
            yield desk

    async def said(self) -> list[str]:
        return [c.text for c in await self.host.gather(make_context(self.host, self.clock))]


def statuses(desk: PluginDesk) -> dict[str, PluginStatus]:
    return {state.name: state.status for state in desk.states()}


async def test_the_states_tell_what_each_plugin_brings_and_how_it_failed() -> None:
    stage = Stage()
    stage.extra = (EntryPoint("bad", "no_such_module:Plugin", GROUP),)
    async with stage.running() as desk:
        bad, greeter, _ = desk.states()
        assert (bad.status, greeter.status) == (PluginStatus.FAILED, PluginStatus.RUNNING)
        assert "No module named" in bad.error
        assert (greeter.commands, greeter.pages) == (("greet_hi",), ("greetings",))
        for _ in range(TRIP):
            with pytest.raises(PluginError):
                await desk.render("greeter", "greetings", PageRequest("en", after="broken"))
        greeter = desk.states()[1]
        assert greeter.status is PluginStatus.RESTING
        assert "boom" in greeter.error
        assert greeter.rests_until > greeter.error_at == stage.clock.time()
        with pytest.raises(PluginError, match="boom"):
            await desk.render("greeter", "greetings", REQUEST)


async def test_a_disabled_plugin_brings_nothing_until_it_is_enabled_and_both_are_kept() -> None:
    stage = Stage()
    async with stage.running() as desk:
        await desk.disable("greeter")
        assert statuses(desk) == {"greeter": PluginStatus.DISABLED, "other": PluginStatus.RUNNING}
        assert [c.name for c in stage.host.commands()] == ["greet_hello"]
        assert await stage.said() == ["hello"]
        assert [name for name, _ in desk.pages()] == ["other"]
        with pytest.raises(KeyError):
            await desk.render("greeter", "greetings", REQUEST)
    async with stage.running() as desk:
        assert statuses(desk)["greeter"] is PluginStatus.DISABLED
        await desk.enable("greeter")
        assert await stage.said() == ["hi", "hello"]
    async with stage.running() as desk:
        assert statuses(desk)["greeter"] is PluginStatus.RUNNING


async def test_new_settings_hold_at_once_and_at_the_next_start_over_those_of_the_file() -> None:
    stage = Stage(configured=Configured({"greeter": {"greeting": "file"}}))
    async with stage.running() as desk:
        assert desk.form("greeter")[0].origin is Origin.FILE
        await desk.configure("greeter", {"greeting": "good_day", "key": "k1"})
        assert (await stage.said())[0] == "good_day k1"
        assert Greeter.log == ["start file", "start hello", "start good_day", "stop file"]
        assert [c.name for c in stage.host.commands()] == ["greet_good_day", "greet_hello"]
        greeting, key = desk.form("greeter")
        assert (greeting.value, greeting.origin) == ("good_day", Origin.CONSOLE)
        assert (key.value, key.is_set) == (None, True)
    async with stage.running() as desk:
        await desk.configure("greeter", {"greeting": "again", "key": ""})
        assert (await stage.said())[0] == "again k1"
        await desk.configure("greeter", {"greeting": "file"})
        assert desk.form("greeter")[0].origin is Origin.FILE
        await desk.reset("greeter")
        assert (await stage.said())[0] == "file"
        assert not desk.form("greeter")[1].is_set


@pytest.mark.parametrize(
    ("posted", "field", "why"),
    [
        ({"greeting": "rude"}, "greeting", "be kind"),
        ({"greeting": "x" * 21}, "greeting", "at most 20 characters"),
        ({"greting": "x"}, "greting", "there is no such field"),
    ],
)
async def test_settings_that_do_not_fit_are_refused_by_field(
    posted: dict[str, str], field: str, why: str
) -> None:
    stage = Stage()
    async with stage.running() as desk:
        with pytest.raises(FieldsRefused) as refused:
            await desk.configure("greeter", posted)
        assert refused.value.fields == {field: why}
        assert await stage.said() == ["hi", "hello"]
    assert stage.store.memory.values == {}


async def test_where_the_new_one_cannot_start_the_old_one_goes_on_and_nothing_is_kept() -> None:
    stage = Stage()
    async with stage.running() as desk:
        with pytest.raises(PluginError, match="greeter failed in its start: RuntimeError: no disk"):
            await desk.configure("greeter", {"greeting": "cannot"})
        assert await stage.said() == ["hi", "hello"]
        assert statuses(desk)["greeter"] is PluginStatus.RUNNING
        assert Greeter.log == ["start hi", "start hello"]
        with pytest.raises(SettingsError, match="both bring the command /greet_hello"):
            await desk.configure("greeter", {"greeting": "hello"})
        assert await stage.said() == ["hi", "hello"]
    assert stage.store.memory.values == {}


async def test_calls_under_way_end_before_the_old_one_is_left() -> None:
    stage = Stage()
    async with stage.running() as desk:
        Greeter.held = asyncio.Event()
        try:
            asking = asyncio.create_task(stage.said())
            await settle()
            changing = asyncio.create_task(desk.configure("greeter", {"greeting": "new"}))
            await settle()
            assert not changing.done()
            assert "start new" in Greeter.log
            assert "stop hi" not in Greeter.log
            Greeter.held.set()
            assert await asking == ["hi", "hello"]
            await changing
        finally:
            Greeter.held = None
        assert "stop hi" in Greeter.log
        assert await stage.said() == ["new", "hello"]


async def test_a_call_that_hangs_holds_nothing_up_beyond_its_deadline() -> None:
    stage = Stage()
    async with stage.running() as desk:
        Greeter.held = asyncio.Event()
        try:
            asking = asyncio.create_task(stage.said())
            await settle()
            disabling = asyncio.create_task(desk.disable("greeter"))
            await settle()
            await stage.clock.advance(stage.host.timeout)
            await disabling
            assert await asking == []
        finally:
            Greeter.held = None


async def test_what_the_environment_disables_stays_disabled_and_the_file_gives_way() -> None:
    stage = Stage(configured=Configured({}, disabled=("greeter",), fixed=("other",)))
    async with stage.running() as desk:
        assert statuses(desk) == dict.fromkeys(("greeter", "other"), PluginStatus.DISABLED)
        assert [state.fixed for state in desk.states()] == ["", "TERTULIA_PLUGINS_DISABLED"]
        with pytest.raises(SettingsError, match="TERTULIA_PLUGINS_DISABLED disables other"):
            await desk.enable("other")
        await desk.enable("greeter")
    async with stage.running() as desk:
        assert statuses(desk)["greeter"] is PluginStatus.RUNNING


async def test_stored_settings_that_no_longer_fit_give_way_to_the_files(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage()
    await stage.store.put("core", "", "plugin:greeter", {"settings": {"greeting": "rude"}})
    async with stage.running() as desk:
        assert await stage.said() == ["hi", "hello"]
        assert desk.form("greeter")[0].value == "hi"
    assert "what the console set is passed over" in caplog.text


async def test_a_secret_stays_when_left_empty_and_goes_when_it_is_cleared() -> None:
    stage = Stage(configured=Configured({"greeter": {"key": "of the file"}}))
    async with stage.running() as desk:
        await desk.configure("greeter", {"greeting": "hi", "key": "mine"})
        await desk.configure("greeter", {"greeting": "hi", "key": ""})
        assert (await stage.said())[0] == "hi mine"
        await desk.configure("greeter", {"greeting": "hi", "key": ""}, cleared=["key", "greeting"])
        assert (await stage.said())[0] == "hi"
        await desk.configure("greeter", {"greeting": "hi", "key": "new"}, cleared=["key"])
        assert (await stage.said())[0] == "hi new"
        await desk.reset("greeter")
        assert (await stage.said())[0] == "hi of the file"


@pytest.mark.parametrize(
    "wrong",
    [[Heading(3)], [Table(("a",), ("b",))], [Notice("x", "loud")], [Stats((1,))]],  # type: ignore[arg-type]
)
async def test_a_component_is_checked_to_its_depth(wrong: Sequence[Component]) -> None:
    stage = Stage()
    async with stage.running() as desk:
        page = desk.pages()[0][1]

        async def render(request: PageRequest) -> Sequence[Component]:
            return wrong

        object.__setattr__(page, "render", render)
        with pytest.raises(PluginError, match="no component"):
            await desk.render("greeter", "greetings", REQUEST)


@pytest.mark.parametrize("wrong", [None, ["who"], 3])
async def test_fields_that_are_none_are_the_plugins_error(wrong: Any) -> None:
    stage = Stage()
    async with stage.running() as desk:
        action = desk.pages()[0][1].actions["greet"]
        object.__setattr__(action, "fields", lambda request: wrong)
        with pytest.raises(PluginError, match="greeter failed in the fields of greet"):
            desk.fields("greeter", "greetings", "greet", REQUEST)
        with pytest.raises(PluginError, match="greeter failed in the fields of greet"):
            await desk.act("greeter", "greetings", "greet", REQUEST, {"who": "you"})


async def test_a_page_shows_components_and_nothing_else() -> None:
    stage = Stage()
    async with stage.running() as desk:
        assert list(await desk.render("greeter", "greetings", REQUEST)) == [Heading("hi")]
        with pytest.raises(PluginError, match="it gave what is no component"):
            await desk.render("greeter", "greetings", PageRequest("en", after="html"))
        for name, path in (("greeter", "nowhere"), ("nobody", "greetings")):
            with pytest.raises(KeyError):
                await desk.render(name, path, REQUEST)


async def test_an_action_gets_checked_values_and_may_refuse_them() -> None:
    stage = Stage()
    async with stage.running() as desk:
        assert [f.name for f in desk.fields("greeter", "greetings", "greet", REQUEST)] == ["who"]
        done = await desk.act("greeter", "greetings", "greet", REQUEST, {"who": "Ann"})
        assert done == Done(Notice("hi, Ann"))
        for who, why in (("", "is needed"), ("nobody", "nobody is there")):
            with pytest.raises(FieldsRefused, match=why):
                await desk.act("greeter", "greetings", "greet", REQUEST, {"who": who})
        with pytest.raises(KeyError):
            await desk.act("greeter", "greetings", "forget", REQUEST, {})
        assert statuses(desk)["greeter"] is PluginStatus.RUNNING


def test_no_choice_leaves_it_to_the_file_and_the_environment() -> None:
    held = {"a": Choice(enabled=True), "b": Choice(enabled=False)}
    chosen = Choices(FakeKeyValue(), a_sealer(), held)
    assert chosen.disabled(("a", "c"), ("a",)) == {"a", "b", "c"}
    assert chosen.disabled(("a",), ()) == {"b"}
