"""Routes that are made when one of them is first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import NoMatchFound

from adapters.web.late import Late


def client(make: Callable[[], APIRouter]) -> httpx.AsyncClient:
    app = FastAPI()
    app.router.routes.append(Late("/far", make))
    app.add_api_route("/near", lambda: "here", name="near")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://x")


def router() -> APIRouter:
    made = APIRouter()
    made.add_api_route("/far/side", lambda: "there")
    return made


async def test_of_many_first_requests_at_once_one_makes_them_and_others_make_none() -> None:
    makings: list[int] = []

    def make() -> APIRouter:
        makings.append(1)
        return router()

    async with client(make) as asking:
        assert (await asking.get("/near")).json() == "here"
        assert (await asking.get("/farther")).status_code == 404
        assert makings == []
        answers = await asyncio.gather(*(asking.get("/far/side") for _ in range(20)))
        assert [answer.json() for answer in answers] == ["there"] * 20
        assert (await asking.get("/far/away")).status_code == 404
        assert (await asking.post("/far/side")).status_code == 405
    assert makings == [1]


async def test_what_could_not_be_made_is_refused_and_made_at_the_next_request() -> None:
    tries = iter([RuntimeError("a route without a role"), None])

    def make() -> APIRouter:
        if (error := next(tries)) is not None:
            raise error
        return router()

    async with client(make) as asking:
        assert (await asking.get("/far/side")).status_code == 500
        assert (await asking.get("/far/side")).json() == "there"


def test_names_of_other_routes_are_found_past_it() -> None:
    late = Late("/far", router)
    with pytest.raises(NoMatchFound):
        late.url_path_for("near")
