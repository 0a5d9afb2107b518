"""The way back to Telegram: what is shown, and how each refusal ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.channel import TelegramChannel
from adapters.telegram.translate import PLATFORM
from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    DraftsRefused,
    MarkupRefused,
    MessageGone,
    RetryAfter,
)
from bot.types import Address, Button, Event, EventKind, Markup, Outgoing, Pace, Sender
from tests.adapters.telegram_core import Core
from tests.simulators.telegram import NO_FLOOD, FloodLimits, Person, Telegram


def html(text: str, plain: str = "") -> Outgoing:
    return Outgoing(text, plain or text, markup=Markup.TELEGRAM_HTML)


def at(chat: int, thread: str = "") -> Address:
    return Address(PLATFORM, "7000000001", str(chat), thread)


@pytest.fixture
async def tg() -> AsyncIterator[Telegram]:
    async with Telegram(flood=NO_FLOOD) as telegram:
        yield telegram


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
async def adapter(tg: Telegram, core: Core) -> AsyncIterator[TelegramAdapter]:
    made = TelegramAdapter(core.deps(tg))
    yield made
    await made.aclose()


@pytest.fixture
def channel(adapter: TelegramAdapter) -> TelegramChannel:
    return adapter.channel


@pytest.fixture
async def ana(tg: Telegram) -> Person:
    person = tg.person("Ana")
    await person.start()
    return person


async def test_a_message_is_sent_edited_and_deleted(channel: TelegramChannel, ana: Person) -> None:
    question = ana.messages[0]
    out = replace(html("<b>Hi</b> &amp; <i>all</i>", "Hi & all"), buttons=(Button("Stop", "stop"),))
    sent = await channel.send(at(ana.id), out, key="k", reply_to=str(question.id))
    message = ana.chat.answers[0]
    assert (str(message.id), message.text, message.reply_to) == (sent, "Hi & all", question)
    assert [e.type for e in message.entities] == ["bold", "italic"]
    assert [b["callback_data"] for b in message.buttons] == ["stop"]
    await channel.edit(at(ana.id), sent, html("<code>Bye</code>", "Bye"))
    assert (message.text, message.buttons) == ("Bye", [])
    await channel.edit(at(ana.id), sent, html("<code>Bye</code>", "Bye"))
    await channel.delete(at(ana.id), sent)
    await channel.delete(at(ana.id), sent)
    assert ana.chat.answers == []
    with pytest.raises(MessageGone):
        await channel.edit(at(ana.id), sent, html("again"))


async def test_a_reply_to_what_is_gone_is_sent_all_the_same(channel: TelegramChannel, ana: Person) -> None:
    await channel.send(at(ana.id), html("hello"), key="k", reply_to="999999")
    assert ana.texts == ["hello"]


async def test_plain_text_is_shown_as_it_is(channel: TelegramChannel, ana: Person) -> None:
    await channel.send(at(ana.id), Outgoing("<b>1 < 2</b>", "x"), key="k")
    assert ana.texts == ["<b>1 < 2</b>"]


async def test_markup_that_is_refused_is_told(channel: TelegramChannel, ana: Person) -> None:
    with pytest.raises(MarkupRefused):
        await channel.send(at(ana.id), html("<u>un<b>closed</u>"), key="k")
    with pytest.raises(ChannelError) as refused:
        await channel.send(at(ana.id), Outgoing(" ", " "), key="k")
    assert type(refused.value) is ChannelError


async def test_what_the_assistant_does_is_shown_while_there_is_no_text(
    channel: TelegramChannel, ana: Person
) -> None:
    await channel.send(at(ana.id), replace(html(""), activity="Searching <here>…"), key="k")
    assert ana.texts == ["Searching <here>…"]
    assert ana.chat.answers[0].entities[0].type == "italic"


async def test_a_draft_grows_and_the_message_takes_its_place(
    channel: TelegramChannel, ana: Person, tg: Telegram
) -> None:
    for text in ("", "One", "One two"):
        await channel.draft(at(ana.id), "turn:0", html(text))
    await channel.draft(at(ana.id), "turn:1", html("Three"))
    numbers = [d.id for d in ana.chat.drafts]
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]
    assert all(0 < n < 2**31 for n in numbers)
    assert [d.text.text for d in ana.chat.drafts] == ["", "One", "One two", "Three"]
    await channel.send(at(ana.id), html("Done"), key="k")
    assert ana.draft is None
    assert tg.errors == []


async def test_a_server_that_knows_no_drafts_is_asked_once(core: Core, tg: Telegram) -> None:
    asked: list[str] = []

    async def unknown(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", unknown)
    async with TestServer(app) as old:
        adapter = TelegramAdapter(core.deps(tg, api_url=str(old.make_url("/"))))
        assert adapter.channel.capabilities(at(5)).drafts
        for text in ("One", "One two"):
            with pytest.raises(DraftsRefused):
                await adapter.channel.draft(at(5), "k", html(text))
        assert not adapter.channel.capabilities(at(5)).drafts
        await adapter.aclose()
    assert asked == [f"/bot{tg.token}/sendMessageDraft"]


async def test_a_chat_that_refuses_a_draft_is_asked_for_none_again(
    channel: TelegramChannel, ana: Person, tg: Telegram
) -> None:
    ben = tg.person("Ben")
    await ben.start()
    with pytest.raises(MarkupRefused):
        await channel.draft(at(ana.id), "k", html("<b>One"))
    assert channel.capabilities(at(ana.id)).drafts
    tg.forbid("sendMessageDraft", "TEXTDRAFT_PEER_INVALID")
    for text in ("One", "One two"):
        with pytest.raises(DraftsRefused):
            await channel.draft(at(ana.id), "k", html(text))
    assert tg.calls["sendMessageDraft"] == 2
    assert not channel.capabilities(at(ana.id)).drafts
    assert channel.capabilities(at(ben.id)).drafts


def test_what_chats_can_show(channel: TelegramChannel) -> None:
    private, group = channel.capabilities(at(5)), channel.capabilities(at(-100))
    assert (private.markup, private.text_limit) == (Markup.TELEGRAM_HTML, 4096)
    assert (private.drafts, group.drafts) == (True, False)
    assert not channel.capabilities(at(5, "business:b1")).drafts
    assert private.chat_paces == (Pace(3, 3.0),)
    assert group.chat_paces == (Pace(20, 60.0), Pace(3, 3.0))
    assert (private.min_edit_interval, group.min_edit_interval) == (1.0, 4.0)
    assert all(
        (private.edits, private.buttons, private.preview_buttons, private.attachments, private.activity)
    )


async def test_topics_and_typing(channel: TelegramChannel, ana: Person, tg: Telegram) -> None:
    room = await tg.supergroup("Friends", ana, forum=True)
    topic = await room.topic("Cooking")
    sent = await channel.send(at(room.id, str(topic.id)), html("soup"), key="k")
    general = await channel.send(at(room.id, "1"), html("all"), key="k")
    await channel.typing(at(room.id, str(topic.id)))
    await channel.edit(at(room.id, str(topic.id)), sent, html("stew"))
    assert [(m.text, m.thread_id) for m in room.chat.answers] == [("stew", topic.id), ("all", 0)]
    assert room.chat.actions == ["typing"]
    assert channel.topic_of(str(room.id), sent) == str(topic.id)
    assert channel.topic_of(str(room.id), general) == "1"
    await room.close_topic(topic)
    with pytest.raises(ChatGone):
        await channel.send(at(room.id, str(topic.id)), html("more"), key="k")
    with pytest.raises(ChatGone):
        await channel.send(at(room.id, "999"), html("more"), key="k")
    await channel.send(at(room.id), html("elsewhere"), key="k")


async def test_what_is_taken_in_a_group_is_marked(core: Core, tg: Telegram, ana: Person) -> None:
    adapter = TelegramAdapter(core.deps(tg, seen="👀"))
    room = await tg.supergroup("Friends", ana)
    question = await ana.say("@tertulia_bot hello", chat=room)
    for _ in range(2):
        await adapter.channel.acknowledge(at(room.id), str(question.id))
    assert question.reactions == {tg.bot.id: ["👀"]}
    marks = [adapter.channel.capabilities(a).acknowledges for a in (at(room.id), at(ana.id))]
    assert marks == [True, False]
    await adapter.aclose()
    assert not TelegramAdapter(core.deps(tg)).channel.capabilities(at(room.id)).acknowledges


async def test_links_show_their_page_only_where_there_is_one(channel: TelegramChannel, ana: Person) -> None:
    for text in ("no link", "see https://a.example", "https://a.example https://b.example"):
        await channel.send(at(ana.id), html(text), key="k")
    shown = [m.extra.get("link_preview_options", {}).get("is_disabled", False) for m in ana.chat.answers]
    assert shown == [True, False, True]


# refusals


async def test_who_blocked_the_bot_is_not_called_again_until_they_are_back(
    channel: TelegramChannel, ana: Person, tg: Telegram
) -> None:
    await ana.block_bot()
    for _ in range(3):
        with pytest.raises(ChatGone):
            await channel.send(at(ana.id), html("hello"), key="k")
    with pytest.raises(ChatGone):
        await channel.typing(at(ana.id))
    assert tg.calls["sendMessage"] == 1
    await ana.unblock_bot()
    channel.heard(Event("j", EventKind.MEMBERSHIP, at(ana.id), Sender("1"), data="joined"))
    await channel.send(at(ana.id), html("welcome"), key="k")
    channel.heard(Event("j", EventKind.MEMBERSHIP, at(ana.id), Sender("1"), data="left"))
    with pytest.raises(ChatGone):
        await channel.send(at(ana.id), html("hello?"), key="k")
    assert tg.calls["sendMessage"] == 2


async def test_a_chat_that_is_not_there_is_gone(channel: TelegramChannel, tg: Telegram, ana: Person) -> None:
    with pytest.raises(ChatGone):
        await channel.send(at(-999), html("hello"), key="k")
    room = await tg.supergroup("Friends", ana)
    await room.restrict_bot()
    with pytest.raises(ChatGone):
        await channel.send(at(room.id), html("hello"), key="k")
    await room.add_bot()
    await channel.send(at(room.id), html("hello"), key="k")


async def test_a_group_that_moved_is_followed(channel: TelegramChannel, tg: Telegram, ana: Person) -> None:
    group = await tg.group("Friends", ana)
    moved = await group.migrate()
    await channel.send(at(group.id), html("one"), key="k")
    await channel.send(at(group.id), html("two"), key="k")
    assert moved.texts == ["one", "two"]
    assert tg.calls["sendMessage"] == 3


@pytest.mark.parametrize("told", [False, True])
async def test_messages_of_a_group_that_moved_stay_behind(
    channel: TelegramChannel, tg: Telegram, ana: Person, told: bool
) -> None:
    group = await tg.group("Friends", ana)
    old = await channel.send(at(group.id), html("begun"), key="k")
    moved = await group.migrate()
    theirs = await ana.say("@tertulia_bot hello", chat=moved)
    if told:
        data = f"moved {moved.id}"
        channel.heard(Event("j", EventKind.MEMBERSHIP, at(group.id), Sender("1"), data=data))
    sent = await channel.send(at(group.id), html("whole"), key="k", reply_to=str(theirs.id))
    with pytest.raises(MessageGone):
        await channel.edit(at(group.id), old, html("whole"))
    await channel.delete(at(group.id), old)
    await channel.edit(at(group.id), sent, html("whole indeed"))
    assert [(m.text, m.reply_to) for m in moved.chat.answers] == [("whole indeed", None)]
    await channel.delete(at(group.id), sent)
    assert moved.texts == []
    assert tg.errors == []
    calls = [(c.method, c.arguments.get("chat_id")) for c in tg.log if c.code == 200][-3:]
    assert calls == [(m, str(moved.id)) for m in ("sendMessage", "editMessageText", "deleteMessage")]


async def test_flood_control_holds_up_its_own_chat_alone(core: Core) -> None:
    limits = FloodLimits(private_burst=1, least_wait=20.0)
    async with Telegram(flood=limits) as tg:
        adapter = TelegramAdapter(core.deps(tg))
        ana, ben = tg.person("Ana"), tg.person("Ben")
        await ana.start()
        await ben.start()
        await adapter.channel.send(at(ana.id), html("1"), key="k")
        with pytest.raises(RetryAfter) as told:
            await adapter.channel.send(at(ana.id), html("2"), key="k")
        assert told.value.seconds == 20
        await core.clock.advance(5)
        with pytest.raises(RetryAfter) as remembered:
            await adapter.channel.edit(at(ana.id), "1", html("2"))
        assert remembered.value.seconds == 15
        assert tg.calls["editMessageText"] == 0
        await adapter.channel.send(at(ben.id), html("1"), key="k")
        await adapter.aclose()
    assert sum(tg.refused.values()) == 1


@pytest.mark.parametrize("kind", ["502", "drop"])
async def test_outages_are_told_as_such(
    channel: TelegramChannel, tg: Telegram, ana: Person, kind: str
) -> None:
    tg.outage("502" if kind == "502" else "drop")
    with pytest.raises(ChannelUnavailable) as told:
        await channel.send(at(ana.id), html("hello"), key="k")
    assert tg.token not in str(told.value) + repr(told.value.__cause__)
    tg.recover()
    await channel.send(at(ana.id), html("hello"), key="k")
    assert ana.texts == ["hello"]


async def test_nothing_goes_out_after_the_end(adapter: TelegramAdapter, ana: Person) -> None:
    await adapter.aclose()
    with pytest.raises(ChannelUnavailable):
        await adapter.channel.send(at(ana.id), html("hello"), key="k")


async def test_a_token_that_is_taken_back_is_an_outage(core: Core, tg: Telegram) -> None:
    adapter = TelegramAdapter(core.deps(tg, token="7000000001:revoked"))
    with pytest.raises(ChannelUnavailable):
        await adapter.channel.send(at(5), html("hello"), key="k")
    await adapter.aclose()
