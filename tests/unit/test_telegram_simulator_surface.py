"""The Telegram simulator speaks the library's Bot API: no method, parameter or field of its own."""

from __future__ import annotations

import inspect
import re

import pytest
from aiohttp import ClientSession, FormData
from telegram import Bot, InputMediaPhoto, Update

from tests.simulators.telegram import NO_FLOOD, Telegram, Text, parse_html
from tests.simulators.telegram.api import METHODS
from tests.simulators.telegram.driving import driven, leftovers
from tests.simulators.telegram.files import picture
from tests.simulators.telegram.method_names import METHOD_NAMES
from tests.simulators.telegram.rooms import Room

KINDS = [*Update.ALL_TYPES, "chat_member"]


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", name)


def test_every_name_of_a_method_is_one_of_the_librarys() -> None:
    assert [n for n in METHOD_NAMES if not hasattr(Bot, snake(n))] == []
    assert len(METHOD_NAMES) == len(set(METHOD_NAMES)) > 150
    assert {m.name for m in METHODS.values()} <= set(METHOD_NAMES)


@pytest.mark.parametrize("name", sorted(m.name for m in METHODS.values()))
def test_every_parameter_is_one_of_the_librarys(name: str) -> None:
    known = set(inspect.signature(getattr(Bot, snake(name))).parameters)
    assert METHODS[name.lower()].parameters - known == set()


async def people_do_everything(tg: Telegram, bot: Bot) -> None:
    """All that happens to a bot, private, in groups, in channels and in business."""
    ana, ben = tg.person("Ana", "es", username="ana_b"), tg.person("Ben")
    said = await ana.start("payload")
    await ana.say(parse_html(f"<b>x</b> <a href='tg://user?id={tg.bot.id}'>you</a> https://a.com"))
    await ana.say(parse_html("<pre><code class='language-py'>y</code></pre> <a href='b.com'>z</a>"))
    await ana.reply(said, "again", quote="start")
    await ana.edit(said, "/start again")
    await ana.forward(said)
    await ana.forward(said, hidden=True)
    for kind in ("photo", "document", "voice", "audio", "video", "sticker", "video_note"):
        await getattr(ana, f"send_{kind}")()
    for kind in ("location", "contact", "poll", "album"):
        await getattr(ana, f"send_{kind}")()
    await ana.react(said, "👍")
    await ana.block_bot()
    await ana.unblock_bot()
    await ana.inline("q", chat=ana)
    await in_rooms(tg, [await tg.group("Friends", ana, ben), await tg.supergroup("F", ana, ben, forum=True)])
    channel = await tg.channel("News", ana, username="newest")
    post = await ana.say("post", chat=channel)
    await ana.edit(post, "edited")
    await ana.react(post, "👍")
    await ben.forward(post)
    business = await tg.business(ana)
    message = await business.say(ben, "hi")
    await business.owner_says(ben, "hello", reply_to=message)
    await business.edit(message, "hey")
    await business.delete(message)
    await business.change(enabled=False)


async def in_rooms(tg: Telegram, rooms: list[Room]) -> None:
    for room in rooms:
        eve = tg.person("Eve")
        await room.join(eve, by=room.owner)
        await room.promote_bot()
        message = await eve.say("hi", chat=room)
        await room.owner.reply(message, "hi Eve")
        await room.owner.react(message, "🔥")
        await room.leave(eve)
        await room.rename("Others")
        await room.restrict_bot("can_send_messages")
        await room.demote_bot()
    topic = await rooms[1].topic("Topic")
    await rooms[1].owner.say(Text("/in"), chat=rooms[1], topic=topic)
    await rooms[1].close_topic(topic)
    await rooms[1].reopen_topic(topic)
    new = await rooms[0].migrate()
    await new.remove_bot()


async def test_every_update_is_read_to_the_last_field() -> None:
    async with driven(flood=NO_FLOOD) as (tg, bot):
        await bot.get_updates(allowed_updates=KINDS)
        await people_do_everything(tg, bot)
        updates = list(tg.world.updates.pending.values())
        kinds = {kind for update in updates for kind in update} - {"update_id"}
        assert kinds >= {
            *("message", "edited_message", "channel_post", "edited_channel_post", "business_connection"),
            *("business_message", "edited_business_message", "deleted_business_messages", "chat_member"),
            *("message_reaction", "message_reaction_count", "inline_query", "my_chat_member"),
        }
        for update in updates:
            read = Update.de_json(update, bot)
            assert list(leftovers(read)) == [], update
            assert read.to_dict().keys() >= update.keys()


