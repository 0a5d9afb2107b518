"""What the core needs from outside. Each port is documented here and nowhere else.

Every implementation of a port passes the contract suite of that port (`tests/contract/`), the
in-memory fakes of the tests included. Methods raise only what is named here and in
`bot.errors`; `asyncio.CancelledError` always passes through.
"""

from bot.ports.console import Accounts, Archive, Audit, PersonaStore, Shares, StatisticsStore
from bot.ports.control import (
    Backup,
    ModelStates,
    PersonaDesk,
    PlaceDesk,
    Platforms,
    Playground,
    PluginDesk,
    Watch,
)
from bot.ports.models import Model, Models
from bot.ports.own import OwnConversations
from bot.ports.platforms import Adapter, Channel, Inbox, Reporting
from bot.ports.runtime import Clock, Telemetry, Timer
from bot.ports.stores import Atlas, Conversations, KeyValue, Leases, Overheard, People, Search, Turns

__all__ = [
    "Accounts",
    "Adapter",
    "Archive",
    "Atlas",
    "Audit",
    "Backup",
    "Channel",
    "Clock",
    "Conversations",
    "Inbox",
    "KeyValue",
    "Leases",
    "Model",
    "ModelStates",
    "Models",
    "Overheard",
    "OwnConversations",
    "People",
    "PersonaDesk",
    "PersonaStore",
    "PlaceDesk",
    "Platforms",
    "Playground",
    "PluginDesk",
    "Reporting",
    "Search",
    "Shares",
    "StatisticsStore",
    "Telemetry",
    "Timer",
    "Turns",
    "Watch",
]
