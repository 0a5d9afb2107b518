"""The real servers, one of each for the whole run, and the models over them."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.clock import SystemClock
from bot.ports import Model
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.wire import Endpoint, Patience
from tests.conftest import require
from tests.vllm.servers import Server, transformers_server, vllm_server
from tests.vllm.setup import PYTHON, ROOT, ready

QUEUE_LIMIT = 12
"""Requests that the chat server takes at a time, before it refuses with 503."""
CHAT_FLAGS = (
    *("--scheduling-policy", "priority"),
    *("--max-num-queued-reqs", str(QUEUE_LIMIT)),
    *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
    "--enable-prompt-tokens-details",
    "--enable-request-id-headers",
)


@pytest.fixture(scope="session")
def tiny_models() -> Path:
    """The folder with `llama` and `gpt2`, made if need be."""
    if not ready():
        require("needs the CPU vLLM: run `make test-vllm`")
    folder = ROOT / ".cache" / "tiny-model"
    script = Path(__file__).with_name("tiny_model.py")
    subprocess.run([PYTHON, script, folder], check=True, stderr=subprocess.DEVNULL)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def vllm(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """vLLM with the tiny Llama, all the flags that Tertulia recommends, a queue limit and a pace."""
    logs = tmp_path_factory.mktemp("vllm")
    async with vllm_server(tiny_models / "llama", logs=logs, args=CHAT_FLAGS, pace=True) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def plain_vllm(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """vLLM without flags, and a GPT-2-shaped model without a chat template."""
    logs = tmp_path_factory.mktemp("plain-vllm")
    async with vllm_server(tiny_models / "gpt2", logs=logs) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def transformers(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    logs = tmp_path_factory.mktemp("transformers")
    async with transformers_server(tiny_models / "llama", logs=logs) as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Show what the servers wrote last below a failure."""
    report = yield
    if isinstance(report, pytest.TestReport) and report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, Server):
                report.sections.append((f"log of {name}", value.tail()))
    return report


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http().lifespan() as shared:
        yield shared


@pytest.fixture
def model(vllm: Server, http: Http) -> Model:
    return OpenAIModel(Endpoint(f"{vllm.url}/v1"), http, SystemClock())


@pytest.fixture
def hasty_model(vllm: Server, http: Http) -> Model:
    """Like `model`, but a refusal is not asked again."""
    return OpenAIModel(Endpoint(f"{vllm.url}/v1"), http, SystemClock(), patience=Patience(retries=0))


@pytest.fixture
def template_less(plain_vllm: Server, http: Http) -> Model:
    return OpenAIModel(Endpoint(f"{plain_vllm.url}/v1"), http, SystemClock())


@pytest.fixture
def other_make(transformers: Server, http: Http) -> Model:
    """`transformers serve` without a model's name: it serves one, and lists none."""
    return OpenAIModel(Endpoint(f"{transformers.url}/v1"), http, SystemClock(), window=2048)


@pytest.fixture
def unhurried(vllm: Server) -> Iterator[None]:
    """An answer that fills the window takes 10 s at least: time to end something in its middle."""
    with vllm.paced(0.005):
        yield
