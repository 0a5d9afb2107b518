"""Discord as people meet it: what they do there and what they see, whoever simulates it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as somebody sees it now. `buttons`: their ids; `calls`: it pings somebody; `files`: what is
    in them."""

    id: int
    place: int
    by_bot: bool
    text: str
    buttons: tuple[str, ...] = ()
    reply_to: int = 0
    calls: bool = False
    files: tuple[str, ...] = ()


class Asked(Protocol):
    """What came of a command or a button: `texts` are the bot's, in order, as they stand; the first of a
    button's is that of the message it is under."""

    @property
    def acknowledged(self) -> bool: ...

    @property
    def texts(self) -> list[str]: ...


class DiscordPlace(Protocol):
    """A guild with the channel `general`, owned by Ana, and Ben, another bot and a webhook in it. Places are
    named by the ids of their channels; `private` is Ana's with the bot."""

    token: str
    general: int
    private: int
    mention: str
    """How a text names the bot."""
    others: tuple[str, ...]
    """How it names Ben, a role that may be mentioned, and everybody."""

    @property
    def url(self) -> str: ...

    @property
    def connected(self) -> int:
        """How many connections the bot has to the gateway."""
        ...

    @property
    def errors(self) -> list[str]:
        """What the bot did wrong: not what it may not do there, nor what was there and is gone."""
        ...

    async def until(self, predicate: Callable[[], T | None], within: float = 10.0) -> T:
        """What the predicate gives as soon as it is true. Raises TimeoutError."""
        ...

    # what people do

    async def say(
        self, text: str, place: int, *, by: str = "Ana", reply_to: Shown | None = None, ping: bool = True
    ) -> Shown:
        """`by`: "Ana", "Ben", "Robot" or "Hook"; the last two only in `general`. `ping`: whoever is replied
        to is called."""
        ...

    async def edit(self, message: Shown, text: str) -> None: ...

    async def delete(self, message: Shown) -> None: ...

    async def react(self, message: Shown, emoji: str) -> None: ...

    async def slash(self, name: str, place: int, *, text: str = "") -> Asked:
        """`text`: the command's one argument."""
        ...

    async def press(self, message: Shown, button: str) -> Asked: ...

    def drop(self) -> None:
        """The bot's connections to the gateway break."""
        ...

    # what they see

    def commands(self) -> list[str]:
        """What Ana is offered in `general`."""
        ...

    def sees(self, place: int, by: str = "Ana") -> list[Shown]:
        """All in a channel, in order, that is not a note of Discord's own."""
        ...

    def thread(self, question: Shown) -> int:
        """The thread that was begun from a message; 0 if there is none."""
        ...

    def user(self, name: str) -> int: ...
