"""The first page: how the service does, in figures and charts that follow it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from fastapi import APIRouter
from starlette.responses import HTMLResponse, JSONResponse

from adapters.web.console.access import Login
from adapters.web.console.render import platform_name, sayer, words
from adapters.web.console.site import Console
from bot.types import Chart, ConsoleRole, Figures, Overview, Series

Span = Literal["hour", "day", "week", "month"]
SPANS: tuple[Span, ...] = ("hour", "day", "week", "month")
BAD_SHARE = 0.05
"""Of the answers of a day: from here on failures are shown as bad."""
COLOURS = {
    "done": "good",
    "cancelled": "idle",
    "failed": "bad",
    "p50": "one",
    "p95": "three",
    "errors": "bad",
    "refusals": "three",
    "flood_waits": "four",
    "up": "good",
    "down": "bad",
    "helped": "two",
    "mean": "one",
    "most": "three",
}
"""Of series that mean the same on every page; others take `_TURN` in their order."""
_TURN = ("one", "two", "three", "four", "five", "six")


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    viewer = console.needs(ConsoleRole.VIEWER)
    watch = console.deps.watch
    assert watch is not None

    @pages.get("/console/overview")
    async def overview(span: Span = "day", figures: bool = False, login: Login = viewer) -> HTMLResponse:
        """With `figures` the tables are filled, as scripts fill them otherwise when they are opened."""
        read = await watch.overview(span)
        say = sayer(login.language)
        return console.page(
            login,
            "overview.html",
            read=read,
            span=span,
            spans=[(f"/console/overview?span={name}", say(f"overview.span.{name}")) for name in SPANS],
            stats=_stats(read.figures, login.language),
            charts=[
                (chart, _series(chart, login.language), list(_rows(read, chart))) for chart in read.charts
            ],
            figures=figures,
            causes=_causes(read, login.language),
            fresh=_fresh(read.figures),
            connected=_connected(console, login.language),
        )

    @pages.get("/console/overview/data")
    async def data(span: Span = "day", login: Login = viewer) -> JSONResponse:
        read = await watch.overview(span)
        told = {
            "at": read.at,
            "step": read.step,
            "times": read.times,
            "fresh": _fresh(read.figures),
            "stats": _stats(read.figures, login.language),
            "charts": {chart.key: _told(chart, login.language) for chart in read.charts},
            "causes": _causes(read, login.language),
        }
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    return pages


def _fresh(figures: Figures) -> bool:
    """Whether nobody has asked anything yet."""
    return figures.conversations == 0


def _connected(console: Console, language: str) -> list[str]:
    """The names of the platforms that work, beside our own page."""
    states = console.deps.platforms.states() if console.deps.platforms else []
    works = (state.platform for state in states if not state.error)
    return [platform_name(language, platform) for platform in works if platform != "web"]


def _stats(figures: Figures, language: str) -> list[dict[str, str]]:
    say = sayer(language)
    ended = figures.answers + figures.failed
    share = figures.failed / ended if ended else 0.0
    stats = [
        ("people", f"{figures.people:,}", say("overview.people.note"), ""),
        ("conversations", f"{figures.conversations:,}", say("overview.conversations.note"), ""),
        ("answers", f"{figures.answers:,}", say("overview.in_a_day"), ""),
        ("waiting", _level(figures.waiting), say("overview.waiting.note"), "warn" if figures.waiting else ""),
        ("running", _level(figures.running), say("overview.running.note"), ""),
        (
            "failed",
            f"{share:.1%}" if ended else "–",
            say("overview.failed.note", failed=f"{figures.failed:,}", ended=f"{ended:,}"),
            "bad" if share >= BAD_SHARE else "",
        ),
    ]
    names = ("label", "value", "trend", "kind")
    return [dict(zip(names, (say(f"overview.{key}"), *rest), strict=True)) for key, *rest in stats]


def _level(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _word(language: str, key: str, otherwise: str) -> str:
    """A word for what the core names; what is new there, or another's, is shown as it is."""
    return words(language).get(key, otherwise)


def _series(chart: Chart, language: str) -> list[tuple[str, str, Series]]:
    """Label, colour and values of each."""
    found = []
    for number, series in enumerate(chart.series):
        label = _word(language, f"overview.{chart.key}.{series.key}", series.key)
        if chart.key == "messages":
            label = platform_name(language, series.key)
        colour = COLOURS.get(series.key, _TURN[number % len(_TURN)])
        found.append((label, colour, series))
    return found


def _told(chart: Chart, language: str) -> dict[str, Any]:
    lines = [
        {"label": label, "colour": colour, "values": series.values}
        for label, colour, series in _series(chart, language)
    ]
    return {"unit": chart.unit, "series": lines}


def _rows(read: Overview, chart: Chart) -> Iterable[tuple[float, list[str]]]:
    """Each step in which something was measured, the newest first."""
    for number in range(len(read.times) - 1, -1, -1):
        values = [series.values[number] for series in chart.series]
        if any(values):
            yield read.times[number], [_shown(value, chart.unit) for value in values]


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "seconds":
        return f"{value:,.2f} s"
    if unit == "level":
        return f"{round(value, 1):,g}"
    return f"{value:.0%}" if unit == "share" else f"{value:,.0f}"


def _causes(read: Overview, language: str) -> list[Mapping[str, str]]:
    say = sayer(language)
    return [
        {
            "what": say(f"overview.troubles.{name}"),
            "kind": _word(language, f"overview.cause.{kind}", kind),
            "count": f"{count:,}",
        }
        for name, kind, count in read.causes
    ]
