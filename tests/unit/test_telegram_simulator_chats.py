"""Groups, topics, channels, business chats and inline queries on the Telegram simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram import Bot, InlineQueryResultArticle, InputTextMessageContent, Update
from telegram.error import ChatMigrated, Forbidden

from tests.simulators.telegram import NO_FLOOD, Telegram
from tests.simulators.telegram.driving import driven, refusal


@pytest.fixture
async def both() -> AsyncIterator[tuple[Telegram, Bot]]:
    async with driven(flood=NO_FLOOD) as both:
        yield both


async def fresh(bot: Bot) -> list[Update]:
    """The updates that have not been seen yet."""
    updates = await bot.get_updates(allowed_updates=Update.ALL_TYPES)
    if updates:
        await bot.get_updates(offset=updates[-1].update_id + 1)
    return list(updates)


def texts(updates: list[Update]) -> list[str]:
    return [u.effective_message.text or "" for u in updates if u.effective_message]


async def test_in_groups_a_bot_hears_only_what_is_meant_for_it(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana, ben = tg.person("Ana"), tg.person("Ben")
    room = await tg.group("Friends", ana, ben)
    added = await fresh(bot)
    assert added[0].my_chat_member is not None
    assert added[0].my_chat_member.new_chat_member.status == "member"
    assert added[1].message is not None
    assert added[1].message.new_chat_members[0].id == tg.bot.id
    sent = await bot.send_message(room.id, "hello")
    mine = room.chat.log[sent.message_id]
    for text in (
        "hi all",
        "/help",
        "/help@tertulia_bot",
        "/help@other_bot",
        "hey @Tertulia_bot",
        "@other hi",
    ):
        await ana.say(text, chat=room)
    await ben.reply(mine, "to you")
    await ben.reply(room.messages[-1], "to Ben")
    assert texts(await fresh(bot)) == ["/help", "/help@tertulia_bot", "hey @Tertulia_bot", "to you"]
    await room.promote_bot()
    await ana.say("all of it", chat=room)
    assert texts(await fresh(bot))[-1] == "all of it"


async def test_a_bot_with_the_right_reads_all() -> None:
    async with driven(reads_all_group_messages=True) as (tg, bot):
        ana = tg.person("Ana")
        room = await tg.group("Friends", ana)
        await ana.say("hi all", chat=room)
        assert texts(await fresh(bot))[-1] == "hi all"


async def test_a_bot_that_was_thrown_out_is_told(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    for room, kind in (
        (await tg.group("A", ana), "group"),
        (await tg.supergroup("B", ana), "supergroup"),
        (await tg.channel("C", ana), "channel"),
    ):
        await room.remove_bot()
        assert f"bot was kicked from the {kind} chat" in await refusal(
            tg, bot.send_message(room.id, "x"), Forbidden
        )
    assert tg.errors == []
    update = (await fresh(bot))[-1].my_chat_member
    assert update is not None
    assert (update.old_chat_member.status, update.new_chat_member.status) == ("administrator", "kicked")


async def test_a_group_becomes_a_supergroup(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    old = await tg.group("Friends", ana)
    await fresh(bot)
    new = await old.migrate()
    told = [u.message for u in await fresh(bot)]
    assert told[0] is not None
    assert told[1] is not None
    assert (told[0].chat.id, told[0].migrate_to_chat_id) == (old.id, new.id)
    assert (told[1].chat.id, told[1].migrate_from_chat_id) == (new.id, old.id)
    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(old.id, "x")
    assert caught.value.new_chat_id == new.id
    await bot.send_message(new.id, "x")
    await ana.say("/hi", chat=new)
    with pytest.raises(ValueError, match="is not in"):
        await ana.say("/hi", chat=old)


async def test_rights_in_groups(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    room = await tg.supergroup("Friends", ana)
    said = await ana.say("hi", chat=room)
    assert "message can't be deleted" in await refusal(tg, bot.delete_message(room.id, said.id))
    await room.restrict_bot("can_send_photos")
    assert "not enough rights to send text messages to the chat" in await refusal(
        tg, bot.send_message(room.id, "x")
    )
    await room.promote_bot("can_delete_messages")
    await bot.delete_message(room.id, said.id)
    await room.demote_bot()
    await room.permit("can_send_polls")
    assert "not enough rights to send text messages to the chat" in await refusal(
        tg, bot.send_message(room.id, "x")
    )


async def test_topics(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    room = await tg.supergroup("Friends", ana, forum=True)
    topic = await room.topic("Cooking")
    await ana.say("/hi", chat=room, topic=topic)
    message = (await fresh(bot))[-1].message
    assert message is not None
    assert (message.message_thread_id, message.is_topic_message) == (topic.id, True)
    assert message.reply_to_message is not None
    assert message.reply_to_message.forum_topic_created is not None
    await bot.send_message(room.id, "in", message_thread_id=topic.id)
    await bot.send_message(room.id, "reply", reply_to_message_id=message.message_id)
    await bot.send_message(room.id, "general")
    assert [m.thread_id for m in room.chat.answers] == [topic.id, topic.id, 0]
    for thread in (1, 999):
        assert "message thread not found" in await refusal(
            tg, bot.send_message(room.id, "x", message_thread_id=thread)
        )
    await room.close_topic(topic)
    assert "TOPIC_CLOSED" in await refusal(tg, bot.send_message(room.id, "x", message_thread_id=topic.id))
    await room.promote_bot()
    await bot.send_message(room.id, "x", message_thread_id=topic.id)
    mine = await bot.create_forum_topic(room.id, "Mine")
    await bot.close_forum_topic(room.id, mine.message_thread_id)
    assert room.chat.topics[mine.message_thread_id].closed


async def test_topics_in_private_chats() -> None:
    async with driven(topics=True) as (tg, bot):
        ana = tg.person("Ana")
        topic = await ana.topic("Plans")
        await ana.say("hi", topic=topic)
        message = (await fresh(bot))[-1].message
        assert message is not None
        assert message.message_thread_id == topic.id
        await bot.send_message_draft(ana.id, 1, "x", message_thread_id=topic.id)
        await bot.send_message(ana.id, "x", message_thread_id=topic.id)
        assert ana.chat.answers[-1].thread_id == topic.id
        assert ana.draft is None


async def test_a_reply_begins_a_thread_in_a_supergroup(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    room = await tg.supergroup("Friends", ana)
    first = await ana.say("/hi", chat=room)
    await ana.reply(first, "/again", quote="hi")
    message = (await fresh(bot))[-1].message
    assert message is not None
    assert (message.message_thread_id, message.is_topic_message) == (first.id, None)
    assert message.quote is not None
    assert (message.quote.text, message.quote.position) == ("hi", 1)


async def test_drafts_are_for_private_chats(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    room = await tg.group("Friends", tg.person("Ana"))
    assert "TEXTDRAFT_PEER_INVALID" in await refusal(tg, bot.send_message_draft(room.id, 1, "x"))


async def test_channels(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    channel = await tg.channel("News", ana, username="the_news")
    await fresh(bot)
    post = await ana.say("first", chat=channel)
    await ana.react(post, "🔥")
    updates = await fresh(bot)
    assert updates[0].channel_post is not None
    assert updates[0].channel_post.sender_chat is not None
    counted = updates[1].message_reaction_count
    assert counted is not None
    assert counted.reactions[0].total_count == 1
    sent = await bot.send_message("@the_news", "second")
    await bot.edit_message_text("third", channel.id, sent.message_id)
    assert channel.texts == ["third"]
    await channel.promote_bot("can_manage_chat")
    assert "need administrator rights in the channel chat" in await refusal(
        tg, bot.send_message(channel.id, "x")
    )


async def test_people_come_and_go(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana, ben = tg.person("Ana"), tg.person("Ben")
    room = await tg.supergroup("Friends", ana)
    await room.promote_bot()
    await fresh(bot)
    await room.join(ben)
    await room.leave(ben, by=ana)
    await room.rename("Old friends")
    kinds = [(u.chat_member.new_chat_member.status if u.chat_member else "") for u in await fresh(bot)]
    assert kinds == ["member", "", "", "kicked", ""]
    administrators = await bot.get_chat_administrators(room.id)
    assert [(a.user.first_name, a.status) for a in administrators] == [
        ("Ana", "creator"),
        ("Tertulia", "administrator"),
    ]
    assert (await bot.get_chat_member(room.id, ben.id)).status == "kicked"
    assert (await bot.get_chat(room.id)).title == "Old friends"
    await bot.leave_chat(room.id)
    assert "not a member of the supergroup chat" in await refusal(
        tg, bot.send_message(room.id, "x"), Forbidden
    )


async def test_a_bot_writes_first_to_nobody(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    assert "chat not found" in await refusal(tg, bot.send_message(ana.id, "x"))
    await tg.group("Friends", ana)
    assert "bot can't initiate conversation with a user" in await refusal(
        tg, bot.send_message(ana.id, "x"), Forbidden
    )


async def test_reactions(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    said = await ana.say("hi")
    await bot.set_message_reaction(ana.id, said.id, "👀")
    assert said.reactions == {tg.bot.id: ["👀"]}
    await bot.set_message_reaction(ana.id, said.id, "❤️‍🔥")
    assert "REACTION_INVALID" in await refusal(tg, bot.set_message_reaction(ana.id, said.id, "🫠"))
    await fresh(bot)
    await ana.react(said, "👍")
    await ana.react(said)
    changes = [u.message_reaction for u in await fresh(bot)]
    assert [(len(c.old_reaction), len(c.new_reaction)) for c in changes if c] == [(0, 1), (1, 0)]
    await bot.get_updates(allowed_updates=[])
    await ana.react(said, "👍")
    assert await bot.get_updates() == ()


async def test_messages_are_edited_and_passed_on(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana, ben = tg.person("Ana"), tg.person("Ben")
    said = await ana.say("hi")
    await ana.edit(said, "hello")
    await ben.forward(said)
    await ben.forward(said, hidden=True)
    updates = await fresh(bot)
    assert updates[1].edited_message is not None
    assert updates[1].edited_message.text == "hello"
    origins = [u.message.forward_origin.type for u in updates[2:] if u.message and u.message.forward_origin]
    assert origins == ["user", "hidden_user"]
    assert len(await ana.paste("x" * 9000)) == 3


async def test_business_chats(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    owner, ana = tg.person("Olga"), tg.person("Ana")
    business = await tg.business(owner)
    said = await business.say(ana, "are you open?")
    await business.edit(said, "Are you open?")
    updates = await fresh(bot)
    assert updates[0].business_connection is not None
    assert updates[0].business_connection.rights is not None
    assert updates[1].business_message is not None
    assert updates[1].business_message.business_connection_id == business.id
    assert updates[2].edited_business_message is not None
    sent = await bot.send_message(ana.id, "We are", business_connection_id=business.id)
    assert sent.sender_business_bot is not None
    assert sent.from_user is not None
    assert sent.from_user.id == owner.id
    await bot.edit_message_text("Yes", ana.id, sent.message_id, business_connection_id=business.id)
    assert business.chat(ana).texts == ["Yes"]
    await business.delete(said)
    deleted = (await fresh(bot))[-1].deleted_business_messages
    assert deleted is not None
    assert deleted.message_ids == (said.id,)
    assert "business connection not found" in await refusal(
        tg, bot.send_message(ana.id, "x", business_connection_id="none")
    )
    await business.change("can_read_messages")
    assert "BUSINESS_CONNECTION_NOT_ALLOWED" in await refusal(
        tg, bot.send_message(ana.id, "x", business_connection_id=business.id)
    )
    assert (await bot.get_business_connection(business.id)).user.first_name == "Olga"


def article(number: str) -> InlineQueryResultArticle:
    return InlineQueryResultArticle(number, "Title", InputTextMessageContent("<b>x</b>", "HTML"))


async def test_inline_queries(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    ana = tg.person("Ana")
    query = await ana.inline("cats", chat=ana)
    asked = (await fresh(bot))[-1].inline_query
    assert asked is not None
    assert (asked.query, asked.chat_type) == ("cats", "sender")
    for results, complaint in (
        ([article(f"{n}") for n in range(51)], "too many inline query results"),
        ([article("1"), article("1")], "RESULT_ID_DUPLICATE"),
        ([article("é" * 33)], "RESULT_ID_INVALID"),
    ):
        assert complaint in await refusal(tg, bot.answer_inline_query(query.id, results, current_offset=None))
    await bot.answer_inline_query(query.id, [article("1")], cache_time=7)
    assert query.answer is not None
    assert (query.answer.results[0]["id"], query.answer.cache_time) == ("1", 7)
    chosen = await ana.choose(query, "1")
    assert chosen.text == "x"
    updates = await fresh(bot)
    assert updates[0].message is not None
    assert updates[0].message.via_bot is not None
    assert updates[1].chosen_inline_result is not None


async def test_updates_that_nobody_knows(both: tuple[Telegram, Bot]) -> None:
    tg, bot = both
    await tg.tell({"galactic_message": {"text": "hi"}})
    ana = tg.person("Ana")
    await ana.say("hi", hologram={"depth": 3})
    updates = await bot.get_updates()
    assert updates[0].api_kwargs == {"galactic_message": {"text": "hi"}}
    assert updates[1].message is not None
    assert updates[1].message.api_kwargs == {"hologram": {"depth": 3}}
