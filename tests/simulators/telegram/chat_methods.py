"""What the bot may learn about chats and their members, and do to topics; how it leaves."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.chats import Chat, Member, Message, Topic
from tests.simulators.telegram.entity import Text
from tests.simulators.telegram.members import PERMISSIONS, change_json, member_json
from tests.simulators.telegram.methods import Method, find_chat, method
from tests.simulators.telegram.parameters import Args
from tests.simulators.telegram.refusals import bad
from tests.simulators.telegram.world import World

_COLORS = (7322096, 16766590, 13338331, 9367192, 16749490, 16478047)


def get_chat(world: World, args: Args) -> dict[str, Any]:
    chat = find_chat(world, args, access="read")
    gifts = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    shown = chat.json() | {
        "accent_color_id": abs(chat.id) % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, chat.type == "private"),
    }
    if chat.username or (chat.user and chat.user.username):
        shown["active_usernames"] = [shown["username"]]
    if chat.type in ("group", "supergroup"):
        shown["permissions"] = {p: p in chat.permissions for p in PERMISSIONS}
    return shown


def get_chat_member(world: World, args: Args) -> dict[str, Any]:
    chat = find_chat(world, args, access="edit")
    user = world.users.get(args.integer("user_id"))
    if user is None:
        raise bad("PARTICIPANT_ID_INVALID" if args.integer("user_id") else "invalid user_id specified")
    if chat.type == "private":
        member = Member(user, "member" if user in (chat.user, world.bot.user) else "left")
        return member_json(chat, member)
    return member_json(chat, world.member(chat, user))


def get_chat_administrators(world: World, args: Args) -> list[dict[str, Any]]:
    """All but other bots; this one is told of itself."""
    chat = find_chat(world, args, access="edit")
    if chat.type == "private":
        raise bad("there are no administrators in the private chat")
    mine = world.bot.user
    known = (m for m in chat.members.values() if m.administers and (m.user is mine or not m.user.is_bot))
    return [member_json(chat, m) for m in known]


def get_chat_member_count(world: World, args: Args) -> int:
    chat = find_chat(world, args, access="edit")
    return 2 if chat.type == "private" else sum(m.inside for m in chat.members.values())


def leave_chat(world: World, args: Args) -> bool:
    chat = find_chat(world, args, access="edit")
    if chat.type == "private":
        raise bad("chat member status can't be changed in private chats")
    bot = world.bot.user
    old = world.member(chat, bot)
    if chat.type != "channel":
        world.write(chat, bot, Text(), extra={"left_chat_member": bot.json()}, by_bot=True)
    new = chat.members[bot.id] = Member(bot, "left")
    world.tell("my_chat_member", change_json(chat, bot, old, new, world.date()))
    return True


def create_forum_topic(world: World, args: Args) -> dict[str, Any]:
    chat = _forum(world, args)
    name = args.text("name").strip()
    if not 1 <= len(name) <= 128:
        raise bad("TOPIC_TITLE_EMPTY" if not name else "TOPIC_TITLE_TOO_LONG")
    color = args.integer("icon_color") or _COLORS[len(chat.topics) % len(_COLORS)]
    if color not in _COLORS:
        raise bad("TOPIC_ICON_COLOR_INVALID")
    created = _tell(world, chat, None, forum_topic_created={"name": name, "icon_color": color})
    created.thread_id = created.id
    chat.topics[created.id] = Topic(created.id, name, color)
    return {"message_thread_id": created.id, "name": name, "icon_color": color}


def edit_forum_topic(world: World, args: Args) -> bool:
    chat, topic = _topic(world, args)
    topic.name = args.text("name").strip() or topic.name
    _tell(world, chat, topic, forum_topic_edited={"name": topic.name})
    return True


def close_forum_topic(world: World, args: Args) -> bool:
    chat, topic = _topic(world, args)
    _toggle(topic, closed=True)
    _tell(world, chat, topic, forum_topic_closed={})
    return True


def reopen_forum_topic(world: World, args: Args) -> bool:
    chat, topic = _topic(world, args)
    _toggle(topic, closed=False)
    _tell(world, chat, topic, forum_topic_reopened={})
    return True


def delete_forum_topic(world: World, args: Args) -> bool:
    """With everything that was written in it."""
    chat, topic = _topic(world, args)
    topic.deleted = True
    for message in [m for m in chat.messages if m.thread_id == topic.id]:
        world.delete(message)
    return True


def _forum(world: World, args: Args) -> Chat:
    """A chat with topics that the bot may manage."""
    chat = find_chat(world, args)
    if chat.type == "private":
        if not world.bot.topics:
            raise bad("the chat is not a forum")
        return chat
    if not chat.forum:
        raise bad("the chat is not a forum")
    if "can_manage_topics" not in world.member(chat, world.bot.user).rights:
        raise bad("not enough rights to manage topics")
    return chat


def _topic(world: World, args: Args) -> tuple[Chat, Topic]:
    chat = _forum(world, args)
    topic = chat.topics.get(args.integer("message_thread_id"))
    if topic is None or topic.deleted:
        raise bad("message thread not found")
    return chat, topic


def _toggle(topic: Topic, *, closed: bool) -> None:
    if topic.closed == closed:
        raise bad("TOPIC_NOT_MODIFIED")
    topic.closed = closed


def _tell(world: World, chat: Chat, topic: Topic | None, **what: Any) -> Message:
    thread = topic.id if topic else 0
    return world.write(chat, world.bot.user, Text(), thread_id=thread, extra=what, by_bot=True)


METHODS: tuple[Method, ...] = (
    method("getChat", get_chat, "chat_id"),
    method("getChatMember", get_chat_member, "chat_id user_id"),
    method("getChatAdministrators", get_chat_administrators, "chat_id"),
    method("getChatMemberCount", get_chat_member_count, "chat_id"),
    method("leaveChat", leave_chat, "chat_id"),
    method("createForumTopic", create_forum_topic, "chat_id name icon_color icon_custom_emoji_id"),
    method("editForumTopic", edit_forum_topic, "chat_id message_thread_id name icon_custom_emoji_id"),
    method("closeForumTopic", close_forum_topic, "chat_id message_thread_id"),
    method("reopenForumTopic", reopen_forum_topic, "chat_id message_thread_id"),
    method("deleteForumTopic", delete_forum_topic, "chat_id message_thread_id"),
)
