"""Answering in somebody's name: who is answered, and what is never said there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.types import Sender
from tests.e2e.telegram_service import answer, calm, reply, service
from tests.simulators.openai import Server
from tests.simulators.telegram import Telegram


def talking(model: Server) -> dict[str, Any]:
    return {"model_url": model.url, "plugins_disabled": ("qa",), "access": "invite"}


def said(tg: Telegram) -> list[str]:
    """What was sent through somebody's account."""
    calls = (c for c in tg.log if "business_connection_id" in c.arguments)
    return [c.arguments.get("text", c.method) for c in calls if c.method != "getBusinessConnection"]


async def test_nothing_is_said_in_the_name_of_a_stranger_and_no_code_is_taken(tmp_path: Path) -> None:
    async with (
        calm() as tg,
        Server().lifespan() as model,
        service(tg, tmp_path, **talking(model)) as app,
    ):
        stranger, customer, boss = tg.person("Stranger"), tg.person("Customer"), tg.person("Boss")
        business = await tg.business(stranger)
        code = await app.stores.people.owner_code() or ""
        for text in ("Hello, are you open?", f"/start {code}", code, "/help"):
            await business.say(customer, text)
        await business.owner_says(customer, "/settings")
        assert "owner" in (await reply(tg, await boss.start(code))).text
        await tg.until(lambda: tg.world.updates.confirmed >= 6)
        assert said(tg) == []
        assert model.chats == []
        assert await app.stores.people.find("telegram", str(customer.id)) is None


async def test_the_customers_of_somebody_known_are_answered_and_nothing_more(tmp_path: Path) -> None:
    async with (
        calm() as tg,
        Server().lifespan() as model,
        service(tg, tmp_path, **talking(model)) as app,
    ):
        owner, customer = tg.person("Owner"), tg.person("Customer")
        known = await app.stores.people.admit("telegram", Sender(str(owner.id), "Owner"))
        business = await tg.business(owner)
        await business.owner_says(customer, "/settings")
        await business.owner_says(customer, "I am here, too.")
        for command in ("/new", "/stop", "/model other", f"/start {await app.stores.people.owner_code()}"):
            await business.say(customer, command)
        shown = await answer(tg, await business.say(customer, "Open today?"))
        assert shown.text == "Open today?"
        assert business.chat(customer).answers == [shown]
        assert "private" in (await reply(tg, await customer.say("And you?"))).text
        people = app.stores.people
        assert await people.find("telegram", str(customer.id)) is None
        assert (await people.find("telegram", str(owner.id))) == known
        assert len(model.chats) == 1
        assert tg.errors == []
