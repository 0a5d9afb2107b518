"""Passwords: Argon2id (RFC 9106), beside the event loop, a few at a time as each takes 64 MiB.

What may be one follows NIST SP 800-63B: its length, and that nobody guesses it early. zxcvbn counts
the guesses, from lists of common and leaked passwords and what people make of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bot.ports import Accounts
from bot.types import Account

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 200
ENOUGH = 3
"""The least score: 100 million guesses and more."""
_LOOKED_AT = 72
"""Characters of which guesses are counted: the time rises faster than their number."""
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Price:
    """What it takes to try a password once: by default what RFC 9106 recommends second."""

    passes: int = 3
    kibibytes: int = 65_536
    lanes: int = 4


@cache
def _hasher(price: Price) -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(price.passes, price.kibibytes, price.lanes)


@cache
def _nobodys(price: Price) -> str:
    """A hash that no password has: it is checked where there is no account, and takes as long."""
    return _hasher(price).hash("\0nobody's password")


class Passwords:
    """Sets and checks passwords."""

    def __init__(self, accounts: Accounts, price: Price | None = None) -> None:
        self._accounts = accounts
        self._price = price or Price()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._guessing = asyncio.Lock()

    async def right(self, account: Account | None, password: str) -> bool:
        """Whether it is this account's. Takes as long where there is no account, or no password."""
        stored = await self._accounts.password(account.id) if account else ""
        async with self._few:
            right = await asyncio.to_thread(_matches, self._price, stored, password[: LONGEST + 1])
        return right and account is not None and not account.disabled

    async def weakness(self, account: Account, password: str, *known: str) -> str:
        """The key of the word that says why this is no password; "" if it is one. `known`: further
        words that a stranger would try first."""
        if len(password) < SHORTEST:
            return "password.short"
        if len(password) > LONGEST:
            return "password.long"
        if password.casefold().strip() == account.name.casefold().strip():
            return "password.name"
        async with self._guessing:  # the library keeps the words of its last call
            score = await asyncio.to_thread(_score, password, [account.name, *account.name.split(), *known])
        return "" if score >= ENOUGH else "password.simple"

    async def put(self, account: Account, password: str) -> None:
        async with self._few:
            hashed = await asyncio.to_thread(_hasher(self._price).hash, password)
        await self._accounts.set_password(account.id, hashed)


def _score(password: str, known: Sequence[str]) -> int:
    """From 0 to 4."""
    from zxcvbn import zxcvbn

    return int(zxcvbn(password[:_LOOKED_AT], user_inputs=known)["score"])


def _matches(price: Price, stored: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher(price).verify(stored or _nobodys(price), password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False
