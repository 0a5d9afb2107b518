"""What the console says where a request failed outside of its page."""

from __future__ import annotations

import pytest

from bot.errors import StorageError
from bot.types import Account, ConsoleSession
from tests.adapters.console_core import shown, site
from tests.fakes_console import MemoryAccounts


class FailingAccounts(MemoryAccounts):
    """The database is away once `fails` is set."""

    fails = False

    async def session(self, token: str, *, idle: float) -> ConsoleSession | None:
        if self.fails:
            raise StorageError("the disk is full: /var/lib/secret-path")
        return await super().session(token, idle=idle)

    async def named(self, name: str) -> Account | None:
        if self.fails:
            raise StorageError("the disk is full: /var/lib/secret-path")
        return await super().named(name)


@pytest.mark.parametrize("path", ["/console/personas/one?before=x", "/console/overview?span=year"])
async def test_a_value_that_is_not_right_is_told_on_a_page_to_who_is_logged_in(path: str) -> None:
    async with site() as place:
        owner = await place.owner()
        page = await owner.get(path)
        part = await owner.get(path, **{"HX-Request": "true"})
    assert (page.status_code, part.status_code) == (422, 422)
    assert "Something in the form is not right." in shown(page)
    assert 'aria-label="Console"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert part.json() == {"message": "Something in the form is not right."}


async def test_a_body_that_is_not_right_is_told_as_json() -> None:
    async with site() as place:
        owner = await place.owner()
        response = await owner.json("/console/models/playground/run", {"messages": "none"})
    assert response.status_code == 422
    assert response.json()["message"] == "Something in the form is not right."


async def test_a_database_that_fails_is_told_on_a_page_in_the_readers_language(
    caplog: pytest.LogCaptureFixture,
) -> None:
    accounts = FailingAccounts()
    async with site(accounts=accounts) as place:
        owner = await place.owner()
        accounts.fails = True
        page = await owner.get("/console/account", **{"Accept-Language": "zh"})
        part = await owner.get("/console/audit", **{"HX-Request": "true"})
        form = await owner.post("/console/login/password", name="Owner", password="x")
        elsewhere = await owner.client.get("/api/v1/chat/abcdefghijklmnop")
    assert (page.status_code, part.status_code, form.status_code) == (503, 503, 503)
    assert "数据库暂时无法使用" in shown(page)
    assert "secret-path" not in page.text
    assert part.json()["message"].startswith("The database cannot be used")
    assert "text/html" in form.headers["content-type"]
    assert elsewhere.headers["content-type"] == "application/json"
    refused = [message for message in caplog.messages if "secret-path" in message]
    assert [message.partition(" is refused: ")[0] for message in refused] == [
        "GET /console/account",
        "GET /console/audit",
        "POST /console/login/password",
    ]
