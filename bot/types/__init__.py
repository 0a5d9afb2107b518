"""The vocabulary: frozen values that every room of the house shares.

Everything here is immutable, compares by value and survives a round trip through JSON
(`msgspec.json`), so that an event can wait in a table or a queue and come back the same.
Times are Unix seconds (UTC), lengths of text shown to people are UTF-16 code units, and lengths
of prompts are model tokens.
"""

from bot.types.events import (
    ADMIN,
    AUTHOR,
    JOINED,
    LEFT,
    MANAGER,
    MODERATOR,
    MOVED,
    Address,
    Event,
    EventKind,
    Part,
    PartKind,
    Person,
    PersonRole,
    Redeemed,
    Sender,
)
from bot.types.history import (
    Citation,
    Conversation,
    Message,
    Passage,
    Remark,
    Role,
    Source,
    ToolCall,
    Turn,
    TurnState,
    Usage,
)
from bot.types.model import Chunk, FinishReason, ModelRequest, Priority, ToolSpec
from bot.types.reply import Button, Capabilities, Delivery, DeliveryState, Markup, Outgoing, Pace, Reply
from bot.types.sampling import Sampling

__all__ = [
    "ADMIN",
    "AUTHOR",
    "JOINED",
    "LEFT",
    "MANAGER",
    "MODERATOR",
    "MOVED",
    "Address",
    "Button",
    "Capabilities",
    "Chunk",
    "Citation",
    "Conversation",
    "Delivery",
    "DeliveryState",
    "Event",
    "EventKind",
    "FinishReason",
    "Markup",
    "Message",
    "ModelRequest",
    "Outgoing",
    "Pace",
    "Part",
    "PartKind",
    "Passage",
    "Person",
    "PersonRole",
    "Priority",
    "Redeemed",
    "Remark",
    "Reply",
    "Role",
    "Sampling",
    "Sender",
    "Source",
    "ToolCall",
    "ToolSpec",
    "Turn",
    "TurnState",
    "Usage",
]
