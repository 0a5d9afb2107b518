"""Looks for a model server on this machine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from bot.errors import ModelError
from inference.http import Http
from inference.wire import Endpoint, read_models

LOCAL = {
    "vLLM": "http://127.0.0.1:8000/v1",
    "Ollama": "http://127.0.0.1:11434/v1",
    "LM Studio": "http://127.0.0.1:1234/v1",
}
PATIENCE = 0.3
"""Seconds for the whole search; what a first request has to import does not count."""
_NO_CHAT = re.compile(r"embed|rerank|whisper|\b(bge|e5|gte|minilm|clip|tts)\b", re.IGNORECASE)


async def discover(http: Http, urls: Sequence[str] = tuple(LOCAL.values())) -> Endpoint | None:
    """The first of `urls`, in their order, at which a server lists a model that can chat, within
    0.3 s; None if there is none. Models that only embed, rank or transcribe are passed over, by
    their names. Never raises."""
    found = await asyncio.gather(*(_look(http, url) for url in urls))
    return next((endpoint for endpoint in found if endpoint is not None), None)


async def _look(http: Http, url: str) -> Endpoint | None:
    try:
        status, _, body = await http.fetch("GET", f"{url}/models", within=PATIENCE)
    except ModelError:
        return None
    listed = read_models(body) if status == 200 else None
    names = [card.id for card in listed.data if not _NO_CHAT.search(card.id)] if listed else []
    return Endpoint(url, model=names[0]) if names else None
