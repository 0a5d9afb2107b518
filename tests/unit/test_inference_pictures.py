"""Pictures on the wire, and servers that refuse them: whoever asks gets an answer all the same."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from bot.clock import SystemClock
from bot.errors import EndpointRefused, ModelError, ModelRefused, ModelUnavailable
from bot.imaging import prepared
from bot.ports import Clock
from bot.types import Message, ModelRequest, Picture, Role, Sampling
from inference.body import chat_body, encode, picture_part
from inference.chain import ChainModel
from inference.dialect import Dialect
from inference.extractive import ExtractiveModel
from inference.failures import failure, pictures_taken
from inference.http import Http
from inference.langchain import LangChainModel, to_langchain
from inference.openai_api import OpenAIModel
from inference.sight import BLIND_SECONDS, Vision, with_newest
from inference.wire import Endpoint, Patience
from tests.pictures import picture
from tests.simulators.openai import Behaviour, Server

RED, GREEN = prepared(picture("red")), prepared(picture("lime", (32, 32)))
LOOK = Behaviour(look=True)


class Hands(SystemClock):
    """A clock that is moved by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def asked(*pictures: Picture, text: str = "What is this?") -> ModelRequest:
    return ModelRequest((Message(Role.SYSTEM, "Be brief."), Message(Role.USER, text, pictures=pictures)))


@asynccontextmanager
async def over(
    server: Server, *, vision: Vision = "auto", clock: Clock | None = None
) -> AsyncIterator[OpenAIModel]:
    async with server.lifespan(), Http().lifespan() as http:
        patience = Patience(retries=0)
        yield OpenAIModel(Endpoint(server.url), http, clock or Hands(), vision=vision, patience=patience)


async def answer(model: Any, request: ModelRequest) -> str:
    return "".join([chunk.text async for chunk in model.stream(request)])


def contents(server: Server) -> list[Any]:
    """What the last message of each request held."""
    return [chat.body["messages"][-1]["content"] for chat in server.chats]


async def test_a_picture_goes_whole_before_the_words() -> None:
    server = Server(LOOK, pictures=5)
    async with over(server) as model:
        assert await answer(model, asked(RED, GREEN)) == "64x48 red; 32x32 green"
        assert model.sees
    url = f"data:image/jpeg;base64,{RED.base64.decode()}"
    (content,) = contents(server)
    assert content[0] == {"type": "image_url", "image_url": {"url": url}}
    assert content[2:] == [{"type": "text", "text": "What is this?"}]


@pytest.mark.parametrize("words", ["plain", 'a \0 in \\u0000 "quotes"', "half a \ud83d letter"])
def test_pictures_are_sent_as_they_are_kept_and_the_bytes_are_the_same(words: str) -> None:
    request = asked(RED, GREEN, text=words)
    before = Message(Role.USER, words, pictures=(GREEN,))
    request = replace(request, messages=(before, *request.messages))
    pieces = encode(chat_body(request, "m", dialect=Dialect(), vllm=False))
    assert [piece for piece in pieces if any(piece is one.base64 for one in (RED, GREEN))] == pieces[1::2]
    assert pieces[1::2] == [GREEN.base64, RED.base64, GREEN.base64]
    text = {"type": "text", "text": words.encode(errors="replace").decode()}
    contents = [message["content"] for message in msgspec.json.decode(b"".join(pieces))["messages"]]
    assert contents == [
        [picture_part(GREEN), text],
        "Be brief.",
        [picture_part(RED), picture_part(GREEN), text],
    ]


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        encode({"extra": object()})


async def test_without_pictures_the_content_is_a_plain_text() -> None:
    server = Server(pictures=5)
    async with over(server) as model:
        await answer(model, asked())
    assert server.chats[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is this?"},
    ]


async def test_a_question_that_is_nothing_but_a_picture_has_no_empty_text() -> None:
    server = Server(LOOK, pictures=5)
    async with over(server) as model:
        assert await answer(model, asked(RED, text="")) == "64x48 red"
    assert [part["type"] for part in contents(server)[0]] == ["image_url"]


async def test_a_blind_server_is_asked_at_once_without_and_then_always_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(LOOK)
    with caplog.at_level(logging.WARNING):
        async with over(server) as model:
            assert model.sees
            assert await answer(model, asked(RED)) == "I see nothing."
            assert not model.sees
            assert await answer(model, asked(RED)) == "I see nothing."
    assert [isinstance(content, list) for content in contents(server)] == [True, False, False]
    (warning,) = caplog.messages
    assert "TERTULIA_MODEL_VISION=off" in warning


