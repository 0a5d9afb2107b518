"""Telegram's updates as events, from the JSON that Telegram sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Update

from adapters.telegram.client import EVERY_UPDATE
from adapters.telegram.text import Text, readable
from adapters.telegram.translate import Translator, read
from bot.types import ADMIN, Event, EventKind, Part, PartKind
from tests.adapters.telegram_json import (
    ANA,
    BEN,
    BOT,
    CHANNEL,
    FILE,
    GROUP,
    ME,
    NOW,
    PRIVATE,
    entity,
    event,
    events,
    message,
)

# who, where, what


def test_a_private_message() -> None:
    found = event(message("Hello"))
    assert found.id == "m:42:11"
    assert found.kind is EventKind.MESSAGE
    assert (found.address.platform, found.address.account) == ("telegram", "7")
    assert (found.address.chat, found.address.thread) == ("42", "")
    assert (found.sender.id, found.sender.name, found.sender.language) == ("42", "Ana Díaz", "es")
    assert found.parts == (Part(text="Hello"),)
    assert found.message_id == "11"
    assert found.private
    assert found.addressed
    assert found.received_at == NOW


@pytest.mark.parametrize("chat", [GROUP, PRIVATE])
def test_a_topic_is_a_thread_of_its_own(chat: dict[str, Any]) -> None:
    assert event(message("a", chat, is_topic_message=True, message_thread_id=5)).address.thread == "5"
    assert event(message("a", chat, message_thread_id=5)).address.thread == ""


def test_a_topics_first_message_is_no_reply() -> None:
    root = message(None, GROUP, message_id=5, forum_topic_created={"name": "T", "icon_color": 1})
    found = event(message("a", GROUP, is_topic_message=True, message_thread_id=5, reply_to_message=root))
    assert (found.reply_to, found.parts) == ("", (Part(text="a"),))


def test_a_place_tells_its_title_and_a_topic_that_of_its_group() -> None:
    topic = message("a", GROUP, is_topic_message=True, message_thread_id=5)
    found = [event(given) for given in (message("a", GROUP), topic)]
    assert [e.names for e in found] == [("Friends",), ("", "Friends")]
    assert [len(e.names) for e in found] == [1 + len(e.within) for e in found]
    nameless = {key: value for key, value in GROUP.items() if key != "title"}
    assert event(message("a", nameless)).names == ("",)
    for private in (message("a"), message("a", PRIVATE, is_topic_message=True, message_thread_id=5)):
        assert event(private).names == ()
    button = {"id": "1", "from": BEN, "chat_instance": "1", "data": "x", "message": topic}
    (pressed,) = events("callback_query", button)
    assert pressed.names == ("", "Friends")
    renamed = {**GROUP, "title": "Old <b>friends</b> 👥"}
    assert event(message("a", renamed)).names == ("Old <b>friends</b> 👥",)


def test_a_business_message_is_answered_through_its_connection() -> None:
    found = event(message("Open today?", business_connection_id="bc1"), "business_message")
    assert found.id == "m:bc1:42:11"
    assert found.address.thread == "business:bc1"
    assert found.private
    assert found.addressed


def test_what_the_owner_of_a_business_account_writes_is_not_for_the_bot() -> None:
    found = event(message("Yes", business_connection_id="bc1", **{"from": BEN}), "business_message")
    assert not found.addressed
    own = message("I am the bot", business_connection_id="bc1", sender_business_bot=BOT)
    assert events("business_message", own) == []


def test_who_writes_as_the_group_runs_it() -> None:
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    found = event(message("a", GROUP, sender_chat=GROUP, **{"from": anonymous}))
    assert (found.sender.id, found.sender.name, found.sender.roles) == ("-100123", "Friends", (ADMIN,))
    assert not found.sender.is_bot
    as_channel = event(message("a", GROUP, sender_chat=CHANNEL, **{"from": anonymous}))
    assert (as_channel.sender.id, as_channel.sender.name, as_channel.sender.roles) == ("-100900", "News", ())


def test_a_bot_is_told_as_one() -> None:
    assert event(message("a", GROUP, **{"from": {**BOT, "id": 8}})).sender.is_bot


# is it for us


def test_in_a_group_only_what_is_meant_for_the_bot_is_addressed() -> None:
    assert not event(message("Hello all", GROUP)).addressed
    assert event(message("@Tertulia_Bot hi", GROUP, entities=[entity("mention", 0, 13)])).addressed
    assert not event(message("@someone hi", GROUP, entities=[entity("mention", 0, 8)])).addressed
    assert event(message("You: hi", GROUP, entities=[entity("text_mention", 0, 3, user=BOT)])).addressed
    assert event(message("and?", GROUP, reply_to_message=message("x", GROUP, **{"from": BOT}))).addressed
    assert not event(message("and?", GROUP, reply_to_message=message("x", GROUP, **{"from": BEN}))).addressed


def test_a_mention_in_a_caption_counts() -> None:
    photo = [{**FILE, "width": 1, "height": 1}]
    caption = {"caption": "@tertulia_bot look", "caption_entities": [entity("mention", 0, 13)]}
    found = event(message(None, GROUP, photo=photo, **caption))
    assert found.addressed
    assert [p.kind for p in found.parts] == [PartKind.TEXT, PartKind.IMAGE]
    assert found.text == "look"


def test_a_channels_posts_are_passed_over_unless_they_mention_the_bot() -> None:
    post = {"message_id": 3, "date": 1, "chat": CHANNEL, "sender_chat": CHANNEL, "text": "News of today"}
    assert events("channel_post", post) == []
    found = event(
        {**post, "text": "/ask@tertulia_bot x", "entities": [entity("bot_command", 0, 17)]}, "channel_post"
    )
    assert (found.kind, found.data, found.sender.roles) == (EventKind.COMMAND, "/ask x", (ADMIN,))


@pytest.mark.parametrize(
    ("text", "spans", "read_as"),
    [
        ("@tertulia_bot what is it?", [(0, 13)], "what is it?"),
        ("@tertulia_bot, what is it?", [(0, 13)], "what is it?"),
        ("What is it, @tertulia_bot", [(12, 13)], "What is it,"),
        ("Is @tertulia_bot a bot?", [(3, 13)], "Is @tertulia_bot a bot?"),
        ("😀 @tertulia_bot", [(3, 13)], "😀"),
        ("@tertulia_bot @tertulia_bot hi", [(0, 13), (14, 13)], "hi"),
        ("@tertulia_bot", [(0, 13)], ""),
    ],
)
def test_mentions_at_the_edges_are_left_out(text: str, spans: list[tuple[int, int]], read_as: str) -> None:
    said = message(text, GROUP, entities=[entity("mention", *span) for span in spans])
    assert event(said).text == read_as
    assert event({**said, "chat": PRIVATE}).text == text


def test_links_that_the_text_hides_are_told() -> None:
    links = [
        entity("text_link", 3, 4, url="https://a.example/x"),
        entity("text_link", 8, 1, url="https://b.example/(y)"),
    ]
    assert (
        event(message("😀 here [", entities=links)).text
        == "😀 [here](https://a.example/x) [\\[](<https://b.example/(y)>)"
    )


# commands


def test_a_command_with_its_arguments() -> None:
    found = event(message("/model tiny", entities=[entity("bot_command", 0, 6)]))
    assert (found.kind, found.data, found.id) == (EventKind.COMMAND, "/model tiny", "m:42:11")


def test_a_group_command_by_name_is_ours_and_others_are_not() -> None:
    ours = event(message("/new@Tertulia_bot", GROUP, entities=[entity("bot_command", 0, 17)]))
    assert (ours.kind, ours.data, ours.addressed) == (EventKind.COMMAND, "/new", True)
    assert not event(message("/new", GROUP, entities=[entity("bot_command", 0, 4)])).addressed
    assert events("message", message("/new@other_bot", GROUP, entities=[entity("bot_command", 0, 14)])) == []


def test_a_command_in_the_middle_is_a_word() -> None:
    assert event(message("try /new", entities=[entity("bot_command", 4, 4)])).kind is EventKind.MESSAGE


def test_a_caption_can_be_a_command() -> None:
    said = message(
        None, document={**FILE, "file_name": "a.txt", "mime_type": "text/plain"}, caption="/learn now"
    )
    found = event({**said, "caption_entities": [entity("bot_command", 0, 6)]})
    assert (found.kind, found.data) == (EventKind.COMMAND, "/learn now")
    assert found.parts[-1] == Part(
        PartKind.FILE, ref="file-1", media_type="text/plain", name="a.txt", size=5000
    )


# what else happens


def test_an_edit_is_known_by_its_text() -> None:
    first = event(message("one", edit_date=1_700_000_100), "edited_message")
    second = event(message("two", edit_date=1_700_000_100), "edited_message")
    assert first.kind is EventKind.EDIT
    assert first.id.startswith("e:42:11:1700000100:")
    assert first.id != second.id
    assert first.message_id == "11"
    location = {"latitude": 1.0, "longitude": 2.0, "live_period": 60}
    assert events("edited_message", message(None, location=location, edit_date=1)) == []


def test_a_button() -> None:
    shown = message("Answer", GROUP, is_topic_message=True, message_thread_id=5, **{"from": BOT})
    query = {"id": "q1", "from": BEN, "chat_instance": "1", "message": shown, "data": "up"}
    found = event(query, "callback_query")
    assert (found.id, found.kind, found.data, found.message_id) == ("c:q1", EventKind.BUTTON, "up", "11")
    assert (found.sender.id, found.address.thread, found.private) == ("43", "5", False)
    gone = {**query, "message": {"chat": PRIVATE, "message_id": 9, "date": 0}}
    assert event(gone, "callback_query").message_id == "9"
    assert events("callback_query", {"id": "q2", "from": BEN, "chat_instance": "1", "data": "x"}) == []


def emoji(*shown: str) -> list[dict[str, Any]]:
    return [{"type": "emoji", "emoji": e} for e in shown]


@pytest.mark.parametrize(
    ("old", "new", "data"),
    [
        ([], emoji("👍"), "👍"),
        (emoji("👍"), [], ""),
        (emoji("👍"), emoji("👎"), "👎"),
        (emoji("🔥"), emoji("🔥", "👍"), "👍"),
        ([], [{"type": "custom_emoji", "custom_emoji_id": "1"}], None),
        ([], [{"type": "paid"}], None),
        (emoji("👍"), [{"type": "paid"}], ""),
    ],
)
def test_a_reaction(old: list[Any], new: list[Any], data: str | None) -> None:
    happened = {
        "chat": PRIVATE,
        "message_id": 5,
        "date": 99,
        "user": ANA,
        "old_reaction": old,
        "new_reaction": new,
    }
    found = events("message_reaction", happened)
    assert [e.data for e in found] == ([] if data is None else [data])
    assert [e.id for e in found] == ([] if data is None else [f"r:42:5:42:99:{data}"])


def test_a_reaction_is_in_the_topic_that_its_message_was_sent_to() -> None:
    happened = {
        "chat": GROUP,
        "message_id": 5,
        "date": 99,
        "actor_chat": CHANNEL,
        "old_reaction": [],
        "new_reaction": emoji("👍"),
    }
    update = Update.de_json({"update_id": 1, "message_reaction": happened})
    (found,) = Translator(ME, lambda chat, message_id: f"{chat}+{message_id}").events(update, NOW)
    assert (found.address.thread, found.sender.id) == ("-100123+5", "-100900")


def changed(chat: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    def member(status: str) -> dict[str, Any]:
        return {"user": BOT, "status": status, **({"until_date": 0} if status == "kicked" else {})}

    return {
        "chat": chat,
        "from": ANA,
        "date": 77,
        "old_chat_member": member(old),
        "new_chat_member": member(new),
    }


@pytest.mark.parametrize(
    ("chat", "old", "new", "data"),
    [
        (GROUP, "left", "member", "joined"),
        (GROUP, "member", "kicked", "left"),
        (PRIVATE, "member", "kicked", "left"),
        (PRIVATE, "kicked", "member", "joined"),
    ],
)
def test_a_membership(chat: dict[str, Any], old: str, new: str, data: str) -> None:
    found = event(changed(chat, old, new), "my_chat_member")
    assert (found.kind, found.data, found.id) == (EventKind.MEMBERSHIP, data, f"j:{chat['id']}:77:{new}")


def test_a_change_that_leaves_the_bot_where_it_is_is_none() -> None:
    assert events("my_chat_member", changed(GROUP, "left", "kicked")) == []


def test_a_group_that_moved() -> None:
    found = event(message(None, GROUP, migrate_to_chat_id=-100777))
    assert (found.kind, found.data) == (EventKind.MEMBERSHIP, "moved -100777")


def test_deleted_business_messages_one_by_one() -> None:
    gone = {"business_connection_id": "bc1", "chat": PRIVATE, "message_ids": [4, 5]}
    found = events("deleted_business_messages", gone)
    assert [(e.kind, e.message_id, e.address.thread) for e in found] == [
        (EventKind.DELETE, "4", "business:bc1"),
        (EventKind.DELETE, "5", "business:bc1"),
    ]
    assert len({e.key for e in found}) == 2


# what concerns nobody


def test_service_messages_and_own_ones_are_passed_over() -> None:
    for fields in (
        {"new_chat_members": [BEN]},
        {"pinned_message": message("x")},
        {"new_chat_title": "T"},
        {"migrate_from_chat_id": -5},
        {"forum_topic_created": {"name": "T", "icon_color": 1}},
    ):
        assert events("message", message(None, GROUP, **fields)) == []
    assert events("message", message("found", via_bot=BOT)) == []
    assert events("message", message("mine", GROUP, **{"from": BOT})) == []


def test_an_unknown_kind_is_passed_over() -> None:
    assert events("telepathy", {"thought": "?"}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
KINDS = sorted(map(str, EVERY_UPDATE))
FIELDS = sorted(
    {*message("x"), "entities", "photo", "reply_to_message", "sender_chat", "voice", "caption", "quote"}
)


@given(st.fixed_dictionaries({"update_id": JSON}, optional={kind: JSON for kind in KINDS}))
def test_any_json_gives_events_or_nothing(raw: dict[str, Any]) -> None:
    update = read(raw)
    if update is not None:
        assert all(isinstance(e, Event) for e in Translator(ME).events(update, NOW))


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), st.sampled_from(KINDS))
def test_a_message_with_any_fields_gives_events_or_nothing(fields: dict[str, Any], kind: str) -> None:
    update = read({"update_id": 1, kind: {**message("Hello", GROUP), **fields}})
    if update is not None:
        assert all(isinstance(e, Event) for e in Translator(ME).events(update, NOW))


@given(JSON)
def test_what_is_no_update_is_none(raw: Any) -> None:
    read(raw)


SPANS = st.tuples(st.integers(-2, 12), st.integers(-2, 12), st.sampled_from(["mention", "text_link", "bold"]))


@given(st.text(max_size=10), st.lists(SPANS, max_size=4))
def test_entities_anywhere_never_lose_the_text(text: str, spans: list[tuple[int, int, str]]) -> None:
    update = read(
        {
            "update_id": 1,
            "message": message(text, entities=[entity(k, o, n, url="u:x") for o, n, k in spans]),
        }
    )
    assert update is not None
    assert update.message is not None
    whole = readable(Text(text), update.message.entities)
    assert all(char in whole for char in text if char <= "\uffff" and not "\ud800" <= char <= "\udfff")
