"""What a person is answered with, and the platform messages that show it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.types.events import Part
from bot.types.history import NO_THOUGHTS, Citation, Thoughts, Usage
from bot.types.model import FinishReason


@dataclass(frozen=True, slots=True)
class Button:
    """`data` comes back in an Event of kind BUTTON; at most 64 bytes of UTF-8."""

    label: str
    data: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person is answered with: Markdown (CommonMark and tables) and what goes with it.

    `attachments` follow the text, each as a message of its own; with them the text may be empty.
    `aside`: for whoever asked alone, where the chat can show it so.
    """

    text: str
    buttons: tuple[Button, ...] = ()
    attachments: tuple[Part, ...] = ()
    aside: bool = False
    citations: tuple[Citation, ...] = ()
    usage: Usage = Usage()
    finish_reason: str = FinishReason.STOP
    thoughts: Thoughts = NO_THOUGHTS


class Markup(StrEnum):
    """The text format that a channel takes."""

    PLAIN = "plain"
    MARKDOWN = "markdown"
    HTML = "html"
    TELEGRAM_HTML = "telegram_html"
    DISCORD = "discord"


@dataclass(frozen=True, slots=True)
class Pace:
    """How many calls a chat takes: `calls` within any `seconds`. Several may hold at once."""

    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a chat on a platform can show. The core asks this, never the platform's name."""

    markup: Markup = Markup.PLAIN
    text_limit: int = 4096
    """The longest message, in UTF-16 code units of the rendered text (markup not counted)."""
    edits: bool = False
    drafts: bool = False
    """A text that grows is shown as a draft (`Channel.draft`): no message before a part is whole."""
    idempotent_sends: bool = False
    """A send repeated with the same key is not a second message."""
    buttons: bool = False
    preview_buttons: bool = False
    """A text that still grows can have buttons (to stop it)."""
    cites: bool = False
    """Shows all of `Outgoing.citations` by itself, so that no button for them is needed."""
    attachments: bool = False
    """Takes `Outgoing.attachment`."""
    most_parts: int = 0
    """An answer of more messages is better read as a file, which is taken without a `ref`; 0: none is."""
    asides: bool = False
    """Shows `Outgoing.aside` to whoever asked alone."""
    typing: bool = False
    acknowledges: bool = False
    """Shows that a question was taken, before its answer begins (`Channel.acknowledge`)."""
    chat_paces: tuple[Pace, ...] = ()
    account_paces: tuple[Pace, ...] = ()
    """Limits over all chats of the bot account together."""
    min_edit_interval: float = 1.0
    """Seconds between two previews of the same answer."""
    threads: bool = False
    """A question can be answered in a thread of its own, and an answer go on in one of its first message
    (`Channel.continue_under`)."""
    start_link: str = ""
    """Where a person begins to talk to the bot with a code, with ``{code}`` in it."""
    solves: bool = False
    """Shows that a question is answered for good (`Channel.solve`)."""
    admin_right: str = ""
    manager_right: str = ""
    """What makes somebody an ADMIN or a MANAGER, as the key of its name; "" where the word says it."""
    activity: bool = False
    """Shows `Outgoing.activity` while there is no text."""
    thoughts: bool = False
    """Shows `Outgoing.thoughts` beside the text; elsewhere they are not kept."""
    tells_end: bool = False
    """The end of an answer is told even where nothing visible changes (`Outgoing.final`)."""
    waits: bool = False
    """Whoever asks waits for an answer, and to say the same again costs nothing: what is refused is told
    each time."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One platform message, rendered in the channel's markup. `plain` is the same without it."""

    text: str
    plain: str
    markup: Markup = Markup.PLAIN
    """What `text` is written in: the channel's own markup, or PLAIN after MarkupRefused."""
    buttons: tuple[Button, ...] = ()
    citations: tuple[Citation, ...] = ()
    attachment: Part | None = None
    """A file, photo or sound that the message is, with `text` as its caption."""
    aside: bool = False
    """For whoever asked alone, where the chat can show it so."""
    final: bool = False
    """The answer is whole: this text will not change again (unless its question is edited)."""
    finish_reason: str = ""
    activity: str = ""
    """What the assistant is doing while no text has come, in the person's language."""
    thoughts: Thoughts = NO_THOUGHTS
    """What the model has thought so far; with the first message of an answer."""
    follows: str = ""
    """The message of the same answer that this one comes after; empty for its first, and in edits."""


class DeliveryState(StrEnum):
    SENDING = "sending"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The platform message that shows part `part` of a turn's answer."""

    turn_id: str
    part: int
    state: DeliveryState
    message_id: str = ""
    digest: str = ""
    """Of the rendered text last known to be shown; empty when unknown."""

    @property
    def key(self) -> str:
        """The idempotency key of the first send."""
        return f"{self.turn_id}:{self.part}"