async def test_a_while_later_it_is_tried_again() -> None:
    clock, server = Hands(), Server(LOOK)
    async with over(server, clock=clock) as model:
        await answer(model, asked(RED))
        clock.now += BLIND_SECONDS - 1
        assert not model.sees
        clock.now += 1
        assert model.sees
        server.pictures = 5
        assert await answer(model, asked(RED)) == "64x48 red"


@pytest.mark.parametrize("known", [True, False])
async def test_an_answer_says_that_its_pictures_were_refused(known: bool) -> None:
    refusing = Behaviour(text="Fine.", unreadable="no idea why")
    server = Server(LOOK) if known else Server(refusing, pictures=5)
    async with over(server) as model:
        told = [[c.unseen async for c in model.stream(asked(*shown))] for shown in ((RED,), (RED,), ())]
    first, second, without = told
    assert first[0] is True
    assert second[0] is not known, "of what is known nothing was refused"
    assert not any(first[1:] + second[1:] + without)


async def test_what_else_a_server_refuses_does_not_hide_that_it_refused_the_pictures() -> None:
    server = Server(Behaviour(text="Fine.", unreadable="no idea why"), transformers=True)
    async with over(server) as model:
        request = replace(asked(RED), sampling=Sampling(top_k=5))
        told = [chunk.unseen async for chunk in model.stream(request)]
    assert len(server.chats) == 3, "with the picture, without it, and without what it does not know"
    assert told[0] is True


async def test_a_request_with_fewer_pictures_is_no_refusal_of_all() -> None:
    async with over(Server(LOOK, pictures=1)) as model:
        assert not any([c.unseen async for c in model.stream(asked(RED, GREEN))])


async def test_what_one_model_of_a_server_refused_says_nothing_of_another() -> None:
    server = Server(LOOK)
    async with over(server) as model:
        await answer(model, asked(RED))
        assert not model.sees
        assert model.named("other").sees


async def test_a_server_that_takes_fewer_is_sent_the_newest() -> None:
    server = Server(LOOK, pictures=1)
    async with over(server) as model:
        assert await answer(model, asked(RED, GREEN)) == "32x32 green"
        assert await answer(model, asked(GREEN, RED)) == "64x48 red"
        assert model.sees
    assert [len(content) for content in contents(server)] == [3, 2, 2]


async def test_a_server_that_is_set_to_see_is_sent_as_many_as_it_takes() -> None:
    server = Server(LOOK, pictures=1)
    async with over(server, vision="on") as model:
        assert await answer(model, asked(RED, GREEN)) == "32x32 green"
        assert await answer(model, asked(GREEN, RED)) == "64x48 red"


async def test_another_refusal_is_answered_without_and_teaches_nothing() -> None:
    """It may be this one picture that the server cannot use."""

    ratio = "absolute aspect ratio must be smaller than 200, got 300.0"
    server = Server(Behaviour(text="Fine.", unreadable=ratio), pictures=5)
    async with over(server) as model:
        for _ in range(2):
            assert await answer(model, asked(RED)) == "Fine."
        assert model.sees
    assert [isinstance(content, list) for content in contents(server)] == [True, False, True, False]


async def test_a_server_that_fails_over_a_picture_is_asked_without() -> None:
    server = Server(Behaviour(text="Fine.", unreadable="failed to process image", refusal=500), pictures=5)
    async with over(server) as model:
        assert await answer(model, asked(RED)) == "Fine."
        assert model.sees
    assert [isinstance(content, list) for content in contents(server)] == [True, False]


async def test_a_server_that_fails_whatever_it_is_asked_is_unavailable() -> None:
    server = Server(Behaviour(status=500, message="out of memory"), pictures=5)
    async with over(server) as model:
        with pytest.raises(ModelUnavailable):
            await answer(model, asked(RED))
    assert len(server.chats) == 2


async def test_a_refusal_of_the_words_themselves_stays_one() -> None:
    server = Server(Behaviour(status=400, message="that is not how to ask"), pictures=5)
    async with over(server) as model:
        with pytest.raises(ModelRefused):
            await answer(model, asked(RED))
        assert model.sees
    assert len(server.chats) == 2


@pytest.mark.parametrize(("vision", "lists"), [("off", [False]), ("on", [True, False])])
async def test_the_setting_has_the_last_word(vision: Vision, lists: list[bool]) -> None:
    server = Server(LOOK)
    async with over(server, vision=vision) as model:
        assert await answer(model, asked(RED)) == "I see nothing."
        assert model.sees is (vision == "on")
    assert [isinstance(content, list) for content in contents(server)] == lists


async def test_a_model_without_a_chat_template_reads_words_alone() -> None:
    server = Server(template=False, pictures=5)
    async with over(server) as model:
        await answer(model, asked(RED))
        assert not model.sees
    assert "base64" not in str(server.chats[-1].body)


