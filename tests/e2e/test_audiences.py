"""Documents that are not for everybody: who is answered from them, where, and what stays behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.types import EventKind, Passage, PersonRole, Sender, ToolCall
from tests.e2e import telegram_service
from tests.e2e.discord_service import answer, calm, service
from tests.scripted import CAPS, Script, World
from tests.simulators.discord import Permission

SECRET = "The harbour vault opens with the number 4711."
PLUGIN: dict[str, Any] = {
    "plugins_disabled": (),
    "plugins": {"qa": {"handbook": False, "collections": ["documents", "staff"]}},
}
STAFF: dict[str, Any] = {"private": False, "chat": "staff room"}
QUESTION = "How does the harbour vault open?"
CALL = ToolCall("1", "search_documents", '{"query": "harbour vault number"}')


def world(*scripts: Script) -> World:
    return World(*scripts, caps=CAPS, **PLUGIN)


async def filled(world: World) -> None:
    """The staff's collection is theirs, and chosen for their room."""
    await world.stores.search.restrict("staff", ["role:7", "operator"])
    secret = [Passage("p1", SECRET, "staff/vault.md", "The vault")]
    await world.stores.search.put("staff", "staff/vault.md", secret, title="The vault", digest="x")
    await world.say("/settings collections staff documents", sender=sender("boss", "admin"), **STAFF)
    await world.clock.advance(3)


def sender(name: str, *roles: str) -> Sender:
    return Sender(name, name=name, roles=roles)


def saw(world: World) -> bool:
    """Whether the last prompt has anything of the secret."""
    return any("4711" in m.content for m in world.model.requests[-1].messages)


async def test_a_role_opens_a_collection_and_it_closes_with_the_next_message() -> None:
    w = world()
    async with w.running():
        await filled(w)
        await w.ask(QUESTION, sender=sender("ann", "role:7"), **STAFF)
        assert saw(w)
        await w.ask(QUESTION, sender=sender("ann"), **STAFF)
        assert not saw(w)
        for other in (sender("ben"), sender("ben", "role:8", "@staff", "admin", "operator", "owner")):
            await w.ask(QUESTION, sender=other, **STAFF)
            assert not saw(w)


async def test_where_others_read_along_it_has_to_be_chosen_for_the_place() -> None:
    w = world()
    async with w.running():
        await filled(w)
        await w.ask(QUESTION, sender=sender("ann", "role:7"), private=False, chat="lobby")
        assert not saw(w)
        await w.ask(QUESTION, sender=sender("ann", "role:7"))
        assert saw(w)


async def test_who_runs_the_bot_may_be_an_audience() -> None:
    w = world()
    async with w.running():
        await filled(w)
        for role, sees in ((PersonRole.OWNER, True), (PersonRole.OPERATOR, True), (PersonRole.MEMBER, False)):
            await w.stores.people.admit("sim", sender(role), role)
            await w.ask(QUESTION, sender=sender(role), chat=role)
            assert saw(w) is sees


@pytest.mark.parametrize("sees", [True, False])
async def test_the_search_tool_keeps_to_the_roles_and_its_finds_are_no_history(sees: bool) -> None:
    w = world([CALL], ["It is known [1]."], [CALL], ["No."])
    roles = ("role:7",) if sees else ()
    async with w.running():
        await filled(w)
        await w.ask("Please look that up", sender=sender("ann", *roles), **STAFF)
        assert saw(w) is sees
        await w.ask("And please look again", sender=sender("ben"), **STAFF)
        assert not saw(w)


async def test_sources_are_shown_to_whom_the_collection_is_open() -> None:
    caps = replace(CAPS, buttons=True, asides=True)
    w = World(["It opens with a number [1]."], caps=caps, **PLUGIN)
    async with w.running():
        await filled(w)
        await w.ask(QUESTION, sender=sender("ann", "role:7"), **STAFF)
        shown = list(w.channel.messages.values())[-1]
        for who, sees in ((sender("ben"), False), (sender("ann"), False), (sender("cat", "role:7"), True)):
            before = len(w.channel.messages)
            await w.say(kind=EventKind.BUTTON, data="sources", message_id=shown.id, sender=who, **STAFF)
            await w.clock.advance(3)
            assert (len(w.channel.messages) > before) is sees
        assert SECRET in w.channel.texts()[-1]


async def test_sources_that_are_not_for_all_are_not_shown_where_all_see_them() -> None:
    w = World(["It opens with a number [1]."], caps=replace(CAPS, buttons=True), **PLUGIN)
    async with w.running():
        await filled(w)
        ann = sender("ann", "role:7")
        await w.ask(QUESTION, sender=ann, **STAFF)
        shown = list(w.channel.messages.values())[-1]
        await w.say(kind=EventKind.BUTTON, data="sources", message_id=shown.id, sender=ann, **STAFF)
        await w.clock.advance(3)
        assert "not for everybody" in w.channel.texts()[-1]
        assert SECRET not in "".join(w.channel.texts())


async def test_roles_of_a_discord_server_open_documents(tmp_path: Path) -> None:
    async with calm() as dc:
        boss, ann, ben = dc.person("Boss"), dc.person("Ann"), dc.person("Ben")
        room = await dc.guild("Harbour", boss, ann, ben)
        staff, namesake = await room.role("staff", ann), await room.role("Staff", ben)
        assert staff.id != namesake.id
        back = await room.text("staff-room")
        await room.permit(back, ben, allow=Permission.VIEW_CHANNEL)
        async with service(dc, tmp_path, **PLUGIN) as app:
            await app.stores.search.restrict("staff", [f"role:{staff.id}"])
            secret = [Passage("p1", SECRET, "staff/vault.md", "The vault")]
            await app.stores.search.put("staff", "staff/vault.md", secret, title="The vault", digest="x")
            await dc.until(boss.commands)
            done = await boss.slash("settings", channel=back, text="collections staff")
            await dc.until(lambda: done.texts)
            hers = await answer(dc, await ann.ask(QUESTION, channel=back))
            assert "4711" in hers.content
            assert "4711" not in (await answer(dc, await ben.ask(QUESTION, channel=back))).content
            await ben.press(hers, "sources")
            asked = await ann.press(hers, "sources")
            await dc.until(lambda: asked.texts)
            assert not any("4711" in m.content for m in ben.sees(back) if m not in back.messages)
            assert "4711" not in (await answer(dc, await ann.ask(QUESTION, channel=room.general))).content
            await room.take(staff, ann)
            assert "4711" not in (await answer(dc, await ann.ask(QUESTION, channel=back))).content
        assert dc.errors == []


async def test_an_inline_preview_never_shows_what_is_not_for_everybody(tmp_path: Path) -> None:
    async with telegram_service.calm() as tg, telegram_service.service(tg, tmp_path, **PLUGIN) as app:
        search, ann = app.stores.search, tg.person("Ann")
        await app.stores.people.admit("telegram", Sender(str(ann.id), "Ann"), PersonRole.OPERATOR)
        await search.restrict("staff", ["operator"])
        for name, text in (("staff", SECRET), ("documents", "The harbour vault is blue.")):
            await search.put(
                name, "vault.md", [Passage(name, text, "vault.md", "Vault")], title="V", digest="x"
            )
        assert "4711" in (await telegram_service.answer(tg, await ann.say(QUESTION))).plain
        asked = await ann.inline(QUESTION)
        await tg.until(lambda: asked.answer)
        assert asked.answer is not None
        assert "blue" in str(asked.answer.results)
        assert "4711" not in str(asked.answer.results)
