"""One Chromium for all browser tests of a worker: to start one takes longer than most tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.stage import chromium

# What comes is there as soon as it comes; on a busy machine, or by a page's next look, it comes late.
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They share one event loop: a browser answers only in the loop that started it."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_chromium() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def browser(shared_chromium: Browser) -> AsyncIterator[Browser]:
    """Nothing is open in it, and nothing that it kept for earlier tests is seen but the clipboard: each has
    contexts of its own, which end with it."""
    yield shared_chromium
    await asyncio.gather(*(context.close() for context in shared_chromium.contexts))
