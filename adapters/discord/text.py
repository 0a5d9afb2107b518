"""A message's text, with what Discord writes by number made readable. Pure.

See https://discord.com/developers/docs/reference#message-formatting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.discord.world import Me, World

_MARK = re.compile(
    r"<(?:@!?(?P<user>\d{1,20})|@&(?P<role>\d{1,20})|#(?P<channel>\d{1,20})|a?:(?P<emoji>\w{1,64}):\d{1,20}"
    r"|t:(?P<time>-?\d{1,17})(?::[a-zA-Z])?|/(?P<command>[^:<>\n]{1,100}):\d{1,20})>"
)
_AFTER_MENTION = " \t\r\n\u00a0,:;，：；、"


@dataclass(frozen=True, slots=True)
class Naming:
    """Who and what a text may name. `users` are the names of those it mentions, by id."""

    me: Me
    world: World
    guild: str = ""
    users: Mapping[str, str] = field(default_factory=dict)

    def is_me(self, mark: re.Match[str]) -> bool:
        """Whether the bot is mentioned: by itself, or by the role that it brought."""
        if mark["user"]:
            return mark["user"] == self.me.id
        return bool(mark["role"]) and self.world.is_my_role(self.guild, mark["role"])

    def name(self, mark: re.Match[str]) -> str:
        """What people see in the place of the mark."""
        if user := mark["user"]:
            return "@" + (self.users.get(user) or (self.me.name if user == self.me.id else "user"))
        if role := mark["role"]:
            return "@" + (self.world.role(self.guild, role) or "role")
        if channel := mark["channel"]:
            return "#" + (self.world.channel(self.guild, channel) or "channel")
        if mark["emoji"]:
            return f":{mark['emoji']}:"
        return _time(int(mark["time"])) if mark["time"] else f"/{mark['command']}"


def readable(text: str, naming: Naming, *, strip: bool = False) -> str:
    """The text as people read it. `strip`: without mentions of the bot at the beginning and the end."""
    begin, end = _without_me(text, naming) if strip else (0, len(text))
    shown = _MARK.sub(naming.name, text[begin:end])
    if begin or end < len(text):
        shown = shown.lstrip(_AFTER_MENTION if begin else "").rstrip()
    return shown


def mentions_me(text: str, naming: Naming) -> bool:
    return any(map(naming.is_me, _MARK.finditer(text)))


def _without_me(text: str, naming: Naming) -> tuple[int, int]:
    begin, end = 0, len(text)
    spans = [mark.span() for mark in _MARK.finditer(text) if naming.is_me(mark)]
    for start, stop in spans:
        if not text[begin:start].strip(_AFTER_MENTION):
            begin = stop
    for start, stop in reversed(spans):
        if begin <= start and not text[stop:end].strip():
            end = start
    return begin, end


def _time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return str(seconds)
