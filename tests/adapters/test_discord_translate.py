"""Payloads as events: what each becomes, and that none is too odd to be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.asked import argument, event_of, is_outside, written
from adapters.discord.parts import QUOTE_LIMIT
from adapters.discord.text import Naming, readable
from adapters.discord.translate import MALFORMED, Translator
from adapters.discord.world import MANAGE_CHANNELS, MANAGE_GUILD, MANAGE_THREADS, Me
from bot.types import ADMIN, AUTHOR, MANAGER, MODERATOR, Event, EventKind, Part, PartKind

ME = Me("99", "Tertulia", "98")
NOW = 1_700_000_000.0
ANA: dict[str, Any] = {"id": "7", "username": "ana", "global_name": "Ana"}
BOT: dict[str, Any] = {"id": "99", "username": "Tertulia", "bot": True}


class Club:
    """A guild in which something is known."""

    def guild(self, guild: str) -> str:
        return {"10": "Club"}.get(guild, "")

    def channel(self, guild: str, channel: str) -> str:
        return {"20": "general", "60": "How to?"}.get(channel, "")

    def role(self, guild: str, role: str) -> str:
        return {"30": "Staff", "31": "Tertulia"}.get(role, "")

    def rights(self, guild: str, channel: str, user: str, roles: tuple[str, ...]) -> int:
        return MANAGE_GUILD if "30" in roles else 0

    def author(self, guild: str, channel: str) -> str:
        return "7" if channel == "60" else ""

    def is_my_role(self, guild: str, role: str) -> bool:
        return role == "31"

    def parent(self, guild: str, channel: str) -> str:
        return "55" if channel == "56" else ""

    def is_my_thread(self, guild: str, channel: str) -> bool:
        return channel in ("40", "60")


translator = Translator(ME, Club(), allow_bots=("50", "51"))


def message(content: str = "", **more: Any) -> dict[str, Any]:
    return {"id": "1000", "channel_id": "20", "type": 0, "author": ANA, "content": content, **more}


def one(payload: dict[str, Any], name: str = "MESSAGE_CREATE") -> Event:
    (event,) = translator.events(name, payload, NOW)
    return event


def test_a_private_message() -> None:
    event = one(message("Hello"))
    assert (event.id, event.key) == ("m:1000", "discord/99/m%3A1000")
    assert (event.kind, event.text, event.private, event.addressed) == (
        EventKind.MESSAGE,
        "Hello",
        True,
        True,
    )
    assert (event.address.chat, event.address.thread, event.message_id) == ("20", "", "1000")
    assert (event.sender.id, event.sender.name, event.received_at) == ("7", "Ana", NOW)


@pytest.mark.parametrize(
    ("more", "addressed"),
    [
        ({"content": "hello"}, False),
        ({"content": "<@99> hello", "mentions": [BOT]}, True),
        ({"content": "<@!99> hello"}, True),
        ({"content": "<@&31> hello", "mention_roles": ["31"]}, True),
        ({"content": "<@&30> hello"}, False),
        ({"content": "hello", "type": 19, "referenced_message": message("x", author=BOT)}, True),
        ({"content": "hello", "type": 19, "referenced_message": message("x")}, False),
        ({"content": "hello", "channel_id": "40"}, True),
    ],
)
def test_who_is_meant_in_a_guild(more: dict[str, Any], addressed: bool) -> None:
    event = one(message(guild_id="10", **{"content": "", **more}))
    assert event.addressed is addressed
    assert not event.private
    assert event.text.endswith("hello")


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("<@99>, what is new?", "what is new?"),
        ("what is new <@99>", "what is new"),
        ("<@99> <@&31> hi <@!99>", "hi"),
        ("ask <@99> too", "ask @Tertulia too"),
        ("<@99>", ""),
        ("<@7> in <#20> of <@&30>", "@Ana in #general of @Staff"),
        ("<@5> in <#21> of <@&33>", "@user in #channel of @role"),
        ("<:wave:123> <a:dance:124> </model:125>", ":wave: :dance: /model"),
        ("at <t:1700000000:R>", "at 2023-11-14 22:13 UTC"),
        ("at <t:99999999999999999>", "at 99999999999999999"),
        ("a < b <@x> <t:a>", "a < b <@x> <t:a>"),
    ],
)
def test_what_discord_writes_by_number_is_readable(text: str, stripped: str) -> None:
    naming = Naming(ME, Club(), "10", {"7": "Ana"})
    assert readable(text, naming, strip=True) == stripped


@given(st.text(alphabet=st.sampled_from(list("<>@!&#:t/a-9 \n")), max_size=60))
def test_any_text_is_readable(text: str) -> None:
    readable(text, Naming(ME, Club()), strip=True)


def test_roles_and_the_right_to_run_the_guild() -> None:
    member = {"roles": ["30", "32"], "nick": "Annie"}
    sender = one(message("<@99> hi", guild_id="10", member=member)).sender
    assert (sender.name, sender.roles) == ("Annie", ("role:30", "role:32", "@Staff", ADMIN))
    assert one(message("<@99> hi", guild_id="10", member={"roles": []})).sender.roles == ()


@pytest.mark.parametrize(
    ("rights", "standing"),
    [
        (MANAGE_GUILD, (ADMIN,)),
        (MANAGE_CHANNELS, (MANAGER,)),
        (MANAGE_THREADS, (MODERATOR,)),
        (1 << 3, (ADMIN, MANAGER, MODERATOR)),
        (1 << 11, ()),
    ],
)
def test_what_somebody_may_do_says_what_they_are_in_the_channel(
    rights: int, standing: tuple[str, ...]
) -> None:
    member = {"roles": [], "permissions": str(rights)}
    assert one(message("<@99> hi", guild_id="10", member=member)).sender.roles == standing


def test_a_forums_post_is_a_question_with_its_title_and_belongs_to_its_author() -> None:
    post = one(message("It is loose.", id="60", channel_id="60", guild_id="10"))
    assert (post.opens, post.addressed, post.text) == (True, True, "How to?\nIt is loose.")
    assert AUTHOR in post.sender.roles
    more = one(message("And how?", channel_id="60", guild_id="10"))
    assert (more.opens, more.addressed, more.text) == (False, True, "And how?")
    other = one(message("Try glue.", channel_id="60", guild_id="10", author={**ANA, "id": "8"}))
    assert (other.addressed, AUTHOR in other.sender.roles) == (False, False)


@pytest.mark.parametrize(
    ("more", "heard"),
    [
        ({"author": BOT}, False),
        ({"author": {"id": "5", "username": "x", "bot": True}}, False),
        ({"author": {"id": "50", "username": "x", "bot": True}}, True),
        ({"author": {"id": "6", "username": "x"}, "webhook_id": "6"}, False),
        ({"author": {"id": "6", "username": "x"}, "webhook_id": "51"}, True),
        ({"author": {"id": "50", "username": "x"}, "webhook_id": "98"}, False),
        ({"type": 7}, False),
        ({"type": 21}, False),
        ({"type": 18}, False),
    ],
)
def test_who_is_listened_to(more: dict[str, Any], heard: bool) -> None:
    assert bool(translator.events("MESSAGE_CREATE", message("hi", **more), NOW)) is heard


def test_a_text_that_is_kept_from_the_bot_is_nothing() -> None:
    assert translator.events("MESSAGE_CREATE", message("", guild_id="10"), NOW) == []


def test_a_command_that_is_written_out() -> None:
    event = one(message("/start abc"))
    assert (event.kind, event.data, event.message_id) == (EventKind.COMMAND, "/start abc", "1000")
    assert one(message("<@99> /model big", guild_id="10", mentions=[BOT])).data == "/model big"
    assert one(message("/shrug but not meant", guild_id="10")).kind is EventKind.MESSAGE
    assert one(message("/ no")).kind is one(message("/etc/passwd")).kind is EventKind.MESSAGE


def test_what_is_replied_to_is_quoted() -> None:
    earlier = message("x" * 3000, id="900", author={"id": "8", "username": "ben"})
    event = one(message("Why?", type=19, referenced_message=earlier))
    quote, text = event.parts
    assert (quote.kind, quote.name, len(quote.text)) == (PartKind.QUOTE, "ben", QUOTE_LIMIT)
    assert (text.text, event.reply_to) == ("Why?", "900")
    own = one(message("Why?", type=19, referenced_message={**earlier, "author": BOT}))
    assert own.parts == (Part(text="Why?"),)
    assert one(message("Why?", type=19, referenced_message=None)).reply_to == ""


def test_files_stickers_and_polls() -> None:
    file = {
        "id": "1",
        "filename": "a.png",
        "url": "https://cdn/a.png",
        "size": 9,
        "content_type": "image/png",
    }
    voice = {
        "id": "2",
        "filename": "v.ogg",
        "url": "https://cdn/v.ogg",
        "content_type": "audio/ogg; codecs=opus",
    }
    poll = {"question": {"text": "Tea?"}, "answers": [{"poll_media": {"text": "Yes"}}, {"poll_media": {}}]}
    found = message(attachments=[file, voice, {"url": "u"}], sticker_items=[{"name": "Hi"}], poll=poll)
    assert one(found).parts == (
        Part(PartKind.IMAGE, ref="https://cdn/a.png", media_type="image/png", name="a.png", size=9),
        Part(PartKind.AUDIO, ref="https://cdn/v.ogg", media_type="audio/ogg", name="v.ogg"),
        Part(PartKind.FILE, ref="u", media_type="application/octet-stream"),
        Part(text="[sticker Hi]"),
        Part(text="[poll Tea? | Yes]"),
    )
    earlier = message("", id="900", attachments=[file])
    quoted = one(message("This?", type=19, referenced_message=earlier))
    assert [(p.kind, p.text) for p in quoted.parts] == [
        (PartKind.QUOTE, "[a.png]"), (PartKind.IMAGE, ""), (PartKind.TEXT, "This?"),
    ]  # fmt: skip


@pytest.mark.parametrize(("channel", "name"), [("20", "#general"), ("21", "another chat")])
def test_what_is_forwarded_has_a_name(channel: str, name: str) -> None:
    reference = {"type": 1, "channel_id": channel, "guild_id": "10", "message_id": "5"}
    snapshot = {"message": {"content": "News from <@7>", "mentions": [ANA]}}
    event = one(message(message_reference=reference, message_snapshots=[snapshot]))
    assert event.parts == (Part(text="News from @Ana", name=name),)


def test_edits_are_told_only_when_somebody_edited() -> None:
    edited = message("Hello!", edited_timestamp="2026-01-01T00:00:00+00:00")
    event = one(edited, "MESSAGE_UPDATE")
    assert (event.kind, event.id) == (EventKind.EDIT, "e:1000:2026-01-01T00:00:00+00:00")
    assert translator.events("MESSAGE_UPDATE", message("Hello!", edited_timestamp=None), NOW) == []


def test_deletions() -> None:
    event = one({"id": "5", "channel_id": "20", "guild_id": "10"}, "MESSAGE_DELETE")
    assert (event.id, event.kind, event.message_id, event.private) == ("d:5", EventKind.DELETE, "5", False)
    many = translator.events("MESSAGE_DELETE_BULK", {"ids": ["5", "6"], "channel_id": "20"}, NOW)
    assert [e.id for e in many] == ["d:5", "d:6"]


def reaction(**more: Any) -> dict[str, Any]:
    return {
        "user_id": "7",
        "channel_id": "20",
        "message_id": "5",
        "emoji": {"id": None, "name": "👍🏽"},
        **more,
    }


def test_reactions_are_told_by_their_first_shade() -> None:
    added = one(reaction(message_author_id="99"), "MESSAGE_REACTION_ADD")
    assert (added.id, added.data, added.message_id) == ("r:5:7:👍:add", "👍", "5")
    removed = one(reaction(), "MESSAGE_REACTION_REMOVE")
    assert (removed.id, removed.data) == ("r:5:7:👍:remove", "")
    for other in (
        reaction(message_author_id="7"),
        reaction(user_id="99"),
        reaction(member={"user": {"id": "5", "username": "x", "bot": True}}),
        reaction(emoji={"id": "5", "name": None}),
    ):
        assert translator.events("MESSAGE_REACTION_ADD", other, NOW) == []


# interactions


def asked(kind: int, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"id": "70", "application_id": "98", "type": kind, "token": "t", "channel_id": "20", "user": ANA}
    return {**base, "locale": "zh-CN", "context": 1, "data": data, **more}


def test_where_only_an_interaction_leads() -> None:
    guild = {"guild_id": "10", "context": 0, "authorizing_integration_owners": {"0": "10"}}
    plenty = str((1 << 10) | (1 << 11) | (1 << 38))
    assert not is_outside(asked(2, {}))
    assert is_outside(asked(2, {}, context=2))
    assert not is_outside(asked(2, {}, **guild, app_permissions=plenty))
    assert is_outside(asked(2, {}, **guild, app_permissions=str(1 << 10)))
    assert is_outside(asked(2, {}, **guild, app_permissions=str(1 << 11 | 1 << 10), channel={"type": 11}))
    assert not is_outside(asked(2, {}, **guild, app_permissions="8"))
    assert is_outside(asked(2, {}, **{**guild, "authorizing_integration_owners": {"1": "7"}}))


def test_a_member_who_runs_the_guild_by_discords_own_word() -> None:
    member = {"user": ANA, "roles": ["32"], "permissions": str(1 << 5)}
    raw = asked(2, {"name": "new", "type": 1}, guild_id="10", context=0, member=member)
    event = event_of(raw, translator, NOW)
    assert event is not None
    assert event.sender.roles == ("role:32", ADMIN)
    assert not event.private


def test_what_is_nothing_to_the_core() -> None:
    for raw in (
        asked(2, {"name": "ask", "type": 1}),
        asked(2, {"name": "x", "type": 2}),
        asked(5, {}),
        asked(1, {}),
    ):
        assert event_of(raw, translator, NOW) is None


def test_words_of_windows_old_and_new() -> None:
    field = {"type": 4, "custom_id": "question", "value": " Why? "}
    for components in ([{"type": 1, "components": [field]}], [{"type": 18, "component": field}], [field]):
        assert written({"data": {"components": components}}) == "Why?"
    assert written({"data": {}}) == argument({}) == ""


# whatever comes

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["7", "99", 0, 19]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "user", "name", "content", "type", "message", "url", "text", "size", "components", "value"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
FIELDS = [
    "id", "ids", "type", "channel_id", "guild_id", "author", "member", "content", "mentions", "attachments",
    "referenced_message", "message_reference", "message_snapshots", "sticker_items", "poll", "webhook_id",
    "edited_timestamp", "user_id", "message_id", "emoji", "message_author_id", "data", "context", "locale",
    "app_permissions", "authorizing_integration_owners", "channel", "user",
]  # fmt: skip
NAMES = [
    "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "MESSAGE_REACTION_ADD",
    "MESSAGE_REACTION_REMOVE", "TYPING_START",
]  # fmt: skip


@given(
    name=st.sampled_from(NAMES),
    base=st.sampled_from(
        [message("hi", guild_id="10"), reaction(), {"id": "5", "ids": ["5"], "channel_id": "6"}]
    ),
    changes=st.dictionaries(st.sampled_from(FIELDS), values, max_size=5),
)
def test_no_payload_is_too_odd(name: str, base: dict[str, Any], changes: dict[str, Any]) -> None:
    for event in translator.events(name, {**base, **changes}, NOW):
        assert event.id
        assert event.message_id.isdecimal()


@given(kind=st.integers(1, 5), changes=st.dictionaries(st.sampled_from(FIELDS), values, max_size=5))
def test_no_interaction_is_too_odd(kind: int, changes: dict[str, Any]) -> None:
    raw = {**asked(kind, {"name": "new", "custom_id": "up"}, message={"id": "5"}), **changes}
    try:
        event = event_of(raw, translator, NOW)
        is_outside(raw)
    except MALFORMED:
        return
    assert event is None or event.id.startswith("i:")
