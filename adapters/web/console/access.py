"""Who asks, and whether they may: the session's cookie, the least role of each route, and CSRF.

A session is a random token in a cookie; the store knows its hash. A browser without a session has
a cookie of its own, which binds the login's forms and challenges to it. Either cookie gives a CSRF
token, its HMAC, which every call that changes something must bring besides being of our own origin
(`adapters.web.guard`).
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile
from starlette.responses import Response
from starlette.routing import BaseRoute

from adapters.web.console.deps import ConsoleDeps
from adapters.web.pages import LANGUAGE_COOKIE, language_of
from adapters.web.visit import first_language
from bot.types import Account, ConsoleRole, ConsoleSession

COOKIE = "tertulia_console"
BROWSER_COOKIE = "tertulia_browser"
CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf"
SESSION_SECONDS = 14 * 24 * 3600.0
IDLE_SECONDS = 24 * 3600.0
HOME = "/console"
LOGIN = "/console/login"
_SAFE = ("GET", "HEAD", "OPTIONS")
_OWN = re.compile(r"/console(?:/[A-Za-z0-9._~%/-]*)?(?:\?[A-Za-z0-9._~%/=&+:,-]*)?")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `browser` is the cookie that stands for a browser without a session."""

    request: Request
    language: str
    csrf: str
    browser: str
    session: ConsoleSession | None = None

    @property
    def account(self) -> Account | None:
        return self.session.account if self.session else None

    @property
    def fragment(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def secure(self) -> bool:
        return self.request.url.scheme == "https"

    @property
    def client(self) -> str:
        return self.request.client.host if self.request.client else ""

    @property
    def origin(self) -> str:
        """Where the browser believes to be."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    @property
    def holder(self) -> str:
        """What stands for this browser where something is kept for it: never a cookie itself."""
        return self.session.id if self.session else sha256(self.browser.encode()).hexdigest()

    @property
    def agent(self) -> str:
        return self.request.headers.get("user-agent", "")[:200]


@dataclass(frozen=True, slots=True)
class Login(Caller):
    """Somebody with a session whose role is enough for the route."""

    session: ConsoleSession

    @property
    def account(self) -> Account:
        return self.session.account


class Refused(Exception):
    """Ends a request with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Door:
    """Finds out who asks, and gives and takes their cookies."""

    def __init__(self, deps: ConsoleDeps) -> None:
        self._deps = deps

    async def caller(self, request: Request) -> Caller:
        """Whoever asks, with or without a session."""
        token = request.cookies.get(COOKIE, "")
        session = await self._deps.accounts.session(token, idle=IDLE_SECONDS) if token else None
        if session is None:
            return self.stranger(request)
        return Login(request, _language(request, session.account.language), self._csrf(token), "", session)

    def stranger(self, request: Request) -> Caller:
        """Whoever asks, as one without a session."""
        browser = request.cookies.get(BROWSER_COOKIE, "") or secrets.token_urlsafe(32)
        return Caller(request, _language(request), self._csrf(browser), browser)

    async def enter(self, caller: Caller, account: Account) -> str:
        """A new session, never one that the browser came with, which ends; its token."""
        if caller.session is not None:
            await self._deps.accounts.end_session(caller.session.account.id, caller.session.id)
        return await self._deps.accounts.open_session(
            account.id, seconds=SESSION_SECONDS, client=caller.client, agent=caller.agent
        )

    def keep(self, caller: Caller, response: Response, token: str) -> None:
        """Let the browser have the session's cookie, and forget the one it had before the login."""
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(SESSION_SECONDS),
            path="/",
            httponly=True,
            samesite="strict",
            secure=caller.secure,
        )
        response.delete_cookie(BROWSER_COOKIE, path=HOME)

    def mark(self, caller: Caller, response: Response) -> None:
        """Let a browser without a session keep its own cookie."""
        if caller.browser:
            response.set_cookie(
                BROWSER_COOKIE,
                caller.browser,
                path=HOME,
                httponly=True,
                samesite="strict",
                secure=caller.secure,
            )

    def forget(self, response: Response) -> None:
        response.delete_cookie(COOKIE, path="/")

    async def proves(self, caller: Caller) -> bool:
        """Whether a call that changes something brought the CSRF token, in a header or a form."""
        given: str | UploadFile | None = caller.request.headers.get(CSRF_HEADER)
        if given is None and "json" not in caller.request.headers.get("content-type", ""):
            given = (await caller.request.form()).get(CSRF_FIELD)
        return isinstance(given, str) and hmac.compare_digest(given.encode(), caller.csrf.encode())

    def _csrf(self, cookie: str) -> str:
        return hmac.new(self._deps.secret, b"console csrf\n" + cookie.encode(), sha256).hexdigest()


def _language(request: Request, chosen: str = "") -> str:
    wished = first_language(request.headers.get("accept-language", ""))
    return language_of(chosen, request.cookies.get(LANGUAGE_COOKIE, ""), wished)


def changes(request: Request) -> bool:
    """Whether the call may change something."""
    return request.method not in _SAFE


def own_path(wish: str) -> str:
    """Where to go after the login: a path of the console's own, else its beginning."""
    if _OWN.fullmatch(wish) and "//" not in wish.partition("?")[0] and not wish.startswith(LOGIN):
        return wish
    return HOME


def login_path(request: Request) -> str:
    """The login, which leads back to what was asked for."""
    headers, at = request.headers, request.url.path
    if changes(request) or headers.get("hx-request") == "true":
        # a part of a page, or what a form sends, is no place to come back to: the page it is on is
        on = urlsplit(headers.get("hx-current-url") or headers.get("referer", ""))
        at = f"{on.path}?{on.query}" if on.query else on.path
    return f"{LOGIN}?next={quote(at)}" if own_path(at) != HOME else LOGIN


class Needs:
    """The dependency by which a route declares its least role; None: everybody may call it."""

    def __init__(self, role: ConsoleRole | None, admit: Any) -> None:
        self.role = role
        self._admit = admit

    async def __call__(self, request: Request) -> AsyncIterator[Caller]:
        """The caller; what was posted is closed at the end, files and all."""
        try:
            yield await self._admit(request, self.role)
        finally:
            await request.close()


def needed(route: BaseRoute) -> list[ConsoleRole | None]:
    """What a route declares; empty if it declares nothing."""
    if not isinstance(route, APIRoute):
        return []
    calls = [dependency.call for dependency in route.dependant.dependencies]
    return [call.role for call in calls if isinstance(call, Needs)]


def checked(router: APIRouter) -> APIRouter:
    """The router. Raises ValueError if a route declares no role, or is outside of the console."""
    for route in router.routes:
        path = getattr(route, "path", "")
        if len(needed(route)) != 1 or not f"{path}/".startswith(f"{HOME}/"):
            raise ValueError(f"{path} must declare its least role, once, and be below {HOME}")
    return router


def routes_of(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    """All, with those of included routers."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from routes_of(inner.routes)


def depends(needs: Needs) -> Any:
    """As FastAPI takes it, for an argument's default."""
    return Depends(needs)
