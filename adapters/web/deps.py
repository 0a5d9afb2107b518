"""What the web needs from the rest of the house, handed in by the composition root."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from adapters.web.channel import WebChannel
from adapters.web.console.deps import ConsoleDeps
from adapters.web.files import Files
from bot.ports import Clock, Conversations, OwnConversations, People, Shares, Telemetry, Turns
from bot.types import Citation, Event, Exported, Passage

Check = Callable[[], Awaitable[tuple[bool, str]]]
"""Whether a dependency works, and in a few words how it is."""
Hook = Callable[[Mapping[str, str], bytes], Awaitable[int]]
"""Takes what a platform posts (headers in lower case, body) and gives the status to answer with."""


class Exposition(Protocol):
    """Writes the metrics down."""

    def exposition(self) -> tuple[bytes, str]:
        """The text, and its media type."""
        ...


@dataclass(frozen=True, slots=True)
class WebDeps:
    """`put` is the inbox's: durable on return, False if the event was put before. `pending` too:
    whether the event of this key still waits or is under way.

    `secret` signs cookies and ids and must be the same after a restart. `loopback`: the server
    listens on this machine only. `hooks` take what is posted to ``/hooks/NAME``. `suggestions` are
    questions for an empty page, or those of each language; None: the handbook's, and none in the widget,
    whose visitors are the site's. `open_metrics` shows metrics and the details of
    readiness to other machines too. `files` keeps what visitors bring; None: they may bring nothing.
    `passage` is what a citation quotes, as it is now, if this visitor may read it. Without `console`
    there is none. `export_person` and `delete_person` (by id) reach all that is kept of a person, and
    raise PluginError: an export before its first piece. `links` gives, of each platform that runs, the
    link that begins a chat with a code (`{code}`), "" without one. `sees`: whether the default model is
    shown pictures, as far as is known. Pages of `widget_origins` may frame
    the widget; without any there is none.
    """

    put: Callable[[Event], Awaitable[bool]]
    pending: Callable[[str], Awaitable[bool]]
    turns: Turns
    conversations: Conversations
    people: People
    own: OwnConversations
    shares: Shares
    export_person: Callable[[str], AsyncGenerator[Exported]]
    delete_person: Callable[[str], Awaitable[None]]
    channel: WebChannel
    clock: Clock
    telemetry: Telemetry
    secret: bytes
    loopback: bool
    access: Literal["invite", "open"] = "invite"
    checks: Mapping[str, Check] = field(default_factory=dict)
    metrics: Exposition | None = None
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    suggestions: Sequence[str] | Mapping[str, Sequence[str]] | None = None
    open_metrics: bool = False
    files: Files | None = None
    passage: Callable[[str, Citation], Awaitable[Passage | None]] | None = None
    name: str = "Tertulia"
    console: ConsoleDeps | None = None
    links: Callable[[], Mapping[str, str]] = dict
    widget_origins: Sequence[str] = ()
    sees: Callable[[], bool] = lambda: True
