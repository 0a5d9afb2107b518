"""The widget: a script for other sites' pages, and the chat page as a frame in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from adapters.web.deps import WebDeps
from adapters.web.guard import WIDGET, WIDGET_SCRIPT
from adapters.web.identity import Signer
from adapters.web.languages import shelf
from adapters.web.pages import HERE, THEMES, chat_html, language_of, mydata_html
from adapters.web.visit import FRAME_COOKIE, first_language, keep_in_frame

HOUR = 3600
_COLOUR = re.compile(r"[0-9a-f]{6}")


def widget_router(deps: WebDeps, signer: Signer) -> APIRouter:
    router = APIRouter(tags=["widget"], include_in_schema=False)

    def frame(request: Request) -> tuple[str, dict[str, Any]]:
        """The language, and what the frame's scripts are given: who may talk to it, the visitor (a fresh
        one, if none is kept), and what the site's page wishes."""
        if not deps.widget_origins:
            raise HTTPException(404, "There is nothing here.")
        wish = first_language(request.headers.get("accept-language", ""))
        query, kept = request.query_params, request.cookies.get(FRAME_COOKIE, "")
        given = {
            "origins": list(deps.widget_origins),
            "visitor": kept if signer.visitor(kept) else signer.new_visitor()[1],
            "theme": _theme(query),
            "colour": _colour(query),
            "query": urlencode(_wishes(query)),
        }
        return language_of(query.get("lang", ""), wish), given

    @router.get(WIDGET_SCRIPT)
    async def script() -> Response:
        """What puts the widget on a page."""
        if not deps.widget_origins:
            raise HTTPException(404, "There is nothing here.")
        headers = {"Cache-Control": f"public, max-age={HOUR}"}
        return FileResponse(HERE / "static/widget/widget.js", media_type="text/javascript", headers=headers)

    @router.get(WIDGET, response_class=HTMLResponse)
    async def widget(request: Request) -> HTMLResponse:
        """The chat page in a frame."""
        language, given = frame(request)
        response = chat_html(deps, language, given["theme"], widget=given)
        keep_in_frame(response, given["visitor"])
        return response

    @router.get(f"{WIDGET}/mydata", response_class=HTMLResponse)
    async def mydata(request: Request) -> HTMLResponse:
        """What is kept of the frame's visitor."""
        language, given = frame(request)
        return mydata_html(deps, language, given["theme"], widget=given)

    return router


def _theme(query: Mapping[str, str]) -> str:
    theme = query.get("theme", "")
    return theme if theme in THEMES else THEMES[0]


def _colour(query: Mapping[str, str]) -> str:
    """Six hexadecimal digits; "" for anything else."""
    colour = query.get("color", "").lower()
    return colour if _COLOUR.fullmatch(colour) else ""


def _wishes(query: Mapping[str, str]) -> dict[str, str]:
    """What is in order of the page's wishes."""
    language = query.get("lang", "")
    wishes = {
        "theme": _theme(query),
        "color": _colour(query),
        "lang": language if language in shelf().languages else "",
    }
    return {name: wish for name, wish in wishes.items() if wish}
