"""Passkeys: the two ceremonies of Web Authentication (W3C, Level 3), by the webauthn library.

A challenge is kept here for a few minutes, for the browser that asked for it, and is spent by the
first answer, right or wrong. The relying party is the host name that the browser shows; an IP
address cannot be one.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from adapters.web.identity import is_loopback
from bot.errors import AccessError
from bot.ports import Clock
from bot.types import Account, Passkey

CHALLENGE_SECONDS = 300.0
MOST_CHALLENGES = 1000
MOST_PASSKEYS = 20


def party(origin: str) -> str:
    """The relying party's id of an origin; "" where browsers allow none: at an IP address."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return ""


def by_name(origin: str) -> str:
    """The same place by a name that may have passkeys: `localhost`, for this machine's own address."""
    parts = urlsplit(origin)
    if party(origin) or not is_loopback(parts.hostname or ""):
        return ""
    return f"{parts.scheme}://localhost{f':{parts.port}' if parts.port else ''}"


class Ceremonies:
    """Begins and ends ceremonies. `name` is what the browser calls us; `holder` stands for the
    browser: a session, or the cookie of one without."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._challenges: OrderedDict[tuple[str, str], tuple[bytes, float]] = OrderedDict()

    def __len__(self) -> int:
        """Challenges that wait for an answer."""
        return len(self._challenges)

    def registration(self, holder: str, origin: str, account: Account, known: Sequence[Passkey]) -> str:
        """Options for `navigator.credentials.create`, as JSON."""
        from webauthn import base64url_to_bytes, generate_registration_options, options_to_json
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        options = generate_registration_options(
            rp_id=party(origin),
            rp_name=self._name,
            user_id=account.id.encode(),
            user_name=account.name,
            challenge=self._challenge("create", holder),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(key.id)) for key in known],
        )
        return options_to_json(options)

    def registered(self, holder: str, origin: str, account: Account, given: Mapping[str, Any]) -> Passkey:
        """The new passkey, not stored yet. Raises AccessError."""
        from webauthn import verify_registration_response
        from webauthn.helpers import bytes_to_base64url
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            verified = verify_registration_response(
                credential=json.dumps(given),
                expected_challenge=self._spent("create", holder),
                expected_rp_id=party(origin),
                expected_origin=origin,
            )
        except (WebAuthnException, ValueError) as error:  # of no key on the curve, too
            raise AccessError(f"this passkey is refused: {error}") from None
        return Passkey(
            bytes_to_base64url(verified.credential_id),
            account.id,
            bytes_to_base64url(verified.credential_public_key),
            verified.sign_count,
            created_at=self._clock.time(),
        )

    def authentication(self, holder: str, origin: str) -> str:
        """Options for `navigator.credentials.get`, as JSON: any passkey that the browser has for us."""
        from webauthn import generate_authentication_options, options_to_json

        options = generate_authentication_options(
            rp_id=party(origin), challenge=self._challenge("get", holder)
        )
        return options_to_json(options)

    def authenticated(
        self, holder: str, origin: str, passkey: Passkey | None, given: Mapping[str, Any]
    ) -> Passkey:
        """The passkey with its new count. Raises AccessError: where there is none, too, and for a
        count that did not rise, as then the key was copied (section 6.1.1)."""
        from webauthn import base64url_to_bytes, verify_authentication_response
        from webauthn.helpers.exceptions import WebAuthnException

        challenge = self._spent("get", holder)
        if passkey is None:
            raise AccessError("this passkey is unknown")
        try:
            verified = verify_authentication_response(
                credential=json.dumps(given),
                expected_challenge=challenge,
                expected_rp_id=party(origin),
                expected_origin=origin,
                credential_public_key=base64url_to_bytes(passkey.public_key),
                credential_current_sign_count=passkey.sign_count,
            )
        except (WebAuthnException, ValueError) as error:  # of no key on the curve, too
            raise AccessError(f"this passkey is refused: {error}") from None
        return replace(passkey, sign_count=verified.new_sign_count, used_at=self._clock.time())

    def _challenge(self, kind: str, holder: str) -> bytes:
        challenge = secrets.token_bytes(32)
        self._challenges.pop((kind, holder), None)
        self._challenges[kind, holder] = (challenge, self._clock.monotonic() + CHALLENGE_SECONDS)
        if len(self._challenges) > MOST_CHALLENGES:
            self._challenges.popitem(last=False)
        return challenge

    def _spent(self, kind: str, holder: str) -> bytes:
        challenge, until = self._challenges.pop((kind, holder), (b"", 0.0))
        if not challenge or until < self._clock.monotonic():
            raise AccessError("this challenge is unknown or too old")
        return challenge
