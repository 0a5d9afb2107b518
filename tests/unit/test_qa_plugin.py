"""The plugin adds passages where they help, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from bot.citations import cite
from bot.plugins.api import Context, PluginContext, Scoped, Services
from bot.plugins.qa import Plugin
from bot.plugins.qa.ingest import HANDBOOK
from bot.plugins.qa.plugin import QaSettings
from bot.plugins.qa.relevance import helpful
from bot.types import (
    Address,
    Conversation,
    Event,
    EventKind,
    Message,
    Part,
    Passage,
    Person,
    Role,
    Sender,
)
from storage.db import Database
from storage.search import SqlSearch
from tests.fakes import FakeClock, FakeKeyValue
from tests.fakes_search import FakeSearch

PAGES = {
    "en/telegram.md": "# Telegram\n\n## Connect Telegram\n\nAsk BotFather for a token and set it.\n\n"
    "## Groups\n\nIn a group the bot answers when it is mentioned.",
    "en/discord.md": "# Discord\n\n## Connect Discord\n\nMake an application in the developer portal.",
    "en/models.md": "# Models\n\n## Start vLLM\n\nServe a model and set its URL.",
    "zh/telegram.md": "# Telegram\n\n## 连接 Telegram\n\n向 BotFather 要一个令牌并设置它。\n\n"
    "## 群组\n\n在群组中，被提到时机器人才回答。",
    "zh/discord.md": "# Discord\n\n## 连接 Discord\n\n在开发者门户创建应用。",
}
SMALL_TALK = ("", "Hi!", "你好", "thanks a lot", "谢谢你", "😀")


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    for name, text in PAGES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def search(sqlite_db: Database) -> SqlSearch:
    return SqlSearch(sqlite_db)


def plugin(search: Any, folder: Path, **settings: Any) -> Plugin:
    clock = FakeClock()
    services = Services(search, clock, Scoped(FakeKeyValue(), "qa", ""))
    return Plugin(QaSettings(**settings), services, folder)


def asked(question: str, *history: Message) -> PluginContext:
    address = Address("web", "", "1")
    sender = Sender("u")
    event = Event("1", EventKind.MESSAGE, address, sender, (Part(text=question),))
    scoped = Scoped(FakeKeyValue(), "qa", "p")
    none = cast("Any", None)
    return PluginContext(
        event, Person("p"), Conversation(1, address), history, none, "en", scoped, scoped, FakeClock()
    )


async def context(plugin: Plugin, question: str, *history: Message) -> Context:
    async with plugin.lifespan():
        return await plugin.context(asked(question, *history))


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("How do I connect Telegram?", "handbook/en/telegram.md#connect-telegram"),
        ("怎么连接 Telegram？", "handbook/zh/telegram.md#连接-telegram"),
        ("connect discord please", "handbook/en/discord.md#connect-discord"),
        ("请问如何连接Discord", "handbook/zh/discord.md#连接-discord"),
        ("When does the bot answer in groups?", "handbook/en/telegram.md#groups"),
        ("机器人在群组里什么时候回答？", "handbook/zh/telegram.md#群组"),
    ],
)
async def test_a_question_gets_the_passage_of_its_language_first(
    search: SqlSearch, handbook: Path, question: str, source: str
) -> None:
    added = await context(plugin(search, handbook), question)
    assert added.passages[0].source == source
    assert f"[1] {added.passages[0].title} ({source})\n{added.passages[0].text}" in added.text
    _, citations = cite("It is so [1].", added.passages)
    assert citations[0].source == source


@pytest.mark.parametrize(
    "question",
    [
        *SMALL_TALK,
        "How are you?",
        "What is the capital of France?",
        "今天天气怎么样？",
        "1 + 1",
        "Write a poem",
    ],
)
async def test_small_talk_and_other_matters_get_nothing(
    search: SqlSearch, handbook: Path, question: str
) -> None:
    last = Message(Role.USER, "How do I connect Telegram?")
    assert await context(plugin(search, handbook), question) == Context()
    if question in SMALL_TALK:
        assert await context(plugin(search, handbook), question, last) == Context()


async def test_one_word_of_a_question_is_not_enough_unless_it_is_in_a_heading() -> None:
    search = FakeSearch()
    texts = {"Billing": "We recommend to pay by card.", "Refunds": "A refund is made within a month."}
    for title, text in texts.items():
        passage = Passage(title, text, title, title, collection="documents")
        await search.put("documents", title, [passage], title=title, digest=title)
    qa = plugin(search, Path(), handbook=False)
    assert await context(qa, "recommend me a movie") == Context()
    for question, source in (
        ("recommend", "Billing"),
        ("recommend a card", "Billing"),
        ("refund deadline", "Refunds"),
    ):
        assert [p.source for p in (await context(qa, question)).passages] == [source]


@pytest.mark.parametrize(
    ("first", "then", "source"),
    [
        ("How do I connect Telegram?", "And Discord?", "handbook/en/discord.md#connect-discord"),
        ("怎么连接 Telegram？", "那 Discord 呢？", "handbook/zh/discord.md#连接-discord"),
        ("How do I connect Telegram?", "Does it need a token?", "handbook/en/telegram.md#connect-telegram"),
    ],
)
async def test_a_question_that_leans_on_the_last_one_is_asked_with_it(
    search: SqlSearch, handbook: Path, first: str, then: str, source: str
) -> None:
    history = [Message(Role.USER, first), Message(Role.ASSISTANT, "Like this.")]
    added = await context(plugin(search, handbook), then, *history)
    assert source in [p.source for p in added.passages]


async def test_passages_stay_within_the_settings(search: SqlSearch, handbook: Path) -> None:
    (handbook / "en" / "long.md").write_text("".join(f"## Zebra {n}\n" + "zebra " * 150 for n in range(9)))
    added = await context(plugin(search, handbook, limit=3, max_chars=2_000), "zebra")
    assert len(added.passages) == 2
    assert sum(len(p.text) for p in added.passages) <= 2_000
    added = await context(plugin(search, handbook, limit=3, max_chars=300), "zebra")
    assert [len(p.text) for p in added.passages] == [300]


async def test_the_handbook_can_be_left_out_and_collections_are_the_operators(handbook: Path) -> None:
    search = FakeSearch()
    without = plugin(search, handbook, handbook=False, collections=("mine",))
    for collection in ("mine", "other"):
        passage = Passage(collection, "The zebra is connected.", "z.md", "Zebra")
        await search.put(collection, "z.md", [passage], title="Zebra", digest="1")
    added = await context(without, "Is the zebra connected?")
    assert [p.id for p in added.passages] == ["mine"]
    assert await search.sources(HANDBOOK) == []


async def test_a_second_start_changes_nothing(handbook: Path) -> None:
    search = FakeSearch()
    for _ in range(2):
        async with plugin(search, handbook).lifespan():
            assert search.puts == len(PAGES)


async def test_the_tool_returns_numbered_passages_or_says_that_there_are_none(
    search: SqlSearch, handbook: Path
) -> None:
    qa = plugin(search, handbook)
    (tool,) = qa.tools()
    Draft202012Validator.check_schema(tool.spec.parameters)
    assert set(tool.activity) == {"en", "zh"}
    async with qa.lifespan():
        result = await tool.run(asked("?"), {"query": "BotFather token", "limit": 2})
        assert result.text.startswith("[1] Telegram › ")
        assert len(result.passages) == 2
        nothing = await tool.run(asked("?"), {"query": "zebra"})
        assert (nothing.passages, "No passage" in nothing.text) == ((), True)


@pytest.mark.parametrize(
    ("arguments", "valid"),
    [
        ({"query": "a"}, True),
        ({"query": "a", "limit": 10}, True),
        ({"query": ""}, False),
        ({"query": "a" * 401}, False),
        ({"query": "a", "limit": 11}, False),
        ({"limit": 1}, False),
        ({"query": "a", "path": "/"}, False),
    ],
)
def test_the_tools_arguments_are_bounded(arguments: dict[str, Any], valid: bool) -> None:
    (tool,) = plugin(FakeSearch(), Path("nowhere")).tools()
    assert Draft202012Validator(tool.spec.parameters).is_valid(arguments) is valid


def test_passages_far_behind_the_best_are_left_out() -> None:
    found = [Passage(str(n), "zebra", "s", score=score) for n, score in enumerate((9.0, 5.0, 1.0))]
    kept = helpful(found, ["zebra"], question="zebra", limit=5, max_chars=100)
    assert [p.id for p in kept] == ["0", "1"]
