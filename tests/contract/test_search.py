"""What every ports.Search does: the fake, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.ports import Search
from bot.types import Passage, Source
from bot.words import query_terms, terms
from storage.db import open_database
from storage.search import SqlSearch
from tests.fakes_search import FakeSearch

FILLER = [f"Filler number {n} talks of entirely other matters" for n in range(12)]
NO_FIXTURE_CHECK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def search(request: pytest.FixtureRequest) -> AsyncIterator[Search]:
    if request.param == "fake":
        yield FakeSearch()
        return
    url: str = request.getfixturevalue(f"{request.param}_ready")
    async with open_database(url) as db:
        yield SqlSearch(db)


def passage(id: str, text: str, title: str = "", source: str = "") -> Passage:
    return Passage(id, text, source or f"{id}.md", title)


async def put(
    search: Search, source: str, *passages: Passage, collection: str = "c", digest: str = ""
) -> bool:
    return await search.put(
        collection, source, passages, title=f"Title of {source}", digest=digest or str(passages)
    )


async def fill(search: Search, collection: str = "c") -> None:
    await put(search, "filler", *(passage(f"f{n}", t) for n, t in enumerate(FILLER)), collection=collection)


async def ids(search: Search, query: str, *collections: str, limit: int = 5) -> list[str]:
    found = await search.search(query, collections=collections or ("c",), limit=limit)
    return [p.id for p in found]


async def test_a_passage_comes_back_whole_with_its_collection_and_a_score(search: Search) -> None:
    await fill(search)
    await put(search, "a.md", passage("p", "Ask BotFather for a token.", "Telegram › Token", "a.md#token"))
    (found,) = await search.search("botfather", collections=["c"])
    assert found.score > 0
    assert found == Passage(
        "p", "Ask BotFather for a token.", "a.md#token", "Telegram › Token", found.score, "c"
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("How do I connect Telegram?", "en"),
        ("怎么连接 Telegram？", "zh"),
        ("connecting a chat to TELEGRAM", "en"),
        ("群组", "zh"),
        ("组", "zh"),
        ("cafe", "fr"),
        ("東京", "ja"),
        ("서울", "ko"),
    ],
)
async def test_passages_are_found_by_words_in_their_language(
    search: Search, query: str, expected: str
) -> None:
    await fill(search)
    await put(search, "en", passage("en", "To connect Telegram, paste the bot's token."))
    await put(search, "zh", passage("zh", "要连接 Telegram 群组，请粘贴机器人的令牌。"))
    await put(search, "fr", passage("fr", "Un café à Paris."))
    await put(search, "ja", passage("ja", "東京タワーへ行きます。"))
    await put(search, "ko", passage("ko", "서울에서 만나요."))
    assert (await ids(search, query))[0] == expected


async def test_rare_words_and_titles_count_more(search: Search) -> None:
    await put(search, "common", *(passage(f"m{n}", f"The model answers {n}") for n in range(9)))
    await put(search, "rare", passage("rare", "The quantiser of the model"))
    assert (await ids(search, "model quantiser"))[0] == "rare"
    await put(search, "body", passage("body", "A word about webhooks in passing, and more of the rest."))
    await put(search, "title", passage("title", "They are set up like this, and so is the rest.", "Webhooks"))
    assert await ids(search, "webhooks") == ["title", "body"]


async def test_scores_fall_and_the_limit_holds(search: Search) -> None:
    await fill(search)
    found = await search.search("filler number 3", collections=["c"], limit=4)
    assert len(found) == 4
    assert found[0].id == "f3"
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    assert await search.search("filler", collections=["c"], limit=0) == []


async def test_only_the_named_collections_are_searched(search: Search) -> None:
    for name in ("c", "d", "it's"):
        await put(search, "same", passage(f"in-{name}", "shared secret"), collection=name)
    assert await ids(search, "secret", "d") == ["in-d"]
    assert await ids(search, "secret", "it's") == ["in-it's"]
    assert set(await ids(search, "secret", "c", "d")) == {"in-c", "in-d"}
    assert await search.search("secret", collections=[]) == []
    assert await ids(search, "secret", "other") == []


async def test_a_collection_with_an_audience_is_found_by_its_roles_alone(search: Search) -> None:
    await search.restrict("staff", ["role:2", "role:1", "role:1"])
    assert await search.audience("staff") == ("role:1", "role:2")
    await put(search, "open", passage("for-all", "shared secret"))
    await put(search, "closed", passage("for-few", "shared secret of the staff"), collection="staff")

    async def found(*roles: str) -> set[str]:
        hits = await search.search("secret", collections=["c", "staff"], roles=roles)
        return {p.id for p in hits}

    assert await found() == await found("role:3", "role", "role:", "@staff", "role:1'--") == {"for-all"}
    assert await found("role:3", "role:2") == await found("role:1") == {"for-all", "for-few"}
    (few, _) = await search.search("staff secret", collections=["c", "staff"], roles=["role:1"])
    assert (few.id, few.collection, few.audience) == ("for-few", "staff", ("role:1", "role:2"))
    await search.restrict("staff", ["role:2"])
    assert await found("role:1") == {"for-all"}
    await search.remove("staff", "closed")
    await put(search, "closed", passage("for-few", "shared secret of the staff"), collection="staff")
    assert await found("role:1") == {"for-all"}
    await search.restrict("staff", [])
    assert await search.audience("staff") == ()
    assert await found() == {"for-all", "for-few"}


async def test_what_not_everybody_may_read_weighs_nothing_for_others(search: Search) -> None:
    await fill(search)
    await put(search, "a", passage("1", "alpha beta"))
    (before,) = await search.search("alpha", collections=["c", "staff"])
    await search.restrict("staff", ["role:1"])
    await put(search, "s", *(passage(f"s{n}", "alpha") for n in range(20)), collection="staff")
    (after,) = await search.search("alpha", collections=["c", "staff"])
    assert after.id == before.id == "1"


async def test_a_digest_that_is_stored_changes_nothing_and_a_new_one_replaces(search: Search) -> None:
    await fill(search)
    assert await put(search, "s", passage("1", "alpha beta"), passage("2", "gamma"), digest="x")
    assert not await put(search, "s", passage("3", "delta"), digest="x")
    assert await ids(search, "alpha delta") == ["1"]
    assert await put(search, "s", passage("3", "delta"), digest="y")
    assert await ids(search, "alpha gamma delta") == ["3"]
    assert await search.sources("c") == [
        Source("filler", "Title of filler", (await search.sources("c"))[0].digest),
        Source("s", "Title of s", "y"),
    ]


async def test_where_a_document_was_read_is_known_and_may_change_alone(search: Search) -> None:
    for origin, changed in (("", True), ("/a/s.md", False), ("/b/s.md", False)):
        put = search.put("c", "s", [passage("1", "alpha")], title="T", digest="x", origin=origin)
        assert await put is changed
        assert await search.sources("c") == [Source("s", "T", "x", origin)]
    assert await search.put("c", "s", [passage("1", "beta")], title="T", digest="y", origin="/c/s.md")
    assert await search.sources("c") == [Source("s", "T", "y", "/c/s.md")]


async def test_what_is_removed_is_not_found(search: Search) -> None:
    await put(search, "s", passage("1", "alpha"))
    await put(search, "s", passage("2", "alpha"), collection="d")
    assert await search.remove("c", "s")
    assert not await search.remove("c", "s")
    assert await ids(search, "alpha", "c", "d") == ["2"]
    assert await search.sources("c") == []


async def test_a_document_may_have_no_passages(search: Search) -> None:
    assert await put(search, "empty", digest="e")
    assert await search.sources("c") == [Source("empty", "Title of empty", "e")]


async def test_the_same_source_put_at_once_is_there_once(search: Search) -> None:
    await asyncio.gather(*(put(search, "s", passage("1", "alpha"), digest="x") for _ in range(8)))
    assert await ids(search, "alpha") == ["1"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        '"',
        "'",
        "AND OR NOT",
        "a* -b NEAR(c)",
        "title:x",
        "\0",
        "\ud800",
        "😀",
        "\\' & | !",
        "%",
        "{}",
    ],
)
async def test_any_text_is_a_query(search: Search, query: str) -> None:
    await fill(search)
    assert isinstance(await search.search(query, collections=["c"]), list)


async def test_a_megabyte_is_a_query_and_a_passage(search: Search) -> None:
    await put(search, "big", passage("big", "needle " + "hay stack\0\ud800 " * 100_000))
    assert await ids(search, "needle " + "x" * 1_000_000) == ["big"]


@NO_FIXTURE_CHECK
@given(st.text(), st.text())
async def test_random_text_is_stored_and_queried(search: Search, text: str, query: str) -> None:
    await put(search, "random", passage("r", text, text))
    await search.search(query, collections=["c"])


WORDS = st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=12)


@NO_FIXTURE_CHECK
@given(st.lists(WORDS, min_size=1, max_size=8), st.data())
async def test_a_text_is_found_by_any_of_its_rare_words(
    search: Search, words: list[str], data: st.DataObject
) -> None:
    await fill(search)
    await put(search, "text", passage("text", " ".join(words)))
    word = data.draw(st.sampled_from(words))
    asked = set(query_terms(word)) - {t for filler in FILLER for t in terms(filler)}
    if asked:
        assert "text" in await ids(search, word, limit=20)


async def test_a_passage_is_found_again_by_its_id_and_source_by_who_may_read_it(search: Search) -> None:
    await put(search, "a.md", passage("p", "Whole text.", "Title", "a.md#one"), collection="open")
    await put(
        search,
        "https://x.example/a#b",
        passage("q", "Secret.", "T", "https://x.example/a#b"),
        collection="shut",
    )
    await search.restrict("shut", ["operator"])
    found = await search.passage("p", "a.md#one")
    assert found is not None
    assert (found.text, found.title, found.collection) == ("Whole text.", "Title", "open")
    assert await search.passage("p", "a.md#two") is None
    assert await search.passage("q", "https://x.example/a#b") is None
    assert await search.passage("q", "https://x.example/a#b", roles=["role:1"]) is None
    mine = await search.passage("q", "https://x.example/a#b", roles=["operator"])
    assert mine is not None
    assert (mine.text, mine.audience) == ("Secret.", ("operator",))


async def test_documents_are_listed_in_pages_with_their_passages(search: Search) -> None:
    for n in range(5):
        passages = [Passage(f"{n}-{i}", f"text {i}", f"doc{n}") for i in range(n)]
        await search.put("c", f"doc{n}", passages, title=f"T{n}", digest="d", origin=f"/o/{n}")
    await search.put("other", "doc9", [], title="T", digest="d")
    first = await search.listing("c", limit=3)
    assert first == [Source(f"doc{n}", f"T{n}", "d", f"/o/{n}", n) for n in range(3)]
    assert [s.name for s in await search.listing("c", limit=3, after="doc2")] == ["doc3", "doc4"]
    assert await search.listing("c", limit=3, after="doc4") == []
    assert await search.listing("nothing") == []
