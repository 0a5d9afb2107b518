"""The error tree. Each class says what the turn does about it.

TertuliaError
├── SettingsError            the operator's input is wrong; the message says what to do
│   ├── FieldsRefused        values of a form are wrong; `fields` says of each why
│   └── SealError            a secret cannot be sealed, or does not open: its key is not here
├── StorageError             the database cannot be used; nothing was written
│   ├── StorageBusy          locked by another process: try again
│   ├── StorageFull          no room on the disk
│   └── StorageVersionError  written by a newer Tertulia, or no database of ours
├── ModelError               the model gave no (whole) answer
│   ├── ModelUnavailable     cannot be reached, broke off, or 5xx: another try may succeed
│   │   └── ModelBusy        503/429: refused for now; `retry_after` seconds if it said so
│   ├── ModelTimeout         no first chunk, or no end, within the deadline
│   ├── ContextOverflow      the prompt is too long: cut and ask again
│   └── ModelRefused         400, 422: this request is wrong, and asking again will not help
│       └── EndpointRefused  whoever asks so is refused (key, model's name): for operators to mend
├── ChannelError             the platform did not take a call
│   ├── RetryAfter           flood control: this chat waits `seconds`
│   ├── ChannelUnavailable   network or 5xx: the call may or may not have taken place
│   ├── MarkupRefused        the text's markup is not accepted: send it plain
│   ├── MessageGone          the message to edit does not exist (any more)
│   ├── DraftsRefused        the chat takes no drafts: a text that grows is a message there
│   ├── FileRefused          an attachment cannot be fetched or read: too large, gone, or broken
│   └── ChatGone             the chat is closed to the bot: no more sends
├── AccessError              this person may not do that
│   ├── NameRefused          an account of the console cannot be called so; `why` says the reason
│   └── LinkRefused          these two accounts are not linked; `why` says the reason
├── NotTaken                 the conversation is the assistant's: it has to be taken over first
│   └── TakenByAnother       another operator answers there
├── DocumentError            a file cannot be learned; the message names it and says why
├── ToolError                a tool failed; the model is told why
└── PluginError              a plugin failed; the core answers without it
    └── PluginTimeout        it was not done within its time
"""

from __future__ import annotations


class TertuliaError(Exception):
    """Base of all errors that Tertulia raises on purpose. Its text is fit for an operator."""


class SettingsError(TertuliaError):
    """A setting is unknown, malformed or contradicts another."""


class FieldsRefused(SettingsError):
    """`fields` has a sentence for each field that is wrong, by its name; "" is for the form as a whole."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" if name else why for name, why in fields.items()))
        self.fields = fields


class SealError(SettingsError):
    """A secret cannot be sealed for the database, or what is sealed there does not open. The text says why,
    and never what."""


class StorageError(TertuliaError):
    """The database cannot be used."""


class StorageBusy(StorageError):
    """Another process holds the database."""


class StorageFull(StorageError):
    """The disk is full."""


class StorageGone(StorageError):
    """What this is about was deleted meanwhile."""


class StorageVersionError(StorageError):
    """The file is no database of Tertulia's, or a newer version wrote it."""


class ModelError(TertuliaError):
    """The model gave no answer, or not a whole one."""


class ModelUnavailable(ModelError):
    """The server cannot be reached, broke off or failed; another try may succeed. `status` is what it
    answered with, 0 where it did not."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ModelBusy(ModelUnavailable):
    """The server refuses for now (429, 503)."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelTimeout(ModelError):
    """The first chunk, or the end, did not come in time."""


class ContextOverflow(ModelError):
    """The prompt and the answer do not fit the model's window. `limit` tokens, where known."""

    def __init__(self, message: str, limit: int = 0) -> None:
        super().__init__(message)
        self.limit = limit


class ModelRefused(ModelError):
    """The server refuses this request for good."""


class EndpointRefused(ModelRefused):
    """The server refuses whoever asks it so, whatever is asked: the key, the model's name, the address
    or the account is wrong. Another server may answer. `status` 0: it was not even asked."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ChannelError(TertuliaError):
    """The platform did not take a call."""


class RetryAfter(ChannelError):
    """Flood control: no call to this chat for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"flood control: retry after {seconds:g} s")
        self.seconds = seconds


class ChannelUnavailable(ChannelError):
    """A network error or 5xx: whether the call took place is not known."""


class MarkupRefused(ChannelError):
    """The platform cannot parse the text's markup."""


class MessageGone(ChannelError):
    """The message to edit is not there, or can no longer be edited."""


class DraftsRefused(ChannelError):
    """The chat takes no drafts, now or later; messages it may take."""


class FileRefused(ChannelError):
    """An attachment cannot be fetched: it is too large, or the platform has it no more."""


class ChatGone(ChannelError):
    """The bot was blocked, removed, or the chat does not exist."""


class AccessError(TertuliaError):
    """This person may not do that."""


class NameRefused(AccessError):
    """Nothing was changed. `why`: `none` (nothing of it can be seen), `mixed` (one word has letters of
    scripts that look alike), `taken` (it is another's), `alike` (it looks like another's)."""

    def __init__(self, why: str, name: str) -> None:
        super().__init__(f"the name {name!r} is refused: {why}")
        self.why = why


class LinkRefused(AccessError):
    """A link code changed nothing. `why`: `spent` (used, or too old), `same` (one person already),
    `blocked` (one of the two is), `rises` (it would hand a higher role over: be sure first)."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this link is refused: {why}")
        self.why = why


class NotTaken(TertuliaError):
    """Nobody has taken this conversation over, or it was handed back meanwhile."""


class TakenByAnother(NotTaken):
    """Another operator has taken this conversation over; `name` is what they are called."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has taken the conversation over")
        self.name = name


class DocumentError(TertuliaError):
    """A document cannot be read: it is missing, too large, or of a kind that is not supported."""


class ToolError(TertuliaError):
    """A tool failed, or its arguments are invalid."""


class PluginError(TertuliaError):
    """A plugin failed or overran its deadline. The text names the plugin."""


class PluginTimeout(PluginError):
    """It was not done within its time, and was ended."""
