"""The body of a call that writes a message, read and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.simulators.discord.components import component_problems, embed_problems, numbered
from tests.simulators.discord.messages import V2, Allowed, Attachment, Body, Message
from tests.simulators.discord.model import Channel, Json
from tests.simulators.discord.refusals import Refusal, bad, invalid
from tests.simulators.discord.world import World

CONTENT_LIMIT = 2000
NONCE_LIMIT = 25
FILE_LIMIT = 10 * 1024 * 1024
Problem = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    data: bytes
    mime: str


@dataclass(slots=True)
class Asked:
    """One call: the ids in its path, its query, and its body."""

    ids: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    uploads: dict[int, Upload] = field(default_factory=dict)

    def id(self, name: str) -> int:
        return snowflake(self.ids[name], name)

    @property
    def form(self) -> Json:
        if not isinstance(self.body, dict):
            raise invalid(("", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"))
        return self.body


def snowflake(value: Any, path: str) -> int:
    if not re.fullmatch(r"\d{1,20}", str(value)):
        raise invalid((path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.'))
    return int(value)


async def read_asked(asked: Asked, request: web.Request) -> None:
    """The body: JSON, or several parts with files."""
    asked.query = dict(request.query)
    if not request.can_read_body:
        return
    if request.content_type.startswith("multipart/"):
        async for part in await request.multipart():
            await _read_part(asked, part)
        return
    text = await request.text()
    if text and request.content_type != "application/json":
        raise bad(50035, "Invalid Form Body")
    asked.body = _loads(text) if text else None


async def _read_part(asked: Asked, part: Any) -> None:
    data = bytes(await part.read(decode=False))
    if part.name == "payload_json":
        asked.body = _loads(data.decode())
        return
    number = re.fullmatch(r"files\[(\d+)\]", part.name or "")
    if number is None or part.filename is None:
        raise bad(50035, f"Invalid Form Body: a part named {part.name!r}")
    mime = part.headers.get("Content-Type", "application/octet-stream")
    asked.uploads[int(number[1])] = Upload(part.filename, data, mime)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise bad(50109, "The request body contains invalid JSON.") from None


def new_body(world: World, asked: Asked, form: Json, channel: Channel) -> Body:
    """What a new message is to hold; refuses what Discord refuses."""
    flags = int(form.get("flags") or 0)
    body = Body(
        str(form.get("content") or "").strip(),
        tuple(form.get("embeds") or ()),
        tuple(form.get("components") or ()),
    )
    check(form, body, v2=bool(flags & V2))
    attachments = _uploaded(world, asked, form, channel)
    embeds = tuple({"type": "rich"} | e for e in body.embeds)
    body = Body(body.content, embeds, numbered(body.components), attachments)
    if not body:
        raise bad(50006, "Cannot send an empty message")
    return body


def changed_body(world: World, asked: Asked, form: Json, message: Message) -> Body:
    """What a message is to hold after an edit: what is not named stays."""
    old = message.body
    flags = message.flags | int(form.get("flags") or 0)
    content = str(form["content"] or "").strip() if "content" in form else old.content
    embeds = tuple(form["embeds"] or ()) if "embeds" in form else old.embeds
    components = tuple(form["components"] or ()) if "components" in form else old.components
    body = Body(content, embeds, components)
    check(form, body, v2=bool(flags & V2))
    kept = old.attachments
    if form.get("attachments") is not None:
        ids = {str(a.get("id")) for a in form["attachments"]}
        kept = tuple(a for a in old.attachments if str(a.id) in ids)
    attachments = kept + _uploaded(world, asked, form, message.channel)
    body = Body(content, tuple({"type": "rich"} | e for e in embeds), numbered(components), attachments)
    if not body:
        raise bad(50006, "Cannot send an empty message")
    return body


def check(form: Json, body: Body, *, v2: bool) -> None:
    problems = [
        *_content_problems(form, v2=v2),
        *embed_problems(list(body.embeds)),
        *component_problems(list(body.components), v2=v2),
        *_mention_problems(form.get("allowed_mentions") or {}),
    ]
    if problems:
        raise invalid(*problems)


def _content_problems(form: Json, *, v2: bool) -> Iterator[Problem]:
    content = form.get("content")
    if content is not None and not isinstance(content, str | int | float):
        yield "content", "BASE_TYPE_STRING", "Must be a string."
    elif len(str(content or "")) > CONTENT_LIMIT:
        yield "content", "BASE_TYPE_MAX_LENGTH", f"Must be {CONTENT_LIMIT} or fewer in length."
    if v2:
        code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
        for name in ("content", "embeds", "poll", "sticker_ids"):
            if form.get(name):
                yield (
                    name,
                    code,
                    f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
                )
    nonce = form.get("nonce")
    if nonce is not None and not isinstance(nonce, str | int):
        yield "nonce", "NONCE_TYPE_INVALID", "Nonce must be a string or an integer."
    elif len(str(nonce or "")) > NONCE_LIMIT:
        yield "nonce", "NONCE_TYPE_TOO_LONG", f"Nonce must be {NONCE_LIMIT} or fewer in length."


def _mention_problems(allowed: Json) -> Iterator[Problem]:
    parse = allowed.get("parse") or []
    for number, kind in enumerate(parse):
        if kind not in ("users", "roles", "everyone"):
            choices = "('everyone', 'roles', 'users')"
            yield f"allowed_mentions.parse.{number}", "BASE_TYPE_CHOICES", f"Value must be one of {choices}."
    for kind in ("users", "roles"):
        if kind in parse and allowed.get(kind):
            code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"
            yield "allowed_mentions", code, f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
        if len(allowed.get(kind) or []) > 100:
            yield f"allowed_mentions.{kind}", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length."


def allowed_mentions(form: Json) -> Allowed:
    """Whom the message may ping. Named or not, whoever is replied to is pinged unless that is said off."""
    given = form.get("allowed_mentions")
    if given is None:
        return Allowed()
    return Allowed(
        frozenset(given.get("parse") or ()),
        frozenset(int(i) for i in given.get("users") or ()),
        frozenset(int(i) for i in given.get("roles") or ()),
        bool(given.get("replied_user", False)),
    )


def _uploaded(world: World, asked: Asked, form: Json, channel: Channel) -> tuple[Attachment, ...]:
    if sum(len(u.data) for u in asked.uploads.values()) > FILE_LIMIT:
        raise Refusal(413, 40005, "Request entity too large")
    if len(asked.uploads) > 10:
        raise bad(30015, "Maximum number of attachments in a message reached (10)")
    named = {str(a.get("id")): a for a in form.get("attachments") or ()}
    shown = []
    for number, upload in sorted(asked.uploads.items()):
        about = named.get(str(number), {})
        name = about.get("filename") or upload.name
        shown.append(
            world.attach(name, upload.data, _kind(name, upload.mime), about.get("description"), channel)
        )
    return tuple(shown)


def _kind(name: str, told: str) -> str:
    """Discord looks for itself what a file is."""
    known = {"txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8", "png": "image/png"}
    known |= {"pdf": "application/pdf", "jpg": "image/jpeg", "ogg": "audio/ogg", "json": "application/json"}
    return known.get(name.rpartition(".")[2].lower(), told)
