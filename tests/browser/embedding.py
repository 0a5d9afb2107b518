"""The widget on a page of another site. The service is at 127.0.0.1 and the site at localhost: for a browser
that is another site, whose frames get no cookie of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import escape
from types import MappingProxyType

from playwright.async_api import Frame, FrameLocator, Page, expect

from adapters.web.files import Files
from tests.adapters.web_core import House, house

PAGE = """<!doctype html><html lang="{lang}"><head><title>A shop</title></head><body><main><h1>A shop</h1>
<p><a href="#">First link</a></p><p><a href="#">Last link</a></p></main>{script}</body></html>"""


class Site:
    """A site with one page, and a policy if it has one."""

    def __init__(self) -> None:
        self.html, self.policy, self.origin = "", "", ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        found = asked.startswith((b"GET / ", b"GET /?"))
        body = self.html.encode() if found else b""
        policy = f"Content-Security-Policy: {self.policy}\r\n" if self.policy else ""
        head = f"HTTP/1.1 {'200 OK' if found else '204 No Content'}\r\nContent-Type: text/html\r\n{policy}"
        length = f"Content-Length: {len(body)}\r\n" if found else ""
        writer.write(f"{head}{length}Connection: close\r\n\r\n".encode() + body)
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    made = Site()
    server = await asyncio.start_server(made.answer, "localhost", 0)
    made.origin = f"http://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def embedded(
    lang: str = "en",
    data: Mapping[str, str] = MappingProxyType({}),
    *,
    allowed: bool = True,
    files: Files | None = None,
) -> AsyncIterator[tuple[Site, House]]:
    """A site with the widget, and the service behind it."""
    async with site() as shop:
        origins = (shop.origin if allowed else "https://elsewhere.example",)
        async with house(console=None, access="open", widget_origins=origins, files=files) as home:
            shop.html = PAGE.format(lang=lang, script=tag(home, data))
            yield shop, home


def tag(home: House, data: Mapping[str, str]) -> str:
    given = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    return f'<script src="{home.url}/widget.js" async{given}></script>'


def inside(page: Page) -> FrameLocator:
    return page.frame_locator("#tertulia-widget iframe")


def frame_of(page: Page, home: House) -> Frame:
    return next(frame for frame in page.frames if frame.url.startswith(home.url))


async def opened(page: Page) -> FrameLocator:
    await page.locator("#tertulia-widget .open").click()
    await expect(page.locator("#tertulia-widget iframe")).to_have_class("ready")
    return inside(page)


async def ask(frame: FrameLocator, text: str) -> None:
    await frame.locator("#text").fill(text)
    await frame.locator("#text").press("Enter")
    await expect(frame.locator(".turn").last).to_contain_text(text)
    await expect(frame.locator("#send")).to_be_visible()
