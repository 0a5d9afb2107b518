"""Whatever a model writes, the toolbox answers in words; good calls run within their deadline."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ToolError
from bot.plugins.api import Plugin, PluginContext, PluginSettings, Scoped, Services, Tool, ToolResult
from bot.plugins.guard import TRIP
from bot.plugins.host import PluginHost
from bot.tools import LONGEST_RESULT, Toolbox
from bot.types import Passage, Role, ToolCall, ToolSpec
from tests.fakes import FakeClock, FakeKeyValue, settle
from tests.fakes_core import make_context
from tests.fakes_search import FakeSearch

SCHEMA = {
    "type": "object",
    "properties": {"query": {"type": "string"}, "limit": {"type": "integer", "minimum": 1}},
    "required": ["query"],
    "additionalProperties": False,
}
PASSAGE = Passage("p1", "text", "source")


class Looker(Plugin):
    """Tools of every temper."""

    name = "looker"

    def tools(self) -> list[Tool]:
        return [
            self._tool("look", self.look, activity={"en": "Looking…", "zh": "查找中……"}),
            self._tool("refuse", self.refuse),
            self._tool("crash", self.crash),
            self._tool("hang", self.hang),
            self._tool("shout", self.shout),
            self._tool("broken", self.look, parameters={"type": "nonsense"}),
        ]

    def _tool(self, name: str, run: Any, parameters: dict[str, Any] | None = None, **more: Any) -> Tool:
        return Tool(ToolSpec(name, name, SCHEMA if parameters is None else parameters), run, **more)

    async def look(self, context: PluginContext, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(f"found {arguments['query']} for {context.person_store.plugin}", (PASSAGE,))

    async def refuse(self, context: PluginContext, arguments: dict[str, Any]) -> ToolResult:
        raise ToolError("no such city")

    async def crash(self, context: PluginContext, arguments: dict[str, Any]) -> ToolResult:
        raise RuntimeError("secret detail")

    async def hang(self, context: PluginContext, arguments: dict[str, Any]) -> ToolResult:
        await asyncio.Event().wait()
        raise AssertionError

    async def shout(self, context: PluginContext, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult("a" * (LONGEST_RESULT + 5))


class Bench:
    """A toolbox over the host, as the bot has it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        store = FakeKeyValue()
        services = Services(FakeSearch(), self.clock, Scoped(store, "looker", ""))
        self.host = PluginHost([Looker(PluginSettings(), services)], store=store, clock=self.clock)
        self.toolbox = Toolbox(self.host.tools, timeout=30)
        self.context = make_context(self.host, self.clock)

    async def call(self, name: str, arguments: str = '{"query": "x"}') -> tuple[bool, str]:
        outcome = await self.toolbox.call(ToolCall("c1", name, arguments), self.context)
        assert outcome.message.role is Role.TOOL
        assert outcome.message.tool_call_id == "c1"
        return outcome.ok, outcome.message.text


async def test_a_good_call_brings_text_and_passages() -> None:
    bench = Bench()
    outcome = await bench.toolbox.call(ToolCall("c1", "look", '{"query": "x"}'), bench.context)
    assert (outcome.ok, outcome.message.text, outcome.passages) == (True, "found x for looker", (PASSAGE,))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"query": "x"', "no valid JSON"),
        ('{"query": NaN}', "no valid JSON"),
        ("[1]", "no JSON object"),
        ('"x"', "no JSON object"),
        ("", "'query' is a required property"),
        ('{"query": 1}', "query: 1 is not of type 'string'"),
        ('{"query": "x", "limit": 0}', "limit: 0 is less than the minimum"),
        ('{"query": "x", "more": 1}', "Additional properties"),
        ("[" * 50_000, "no valid JSON"),
        (" " * 100_001, "longer than"),
    ],
)
async def test_wrong_arguments_are_told_with_what_was_expected(arguments: str, told: str) -> None:
    ok, text = await Bench().call("look", arguments)
    assert not ok
    assert told in text
    assert "longer" in text or json.dumps(SCHEMA) in text


async def test_an_unknown_tool_is_told_with_those_that_exist() -> None:
    ok, text = await Bench().call("lok")
    assert not ok
    assert "look, refuse" in text


async def test_a_tools_own_refusal_is_told() -> None:
    assert await Bench().call("refuse") == (False, "Error: no such city")


async def test_a_crash_is_logged_with_the_plugin_and_told_without_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ok, text = await Bench().call("crash")
    assert not ok
    assert "failed" in text
    assert "secret" not in text
    assert "looker" in caplog.text
    assert "secret detail" in caplog.text


async def test_a_wrong_schema_is_the_plugins_fault(caplog: pytest.LogCaptureFixture) -> None:
    ok, text = await Bench().call("broken")
    assert not ok
    assert "failed" in text
    assert "broken" in caplog.text


async def test_a_slow_tool_is_ended_at_its_deadline() -> None:
    bench = Bench()
    call = asyncio.create_task(bench.call("hang"))
    await settle()
    await bench.clock.advance(29)
    assert not call.done()
    await bench.clock.advance(1)
    ok, text = await call
    assert not ok
    assert "30 seconds" in text


async def test_a_tool_that_hangs_again_and_again_is_left_alone() -> None:
    bench = Bench()
    for _ in range(TRIP):
        call = asyncio.create_task(bench.call("hang"))
        await settle()
        await bench.clock.advance(30)
        await call
    ok, text = await bench.call("hang")
    assert not ok
    assert "Do not call it again" in text


async def test_a_cancelled_turn_ends_the_call() -> None:
    bench = Bench()
    call = asyncio.create_task(bench.call("hang"))
    await settle()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_long_result_is_cut_with_a_mark() -> None:
    ok, text = await Bench().call("shout")
    assert ok
    assert text == "a" * LONGEST_RESULT + "\n[… cut: 5 more characters]"


def test_activity_is_in_the_persons_language() -> None:
    toolbox = Bench().toolbox
    look = ToolCall("c", "look", "")
    assert toolbox.activity(look, "zh-CN") == "查找中……"
    assert toolbox.activity(look, "fr") == "Looking…"
    assert toolbox.activity(ToolCall("c", "refuse", ""), "en") == "refuse"
    assert toolbox.activity(ToolCall("c", "none", ""), "en") == "none"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["query", "limit", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.text() | JSON.map(json.dumps), st.sampled_from(["look", "refuse", "nothing", ""]))
def test_no_arguments_whatever_raise(arguments: str, name: str) -> None:
    ok, text = asyncio.run(Bench().call(name, arguments))
    assert ok or text.startswith("Error: ")
