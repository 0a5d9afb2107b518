"""Secrets sealed at rest: who reads the database, or a copy of it, needs a key that lies elsewhere.

AES-256-GCM with a random nonce for each secret (NIST SP 800-38D). Its key is derived from the operator's by
HKDF (RFC 5869), so that the operator's may serve other uses. The place of a secret is bound to it as
associated data: what is moved to another place does not open there.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import SealError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = "secret.key"
"""In the home."""
KEY_BYTES = 32
_NONCE_BYTES = 12
_FORM = "1"
_SEPARATORS = re.compile(r"[\s,]+")


def keys_of(text: str) -> tuple[bytes, ...]:
    """The keys in a text, separated by white space or commas. Raises ValueError for what is none, without
    telling it."""
    return tuple(_key(word) for word in _SEPARATORS.split(text) if word)


def _key(word: str) -> bytes:
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < KEY_BYTES:
        raise ValueError(
            f"this is no key of {KEY_BYTES} bytes in base64; `openssl rand -base64 {KEY_BYTES}` makes one"
        )
    return key


class Sealer:
    """Seals by the first key and opens by any: those `given`, then those in `file`.

    Where there is none, the first secret to be sealed makes the file with one; processes that do so at the
    same moment have the same. Nothing is kept in memory: a file that is put back opens at the next call.
    Everything here reads the disk, and blocks as long.
    """

    def __init__(self, given: Sequence[bytes], file: Path) -> None:
        self._given = tuple(given)
        self._file = file

    def seal(self, text: str, place: Sequence[str]) -> str:
        """ASCII that tells nothing but the text's length and which key it was. Raises SealError."""
        first = _derived((self._keys() or _made(self._file))[0])
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + first.cipher.encrypt(nonce, text.encode(), _bound(place))
        return f"{_FORM}.{first.name}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, place: Sequence[str]) -> str:
        """The text. Raises SealError if no key here opens it, or it was sealed for another place."""
        from cryptography.exceptions import InvalidTag

        form, _, rest = sealed.partition(".")
        name, _, encoded = rest.partition(".")
        if form != _FORM:
            raise SealError("it was sealed by another version of Tertulia")
        keys = [derived for derived in map(_derived, self._keys()) if derived.name == name]
        if not keys:
            raise SealError(f"it was sealed with the key {name}, which is not here")
        try:
            whole = base64.urlsafe_b64decode(encoded)
            return keys[0].cipher.decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], _bound(place)).decode()
        except (InvalidTag, ValueError):
            raise SealError("it was changed, or sealed for another place") from None

    def fresh(self, sealed: str) -> bool:
        """Whether it was sealed by what is the first key now. Raises SealError."""
        keys = self._keys()
        return bool(keys) and sealed.startswith(f"{_FORM}.{_derived(keys[0]).name}.")

    def _keys(self) -> tuple[bytes, ...]:
        try:
            return (*self._given, *_read(self._file))
        except FileNotFoundError:
            return self._given
        except OSError as error:
            raise SealError(f"{self._file}: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class _Derived:
    """`name` tells keys apart and tells nothing about them."""

    name: str
    cipher: AESGCM


def _derived(key: bytes) -> _Derived:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def expanded(use: bytes, length: int) -> bytes:
        return HKDF(SHA256(), length, salt=None, info=b"tertulia " + use).derive(key)

    return _Derived(expanded(b"name", 6).hex(), AESGCM(expanded(b"secrets", KEY_BYTES)))


def _bound(place: Sequence[str]) -> bytes:
    return json.dumps(list(place)).encode()


def _read(file: Path) -> tuple[bytes, ...]:
    """The keys of the file. Raises OSError, SealError."""
    try:
        keys = keys_of(file.read_text(encoding="utf-8"))
    except ValueError:
        raise SealError(f"{file}: a line of it is no key") from None
    if not keys:
        raise SealError(f"{file}: it is empty")
    return keys


def _made(file: Path) -> tuple[bytes, ...]:
    """The keys of the file, which is made where it is not there: whole or not at all, for its owner alone,
    and on the disk before anything is sealed by it. Raises SealError."""
    fresh = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            with suppress(FileExistsError):  # another process was first, and its key is everybody's
                os.link(fresh, file)
        finally:
            fresh.unlink()
        _sync(file.parent)
        return _read(file)
    except OSError as error:
        raise SealError(f"{file}: {error.strerror}") from None


def _sync(folder: Path) -> None:
    """A new name in the folder is on the disk, too; Windows cannot be asked."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
