"""Passwords: Argon2id (RFC 9106), beside the event loop, a few at a time as each takes 64 MiB."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from bot.ports import Accounts
from bot.types import Account

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 200
_AT_ONCE = 2


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    """A hash that no password has: it is checked where there is no account, and takes as long."""
    return _hasher().hash("\0nobody's password")


class Passwords:
    """Sets and checks passwords."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def right(self, account: Account | None, password: str) -> bool:
        """Whether it is this account's. Takes as long where there is no account, or no password."""
        stored = await self._accounts.password(account.id) if account else ""
        async with self._few:
            right = await asyncio.to_thread(_matches, stored, password[: LONGEST + 1])
        return right and account is not None and not account.disabled

    async def put(self, account: Account, password: str) -> None:
        async with self._few:
            hashed = await asyncio.to_thread(_hasher().hash, password)
        await self._accounts.set_password(account.id, hashed)


def weakness(account: Account, password: str) -> str:
    """The key of the word that says why this is no password; "" if it is one."""
    if len(password) < SHORTEST:
        return "password.short"
    if len(password) > LONGEST:
        return "password.long"
    if password.casefold().strip() == account.name.casefold().strip():
        return "password.name"
    return "password.simple" if len(set(password)) < 4 else ""


def _matches(stored: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(stored or _nobodys(), password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False
