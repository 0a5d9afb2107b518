"""Who may do what in a chat, and how the Bot API tells of it."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.chats import Chat, Member, User

_ADMINISTRATOR = (
    *("can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members"),
    *("can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories"),
    "can_delete_stories",
)
_IN_GROUPS = ("can_pin_messages", "can_manage_topics")
_IN_CHANNELS = ("can_post_messages", "can_edit_messages")
PERMISSIONS = (
    *("can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos"),
    *("can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages"),
    *("can_add_web_page_previews", "can_change_info", "can_invite_users", "can_pin_messages"),
    *("can_manage_topics", "can_edit_tag", "can_react_to_messages"),
)
USUAL = {p for p in PERMISSIONS if p not in ("can_change_info", "can_pin_messages", "can_manage_topics")}


def administrator_rights(chat: Chat) -> tuple[str, ...]:
    return (*_ADMINISTRATOR, *(_IN_CHANNELS if chat.type == "channel" else _IN_GROUPS))


def member_json(chat: Chat, member: Member) -> dict[str, Any]:
    shown: dict[str, Any] = {"user": member.user.json(), "status": member.status}
    match member.status:
        case "creator":
            shown["is_anonymous"] = False
        case "administrator":
            rights = {right: right in member.rights for right in administrator_rights(chat)}
            shown |= {"can_be_edited": False, **rights, "is_anonymous": False}
        case "restricted":
            shown |= {p: p in member.rights for p in PERMISSIONS} | {"is_member": True, "until_date": 0}
        case "kicked":
            shown["until_date"] = 0
    return shown


def change_json(chat: Chat, by: User, old: Member, new: Member, date: int) -> dict[str, Any]:
    """A ChatMemberUpdated."""
    return {
        "chat": chat.json(),
        "from": by.json(),
        "date": date,
        "old_chat_member": member_json(chat, old),
        "new_chat_member": member_json(chat, new),
    }
