"""The Telegram simulator, driven by the library that the bot uses: updates, messages, drafts, buttons."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from typing import Any

import pytest
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError

from tests.simulators.telegram import Faults, Telegram
from tests.simulators.telegram.driving import bot_of, refusal


@pytest.fixture
async def tg() -> AsyncIterator[Telegram]:
    async with Telegram() as telegram:
        yield telegram


@pytest.fixture
async def bot(tg: Telegram) -> AsyncIterator[Bot]:
    async with bot_of(tg) as bot:
        yield bot


async def first(bot: Bot, **more: Any) -> Update:
    updates = await bot.get_updates(**more)
    assert len(updates) == 1
    return updates[0]


async def test_it_is_who_it_is(tg: Telegram, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (tg.bot.id, "tertulia_bot", True)
    assert me.can_read_all_group_messages is False
    assert tg.calls["getMe"] == 2


async def test_a_message_comes_as_it_was_written(tg: Telegram, bot: Bot) -> None:
    ana = tg.person("Ana", language="es")
    said = await ana.say("😀 hola @someone, mira https://example.com/a y /help")
    update = await first(bot)
    message = update.message
    assert message is not None
    assert message.from_user is not None
    assert (message.message_id, message.text, message.from_user.language_code) == (said.id, said.text, "es")
    assert message.parse_entities() == {
        e: t for e, t in zip(message.entities, ["@someone", "https://example.com/a", "/help"], strict=True)
    }


async def test_an_offset_confirms_everything_below_it_for_good(tg: Telegram, bot: Bot) -> None:
    ana = tg.person("Ana")
    for n in range(5):
        await ana.say(f"{n}")
    seen = await bot.get_updates(limit=2)
    assert [u.update_id for u in await bot.get_updates(limit=2)] == [u.update_id for u in seen]
    rest = await bot.get_updates(offset=seen[-1].update_id + 1)
    assert [u.message.text for u in rest if u.message] == ["2", "3", "4"]
    assert [u.update_id for u in rest] == [seen[-1].update_id + n for n in (1, 2, 3)]
    assert len(await bot.get_updates(offset=seen[0].update_id)) == 3
    assert [u.message.text for u in await bot.get_updates(offset=-1) if u.message] == ["4"]
    assert len(await bot.get_updates()) == 1


async def test_a_long_poll_waits_for_what_comes(tg: Telegram, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await tg.until(lambda: tg.polled)
    await tg.person("Ana").say("hi")
    assert len(await poll) == 1


async def test_a_second_poll_ends_the_first(tg: Telegram, bot: Bot) -> None:
    one = asyncio.create_task(bot.get_updates(timeout=20))
    await tg.until(lambda: tg.polled)
    two = asyncio.create_task(bot.get_updates(timeout=20))
    assert "terminated by other getUpdates request" in await refusal(tg, one, Conflict)
    await tg.person("Ana").say("hi")
    assert len(await two) == 1
    assert tg.errors == []


async def test_what_the_bot_does_not_want_to_know_is_not_kept(tg: Telegram, bot: Bot) -> None:
    await bot.get_updates(allowed_updates=["edited_message"])
    said = await tg.person("Ana").say("hi")
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=[])
    await tg.person("Ana").say("hi again")
    assert said.text == "hi"
    assert len(await bot.get_updates()) == 1


async def test_a_message_is_sent_changed_and_deleted(tg: Telegram, bot: Bot) -> None:
    ana = tg.person("Ana")
    said = await ana.say("hi")
    sent = await bot.send_message(ana.id, "<b>one</b>", parse_mode="HTML", reply_to_message_id=said.id)
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "hi"
    await bot.edit_message_text("two", ana.id, sent.message_id)
    assert "is not modified: specified new message content" in await refusal(
        tg, bot.edit_message_text("two", ana.id, sent.message_id)
    )
    assert ana.texts == ["two"]
    assert ana.chat.answers_to(said)[0].texts == ["one", "two"]
    await bot.delete_message(ana.id, sent.message_id)
    assert ana.texts == []
    for call in (
        bot.edit_message_text("three", ana.id, sent.message_id),
        bot.delete_message(ana.id, sent.message_id),
        bot.edit_message_text("three", ana.id, said.id),
        bot.send_message(ana.id, "x", reply_to_message_id=9),
        bot.send_message(99, "x"),
    ):
        with pytest.raises(BadRequest):
            await call
    assert [e.partition("Bad Request: ")[2] for e in tg.errors] == [
        "message to edit not found",
        "message to delete not found",
        "message can't be edited",
        "message to be replied not found",
        "chat not found",
    ]
    assert [(s.kind, s.text) for s in ana.chat.sights][1:] == [
        ("message", "one"),
        ("edit", "two"),
        ("delete", "two"),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x" * 4097, "message is too long"),
        ("😀" * 2049, "message is too long"),
        (" \n\u200b", "text must be non-empty"),
        ("", "message text is empty"),
        ("<b></b>", "text must be non-empty"),
        ("<x>1</x>", 'can\'t parse entities: Unsupported start tag "x" at byte offset 0'),
        ("ä<b>1", "can't parse entities: Can't find end tag corresponding to start tag \"b\""),
        ("é<b>1</i>", 'entities: Unmatched end tag at byte offset 6, expected "</b>", found "</i>"'),
    ],
)
async def test_bad_texts_are_refused(tg: Telegram, bot: Bot, text: str, complaint: str) -> None:
    ana = tg.person("Ana")
    await ana.start()
    with pytest.raises(BadRequest) as caught:
        await bot.send_message(ana.id, text, parse_mode="HTML")
    assert complaint.lower() in str(caught.value).lower()


async def test_the_limit_counts_what_people_see(tg: Telegram, bot: Bot) -> None:
    ana = tg.person("Ana")
    await ana.start("payload")
    await bot.send_message(ana.id, f" <b>{'&lt;' * 4096}</b>\n", parse_mode="HTML")
    assert ana.texts == ["<" * 4096]


async def test_a_draft_is_seen_until_the_message_takes_its_place(tg: Telegram, bot: Bot) -> None:
    ana = tg.person("Ana")
    await ana.start()
    await bot.send_message_draft(ana.id, 7, "thin")
    await bot.send_message_draft(ana.id, 7, "thinking")
    assert ana.draft is not None
    assert ana.draft.text.text == "thinking"
    await bot.send_message(ana.id, "thought")
    assert ana.draft is None
    assert [d.text.text for d in ana.chat.drafts] == ["thin", "thinking"]
    assert "RANDOM_ID_INVALID" in await refusal(tg, bot.send_message_draft(ana.id, 0, "x"))


async def test_a_button_is_pressed_and_answered_once(tg: Telegram, bot: Bot) -> None:
    ana = tg.person("Ana")
    await ana.start()
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    await bot.send_message(ana.id, "Sure?", reply_markup=keyboard)  # type: ignore[arg-type]
    question = ana.chat.last
    assert question is not None
    assert question.plain == "Sure?\n[Yes]"
    press = await ana.press(question, "Yes")
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    assert query.data == "y"
    await query.answer("Done", show_alert=True)
    assert press.answer is not None
    assert (press.answer.text, press.answer.alert) == ("Done", True)
    assert "query is too old and response timeout expired" in await refusal(tg, query.answer("Again"))
    with pytest.raises(LookupError):
        await ana.press(question, "No")


async def test_who_blocked_the_bot_gets_nothing(tg: Telegram, bot: Bot) -> None:
    ana = tg.person("Ana")
    await ana.start()
    await ana.block_bot()
    assert "bot was blocked by the user" in await refusal(tg, bot.send_message(ana.id, "x"), Forbidden)
    change = (await bot.get_updates())[-1].my_chat_member
    assert change is not None
    assert change.new_chat_member.status == "kicked"
    await ana.unblock_bot()
    await bot.send_message(ana.id, "x")
    assert tg.errors == []


async def test_tokens_are_checked(tg: Telegram) -> None:
    for token, code in (("1:wrong", 401), ("malformed", 404)):
        with pytest.raises(InvalidToken):
            async with Bot(token, base_url=f"{tg.url}/bot"):
                pass
        assert tg.log[-1].code == code


async def test_what_the_simulator_lacks_it_says(tg: Telegram, bot: Bot) -> None:
    assert "simulator lacks the method getUserProfilePhotos" in await refusal(
        tg, bot.get_user_profile_photos(1), NetworkError
    )
    assert len(tg.errors) == 1


async def test_an_outage_hits_polls_too(tg: Telegram, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await tg.until(lambda: tg.polled)
    tg.outage()
    with pytest.raises(NetworkError):
        await poll
    tg.outage("502")
    assert await refusal(tg, bot.get_me(), NetworkError) == "502"
    tg.recover()
    await bot.get_me()


POLLER = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode(), flush=True)
urllib.request.urlopen(sys.argv[1] + "&timeout=30&offset=-1")
"""


async def test_a_bot_that_is_killed_finds_everything_when_it_comes_back(tg: Telegram, bot: Bot) -> None:
    ana = tg.person("Ana")
    await ana.say("one")
    url = f"{tg.url}/bot{tg.token}/getUpdates?limit=100"
    poller = await asyncio.create_subprocess_exec(sys.executable, "-c", POLLER, url, stdout=PIPE)
    assert poller.stdout is not None
    assert "one" in (await poller.stdout.readline()).decode()
    poller.kill()
    await poller.wait()
    await ana.say("two")
    assert [u.message.text for u in await bot.get_updates() if u.message] == ["one", "two"]
    assert ana.chat.transcript == "Ana: one\nAna: two"


async def test_a_call_that_is_cut_off_took_effect(bot: Bot) -> None:
    faults = Faults(cut_off=1.0, seed=1)
    async with Telegram(faults=faults) as tg, bot_of(tg) as unlucky:
        ana = tg.person("Ana")
        await ana.start()
        with pytest.raises(NetworkError):
            await unlucky.send_message(ana.id, "x")
        assert ana.texts == ["x"]