async def test_a_chain_sees_where_the_one_that_answers_does() -> None:
    blind, seeing = Server(LOOK), Server(LOOK, pictures=5)
    async with blind.lifespan(), seeing.lifespan(), Http().lifespan() as http:
        models = [
            OpenAIModel(Endpoint(server.url), http, Hands(), patience=Patience(retries=0))
            for server in (blind, seeing)
        ]
        chain = ChainModel(models, Hands())
        assert await answer(chain, asked(RED)) == "I see nothing."
        assert [m.sees for m in models] == [False, True]
        assert chain.sees
        blind.behaviour = Behaviour(status=500)
        assert await answer(chain, asked(RED)) == "64x48 red"


async def test_a_chain_of_blind_ones_is_blind() -> None:
    quoting, chat = ExtractiveModel(), LangChainModel(FakeListChatModel(responses=["x"]))
    assert not ChainModel([quoting, chat], Hands()).sees


@pytest.mark.parametrize("sees", [True, False])
async def test_a_langchain_model_is_shown_pictures_if_it_is_said_to_see(sees: bool) -> None:
    model = LangChainModel(FakeListChatModel(responses=["Fine."]), sees=sees)
    assert model.sees is sees
    assert await answer(model, asked(RED)) == "Fine."
    shown = to_langchain(asked(RED).messages[-1], pictures=sees).content
    kinds = [part["type"] for part in shown if isinstance(part, dict)]
    assert kinds == (["image_url", "text"] if sees else [])


REFUSALS = [
    (400, "tiny is not a multimodal model None", 0),
    (400, "At most 0 image(s) may be provided in one prompt.", 0),
    (400, "At most 2 image(s) may be provided in one prompt.", 2),
    (
        500,
        "image input is not supported - hint: … you may need to provide the mmproj",
        0,
    ),
    (500, "this model is missing data required for image input", 0),
    (400, "this model does not support image input (ref: b8bd630e)", 0),
    (400, "Model does not support images. Please use a model that does.", 0),
    (400, "Invalid content type. image_url is only supported by certain models.", 0),
    (404, "No endpoints found that support image input", 0),
    (
        422,
        "messages[0]: unknown variant `image_url`, expected `text` at line 1",
        0,
    ),
    (400, "'messages.1' : content must be a string", 0),
    (400, "Unsupported content part type for text-only server: image_url", 0),
    (422, "Input should be a valid string", 0),
]
OTHERS = [
    (400, "Failed to load image: cannot identify image file"),
    (400, "Invalid image data"),
    (400, "absolute aspect ratio must be smaller than 200, got 300.0"),
    (400, "temperature must be non-negative"),
    (400, "The image is larger than 20 MB"),
    (400, "Your input image may contain content that is not allowed by our safety system."),
    (400, "The image format is not supported."),
    (400, "This model does not support images larger than 20 MB"),
    (400, "Invalid type for 'messages[3].content': expected a string, got null"),
]


@pytest.mark.parametrize(("status", "message", "most"), REFUSALS)
def test_refusals_of_pictures_are_known_by_their_words(status: int, message: str, most: int) -> None:
    error = failure("host", status, message.encode())
    assert type(error) is ModelRefused
    assert pictures_taken(error) == most


@pytest.mark.parametrize(("status", "message"), OTHERS)
def test_refusals_of_one_picture_are_not_taken_for_blindness(status: int, message: str) -> None:
    assert pictures_taken(failure("host", status, message.encode())) is None


def test_a_model_whose_name_speaks_of_vision_is_not_taken_for_a_blind_one() -> None:
    error = failure("host", 404, b"The model 'qwen-vision' is not supported")
    assert type(error) is EndpointRefused


@pytest.mark.parametrize(
    ("status", "kind"), [(401, EndpointRefused), (403, EndpointRefused), (503, ModelUnavailable)]
)
def test_who_asks_and_when_is_another_matter(status: int, kind: type[ModelError]) -> None:
    assert isinstance(failure("host", status, b"this model does not support image input"), kind)


def test_the_newest_pictures_are_the_last_ones() -> None:
    first, second = Message(Role.USER, "a", pictures=(RED, GREEN)), Message(Role.USER, "b", pictures=(RED,))
    request = ModelRequest((first, second))
    kept = [[len(m.pictures) for m in with_newest(request, most).messages] for most in range(4)]
    assert kept == [[0, 0], [0, 1], [1, 1], [2, 1]]
    assert with_newest(request, 2).messages[0].pictures == (GREEN,)
    assert with_newest(replace(request), 3) == request
