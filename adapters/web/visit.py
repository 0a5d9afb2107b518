"""A request's visitor: from the cookie, or new; in a frame on another site from a header.

Browsers keep cookies away from frames on other sites. So in the widget no cookie says who asks: its page
hands out a token, which has the cookie's form and signature, and the frame sends it in a header. No
other site can send it: it does not know the token, and a header of ours would need a CORS preflight,
which nothing here answers. Between two visits the frame's own storage keeps the token, and, where a
browser shuts that away too (a private window), a partitioned cookie, which needs https. Both are parted
by the site around. That cookie is read by the widget's pages alone; nothing is done in its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from adapters.web.deps import WebDeps
from adapters.web.guard import WIDGET
from adapters.web.identity import COOKIE, COOKIE_SECONDS, Signer, sits_here
from bot.types import Sender

TOKEN = "x-tertulia-visitor"
FRAME_COOKIE = "tertulia_frame"


@dataclass(frozen=True, slots=True)
class Visit:
    """`cookie` is the value to set, "" if the visitor has one."""

    visitor: str
    cookie: str
    trusted: bool
    language: str
    secure: bool
    client: str = ""
    """The address that the request comes from; of a proxy that says so, the one behind it."""

    def sender(self, language: str = "") -> Sender:
        return Sender(self.visitor, language=language or self.language, trusted=self.trusted)

    def remember(self, response: Response) -> None:
        """Let the browser keep a new visitor's cookie."""
        if self.cookie:
            response.set_cookie(
                COOKIE,
                self.cookie,
                max_age=COOKIE_SECONDS,
                httponly=True,
                samesite="lax",
                secure=self.secure,
            )


def keep_in_frame(response: Response, token: str) -> None:
    """Let the browser keep a frame's visitor for the site around it; "" ends that."""
    age = COOKIE_SECONDS if token else 0
    response.headers.append(
        "set-cookie",
        f"{FRAME_COOKIE}={token}; Path={WIDGET}; Max-Age={age}; HttpOnly; Secure; SameSite=None; Partitioned",
    )


def visit_of(request: HTTPConnection, deps: WebDeps, signer: Signer) -> Visit:
    """Raises HTTPException for a token that is not ours: its frame has to get another."""
    token = request.headers.get(TOKEN)
    visitor, cookie = signer.visitor(request.cookies.get(COOKIE, "") if token is None else token), ""
    if token and not visitor:
        raise HTTPException(401, "This visitor's token is not known here.")
    if not visitor:
        visitor, cookie = signer.new_visitor()
    return Visit(
        visitor,
        cookie,
        trusted=deps.loopback and here(request),
        language=first_language(request.headers.get("accept-language", "")),
        secure=request.url.scheme == "https",
        client=request.client.host if request.client else "",
    )


def here(request: HTTPConnection) -> bool:
    """Whether the request comes from this machine (see `sits_here`)."""
    host = request.client.host if request.client else ""
    try:
        ip_address(host)
    except ValueError:
        return False
    return sits_here(request.headers, host)


def first_language(header: str) -> str:
    """The tag that Accept-Language names with the highest weight; "" if none (RFC 9110, 12.5.4)."""
    best, best_weight = "", 0.0
    for item in header.split(",")[:20]:
        tag, _, weight = item.partition(";q=")
        tag = tag.strip()
        if not tag.replace("-", "").isalnum() or not tag.isascii() or len(tag) > 35:
            continue
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            continue
        if value > best_weight:
            best, best_weight = tag, value
    return best
