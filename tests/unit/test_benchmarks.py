"""The benchmarks run, at their smallest; how fast is no matter here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from benchmarks import (
    console,
    context,
    history,
    latency,
    load,
    memory,
    page,
    pages,
    prefix,
    report,
    throughput,
)
from benchmarks.__main__ import main
from benchmarks.core import Setup
from benchmarks.million import Million
from benchmarks.model import model_server
from benchmarks.prefix import Asked
from benchmarks.report import Section
from bot.types import Usage
from tests.simulators.openai import Behaviour, Seen, Server

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def fast_model() -> Iterator[str]:
    with model_server() as url:
        yield url


@pytest.fixture
def setup(fast_model: str, sqlite_url: str) -> Setup:
    return Setup(fast_model, sqlite_url)


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """Root of a server that answers with as many words as it may."""
    async with Server(Behaviour(chunks=1000)).lifespan() as server:
        yield server.url.removesuffix("/v1")


async def test_every_message_of_the_latency_benchmark_is_seen_to_arrive_after_it_was_put(
    setup: Setup,
) -> None:
    waits = await latency.waits(setup, messages=4, at_once=2)
    assert len(waits) == 4
    assert min(waits) > 0


async def test_the_cost_of_a_stream_is_that_of_all_its_chunks(setup: Setup) -> None:
    assert await latency.cost_bare(setup.model, turns=4) > 0
    assert await latency.cost_through(setup, turns=4) > 0


async def test_throughput_counts_turns_and_cpu(setup: Setup) -> None:
    per_second, cost = await throughput.rate(setup, throughput.CHATS)
    assert per_second > 0
    assert cost > 0


async def test_history_is_loaded_as_often_as_asked(sqlite_url: str) -> None:
    times = await history.load_times(sqlite_url, (10, 20, 100), calls=2)
    assert [len(t) for t in times.values()] == [2, 2, 2]


async def test_every_page_and_every_list_is_asked_for(tmp_path: Path) -> None:
    """Each page answers with 200, or this raises."""
    million, url = Million(2_000), f"sqlite:///{tmp_path / 'filled.db'}"
    assert (await console.filled_with(url, million)).size > 1_000_000
    queries = await console.queries_measured(url, million, 1)
    assert {len(times) for times in queries.values()} == {1}
    asked = await pages.measured(tmp_path, url, million, 1)
    assert {len(times) for times in asked.values()} == {1}
    assert len(asked) > 60


@pytest.mark.browser
async def test_a_first_load_of_each_page_is_weighed(tmp_path: Path) -> None:
    loads = await page.measured(tmp_path, 1)
    assert {len(found) for found in loads.values()} == {1}
    assert all(0 < one.sent < one.bare and one.paint > 0 for found in loads.values() for one in found)


async def test_memory_is_sampled_at_each_mark(setup: Setup) -> None:
    samples = await memory.resident_at(setup, (memory.LANES, 2 * memory.LANES))
    assert list(samples) == [0, memory.LANES, 2 * memory.LANES]
    assert min(samples.values()) > 1


async def test_load_is_the_same_questions_either_way(simulator: str, sqlite_url: str) -> None:
    setup = Setup(f"{simulator}/v1", sqlite_url, {"sampling": load.SAMPLING, "plugins_disabled": ("qa",)})
    assert await load.load_directly(simulator, chats=2, answers=2, name="x") > 0
    assert await load.load_through(setup, chats=2, answers=2, name="x") > 0


async def test_prefix_hears_every_request_of_each_conversation(simulator: str, sqlite_url: str) -> None:
    options = {"sampling": prefix.sampling(), "plugins_disabled": ("qa",)}
    asked = await prefix.talk_to(Setup(f"{simulator}/v1", sqlite_url, options), "x", chats=2, turns=3)
    assert [len(requests) for requests in asked.values()] == [3, 3]
    assert all(a.usage.completion == prefix.ANSWER for requests in asked.values() for a in requests)
    await prefix.slide(simulator, chats=1, turns=2)


def test_the_ideal_goes_by_sizes_alone_and_not_by_the_cuts_that_were_made() -> None:
    first, grown = Asked("a", Usage(prompt=200, completion=50)), Asked("a", Usage(prompt=320, completion=50))
    cut = Asked("b", Usage(prompt=160, completion=50))
    sizes = prefix.sizes_of([[first, grown, cut]])
    assert sizes == prefix.Sizes(200, 120)
    never_cut, none = prefix.ideal_rate(3, 96, sizes)
    assert none == 0
    assert never_cut == (96 + 256 + 352) / (200 + 320 + 440)
    long, cuts = prefix.ideal_rate(200, 96, sizes)
    assert cuts > 10
    assert never_cut < long < 1


@pytest.mark.parametrize("way", context.WAYS)
async def test_passages_stay_for_as_long_as_the_way_says(sqlite_url: str, way: str) -> None:
    def shown(request: Seen) -> list[bool]:
        """Whether each question of the prompt has its passage."""
        asked = [m["content"] for m in request.body["messages"] if m["role"] == "user"]
        return ["archive tells of" in question for question in asked]

    async with Server(Behaviour(text="yes"), window=8192).lifespan() as server:
        options = {"plugins": {"qa": context.QA}, "prompt_budget": 1600, "summaries": False}
        await context.talk_to(Setup(server.url, sqlite_url, options), way, "x", chats=1, turns=12)
        prompts = [shown(request) for request in server.chats]
    assert all(prompt[-1] for prompt in prompts)
    kept = [any(prompt[:-1]) for prompt in prompts if len(prompt) > 1]
    lost = [not all(prompt) for prompt in prompts if len(prompt) > 1]
    expected = {context.UNTIL_A_CUT: (True, True), context.FOR_GOOD: (True, False)}
    assert (any(kept), any(lost)) == expected.get(way, (False, True))


def test_results_replace_their_own_section_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    old, other = (Section(n, n.title(), ("a", "b"), [("1", "2")]) for n in ("one", "two-b"))
    report.save("both", [old, other], file)
    report.save("one", [Section("one", "One", ("a", "b"), [("3", "4")], "a note")], file)
    text = file.read_text("utf-8")
    assert "| 3 | 4 |" in text
    assert text.count("| 1 | 2 |") == 1
    report.save("both", [other], file)
    assert file.read_text("utf-8").count("## Two-B") == 1
    assert text.index("## One") < text.index("## Two")


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.0, 1), (1.0, 10)])
def test_a_percentile_is_one_of_the_values(share: float, value: int) -> None:
    assert report.percentile(list(range(10, 0, -1)), share) == value


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["nothing"])
    assert "unknown: nothing" in capsys.readouterr().err
