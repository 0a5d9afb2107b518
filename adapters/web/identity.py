"""Who visits, which answers are theirs, and whether they sit at this machine.

A visitor is a random id in a signed cookie. An answer's id carries its conversation and a
signature over its visitor, so that ids need no table: one that verifies was issued to that
visitor, after a restart too, and any other is unknown.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from urllib.parse import urlsplit

COOKIE = "tertulia_visitor"
COOKIE_SECONDS = 400 * 24 * 3600
"""The longest that browsers keep a cookie (RFC 6265bis, section 5.5)."""
_FORWARDED = re.compile(r"forwarded|via|x-forwarded(-.*)?|x-real-ip")
_VISITOR = re.compile(r"[0-9a-f]{32}")
_ANSWER = re.compile(r"([A-Za-z0-9_-]{1,64})\.([0-9a-f]{24})\.([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class AnswerId:
    """The id of a question put by `visitor` in `conversation`, and so of its answer."""

    visitor: str
    conversation: str
    text: str

    @property
    def chat(self) -> str:
        return chat_of(self.visitor, self.conversation)


def chat_of(visitor: str, conversation: str) -> str:
    """The address's chat. No visitor's chats are another's: the id has a fixed length."""
    return f"{visitor}:{conversation}"


def conversation_of(visitor: str, chat: str) -> str:
    """The conversation of a visitor's chat; "" if the chat is not theirs."""
    owner, _, conversation = chat.partition(":")
    return conversation if owner == visitor else ""


class Signer:
    """Signs and checks by HMAC-SHA256. `secret` is at least 16 bytes and outlives restarts."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("the signing secret is shorter than 16 bytes")
        self._secret = secret

    def _sign(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), sha256).hexdigest()

    def new_visitor(self) -> tuple[str, str]:
        """A fresh visitor and the cookie's value."""
        visitor = secrets.token_hex(16)
        return visitor, f"{visitor}.{self._sign('visitor', visitor)}"

    def visitor(self, cookie: str) -> str:
        """The visitor of a cookie's value; "" if we did not sign it."""
        visitor, _, signature = cookie.partition(".")
        known = _VISITOR.fullmatch(visitor) and signature.isascii()
        return visitor if known and hmac.compare_digest(signature, self._sign("visitor", visitor)) else ""

    def answer(self, visitor: str, *, conversation: str = "", client_id: str = "") -> AnswerId:
        """The id of a question: the same for the same visitor, conversation and client's id.

        With no conversation a new one is named, by the client's id where there is one.
        """
        seed = client_id or secrets.token_hex(16)
        conversation = conversation or self._sign("conversation", visitor, seed)[:20]
        nonce = blake2b(seed.encode(), digest_size=12).hexdigest()
        signature = self._sign("answer", visitor, conversation, nonce)[:32]
        return AnswerId(visitor, conversation, f"{conversation}.{nonce}.{signature}")

    def check(self, visitor: str, text: str) -> AnswerId | None:
        """The id, if it was issued to this visitor."""
        found = _ANSWER.fullmatch(text)
        if found is None or not visitor:
            return None
        conversation, nonce, signature = found.groups()
        right = self._sign("answer", visitor, conversation, nonce)[:32]
        return AnswerId(visitor, conversation, text) if hmac.compare_digest(signature, right) else None


def is_loopback(host: str) -> bool:
    """Whether this address, or name, means this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sits_here(headers: Mapping[str, str], client: str) -> bool:
    """Whether a request comes from this very machine, with no proxy in between.

    The Host header (and Origin, where there is one) must name this machine: a page elsewhere can
    make its own name resolve to 127.0.0.1 (DNS rebinding), but it cannot change what it is called.
    """
    if not is_loopback(client) or any(_FORWARDED.fullmatch(name.lower()) for name in headers):
        return False
    names = [f"//{headers.get('host', '')}"]
    if "origin" in headers:
        names.append(headers["origin"])
    return all(is_loopback(_host(name)) for name in names)


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser sent this from our own page, or it was no browser at all.

    Every browser since 2023 sends Sec-Fetch-Site (Fetch Metadata); older ones send Origin.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or _netloc(origin) == headers.get("host", "").lower()


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return "?"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
