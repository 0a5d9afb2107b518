"""The parameters of a call, which arrive as text whatever the client sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.simulators.telegram.entity import TYPES, Entity, Text, link, units
from tests.simulators.telegram.html_text import parse_html
from tests.simulators.telegram.markdown_text import parse_markdown, parse_markdown_v2
from tests.simulators.telegram.refusals import Broken, bad
from tests.simulators.telegram.tidy import tidy

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
_PARSERS = {"html": parse_html, "markdown": parse_markdown, "markdownv2": parse_markdown_v2}
_FLAGS = {"true", "yes", "1"}


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    data: bytes
    mime: str


@dataclass(slots=True)
class Args:
    method: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.fields.get(name, "")

    def integer(self, name: str, default: int = 0) -> int:
        """The number that the text begins with, as lenient as the server is."""
        if name not in self.fields:
            return default
        found = re.match(r"-?\d+", self.fields[name])
        return int(found[0]) if found else 0

    def bounded(self, name: str, default: int, low: int, high: int) -> int:
        return min(max(self.integer(name, default), low), high)

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in _FLAGS

    def json(self, name: str, what: str = "") -> Any:
        """The value, or None where it was not given; `what` names it in the complaint."""
        value = self.text(name)
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {what or name} JSON object") from None

    def required(self, name: str) -> str:
        if not self.text(name):
            raise bad(f'parameter "{name}" is required')
        return self.text(name)


async def read_args(method: str, request: web.Request) -> Args:
    """From the query and the body: JSON, urlencoded or multipart."""
    args = Args(method, dict(request.query))
    if request.content_type == "application/json":
        body = _body(await request.text())
        args.fields |= {
            k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items() if v is not None
        }
    elif request.content_type.startswith("multipart/"):
        async for part in await request.multipart():
            await _read_part(args, part)
    elif request.can_read_body:
        args.fields |= {k: v for k, v in (await request.post()).items() if isinstance(v, str)}
    return args


def _body(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text or "{}")
    except ValueError:
        raise bad("can't parse JSON object") from None
    if not isinstance(body, dict):
        raise bad("expected JSON object")
    return body


async def _read_part(args: Args, part: Any) -> None:
    data = bytes(await part.read(decode=False))
    if part.filename is None:
        args.fields[part.name] = data.decode()
    else:
        mime = part.headers.get("Content-Type", "application/octet-stream")
        args.uploads[part.name] = Upload(part.filename, data, mime)


def read_text(text: str, parse_mode: str, entities: Any) -> Text:
    """A text as it was sent, with its markup parsed; not yet tidied."""
    if len(text.encode()) > 1 << 15:
        raise bad("text is too long")
    mode = parse_mode.lower()
    if text and mode and mode != "none":
        if mode not in _PARSERS:
            raise bad("unsupported parse_mode")
        try:
            return _PARSERS[mode](text)
        except Broken as broken:
            raise bad(f"can't parse entities: {broken}") from None
    given = entities if isinstance(entities, list) else []
    return Text(text, tuple(e for e in map(_entity, given) if e is not None))


def message_text(args: Args) -> Text:
    """What sendMessage and editMessageText show."""
    if not args.text("text"):
        raise bad("message text is empty")
    return fit(read_text(args.text("text"), args.text("parse_mode"), args.json("entities")))


def fit(text: Text, *, limit: int = TEXT_LIMIT) -> Text:
    shown = tidy(text)
    if not shown:
        raise bad("text must be non-empty")
    if units(shown.text) > limit:
        raise bad("message is too long")
    return shown


def caption(text: str, parse_mode: str, entities: Any) -> Text:
    shown = tidy(read_text(text, parse_mode, entities))
    if units(shown.text) > CAPTION_LIMIT:
        raise bad("message caption is too long")
    return shown


def _entity(given: Any) -> Entity | None:
    """None for kinds that are found rather than told, as the server ignores them."""
    try:
        kind, offset, length = str(given["type"]), int(given["offset"]), int(given["length"])
    except (KeyError, TypeError, ValueError):
        raise bad("can't parse MessageEntity: Can't find field \"type\"") from None
    if kind not in TYPES:
        raise bad("can't parse MessageEntity: Unsupported type specified")
    if offset < 0 or offset > 1_000_000:
        raise bad(f"receive an entity with incorrect offset {offset}")
    if length < 0 or length > 1_000_000:
        raise bad(f"receive an entity with incorrect length {length}")
    match kind:
        case "text_link":
            return link(kind, offset, length, str(given.get("url", "")))
        case "text_mention":
            return Entity(kind, offset, length, user_id=int(given["user"]["id"]))
        case "custom_emoji":
            return Entity(kind, offset, length, custom_emoji_id=str(given["custom_emoji_id"]))
        case "pre":
            return Entity(kind, offset, length, language=str(given.get("language", "")))
        case "mention" | "hashtag" | "cashtag" | "bot_command" | "url" | "email" | "phone_number":
            return None
    return Entity(kind, offset, length)
