"""Plugins are called within deadlines; one that fails is named, left out, and tried again later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from bot.errors import PluginError, SettingsError
from bot.plugins.api import (
    Command,
    Context,
    Plugin,
    PluginContext,
    PluginSettings,
    Scoped,
    Services,
    Tool,
    ToolResult,
)
from bot.plugins.guard import COOL, TRIP
from bot.plugins.host import PluginHost
from bot.types import Reply, ToolSpec
from tests.fakes import FakeClock, FakeKeyValue, settle
from tests.fakes_core import make_context
from tests.fakes_search import FakeSearch


class Scripted(Plugin):
    """Does what the test says: text is added, an error raised, None waits for ever."""

    class Settings(PluginSettings):
        greeting: str = "hi"

    def script(self, name: str, outcome: str | BaseException | None = "fact") -> Scripted:
        self.name, self.outcome, self.calls = name, outcome, 0
        self.log: list[str] = []
        return self

    async def act(self) -> str:
        self.calls += 1
        if self.outcome is None:
            await asyncio.Event().wait()
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return str(self.outcome)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        if self.outcome == "dead":
            raise OSError("no disk")
        self.log.append("start")
        yield
        self.log.append("stop")
        if self.outcome == "bad end":
            raise OSError("no disk")

    async def context(self, context: PluginContext) -> Context:
        await context.person_store.put("seen", self.name)
        return Context(await self.act())

    async def on_event(self, context: PluginContext) -> Reply | None:
        text = await self.act()
        return Reply(text) if text != "pass" else None

    async def export_person(self, person_id: str) -> dict[str, Any]:
        return {person_id: await self.act()}

    async def delete_person(self, person_id: str) -> None:
        await self.act()


class Bringing(Scripted):
    def commands(self) -> Sequence[Command]:
        return (Command("go", {"en": "Go"}, self.go),)

    def tools(self) -> Sequence[Tool]:
        return (Tool(ToolSpec("go", "Go", {"type": "object"}), self.use),)

    async def go(self, context: PluginContext, arguments: str) -> Reply:
        return Reply(await self.act() + arguments)

    async def use(self, context: PluginContext, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(await self.act())


class Stage:
    """A host over scripted plugins."""

    def __init__(self, *outcomes: str | BaseException | None, kind: type[Scripted] = Scripted) -> None:
        self.clock, self.store = FakeClock(), FakeKeyValue()
        services = Services(FakeSearch(), self.clock, Scoped(self.store, "", ""))
        self.plugins = [
            kind(PluginSettings(), services).script(f"plugin{i}", outcome)
            for i, outcome in enumerate(outcomes)
        ]
        self.host = PluginHost(self.plugins, store=self.store, clock=self.clock, timeout=10)
        self.context = make_context(self.host, self.clock)

    async def gather(self) -> list[str]:
        return [c.text for c in await self.host.gather(self.context)]


async def test_all_plugins_add_in_their_order_and_empty_ones_nothing() -> None:
    assert await Stage("a", "", "b").gather() == ["a", "b"]


async def test_each_plugin_sees_its_own_store_alone() -> None:
    stage = Stage("a", "b")
    await stage.gather()
    assert await stage.store.items("plugin0", "p1") == {"seen": "plugin0"}
    assert await stage.store.items("plugin1", "p1") == {"seen": "plugin1"}


async def test_a_failure_is_named_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert await Stage(RuntimeError("boom"), "b").gather() == ["b"]
    assert "plugin0" in caplog.text
    assert "boom" in caplog.text


class Wrong(Bringing):
    """Gives what the test says, of whatever type."""

    gives: Any = None

    async def give(self, *arguments: object) -> Any:
        return self.gives

    any_: Any = give
    context = on_event = go = use = export_person = any_


@pytest.mark.parametrize(
    "given",
    [None, "text", Context(cast("Any", 5)), Context("x", cast("Any", [1])), {"text": "x"}, ToolResult],
)
async def test_what_is_of_the_wrong_type_is_a_failure_of_the_plugin(
    given: object, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage("a", kind=Wrong)
    (plugin,) = stage.plugins
    cast("Wrong", plugin).gives = given
    assert await stage.gather() == []
    assert "plugin0 failed in context: it gave " in caplog.text
    assert await stage.host.on_event(stage.context) is None
    with pytest.raises(PluginError, match=r"plugin0 failed in /go: it gave \w+ where Reply belongs"):
        await stage.host.run_command("go", stage.context, "")
    if not isinstance(given, dict):
        with pytest.raises(PluginError, match="plugin0"):
            await stage.host.export_person("p")


async def test_a_tool_that_gives_the_wrong_type_fails_the_call() -> None:
    for given in (None, "text", ToolResult(cast("Any", None)), ToolResult("x", cast("Any", None))):
        stage = Stage("a", kind=Wrong)
        cast("Wrong", stage.plugins[0]).gives = given
        (tool,) = stage.host.tools()
        with pytest.raises(PluginError, match=r"plugin0 failed in tool go: it gave \w+ where ToolResult"):
            await tool.run(stage.context, {}, 30)


async def test_a_slow_plugin_is_left_out_at_its_deadline(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(None, "b")
    gathering = asyncio.create_task(stage.gather())
    await settle()
    await stage.clock.advance(9)
    assert not gathering.done()
    await stage.clock.advance(1)
    assert await gathering == ["b"]
    assert "plugin0 failed in context: not done within 10 s" in caplog.text


async def test_a_cancelled_turn_cancels_the_plugins() -> None:
    for stage in (Stage(None), Stage(None, None)):
        gathering = asyncio.create_task(stage.gather())
        await settle()
        gathering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gathering


async def test_a_plugins_own_cancelled_task_does_not_end_the_turn() -> None:
    assert await Stage(asyncio.CancelledError(), "b").gather() == ["b"]
    assert await Stage(asyncio.CancelledError()).gather() == []


async def test_the_breaker_opens_after_failures_in_a_row_and_tries_again_later() -> None:
    stage = Stage(RuntimeError("boom"))
    plugin = stage.plugins[0]
    for _ in range(TRIP + 2):
        await stage.gather()
    assert plugin.calls == TRIP
    await stage.clock.advance(COOL - 1)
    await stage.gather()
    assert plugin.calls == TRIP
    await stage.clock.advance(1)
    await stage.gather()
    await stage.gather()
    assert plugin.calls == TRIP + 1
    await stage.clock.advance(COOL)
    plugin.outcome = "well"
    assert await stage.gather() == ["well"]
    assert await stage.gather() == ["well"]


async def test_a_success_between_failures_keeps_the_breaker_closed() -> None:
    stage = Stage("a")
    for outcome in (RuntimeError(), RuntimeError(), "a") * 3:
        stage.plugins[0].outcome = outcome
        await stage.gather()
    assert stage.plugins[0].calls == 9


async def test_the_first_plugin_that_replies_takes_the_event() -> None:
    stage = Stage("pass", RuntimeError("boom"), "mine", "late")
    assert await stage.host.on_event(stage.context) == Reply("mine")
    assert stage.plugins[3].calls == 0
    assert await Stage("pass").host.on_event(stage.context) is None


async def test_a_command_runs_and_its_failure_names_the_plugin() -> None:
    stage = Stage("went ", kind=Bringing)
    assert [c.name for c in stage.host.commands()] == ["go"]
    assert await stage.host.run_command("go", stage.context, "home") == Reply("went home")
    stage.plugins[0].outcome = RuntimeError("boom")
    with pytest.raises(PluginError, match="plugin0 failed in /go"):
        await stage.host.run_command("go", stage.context, "home")


async def test_a_tool_of_a_plugin_out_of_order_is_not_called() -> None:
    stage = Stage(RuntimeError("boom"), kind=Bringing)
    (tool,) = stage.host.tools()
    for _ in range(TRIP + 1):
        with pytest.raises(PluginError):
            await tool.run(stage.context, {}, 30)
    assert stage.plugins[0].calls == TRIP


def test_two_plugins_with_one_name_for_a_command_are_an_error() -> None:
    with pytest.raises(SettingsError, match="plugin0 and plugin1 both bring the command /go"):
        Stage("a", "b", kind=Bringing)


async def test_lifespans_are_entered_and_left() -> None:
    stage = Stage("a", "b")
    async with stage.host.lifespan():
        assert [p.log for p in stage.plugins] == [["start"], ["start"]]
    assert [p.log for p in stage.plugins] == [["start", "stop"]] * 2


async def test_a_plugin_that_cannot_start_or_stop_hinders_nobody() -> None:
    stage = Stage("dead", "bad end", "b")
    async with stage.host.lifespan():
        assert stage.host.names() == ["plugin1", "plugin2"]
        assert await stage.gather() == ["bad end", "b"]
    assert [p.log for p in stage.plugins] == [[], ["start", "stop"], ["start", "stop"]]


async def test_export_and_delete_ask_everybody_and_then_name_who_failed() -> None:
    assert await Stage("a", "b").host.export_person("p") == {"plugin0": {"p": "a"}, "plugin1": {"p": "b"}}
    stage = Stage(RuntimeError("boom"), "b")
    for call in (stage.host.export_person, stage.host.delete_person):
        with pytest.raises(PluginError, match="plugin0"):
            await call("p")
    assert stage.plugins[1].calls == 2


class Silent(Scripted):
    """Cannot say what it brings."""

    def tools(self) -> Sequence[Tool]:
        raise RuntimeError("boom")


class Mute(Scripted):
    def commands(self) -> Sequence[Command]:
        return cast("Sequence[Command]", None)


class Misnamed(Bringing):
    def commands(self) -> Sequence[Command]:
        return (Command("no such", {"en": "No"}, self.go),)


async def _bare(plugin: Plugin) -> AsyncIterator[None]:
    yield


class Undecorated(Bringing):
    lifespan: Any = _bare


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Silent, "plugin 'plugin0' cannot say what it brings: boom"),
        (Mute, "plugin 'plugin0' cannot say what it brings"),
        (Misnamed, "plugin 'plugin0': 'no such' cannot be the name"),
    ],
)
def test_a_plugin_that_cannot_say_what_it_brings_is_left_out_whole(kind: type[Scripted], told: str) -> None:
    host = Stage("a", kind=kind).host
    assert (host.names(), host.commands(), list(host.tools())) == ([], [], [])
    assert told in host.problems[0]


async def test_a_plugin_whose_lifespan_is_none_is_left_out_with_its_commands() -> None:
    stage = Stage("a", kind=Undecorated)
    async with stage.host.lifespan():
        assert stage.host.names() == []
        assert "plugin0 failed in its start: AttributeError" in stage.host.problems[0]
        with pytest.raises(PluginError, match="plugin0 failed in its start"):
            await stage.host.run_command("go", stage.context, "")
    assert stage.plugins[0].calls == 0
