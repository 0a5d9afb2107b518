"""Telegram: the Bot API as strict as the real one, and the people who talk to the bot."""

from __future__ import annotations

from tests.simulators.telegram.chats import Chat, Draft, Message, Topic, User
from tests.simulators.telegram.entity import Entity, Text
from tests.simulators.telegram.faults import Faults
from tests.simulators.telegram.html_text import parse_html
from tests.simulators.telegram.limits import NO_FLOOD, FloodLimits
from tests.simulators.telegram.people import Person
from tests.simulators.telegram.server import TOKEN, Telegram

__all__ = [
    "NO_FLOOD",
    "TOKEN",
    "Chat",
    "Draft",
    "Entity",
    "Faults",
    "FloodLimits",
    "Message",
    "Person",
    "Telegram",
    "Text",
    "Topic",
    "User",
    "parse_html",
]
