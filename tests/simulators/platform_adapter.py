"""The adapter of the simulated platform: what an adapter of a real one looks like, in small."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    FileRefused,
    MessageGone,
    RetryAfter,
    StorageError,
)
from bot.types import (
    Address,
    Capabilities,
    Event,
    EventKind,
    Markup,
    Outgoing,
    Part,
    Sender,
)

PLATFORM = "sim"
AGAIN_SECONDS = 0.05
"""After a failure what is not acknowledged is asked for again."""


class SimChannel:
    """`bot.ports.Channel` over the simulated platform's HTTP API."""

    platform = PLATFORM

    def __init__(self, client: httpx.AsyncClient, capabilities: Capabilities) -> None:
        self._client = client
        self._capabilities = capabilities

    def capabilities(self, address: Address) -> Capabilities:
        return self._capabilities

    async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
        body = {"chat": address.chat, "text": out.text, "key": key, "reply_to": reply_to, "final": out.final}
        return str((await self._call("/send", body))["id"])

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        await self._call(
            "/edit", {"chat": address.chat, "id": message_id, "text": out.text, "final": out.final}
        )

    async def delete(self, address: Address, message_id: str) -> None:
        await self._call("/delete", {"id": message_id})

    async def typing(self, address: Address) -> None:
        """The platform has no such sign."""

    async def acknowledge(self, address: Address, message_id: str) -> None:
        """The platform has no such sign."""

    async def solve(self, address: Address, message_id: str, *, close: bool) -> None:
        """The platform has no such sign."""

    async def continue_under(self, address: Address, message_id: str, title: str) -> Address:
        return address

    async def draft(self, address: Address, key: str, out: Outgoing) -> None:
        """The platform has no such sign."""

    async def fetch(self, part: Part, limit: int) -> bytes:
        raise FileRefused("there are no files here")

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            response = await self._client.post(path, json=body)
        except httpx.HTTPError as error:
            raise ChannelUnavailable(repr(error)) from error
        if response.status_code == 429:
            raise RetryAfter(float(response.text))
        if response.status_code == 403:
            raise ChatGone(response.text)
        if response.status_code >= 500:
            raise ChannelUnavailable(f"{response.status_code} {response.text}")
        if response.status_code == 400 and "not found" in response.text:
            raise MessageGone(response.text)
        if response.is_error:
            raise ChannelError(response.text)
        result: dict[str, Any] = response.json()
        return result


class SimAdapter:
    """`bot.ports.Adapter`: polls, puts, and only then acknowledges."""

    def __init__(self, url: str, *, keyed: bool = True, limit: int = 500, interval: float = 0.02) -> None:
        # plain HTTP: the certificates, which take long to load, are not needed
        self._client = httpx.AsyncClient(base_url=url, timeout=30, verify=False)
        self._offset = 0
        self.channel = SimChannel(
            self._client,
            Capabilities(
                markup=Markup.PLAIN,
                text_limit=limit,
                edits=True,
                idempotent_sends=keyed,
                min_edit_interval=interval,
                tells_end=True,
            ),
        )

    @contextlib.asynccontextmanager
    async def lifespan(self, put: Callable[[Event], Awaitable[bool]]) -> AsyncIterator[None]:
        intake = asyncio.create_task(self._poll(put))
        try:
            yield
        finally:
            intake.cancel()
            await asyncio.gather(intake, return_exceptions=True)

    async def aclose(self) -> None:
        """Close the connections: no call goes out any more."""
        await self._client.aclose()

    async def _poll(self, put: Callable[[Event], Awaitable[bool]]) -> None:
        while True:
            try:
                response = await self._client.get("/updates", params={"offset": self._offset, "timeout": 20})
                for update in response.json():
                    await put(to_event(update))
                    self._offset = update["offset"] + 1
            except (StorageError, httpx.HTTPError):
                await asyncio.sleep(AGAIN_SECONDS)


def to_event(update: dict[str, Any]) -> Event:
    """A native update as an Event."""
    return Event(
        id=str(update["id"]),
        kind=EventKind(update["kind"]),
        address=Address(PLATFORM, "bot", update["chat"]),
        sender=Sender(update["person"], name=update["person"], language=update.get("language", "")),
        parts=(Part(text=update["text"]),) if update["text"] else (),
        message_id=update["message_id"],
        data=update.get("data", ""),
        private=update.get("private", True),
        addressed=update.get("addressed", True),
        received_at=time.time(),
    )
