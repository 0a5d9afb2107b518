"""What the console says where a download cannot begin."""

from __future__ import annotations

from collections.abc import Awaitable

from adapters.web.console.access import Login
from adapters.web.console.site import Console
from adapters.web.download import Download, TooMany


async def begun(console: Console, login: Login, download: Awaitable[Download]) -> Download:
    """The download; a page that says so where there are too many. Raises what else the beginning does."""
    try:
        return await download
    except TooMany as error:
        refused = console.problem(login, 429, "problem.downloads")
        refused.response.headers["Retry-After"] = str(error.seconds)
        raise refused from None
