"""Changing and deleting what was sent."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.chats import Message, Version
from tests.simulators.telegram.entity import Text
from tests.simulators.telegram.keyboards import inline_only, read_markup
from tests.simulators.telegram.methods import Method, check_access, find_chat, find_message, method
from tests.simulators.telegram.parameters import Args, caption, message_text
from tests.simulators.telegram.refusals import NOT_MODIFIED, bad
from tests.simulators.telegram.sending import destination
from tests.simulators.telegram.world import World

_TARGET = "chat_id message_id inline_message_id business_connection_id reply_markup "
_DAY = 24 * 60 * 60


def edit_message_text(world: World, args: Args) -> Any:
    text = message_text(args)
    markup = inline_only(read_markup(args))
    message = _editable(world, args)
    if message.media:
        raise bad("there is no text in the message to edit")
    return _change(world, message, text, markup)


def edit_message_caption(world: World, args: Args) -> Any:
    text = caption(args.text("caption"), args.text("parse_mode"), args.json("caption_entities"))
    markup = inline_only(read_markup(args))
    message = _editable(world, args)
    if not message.media:
        raise bad("there is no caption in the message to edit")
    return _change(world, message, text, markup)


def edit_message_reply_markup(world: World, args: Args) -> Any:
    markup = inline_only(read_markup(args))
    message = _editable(world, args)
    return _change(world, message, message.marked, markup)


def _editable(world: World, args: Args) -> Message:
    """The message, where the bot wrote it."""
    if inline := args.text("inline_message_id"):
        if inline not in world.inline_messages:
            raise bad("MESSAGE_ID_INVALID")
        return world.inline_messages[inline]
    chat = destination(world, args, "edit")
    message = find_message(world, chat, args.integer("message_id"))
    if not message.by_bot or message.service or "forward_origin" in message.extra:
        raise bad("message can't be edited")
    if "keyboard" in (message.markup or {}) or "force_reply" in (message.markup or {}):
        raise bad("message can't be edited")
    return message


def _change(world: World, message: Message, text: Text, markup: dict[str, Any] | None) -> Any:
    chat, now = message.chat, message.versions[-1]
    world.flood.take(chat.budget, private=chat.type == "private", cost=world.flood.limits.edit_cost)
    if now.text == text and now.markup == markup:
        raise bad(NOT_MODIFIED)
    world.rewrite(message, Version(text, now.media, markup, world.clock()))
    return True if "via_bot" in message.extra else world.json(message)


def delete_message(world: World, args: Args) -> bool:
    if not args.text("chat_id"):
        raise bad("chat identifier is not specified")
    if not args.text("message_id"):
        raise bad("message identifier is not specified")
    _delete(world, args, args.integer("message_id"))
    return True


def delete_messages(world: World, args: Args) -> bool:
    """Those that are not there are passed over."""
    ids = args.json("message_ids") or []
    if not isinstance(ids, list) or not 1 <= len(ids) <= 100:
        raise bad(
            "message identifiers are not specified" if not ids else "too many message identifiers specified"
        )
    chat = find_chat(world, args)
    for message_id in ids:
        if int(message_id) in chat.log and not chat.log[int(message_id)].deleted:
            _delete(world, args, int(message_id))
    return True


def _delete(world: World, args: Args, message_id: int) -> None:
    chat = find_chat(world, args)
    check_access(world, chat, "write")
    message = find_message(world, chat, message_id, "message to delete")
    member = world.member(chat, world.bot.user)
    rights = member.status == "creator" or "can_delete_messages" in member.rights
    if not (message.by_bot or chat.type == "private" or rights):
        raise bad("message can't be deleted")
    if world.date() - message.date > 2 * _DAY and not rights:
        raise bad("message can't be deleted for everyone")
    world.delete(message)


METHODS: tuple[Method, ...] = (
    method(
        "editMessageText",
        edit_message_text,
        _TARGET + "text parse_mode entities link_preview_options",
    ),
    method(
        "editMessageCaption",
        edit_message_caption,
        _TARGET + "caption parse_mode caption_entities show_caption_above_media",
    ),
    method("editMessageReplyMarkup", edit_message_reply_markup, _TARGET),
    method("deleteMessage", delete_message, "chat_id message_id"),
    method("deleteMessages", delete_messages, "chat_id message_ids"),
)
