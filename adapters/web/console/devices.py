"""Browsers in which an account has logged in before: strangers' guesses do not keep them out.

As OWASP's device cookies: each good login leaves a signed cookie, which says no more than that this
account came in here once. Guesses that bring it are counted by themselves; all others are strangers'.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256

from starlette.responses import Response

from adapters.web.console.access import HOME, Caller
from adapters.web.console.attempts import ANYWHERE, PLACE, STRICT, Key
from adapters.web.identity import COOKIE_SECONDS
from adapters.web.limits import place_of
from bot.types import Account

_VALUE = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")


class Devices:
    """Gives these cookies and knows them again. `secret` signs them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def known(self, caller: Caller, account: Account | None) -> str:
        """The device's id, if this account has logged in here before; else ""."""
        if account is None:
            return ""
        found = _VALUE.fullmatch(caller.request.cookies.get(self._name(account), ""))
        good = found is not None and hmac.compare_digest(found[2], self._signed(account, found[1]))
        return found[1] if found is not None and good else ""

    def keep(self, caller: Caller, account: Account, response: Response) -> None:
        """The account has logged in: its browser is known from now on. It keeps its id, so that to log in
        often is no way to many ids."""
        id = self.known(caller, account) or secrets.token_hex(16)
        response.set_cookie(
            self._name(account),
            f"{id}.{self._signed(account, id)}",
            max_age=COOKIE_SECONDS,
            path=HOME,
            httponly=True,
            samesite="strict",
            secure=caller.secure,
        )

    def keys(self, caller: Caller, account: Account | None, name: str) -> tuple[Key, ...]:
        """What a guess at this name's password is counted by; the first is forgiven once it was right.
        A name that nobody has is counted as any other."""
        if device := self.known(caller, account):
            return (Key(STRICT, f"device {device}"),)
        place, name = place_of(caller.client), name.casefold()
        return (
            Key(STRICT, f"pair {place} {name}"),
            Key(PLACE, f"place {place}"),
            Key(ANYWHERE, f"name {name}"),
        )

    def _name(self, account: Account) -> str:
        """One for each account: several people may share a browser."""
        return f"tertulia_device_{self._hash('name', account.id)[:16]}"

    def _signed(self, account: Account, id: str) -> str:
        return self._hash("device", account.id, id)

    def _hash(self, *parts: str) -> str:
        text = "\n".join(("console device", *parts)).encode()
        return hmac.new(self._secret, text, sha256).hexdigest()
