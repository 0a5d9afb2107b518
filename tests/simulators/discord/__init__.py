"""Discord: REST API and gateway as strict as the real ones, and the people who talk to the bot."""

from __future__ import annotations

from tests.simulators.discord.faults import Faults
from tests.simulators.discord.gateway import GatewayRules
from tests.simulators.discord.interactions import Interaction
from tests.simulators.discord.limits import NO_LIMITS, RateLimits
from tests.simulators.discord.messages import Message
from tests.simulators.discord.model import Channel, Guild, Role, User
from tests.simulators.discord.people import Person
from tests.simulators.discord.permissions import USUAL, Permission
from tests.simulators.discord.rooms import Room
from tests.simulators.discord.server import TOKEN, Discord

__all__ = [
    "NO_LIMITS",
    "TOKEN",
    "USUAL",
    "Channel",
    "Discord",
    "Faults",
    "GatewayRules",
    "Guild",
    "Interaction",
    "Message",
    "Permission",
    "Person",
    "RateLimits",
    "Role",
    "Room",
    "User",
]
