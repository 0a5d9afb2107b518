"""The commands in the terminal say which model answers."""

from __future__ import annotations

import pytest

from bot.locale import Catalogue
from bot.settings import Settings
from bot.terminal import is_found, model_line
from inference.http import Http
from inference.registry import Registry, connect
from inference.wire import Endpoint
from tests.fakes import FakeClock

URL = "http://127.0.0.1:11434/v1"


def registry(*urls: str) -> Registry:
    return connect([Endpoint(url, model="qwen3:4b") for url in urls], Http(), FakeClock())


@pytest.mark.parametrize(
    ("set_url", "servers", "line"),
    [
        ("", (URL,), f"Model: qwen3:4b, found at {URL} (TERTULIA_MODEL_URL chooses another)"),
        (URL, (URL,), "Model: qwen3:4b"),
        (f"{URL},{URL}", (URL, URL), "Model: qwen3:4b"),
        ("", (), "No language model is connected: answers are quoted from documents."),
    ],
)
def test_a_server_that_nobody_chose_is_named(set_url: str, servers: tuple[str, ...], line: str) -> None:
    settings, models = Settings(model_url=set_url), registry(*servers)
    assert model_line(settings, models, Catalogue.load(), "en").startswith(line)
    assert is_found(settings, models) == ("found at" in line)
