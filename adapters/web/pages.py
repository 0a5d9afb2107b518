"""The chat page, and the page about what is kept of a visitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from adapters.web.deps import WebDeps
from adapters.web.identity import Signer
from adapters.web.languages import ENGLISH, shelf
from adapters.web.visit import Visit, visit_of

HERE = Path(__file__).parent
LANGUAGE_COOKIE = "tertulia_language"
THEME_COOKIE = "tertulia_theme"
THEMES = ("auto", "light", "dark")
YEAR = 365 * 24 * 3600


@cache
def words(language: str) -> dict[str, str]:
    """What the page says in this language."""
    return shelf().of(language, "", "conversations")


@cache
def words_of(page: str, language: str) -> dict[str, str]:
    """What another page says in this language."""
    return shelf().of(language, page)


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
    if lang in shelf().languages:
        response.set_cookie(
            LANGUAGE_COOKIE, lang, max_age=YEAR, httponly=True, samesite="lax", secure=visit.secure
        )
    return response


def chat_html(
    deps: WebDeps, language: str, theme: str, *, widget: Mapping[str, Any] | None = None
) -> HTMLResponse:
    """The chat page; `widget` is what its scripts are given in a frame."""
    html = template("chat.html").render(
        name=deps.name,
        language=language,
        theme=theme if theme in THEMES else THEMES[0],
        widget=widget,
        invited=deps.access == "invite",
        modules=_modules(),
        upload_limit=deps.files.limit if deps.files is not None else 0,
        own=shelf().name(language),
        others=_others(language),
        words=words(language),
        suggestions=_suggestions(deps.suggestions, language, handbook=widget is None),
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
        others=_others(language),
        words=words_of("mydata", language),
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})


def _others(language: str) -> list[tuple[str, str]]:
    """The tags of the other languages, and what each calls itself."""
    return [(tag, shelf().name(tag)) for tag in shelf().languages if tag != language]


@cache
def _modules() -> list[str]:
    """The page's scripts, which it names at once: else each is asked for when another imports it."""
    return sorted(path.name for path in (HERE / "static").glob("*.js"))


def _suggestions(
    given: Sequence[str] | Mapping[str, Sequence[str]] | None, language: str, *, handbook: bool
) -> Sequence[str]:
    """The operator's questions for an empty page; where there is no word of theirs, those of the handbook,
    if wanted."""
    if isinstance(given, Mapping):
        return given.get(language, ())
    if given is not None:
        return given
    return [words(language)[f"suggestion.{number}"] for number in (1, 2, 3, 4)] if handbook else ()


def language_of(*wishes: str) -> str:
    """The first wish that there is a page for; English where there is none."""
    return next(filter(None, map(shelf().find, wishes)), ENGLISH)
