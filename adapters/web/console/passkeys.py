"""Passkeys: the two ceremonies of Web Authentication (W3C, Level 3), by the webauthn library.

A challenge is kept nowhere: it carries when it was given, and a signature over that, the ceremony and
the browser that asked. So any process with the secret takes the answer. It holds for a few minutes, and
once: a login spends all challenges that were given before it (`bot.ports.Accounts.passkey_used`), and a
passkey is added once. The relying party is the host name that the browser shows; an IP address cannot
be one.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import struct
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.web.identity import is_loopback
from bot.errors import AccessError
from bot.ports import Clock
from bot.types import Account, Passkey

CHALLENGE_SECONDS = 300.0
MOST_PASSKEYS = 20
_GIVEN = struct.Struct("!d16s")
"""When a challenge was given, in Unix seconds, and what makes it one of its own."""


class _Response(msgspec.Struct):
    clientDataJSON: str


class _Credential(msgspec.Struct):
    response: _Response


class _ClientData(msgspec.Struct):
    challenge: str


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
    """Begins and ends ceremonies. `name` is what the browser calls us, `secret` signs challenges;
    `holder` stands for the browser: a session, or the cookie of one without."""

    def __init__(self, clock: Clock, name: str, secret: bytes) -> None:
        self._clock = clock
        self._name = name
        self._secret = secret

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
                expected_challenge=self._answered("create", holder, given)[0],
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
    ) -> tuple[int, float]:
        """The passkey's new count, and when its challenge was given. Raises AccessError: where there is
        none, too, and for a count that did not rise, as then the key was copied (section 6.1.1)."""
        from webauthn import base64url_to_bytes, verify_authentication_response
        from webauthn.helpers.exceptions import WebAuthnException

        challenge, asked_at = self._answered("get", holder, given)
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
        return verified.new_sign_count, asked_at

    def _challenge(self, kind: str, holder: str) -> bytes:
        given = _GIVEN.pack(self._clock.time(), secrets.token_bytes(16))
        return given + self._signed(kind, holder, given)

    def _answered(self, kind: str, holder: str, credential: Mapping[str, Any]) -> tuple[bytes, float]:
        """The challenge that was answered, and when it was given. Raises AccessError if it is none of ours
        for this browser, or too old."""
        challenge = _challenge_in(credential)
        given, signature = challenge[: _GIVEN.size], challenge[_GIVEN.size :]
        if not hmac.compare_digest(signature, self._signed(kind, holder, given)):
            raise AccessError("this challenge is unknown")
        at: float = _GIVEN.unpack(given)[0]
        if self._clock.time() - at > CHALLENGE_SECONDS:
            raise AccessError("this challenge is too old")
        return challenge, at

    def _signed(self, kind: str, holder: str, given: bytes) -> bytes:
        text = f"console passkey\n{kind}\n{holder}\n".encode()
        return hmac.digest(self._secret, text + given, "sha256")


def _challenge_in(credential: Mapping[str, Any]) -> bytes:
    """What a browser's answer says that it answers. Raises AccessError."""
    from webauthn import base64url_to_bytes

    try:
        said = msgspec.convert(credential, _Credential).response.clientDataJSON
        challenge = msgspec.json.decode(base64url_to_bytes(said), type=_ClientData).challenge
        return base64url_to_bytes(challenge)
    except (ValueError, msgspec.MsgspecError) as error:
        raise AccessError(f"this is no answer to a challenge: {error}") from None
