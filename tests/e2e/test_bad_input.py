"""Whatever people, platforms and models send: a clear word, nothing lost, and the next is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import ModelError, ModelRefused, ModelTimeout, ModelUnavailable
from bot.types import Address, Chunk, Event, EventKind, Part, PartKind, Role, Sender, ToolCall
from tests.fakes_people import whole
from tests.scripted import World

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"
CALM = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def dealt_with(world: World) -> bool:
    """Nothing waits."""
    return all(state in ("done", "dead") for state, _, _ in world.memory.inbox.values())


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\x07\x1b", ZERO_WIDTH, "\u202e\u202c", "\u3164\u2800"])
async def test_a_question_of_which_nothing_shows_is_said_to_be_empty(text: str) -> None:
    world = World(["Fine."])
    async with world.running():
        assert "without any text" in await world.ask(text)
        assert await world.ask("A real one") == "Fine."
    assert len(world.model.requests) == 1
    assert dealt_with(world)


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b\x07c\x1b[31m",
        "half a pair \ud83d and \udc00 the other",
        "مرحبا \u202eabc\u202c שלום",
        f"in{ZERO_WIDTH}visible",
        "e" + "\u0301" * 500,
        "👩‍👩‍👧‍👦" * 50,
        "```" * 100,
        "[" * 3000,
        "<script>alert(1)</script> %s {0} ${x}",
    ],
)
async def test_strange_text_is_answered_and_can_be_answered_with(text: str) -> None:
    world = World([text], ["Fine."])
    async with world.running():
        await world.say(text)
        await world.clock.advance(30)
        assert world.channel.messages
        assert "went wrong" not in world.channel.texts()[-1]
        assert await world.ask("Next") == "Fine."
    assert dealt_with(world)


async def test_a_megabyte_is_refused_with_the_limit() -> None:
    world = World(["Fine."])
    async with world.running():
        answer = await world.ask("x" * 1_000_000)
        assert "1000000" in answer.replace(",", "")
        assert "100000" in answer.replace(",", "")
        assert await world.ask("Short") == "Fine."
    assert len(world.model.requests) == 1


async def test_the_longest_question_that_is_allowed_is_answered_within_the_window() -> None:
    world = World(["Fine."])
    async with world.running():
        assert await world.ask("y" * 100_000) == "Fine."
    (request,) = world.model.requests
    assert sum(world.model.tokens_per_text(m.content) for m in request.messages) < 4096
    assert request.messages[-1].text.startswith("yyy")


GARBAGE: list[list[Any]] = [
    [],
    ["", ""],
    ["\n\n"],
    [ZERO_WIDTH],
    [Chunk(reasoning="only thoughts")],
    [ModelError("garbage: not JSON")],
    [ValueError("a bug of ours")],
    [ModelRefused("400")],
    [ModelRefused("")],
]


@pytest.mark.parametrize("script", GARBAGE)
async def test_a_model_that_gives_nothing_of_use_is_an_apology(script: list[Any]) -> None:
    world = World(script, ["Fine."])
    async with world.running():
        answer = await world.ask("Hi")
        assert "went wrong" in answer or "did not accept" in answer
        ((event, reason),) = await world.stores.inbox.dead()
        assert (event.text, bool(reason)) == ("Hi", True)
        assert await world.ask("Again") == "Fine."
    assert [m.text for m in world.model.requests[1].messages if m.role is Role.ASSISTANT] == []


@pytest.mark.parametrize("error", [ModelUnavailable("cut off"), ModelTimeout("no end")])
async def test_what_a_broken_stream_brought_is_kept_and_marked(error: ModelError) -> None:
    world = World(["It begins ", error], *[[error]] * 30, ["Fine."], model_patience=5)
    async with world.running():
        await world.say("Hi")
        await world.clock.advance(60)
        assert world.channel.texts()[0].startswith("It begins")
        assert "cannot be reached" in world.channel.texts()[0]
        world.model.scripts = [["Fine."]]
        assert await world.ask("Again") == "Fine."


@pytest.mark.parametrize(
    "arguments", ["", "{", "[]", "null", '"text"', '{"query": 7}', '{"x": 1}', "\ud800", "{}" * 100]
)
async def test_arguments_that_are_no_use_are_told_to_the_model(arguments: str) -> None:
    call = ToolCall("1", "search_documents", arguments)
    world = World([call], ["I know without."], plugins_disabled=())
    async with world.running():
        assert await world.ask("Hi") == "I know without."
    told = world.model.requests[1].messages[-1]
    assert told.role is Role.TOOL
    assert told.text
    assert dealt_with(world)


async def test_an_answer_without_a_finish_reason_is_an_answer() -> None:
    world = World(model=None)

    class Unfinished:
        """Ends its stream with its last word."""

        name, continues, generates, sees = "unfinished", False, True, False
        requests: list[Any] = []  # noqa: RUF012

        async def window(self) -> int:
            return 4096

        async def count(self, texts: Any) -> list[int]:
            return [1 for _ in texts]

        async def stream(self, request: Any) -> AsyncIterator[Chunk]:
            yield Chunk(text="All I have.")

    world.model = Unfinished()  # type: ignore[assignment]
    async with world.running():
        assert await world.ask("Hi") == "All I have."


texts = st.text(st.characters(), max_size=60)
short = st.text(st.characters(), max_size=12)
parts = st.builds(Part, kind=st.sampled_from(PartKind), text=texts, ref=short, media_type=short, name=short)
events = st.builds(
    Event,
    id=st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map("any {}".format),
    kind=st.sampled_from(EventKind),
    address=st.builds(Address, st.just("sim"), st.just("bot"), st.text(max_size=8), st.text(max_size=3)),
    sender=st.builds(Sender, short, name=short, language=short, is_bot=st.booleans(), trusted=st.booleans()),
    parts=st.lists(parts, max_size=3).map(tuple),
    message_id=short,
    reply_to=short,
    data=st.one_of(
        texts, st.sampled_from(["/", "/help", "/new", "/retry", "/stop", "up", "cmd:", "/model x"])
    ),
    private=st.booleans(),
    addressed=st.booleans(),
    received_at=st.floats(0, 1e12),
)


@CALM
@given(st.lists(events, max_size=8, unique_by=lambda e: e.key))
def test_whatever_event_comes_it_is_dealt_with_and_others_are_answered(arbitrary: list[Event]) -> None:
    async def scenario() -> None:
        world = World(access="open")
        async with world.running():
            for event in arbitrary:
                await world.stores.inbox.put(event)
                await world.clock.advance(0)
            await world.clock.advance(120)
            assert dealt_with(world)
            assert await world.ask("Still there?", chat="other", person="other") == "echo: Still there?"

    asyncio.run(scenario())


steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["secret", "chat", "/new", "/retry"])), max_size=12
)


@CALM
@given(steps)
def test_one_persons_secret_never_reaches_another(order: list[tuple[str, str]]) -> None:
    secrets = {"a": "canary-of-a", "b": "canary-of-b"}
    other = {"a": "b", "b": "a"}

    async def scenario() -> None:
        world = World(access="open")
        async with world.running():
            for person, what in order:
                text = f"My secret is {secrets[person]}" if what == "secret" else what
                asked = len(world.model.requests)
                await world.ask(text, chat=f"chat-{person}", person=person)
                for request in world.model.requests[asked:]:
                    assert secrets[other[person]] not in repr(request)
            for message in world.channel.messages.values():
                whose = message.address.chat[-1]
                assert secrets[other[whose]] not in repr(message.outs)
            for person in "ab":
                await nothing_of(world, person, secrets[other[person]])

    asyncio.run(scenario())


async def nothing_of(world: World, person: str, secret: str) -> None:
    """The secret is in nothing that this person can have told to them."""
    known = await world.stores.people.find("sim", person)
    if known is None:
        return
    assert secret not in repr(await whole(world.stores.people.export(known.id)))
    assert secret not in repr(await world.app.plugins.export_person(known.id))
    for conversation in await world.stores.conversations.listing(known.id):
        assert secret not in repr(conversation)
        assert secret not in repr(await world.stores.conversations.history(conversation.id, first_turn=1))
