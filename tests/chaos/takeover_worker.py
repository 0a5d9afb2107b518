"""A bot whose one conversation an operator has taken over, in a process that kills itself at a given point.

The operator answers each question that waits, by words that tell which one it was, and hands back after the
last. What a life before has said may be said again: it has the same key.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bot.clock import SystemClock
from bot.compose import App, compose, stop_on_signals
from bot.opening import open_models, open_stores
from bot.relay import waits
from bot.takeover import taken
from bot.telemetry import NullTelemetry
from bot.types import Account, Address, Message, Turn
from tests.chaos.worker import Life, Mortal, mortal, settings_of
from tests.simulators.platform_adapter import SimAdapter

CHAT = "taken"
LAST = "goodbye"


class Operator:
    """The store of turns; each question that comes to wait there is answered."""

    def __init__(self, turns: Any) -> None:
        self._turns = turns
        self._app: App | None = None
        self._ann: Account
        self._said: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._turns, name)

    async def finish(self, turn: Turn, messages: Sequence[Message] = ()) -> None:
        await self._turns.finish(turn, messages)
        if waits(turn):
            self._begin(turn)

    async def sit_down(self, app: App) -> None:
        """Take the conversation, and answer what came to wait there in a life before."""
        self._app, accounts = app, app.stores.accounts
        owner = await accounts.enter(await accounts.owner_link(seconds=60))
        self._ann = await accounts.update(owner.id, name="Ann")
        found = await app.stores.conversations.open(Address("sim", "bot", CHAT))
        if taken(found) is None:
            await app.takeover.take(found.id, self._ann)
        for turn in reversed(await self._turns.listing(found.id)):
            if waits(turn) or turn.text:  # an answer to an earlier one stands in the last one's place
                self._begin(turn)

    async def stand_up(self) -> None:
        """Have said all that was begun."""
        await asyncio.gather(*self._said)

    def _begin(self, turn: Turn) -> None:
        task = asyncio.create_task(self._answer(turn))
        self._said.add(task)
        task.add_done_callback(self._said.discard)

    async def _answer(self, turn: Turn) -> None:
        assert self._app is not None
        service = self._app.takeover
        async with self._one_by_one:  # in the order in which they came to wait
            question = await self._turns.question(turn)
            await service.say(turn.conversation_id, f"to {question.text}", self._ann, key=f"re-{turn.number}")
        if question.text == LAST:
            await service.give_back(turn.conversation_id, self._ann)


def main(life: Life) -> None:
    """Live until death, or SIGTERM."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_live(life))


async def _live(life: Life) -> None:
    settings = settings_of(replace(life, mark=""))
    clock, stop, calls = SystemClock(), stop_on_signals(), Counter[str]()
    adapter = SimAdapter(life.platform, keyed=life.keyed, limit=200)
    adapter.channel = Mortal(adapter.channel, "channel", life, calls)  # type: ignore[assignment]
    async with (
        open_stores(settings, clock, durable_inbox=True) as stores,
        open_models(settings, clock) as models,
    ):
        deadly = mortal(stores, life, calls)
        operator = Operator(deadly.turns)
        stores = replace(deadly, turns=operator)
        async with compose(settings, stores, models, [adapter], NullTelemetry(), clock) as app:
            await operator.sit_down(app)
            await app.serve([adapter], stop)
            await operator.stand_up()
