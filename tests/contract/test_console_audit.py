"""The audit log by account, action, target and day."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest

from bot.types import AuditEntry, AuditFilter
from tests.contract.conftest import Stores

READ, SAY, LIST = "conversation.read", "conversation.say", "conversations.list"
DONE = [
    *[("ann", READ, "16"), ("bob", SAY, "16"), ("ann", LIST, ""), ("ann", SAY, "17"), ("bob", READ, "16")],
    *[("ann", READ, "16"), ("ann", READ, "17"), ("bob", "person.read", "16"), ("bob", LIST, "16")],
]
"""Who did what about what, one each second but for the last two, which are of the same one."""
ACTIONS = [(), (READ,), (SAY, READ, SAY), ("nothing",), ("' OR 1=1 --", "\ud800", LIST)]
TARGETS = ["", "16", "nothing", "'"]
SPANS = [(0.0, 1e300), (1.0, 6.0), (3.0, 3.0), (7.0, 8.0)]


@dataclass
class Log:
    stores: Stores
    start: float

    async def pages(self, wanted: AuditFilter, size: int = 2) -> list[AuditEntry]:
        """All of it, a page after the other."""
        found: list[AuditEntry] = []
        while True:
            before = (found[-1].at, found[-1].id) if found else None
            page = await self.stores.audit.listing(limit=size, before=before, wanted=wanted)
            found += page
            if len(page) < size:
                return found


@pytest.fixture
async def log(stores: Stores) -> Log:
    start = stores.clock.time()
    for number, (account, action, target) in enumerate(DONE):
        await stores.audit.put(account, account.title(), action, target, str(number))
        if number != len(DONE) - 2:
            await stores.clock.advance(1)
    return Log(stores, start)


async def test_whatever_is_wanted_together_is_found_page_by_page(log: Log) -> None:
    everything = await log.pages(AuditFilter())
    assert [entry.detail for entry in everything] == list("876543210")
    assert everything[0].at == everything[1].at
    for account, actions, target, (since, until) in product(("", "ann", "nobody"), ACTIONS, TARGETS, SPANS):
        wanted = AuditFilter(account, actions, target, log.start + since, log.start + until)
        expected = [
            entry
            for entry in everything
            if account in ("", entry.account_id)
            and (not actions or entry.action in actions)
            and target in ("", entry.target)
            and since <= entry.at - log.start < until
        ]
        assert await log.pages(wanted) == expected, wanted
