"""The plugin that the architecture page shows is one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bot.plugins.configured import GROUP
from bot.plugins.host import PluginHost
from bot.plugins.pages import PageRequest, Stat, Stats
from tests.fakes import FakeClock, FakeKeyValue
from tests.fakes_core import make_context
from tests.fakes_search import FakeSearch

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


@pytest.fixture
def importable(tmp_path: Path) -> Iterator[Path]:
    """A folder that modules can be imported from."""
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))


async def test_the_plugin_of_the_architecture_page_is_loaded_and_counts_for_each_person(
    importable: Path,
) -> None:
    page = PAGE.read_text("utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    [value] = re.findall(r'^counter = "(.*)"$', page, re.MULTILINE)
    (importable / f"{value.partition(':')[0]}.py").write_text(code, "utf-8")
    clock = FakeClock()
    host = PluginHost.discover(
        {},
        search=FakeSearch(),
        store=FakeKeyValue(),
        clock=clock,
        entries=[EntryPoint("counter", value, GROUP)],
    )
    assert host.problems == []
    async with host.lifespan():
        context = make_context(host, clock)
        replies = [await host.run_command("count", context, "") for _ in range(2)]
        [counter] = host.brought()
        [shown] = counter.pages
        assert await shown.render(PageRequest("en")) == [Stats((Stat("Counted", "2"),))]
    assert [reply.text for reply in replies] == ["You have counted to 1.", "You have counted to 2."]
