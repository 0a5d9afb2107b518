"""The OpenAPI document, fuzzed and read."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings

from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from bot.clock import SystemClock
from bot.types import Event, Outgoing
from tests.adapters.web_core import Core, Script, web_deps
from tests.fakes import Memory

DOCUMENT = "/api/v1/openapi.json"


def _app() -> object:
    """A house whose core answers at once, so that every stream ends."""
    core = Core(Memory(), WebChannel(SystemClock()), Script())

    async def put(event: Event) -> bool:
        fresh = await core.put(event)
        out = Outgoing("An answer.", "An answer.", final=True)
        await core.channel.send(event.address, out, key=event.id, reply_to=event.id)
        return fresh

    return create_app(web_deps(core, put=put))


schema = schemathesis.openapi.from_asgi(DOCUMENT, _app())
ENDLESS = "/api/v1/updates"


@schema.exclude(path=ENDLESS).parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_input_breaks_the_server(case: schemathesis.Case[Any]) -> None:
    response = case.call(headers={"Sec-Fetch-Site": "same-origin"})
    assert response.status_code < 500


def test_every_call_that_can_be_refused_says_how() -> None:
    paths = schema.raw_schema["paths"]
    assert {"/api/v1/chat", "/api/v1/chat/{id}", "/readyz", "/metrics"} <= set(paths)
    for path, calls in paths.items():
        for method, call in calls.items():
            if path.startswith("/api/"):
                assert "422" in call["responses"], (method, path)
            assert call.get("description") or call.get("summary"), (method, path)
    stream = paths["/api/v1/chat"]["post"]["responses"]["200"]
    assert "text/event-stream" in stream["content"]
    assert "`citations`" in stream["description"]
