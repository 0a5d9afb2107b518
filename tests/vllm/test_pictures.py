"""Pictures, and real servers whose model reads text alone."""

from __future__ import annotations

import httpx
import pytest

from bot.clock import SystemClock
from bot.imaging import prepared
from bot.types import Message, ModelRequest, Role, Sampling
from inference.body import picture_part
from inference.failures import failure, pictures_taken
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.wire import Endpoint
from tests.contract.model_suite import collect
from tests.pictures import picture
from tests.vllm.servers import MODEL, Server

pytestmark = [pytest.mark.vllm, pytest.mark.xdist_group("one"), pytest.mark.timeout(900)]
RED = prepared(picture())
ASKED = ModelRequest((Message(Role.USER, "What is this?", pictures=(RED,)),), Sampling(max_tokens=4))


async def test_vllms_refusal_is_recognised(vllm: Server) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": [picture_part(RED)]}]}
    async with httpx.AsyncClient(base_url=vllm.url, trust_env=False) as client:
        refused = await client.post("/v1/chat/completions", json=body, timeout=60)
    assert refused.status_code == 400
    assert pictures_taken(failure("vllm", 400, refused.content)) == 0, refused.text


async def test_a_text_model_of_vllms_answers_the_words(vllm: Server, http: Http) -> None:
    model = OpenAIModel(Endpoint(f"{vllm.url}/v1"), http, SystemClock())
    for _ in range(2):
        assert (await collect(model, ASKED))[-1].finish_reason
        assert not model.sees


async def test_a_text_model_of_transformers_serve_answers_the_words(transformers: Server, http: Http) -> None:
    model = OpenAIModel(Endpoint(f"{transformers.url}/v1"), http, SystemClock(), window=2048)
    assert (await collect(model, ASKED))[-1].finish_reason
