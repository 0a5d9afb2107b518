"""What platforms bring to the web server by themselves."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from adapters.web.guard import MOST_BYTES
from tests.adapters.web_core import browser_like, house

JSON = {"Content-Type": "application/json"}


class Hook:
    """Keeps what came, and answers with this status."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.seen: list[tuple[Mapping[str, str], bytes]] = []

    async def __call__(self, headers: Mapping[str, str], body: bytes) -> int:
        self.seen.append((headers, body))
        return self.status


@pytest.mark.parametrize("status", [200, 401, 503])
async def test_a_hook_is_told_what_came_and_says_how_it_went(status: int) -> None:
    hook = Hook(status)
    async with house(hooks={"telegram": hook}) as home, browser_like(home.url) as client:
        body = b'{"update_id": 1, "text": "\xe4\xbd\xa0\xe5\xa5\xbd"}'
        headers = {**JSON, "X-Telegram-Bot-Api-Secret-Token": "Secret"}
        answer = await client.post("/hooks/telegram", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (status, b"")
    ((told, brought),) = hook.seen
    assert brought == body
    assert told["x-telegram-bot-api-secret-token"] == "Secret"
    assert all(name == name.lower() for name in told)


async def test_a_hook_that_is_not_there_is_not_found() -> None:
    async with house(hooks={"telegram": Hook()}) as home, browser_like(home.url) as client:
        for path in ("/hooks/discord", "/hooks/", "/hooks", "/hooks/telegram/more"):
            assert (await client.post(path, json={})).status_code == 404, path
        assert (await client.get("/hooks/telegram")).status_code == 405
    async with house() as home, browser_like(home.url) as client:
        assert (await client.post("/hooks/telegram", json={})).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
async def test_pages_of_other_sites_reach_no_hook(headers: dict[str, str], status: int) -> None:
    hook = Hook()
    async with house(hooks={"telegram": hook}) as home, browser_like(home.url) as client:
        answer = await client.post("/hooks/telegram", content=b"{}", headers={**JSON, **headers})
    assert answer.status_code == status
    assert hook.seen == []


async def test_a_body_is_taken_up_to_the_limit() -> None:
    hook = Hook()
    async with house(hooks={"telegram": hook}) as home, browser_like(home.url) as client:
        whole = await client.post("/hooks/telegram", content=b"x" * MOST_BYTES, headers=JSON)
        larger = await client.post("/hooks/telegram", content=b"x" * (MOST_BYTES + 1), headers=JSON)
    assert (whole.status_code, larger.status_code) == (200, 413)
    assert [len(body) for _, body in hook.seen] == [MOST_BYTES]
