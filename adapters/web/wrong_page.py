"""What is said of a request that fails: a page where a browser asked for one, JSON elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from adapters.web.guard import WIDGET
from adapters.web.pages import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, language_of, template, words_of
from adapters.web.visit import first_language

log = logging.getLogger(__name__)

MACHINES = ("/api/", "/hooks/", "/static/")
"""Where no page is, whoever asks."""
NOTED_SECONDS = 60
MOST_NOTED = 100
_VARIES = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language, Cookie"}


def wants_page(request: Request) -> bool:
    """Whether a person is to read the answer: browsers name HTML when they open an address."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(MACHINES)


def noted(request: Request, error: Exception) -> None:
    """Tell the operator why a call is refused, without what its address may give away. The same at most once
    a minute: with a full disk, whoever asks again and again is not to fill the log."""
    route = getattr(request.scope.get("route"), "path", "")
    said = f"{request.method} {route} is refused: {error}"
    lately: dict[str, float] = request.app.state.noted
    now = asyncio.get_running_loop().time()
    for past in [told for told, at in lately.items() if now - at >= NOTED_SECONDS]:
        del lately[past]
    if said not in lately and len(lately) < MOST_NOTED:
        lately[said] = now
        log.warning("%s", said)


def told(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer: to a program the message, to a person a page in their language, with the way
    back."""
    if not wants_page(request):
        return JSONResponse({"message": message}, status, headers=headers)
    wish = first_language(request.headers.get("accept-language", ""))
    language = language_of(request.cookies.get(LANGUAGE_COOKIE, ""), wish)
    words, theme = words_of("problem", language), request.cookies.get(THEME_COOKIE, "")
    html = template("problem.html").render(
        name=request.app.title,
        language=language,
        theme=theme if theme in THEMES else THEMES[0],
        words=words,
        text=words.get(str(status), words["other"]),
        framed=f"{request.url.path}/".startswith(f"{WIDGET}/"),
    )
    return HTMLResponse(html, status, headers={**_VARIES, **(headers or {})})
