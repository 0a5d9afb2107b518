"""sendMessage and the road that everything sent takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulators.telegram.chats import Chat, Draft, Message, User, reply_thread
from tests.simulators.telegram.entity import Text, units
from tests.simulators.telegram.keyboards import inline_only, read_markup
from tests.simulators.telegram.methods import (
    Access,
    Method,
    find_chat,
    find_connection,
    find_topic,
    may_send,
    method,
)
from tests.simulators.telegram.parameters import Args, message_text, read_text
from tests.simulators.telegram.refusals import bad
from tests.simulators.telegram.tidy import tidy
from tests.simulators.telegram.world import World

COMMON = (
    "chat_id message_thread_id business_connection_id disable_notification protect_content reply_markup "
    "reply_parameters allow_paid_broadcast message_effect_id "
)
ACTIONS = {
    *("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice"),
    *("upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note"),
}


@dataclass(slots=True)
class Parcel:
    """Something to be sent, checked as far as the text and the keyboard go."""

    text: Text
    right: str
    what: str
    media: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def send_message(world: World, args: Args) -> dict[str, Any]:
    text = message_text(args)
    extra = {}
    if options := args.json("link_preview_options"):
        extra["link_preview_options"] = options
    parcel = Parcel(text, "can_send_messages", "text messages", extra=extra)
    return world.json(send(world, args, parcel))


def send(world: World, args: Args, *parcels: Parcel) -> Message:
    """Send what belongs together, at the price of as many messages; returns the first."""
    reply = _read_reply(args)
    markup = read_markup(args)
    chat = destination(world, args)
    topic = find_topic(chat, args)
    replied = _replied(world, chat, reply)
    for parcel in parcels:
        may_send(world, chat, parcel.right, parcel.what)
    if chat.type == "channel":
        markup = inline_only(markup)
    if topic is not None and topic.closed and not _manages(world, chat):
        raise bad("TOPIC_CLOSED")
    world.flood.take(chat.budget, private=chat.type == "private", cost=float(len(parcels)))
    sent = [
        world.write(
            chat,
            _author(world, chat),
            parcel.text,
            media=parcel.media,
            markup=markup,
            thread_id=topic.id if topic is not None else reply_thread(chat, replied),
            reply_to=replied,
            quote=_quote(reply, replied),
            silent=args.flag("disable_notification"),
            by_bot=True,
            extra=_extra(world, args, parcel, chat),
        )
        for parcel in parcels
    ]
    return sent[0]


def destination(world: World, args: Args, access: Access = "write") -> Chat:
    """The chat that is meant: the bot's own, or one of a person that it works for."""
    if connection := find_connection(world, args):
        if not connection.enabled:
            raise bad("BUSINESS_CONNECTION_INVALID")
        if access != "read" and "can_reply" not in connection.rights:
            raise bad("BUSINESS_CONNECTION_NOT_ALLOWED")
        if args.integer("chat_id") not in connection.chats:
            raise bad("BUSINESS_PEER_INVALID")
        return connection.chats[args.integer("chat_id")]
    return find_chat(world, args, access=access)


def _author(world: World, chat: Chat) -> User | Chat:
    if chat.connection:
        return world.connections[chat.connection].user
    return chat if chat.type == "channel" else world.bot.user


def _extra(world: World, args: Args, parcel: Parcel, chat: Chat) -> dict[str, Any]:
    extra = dict(parcel.extra)
    if chat.connection:
        extra["sender_business_bot"] = world.bot.user.json()
    if args.flag("protect_content"):
        extra["has_protected_content"] = True
    if effect := args.text("message_effect_id"):
        extra["effect_id"] = effect
    return extra


def _manages(world: World, chat: Chat) -> bool:
    member = world.member(chat, world.bot.user)
    return member.administers and "can_manage_topics" in member.rights


def _read_reply(args: Args) -> dict[str, Any]:
    reply = args.json("reply_parameters", "reply parameters")
    if reply is None:
        return {}
    if not isinstance(reply, dict):
        raise bad("object expected as reply parameters")
    return reply


def _replied(world: World, chat: Chat, reply: dict[str, Any]) -> Message | None:
    """The message that is replied to, or None where there is none and that is allowed."""
    message_id = int(reply.get("message_id", 0))
    if message_id <= 0:
        return None
    where = chat
    if (other := str(reply.get("chat_id", ""))) not in ("", str(chat.id)):
        where = find_chat(world, Args(fields={"chat_id": other}), access="read")
    message = where.log.get(message_id)
    if message is None or message.deleted:
        if reply.get("allow_sending_without_reply"):
            return None
        raise bad("message to be replied not found")
    return message


def _quote(reply: dict[str, Any], replied: Message | None) -> dict[str, Any] | None:
    """The part of the message that is quoted; it must stand there word for word."""
    if replied is None or not reply.get("quote"):
        return None
    quote = tidy(
        read_text(str(reply["quote"]), str(reply.get("quote_parse_mode", "")), reply.get("quote_entities")),
        find=False,
    )
    place = replied.text.find(quote.text)
    if place < 0 or not quote.text:
        raise bad("QUOTE_TEXT_INVALID")
    return {"text": quote.text, "position": units(replied.text[:place]), "is_manual": True}


def send_message_draft(world: World, args: Args) -> bool:
    """Shown for a while, then gone; the empty text means that something is being thought of."""
    text = tidy(read_text(args.text("text"), args.text("parse_mode"), args.json("entities")))
    if units(text.text) > 4096:
        raise bad("message is too long")
    chat = find_chat(world, args)
    topic = find_topic(chat, args)
    draft_id = args.integer("draft_id")
    if not draft_id:
        raise bad("RANDOM_ID_INVALID")
    if chat.type != "private":
        raise bad("TEXTDRAFT_PEER_INVALID")
    world.flood.take(chat.budget, private=True, cost=world.flood.limits.draft_cost)
    world.draft(chat, Draft(draft_id, text, topic.id if topic else 0, world.clock()))
    return True


def send_chat_action(world: World, args: Args) -> bool:
    if args.text("action") not in ACTIONS:
        raise bad("wrong parameter action in request")
    chat = destination(world, args)
    find_topic(chat, args)
    chat.actions.append(args.text("action"))
    world.news.tell()
    return True


METHODS: tuple[Method, ...] = (
    method("sendMessage", send_message, COMMON + "text parse_mode entities link_preview_options"),
    method(
        "sendMessageDraft",
        send_message_draft,
        "chat_id message_thread_id draft_id text parse_mode entities",
    ),
    method("sendChatAction", send_chat_action, "chat_id action message_thread_id business_connection_id"),
)
