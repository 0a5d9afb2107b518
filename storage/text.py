"""Text and JSON at the edge of the database.

PostgreSQL's text holds no NUL, and neither database holds half a surrogate pair. So NUL is
dropped, halves that stand side by side are joined, and a lone half becomes U+FFFD: the same on
both databases and in the fakes. Text without either comes back as it went in.
"""

from __future__ import annotations

import unicodedata
from typing import Any, TypeVar

import msgspec

from bot.types import Address, Event

T = TypeVar("T")
FOLDED = 100


def clean(text: str) -> str:
    """The text as it can be stored."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "") if "\0" in text else text


def folded(name: str) -> str:
    """What a name is ordered and looked up by, whatever its case: its first `FOLDED` characters."""
    return unicodedata.normalize("NFKC", clean(name).casefold())[:FOLDED]


def to_json(value: Any) -> str:
    """JSON text of builtins or of our types, cleaned."""
    try:
        data = msgspec.json.encode(value)
        clear = b"\\u0000" not in data
    except UnicodeEncodeError:
        clear = False
    return (data if clear else msgspec.json.encode(_scrub(msgspec.to_builtins(value)))).decode()


def from_json(text: str, kind: type[T]) -> T:
    """The value again. Raises msgspec.MsgspecError if the text is of another shape."""
    return msgspec.json.decode(text, type=kind)


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_scrub(k): _scrub(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub(v) for v in value]
    return value


def clean_event(event: Event) -> Event:
    """The event as it comes back from the inbox; the same object if nothing was to be cleaned."""
    try:
        if b"\\u0000" not in msgspec.json.encode(event):
            return event
    except UnicodeEncodeError:
        pass
    return from_json(to_json(event), Event)


def clean_address(address: Address) -> Address:
    parts = (address.platform, address.account, address.chat, address.thread)
    cleaned = tuple(map(clean, parts))
    return address if cleaned == parts else Address(*cleaned)


def key_of(event: Event) -> str:
    """The event's key once cleaned, whether or not it has been."""
    cleaned = (clean(event.address.platform), clean(event.address.account), clean(event.id))
    if cleaned == (event.address.platform, event.address.account, event.id):
        return event.key
    return clean_event(event).key


def merged(settings: dict[str, Any], changes: Any) -> dict[str, Any]:
    """`settings` with `changes` in their place; a None value removes its key."""
    both = {**settings, **(changes or {})}
    return {k: v for k, v in both.items() if v is not None}
