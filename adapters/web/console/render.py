"""The console's pages as HTML: templates, words, and parts of a page for htmx.

Every template gets `say` (a word in the caller's language), `ui` (the components of
`templates/console/parts.html`), `me` (the account, if any), `csrf`, `path`, `pages` (the navigation
that the role may see), `called` (a person) and `platform_name`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.web.console.access import Caller
from adapters.web.console.deps import Entry
from adapters.web.languages import shelf
from bot.types import ConsoleRole

HERE = Path(__file__).parents[1]
HTMX = {
    "allowEval": False,
    "includeIndicatorStyles": False,
    "defaultSettleDelay": 0,
    "selfRequestsOnly": True,
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "422", "swap": True},
        {"code": "...", "swap": False, "error": True},
    ],
}
"""htmx without code of its own in pages, without pages kept in the browser's storage, and without a while in
which a form that has come is not its own yet."""


@cache
def words(language: str) -> Mapping[str, str]:
    """What the console says in this language: all files of it, one for each page."""
    return shelf().within(language, "console")


def sayer(language: str) -> Callable[..., str]:
    """`say("key", name=value)`. Raises KeyError for a word that is not there."""
    known = words(language)

    def say(key: str, /, **values: object) -> str:
        return known[key].format(**values) if values else known[key]

    return say


def called(language: str, name: str, person_id: str) -> str:
    """A person's name; of one who told none a word with a code, the same on every page, by which
    they are told apart."""
    code = sha256(person_id.encode("utf-8", "replace")).hexdigest()[:5]
    return name or sayer(language)("people.visitor", code=code)


def platform_name(language: str, key: str) -> str:
    """As people call it; one that has no word here is called by its key."""
    return words(language).get(f"platform.{key}", key)


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


@cache
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates" / "console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["iso"] = lambda at: moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")
    environment.filters["utc"] = lambda at: moment(at).strftime("%Y-%m-%d %H:%M")
    environment.globals["roles"] = list(ConsoleRole)
    return environment


class Renderer:
    """Fills templates in for one installation, whose navigation `pages` are."""

    def __init__(self, name: str, pages: Sequence[Entry]) -> None:
        self._name = name
        self._pages = pages

    def html(self, caller: Caller, template: str, *, block: str = "", **values: Any) -> str:
        """The page, or only one block of it."""
        environment = _environment()
        shared = self._shared(caller)
        shared["ui"] = environment.get_template("parts.html").make_module(shared)
        found = environment.get_template(template)
        if not block:
            return str(found.render({**shared, **values}))
        return "".join(found.blocks[block](found.new_context({**shared, **values})))

    def _shared(self, caller: Caller) -> dict[str, Any]:
        me = caller.account
        return {
            "name": self._name,
            "me": me,
            "csrf": caller.csrf,
            "path": caller.request.url.path,
            "language": caller.language,
            "languages": [(tag, shelf().name(tag)) for tag in shelf().languages],
            "say": sayer(caller.language),
            "called": partial(called, caller.language),
            "platform_name": partial(platform_name, caller.language),
            "pages": [page for page in self._pages if me and me.role.may(page.role)],
            "htmx_config": json.dumps(HTMX),
        }