async def test_every_answer_is_read_to_the_last_field() -> None:
    async with driven(flood=NO_FLOOD) as (tg, bot):
        ana = tg.person("Ana", username="ana_b")
        said = await ana.say("hi")
        room = await tg.supergroup("Friends", ana, username="friends", forum=True)
        await room.promote_bot()
        topic = await bot.create_forum_topic(room.id, "Topic")
        options = {"is_disabled": True}
        sent = await bot.send_message(
            ana.id,
            "<b>x</b> <a href='https://a.com'>y</a>",
            parse_mode="HTML",
            protect_content=True,
            reply_to_message_id=said.id,
            link_preview_options=options,  # type: ignore[arg-type]
            reply_markup={"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]},  # type: ignore[arg-type]
        )
        press = await ana.press(ana.chat.answers[0], "A")
        await bot.answer_callback_query(press.id)
        answers = [
            sent,
            await bot.edit_message_text("z", ana.id, sent.message_id),
            await bot.send_photo(ana.id, picture(), has_spoiler=True, show_caption_above_media=True),
            await bot.send_document(ana.id, b"x", filename="x"),
            await bot.send_voice(ana.id, b"x"),
            await bot.send_audio(ana.id, b"x", title="t"),
            await bot.send_video(ana.id, b"x"),
            *await bot.send_media_group(
                room.id, [InputMediaPhoto(picture())], message_thread_id=topic.message_thread_id
            ),
            await bot.get_me(),
            await bot.get_chat(ana.id),
            await bot.get_chat(room.id),
            await bot.get_chat_member(room.id, tg.bot.id),
            await bot.get_chat_member(room.id, ana.id),
            *await bot.get_chat_administrators(room.id),
            await bot.get_webhook_info(),
            await bot.get_my_name(),
            topic,
        ]
        assert await bot.get_chat_member_count(room.id) == 2
        for answer in answers:
            assert list(leftovers(answer)) == [], answer
        assert list(leftovers(Update.de_json({"update_id": 1, "nothing": {}}, bot))) == ["Update.nothing"]


@pytest.mark.parametrize("form", ["query", "urlencoded", "json", "multipart"])
async def test_calls_are_understood_in_every_form(form: str) -> None:
    async with Telegram() as tg, ClientSession() as session:
        ana = tg.person("Ana")
        await ana.start()
        url = f"{tg.url}/bot{tg.token}/SENDmessage"
        values = {"chat_id": str(ana.id), "text": "é x"}
        match form:
            case "query":
                request = session.get(url, params=values)
            case "urlencoded":
                request = session.post(url, data=values)
            case "json":
                request = session.post(url, json={"chat_id": ana.id, "text": "é x"})
            case _:
                body = FormData(values, default_to_multipart=True)
                request = session.post(url, data=body)
        async with request as answer:
            shown = await answer.json()
        assert (answer.status, shown["ok"], shown["result"]["text"]) == (200, True, "é x")
        assert ana.texts == ["é x"]


async def test_errors_have_the_servers_shape() -> None:
    async with Telegram() as tg, ClientSession() as session:
        for path, code, description in (
            (f"bot{tg.token}/getMyFriends", 404, "Not Found"),
            (f"bot{tg.token}/sendMessage", 400, "Bad Request: message text is empty"),
            (f"bot{tg.token}/sendMessage?text=x", 400, "Bad Request: chat_id is empty"),
            ("bot1:x/getMe", 401, "Unauthorized"),
            (f"bot{tg.token}/sendSticker", 501, "The Telegram simulator lacks the method sendSticker"),
        ):
            async with session.get(f"{tg.url}/{path}") as answer:
                error = {"ok": False, "error_code": code, "description": description}
                assert (answer.status, await answer.json()) == (code, error)
        assert len(tg.errors) == 5
