"""The chat page, and the page about what is kept of a visitor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from adapters.web.deps import WebDeps
from adapters.web.identity import Signer
from adapters.web.visit import LANGUAGES, Visit, visit_of

HERE = Path(__file__).parent
LANGUAGE_COOKIE = "tertulia_language"
THEME_COOKIE = "tertulia_theme"
THEMES = ("auto", "light", "dark")
YEAR = 365 * 24 * 3600


@cache
def words(language: str) -> dict[str, str]:
    """What the page says in this language."""
    found: dict[str, str] = {}
    for name in (f"{language}.json", f"conversations.{language}.json"):
        found.update(json.loads((HERE / "words" / name).read_text(encoding="utf-8")))
    return found


@cache
def words_of(page: str, language: str) -> dict[str, str]:
    """What another page says in this language."""
    found: dict[str, str] = json.loads((HERE / f"words/{page}.{language}.json").read_text(encoding="utf-8"))
    return found


@cache
def template(name: str) -> Any:
    """The page's template of this name."""
    import jinja2

    loader = jinja2.FileSystemLoader(HERE / "templates")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined).get_template(
        name
    )


def page_router(deps: WebDeps, signer: Signer) -> APIRouter:
    router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

    @router.get("/", response_class=HTMLResponse)
    async def chat_page(request: Request, lang: str = "") -> HTMLResponse:
        """The chat page; `lang` switches its language."""
        visit = visit_of(request, deps, signer)
        language = language_of(lang, request.cookies.get(LANGUAGE_COOKIE, ""), visit.language)
        response = chat_html(deps, language, request.cookies.get(THEME_COOKIE, ""))
        return _remembering(response, visit, lang)

    @router.get("/mydata", response_class=HTMLResponse)
    async def mydata_page(request: Request, lang: str = "") -> HTMLResponse:
        """What is kept of the visitor, and the accounts that are theirs."""
        visit = visit_of(request, deps, signer)
        language = language_of(lang, request.cookies.get(LANGUAGE_COOKIE, ""), visit.language)
        response = mydata_html(deps, language, request.cookies.get(THEME_COOKIE, ""))
        return _remembering(response, visit, lang)

    return router


def _remembering(response: HTMLResponse, visit: Visit, lang: str) -> HTMLResponse:
    visit.remember(response)
    if lang in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, lang, max_age=YEAR, httponly=True, samesite="lax", secure=visit.secure
        )
    return response


def chat_html(
    deps: WebDeps, language: str, theme: str, *, widget: Mapping[str, Any] | None = None
) -> HTMLResponse:
    """The chat page; `widget` is what its scripts are given in a frame. There it takes no files: an
    image's address cannot be asked for with the header that stands in for the cookie."""
    html = template("chat.html").render(
        name=deps.name,
        language=language,
        theme=theme if theme in THEMES else THEMES[0],
        widget=widget,
        invited=deps.access == "invite",
        modules=_modules(),
        upload_limit=deps.files.limit if deps.files is not None and widget is None else 0,
        others=[(code, words(code)["language.name"]) for code in LANGUAGES if code != language],
        words=words(language),
        suggestions=_suggestions(deps.suggestions, language),
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def mydata_html(
    deps: WebDeps, language: str, theme: str, *, widget: Mapping[str, Any] | None = None
) -> HTMLResponse:
    """The page about what is kept; its script asks for the numbers."""
    html = template("mydata.html").render(
        name=deps.name,
        language=language,
        theme=theme if theme in THEMES else THEMES[0],
        widget=widget,
        others=[(code, words(code)["language.name"]) for code in LANGUAGES if code != language],
        words=words_of("mydata", language),
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


@cache
def _modules() -> list[str]:
    """The page's scripts, which it names at once: else each is asked for when another imports it."""
    return sorted(path.name for path in (HERE / "static").glob("*.js"))


def _suggestions(given: Mapping[str, Sequence[str]], language: str) -> list[str]:
    """The operator's questions for an empty page, else those of the handbook."""
    own = [words(language)[f"suggestion.{number}"] for number in (1, 2, 3, 4)]
    return list(given.get(language, own))[:6]


def language_of(*wishes: str) -> str:
    """The first wish that there is a page for; English where there is none."""
    for wish in wishes:
        if (base := wish.partition("-")[0].lower()) in LANGUAGES:
            return base
    return "en"
