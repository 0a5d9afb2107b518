"""What the audit log tells: all actions that the console writes down, in the groups they are found by.

Each has a sentence in the words (`audit.do.ACTION`), each group a name (`audit.group.GROUP`).
"""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    "conversation": (
        *("conversation.read", "conversations.list", "conversations.search", "conversation.export"),
        *("conversation.take", "conversation.say", "conversation.back", "conversation.left"),
    ),
    "person": ("person.read", "person.export", "person.role", "person.delete"),
    "invite": ("invite.make", "invite.revoke"),
    "feedback": ("feedback.read", "feedback.handled", "feedback.open"),
    "dead": ("dead.read", "dead.retry"),
    "place": ("place.settings",),
    "platform": ("platform.reconnect",),
    "persona": ("persona.write", "persona.activate", "persona.remove"),
    "plugin": ("plugin.enable", "plugin.disable", "plugin.settings", "plugin.reset", "plugin.action"),
    "login": ("login.link", "login.password", "login.passkey", "login.paused", "logout"),
    "own": (
        *("account.change", "password.change", "passkey.add", "passkey.remove"),
        *("session.end", "session.end_all"),
    ),
    "account": (
        *("account.invite", "account.link", "account.role", "account.disable", "account.enable"),
        "account.delete",
    ),
    "keeping": ("backup.download", "audit.export"),
}
ACTIONS = frozenset(action for group in GROUPS.values() for action in group)


def wanted(word: str) -> tuple[str, ...]:
    """The actions of this group, or the one of this name; none if there is neither."""
    return GROUPS.get(word, (word,) if word in ACTIONS else ())
