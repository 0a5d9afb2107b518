"""Files on the Telegram simulator, and what a bot tells it about itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram import (
    Bot,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    BotCommandScopeChatAdministrators,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
)
from telegram.error import InvalidToken

from tests.simulators.telegram import NO_FLOOD, FloodLimits, Telegram
from tests.simulators.telegram.driving import driven, refusal
from tests.simulators.telegram.files import picture, picture_size


@pytest.fixture
async def both() -> AsyncIterator[tuple[Telegram, Bot]]:
    async with driven(flood=NO_FLOOD) as both:
        yield both


async def told(bot: Bot) -> list[Message]:
    return [u.message for u in await bot.get_updates() if u.message]


async def test_what_people_send_can_be_loaded(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    photo = picture(900, 600)
    await ana.send_photo(photo, "look at https://example.com")
    await ana.send_document("notes.txt", b"hello")
    await ana.send_voice(b"OggS", duration=5)
    first, second, third = await told(bot)
    assert [(s.width, s.height) for s in first.photo] == [(90, 60), (320, 213), (800, 533), (900, 600)]
    assert (first.caption, first.caption_entities[0].type) == ("look at https://example.com", "url")
    assert bytes(await (await first.photo[-1].get_file()).download_as_bytearray()) == photo
    assert second.document is not None
    assert (second.document.file_name, second.document.mime_type) == ("notes.txt", "text/plain")
    loaded = await second.document.get_file()
    assert bytes(await loaded.download_as_bytearray()) == b"hello"
    assert third.voice is not None
    assert third.voice.file_size == 4
    with pytest.raises(InvalidToken, match="Not Found"):
        await bot.request.retrieve(f"{tg.url}/file/bot{tg.token}/documents/none")


async def test_large_files_cannot_be_loaded(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    await tg.person("Ana").send_document(size=(20 << 20) + 1)
    document = (await told(bot))[0].document
    assert document is not None
    assert await refusal(tg, document.get_file()) == "Bad Request: file is too big"
    wrong = "Bad Request: wrong file_id or the file is temporarily unavailable"
    assert await refusal(tg, bot.get_file("none")) == wrong


async def test_all_else_that_people_send(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    await ana.send_sticker("🔥")
    await ana.send_video_note()
    await ana.send_location()
    await ana.send_contact()
    await ana.send_poll("When?", ("Now", "Later"))
    await ana.send_audio()
    await ana.send_video()
    album = await ana.send_album(3, "three")
    messages = await told(bot)
    kinds = ("sticker", "video_note", "location", "contact", "poll", "audio", "video")
    assert [kind for m, kind in zip(messages, kinds, strict=False) if getattr(m, kind)] == list(kinds)
    assert len({m.media_group_id for m in messages[7:]}) == 1
    assert [m.caption for m in messages[7:]] == ["three", None, None]
    assert [m.plain for m in album] == ["[photo]\nthree", "[photo]", "[photo]"]


async def test_a_bot_sends_uploads_known_files_and_addresses(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    await ana.start()
    tg.pages["https://example.com/cat.png"] = (picture(), "image/png")
    tg.pages["https://example.com/page"] = (b"<html>", "text/html")
    sent = await bot.send_photo(ana.id, picture(), caption="<i>one</i>", parse_mode="HTML", has_spoiler=True)
    await bot.send_photo(ana.id, sent.photo[-1].file_id)
    await bot.send_photo(ana.id, "https://example.com/cat.png")
    document = await bot.send_document(ana.id, b"x", filename="x.txt")
    await bot.send_voice(ana.id, b"OggS", duration=2)
    await bot.send_audio(ana.id, b"ID3", title="Song", performer="Singer")
    await bot.send_video(ana.id, b"ftyp")
    assert document.document is not None
    assert [next(iter(m.media)) for m in ana.chat.answers] == [
        *("photo", "photo", "photo", "document", "voice", "audio", "video")
    ]
    await bot.edit_message_caption(ana.id, sent.message_id, caption="two")
    assert ana.chat.answers[0].texts == ["one", "two"]
    for call, answer in (
        (bot.send_photo(ana.id, b"no picture"), "IMAGE_PROCESS_FAILED"),
        (bot.send_photo(ana.id, picture(3000, 10)), "PHOTO_INVALID_DIMENSIONS"),
        (bot.send_photo(ana.id, "unknown"), "wrong file identifier/HTTP URL specified"),
        (bot.send_photo(ana.id, document.document.file_id), "can't use file of type Document as Photo"),
        (bot.send_photo(ana.id, "https://example.com/none"), "failed to get HTTP URL content"),
        (bot.send_photo(ana.id, "https://example.com/page"), "wrong type of the web page content"),
        (bot.send_photo(ana.id, picture(), caption="x" * 1025), "message caption is too long"),
        (bot.edit_message_text("x", ana.id, sent.message_id), "there is no text in the message to edit"),
        (bot.edit_message_caption(ana.id, sent.message_id, caption="two"), "message is not modified: spec"),
    ):
        assert answer in await refusal(tg, call)


async def test_albums(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    await ana.start()
    photos = [InputMediaPhoto(picture(), f"{n}") for n in range(2)]
    sent = await bot.send_media_group(ana.id, photos)
    assert len({m.media_group_id for m in sent}) == 1
    assert [m.text for m in ana.chat.answers] == ["0", "1"]
    for other in (InputMediaDocument(b"x"), InputMediaAudio(b"ID3")):
        mixed = bot.send_media_group(ana.id, [photos[0], other])
        assert "can't be mixed with other media types" in await refusal(tg, mixed)
    many = [InputMediaPhoto(picture(10, 10)) for _ in range(11)]
    assert "too many messages to send as an album" in await refusal(tg, bot.send_media_group(ana.id, many))


async def test_an_album_costs_as_many_messages_as_it_has() -> None:
    async with driven(flood=FloodLimits(group_per_minute=3)) as (tg, bot):
        room = await tg.group("Friends", tg.person("Ana"))
        await bot.send_message(room.id, "x")
        album = [InputMediaPhoto(picture(10, 10)) for _ in range(2)]
        await bot.send_media_group(room.id, album)
        assert tg.world.flood.waiting(room.chat.budget) == 0
        await room.owner.say("x", chat=room)
        assert len(room.chat.answers) == 3


def test_sizes_of_pictures() -> None:
    assert picture_size(picture(31, 17)) == (31, 17)
    assert picture_size(b"GIF89a" + bytes([5, 0, 7, 0])) == (5, 7)
    frame = b"\xff\xc0\x00\x11\x08\x00\x10\x00\x20" + bytes(20)
    assert picture_size(b"\xff\xd8\xff\xe0\x00\x04ab" + frame) == (32, 16)
    assert picture_size(b"RIFF") == (0, 0)


async def test_commands_are_shown_by_scope_and_language(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana, ben = tg.person("Ana", language="es-ES"), tg.person("Ben")
    room = await tg.group("Friends", ana, ben)
    await ana.start()
    await bot.set_my_commands([("help", "Help")])
    await bot.set_my_commands([("ayuda", "Ayuda")], language_code="es")
    assert (tg.commands_for(ana), tg.commands_for(ben)) == (["ayuda"], ["help"])
    await bot.set_my_commands([("all", "All")], scope=BotCommandScopeAllGroupChats())
    await bot.set_my_commands([("own", "Own")], scope=BotCommandScopeChat(ana.id))
    await bot.set_my_commands([("boss", "Boss")], scope=BotCommandScopeChatAdministrators(room.id))
    assert (tg.commands_for(ana, room), tg.commands_for(ben, room)) == (["boss"], ["all"])
    assert tg.commands_for(ana) == ["own"]
    assert [c.command for c in await bot.get_my_commands(language_code="es")] == ["ayuda"]
    await bot.delete_my_commands(scope=BotCommandScopeChat(ana.id))
    assert tg.commands_for(ana) == ["ayuda"]
    for commands, answer in (
        ([("Help", "x")], "BOT_COMMAND_INVALID"),
        ([("x" * 33, "x")], "command length must not exceed 32"),
        ([("x", "y" * 257)], "command description length must not exceed 256"),
        ([(f"x{n}", "y") for n in range(101)], "BOT_COMMANDS_TOO_MUCH"),
    ):
        assert answer in await refusal(tg, bot.set_my_commands(commands))
    language = bot.set_my_commands([("x", "y")], language_code="english")
    assert "invalid language code specified" in await refusal(tg, language)


async def test_names_and_descriptions(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    await bot.set_my_description("Talk to me", language_code="en")
    await bot.set_my_short_description("A bot")
    await bot.set_my_name("Tertulia II")
    assert (await bot.get_my_description("en")).description == "Talk to me"
    assert (await bot.get_my_description()).description == ""
    assert (await bot.get_my_short_description("fr")).short_description == "A bot"
    assert (await bot.get_my_name()).name == "Tertulia II"
    assert "too long" in await refusal(tg, bot.set_my_description("x" * 513))


@pytest.mark.parametrize(
    ("button", "answer"),
    [
        ({"text": "x", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        (
            {"text": "x"},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        ({"text": "x", "url": "nowhere"}, "inline keyboard button URL 'nowhere' is invalid: Wrong HTTP URL"),
        ({"callback_data": "x"}, "can't parse inline keyboard button: Can't find field \"text\""),
    ],
)
async def test_keyboards_are_checked(both: tuple[Telegram, Bot], button: dict[str, str], answer: str) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    await ana.start()
    keyboard = {"inline_keyboard": [[button]]}
    call = bot.send_message(ana.id, "x", reply_markup=keyboard)  # type: ignore[arg-type]
    assert await refusal(tg, call) == f"Bad Request: {answer}"
