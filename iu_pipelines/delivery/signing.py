"""Signatures of Standard Webhooks: HMAC `v1` with `whsec_…`, and ed25519 `v1a` with `whsk_…`.

A signature covers the id, the time and the body of a message. With two values of a secret a message has two
signatures, so that a receiver that knows either of them can verify it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from iu_pipelines import extras
from iu_pipelines.delivery.secrets import ED25519, HMAC, MOST_VALUES
from iu_pipelines.errors import UsageError

extras.require("delivery", "cryptography", "standardwebhooks")

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from standardwebhooks.webhooks import Webhook  # noqa: E402

ED25519_PUBLIC: Final = "whpk_"

_HMAC_BYTES: Final = range(24, 65)
_SEED_BYTES: Final = 32

_Sign = Callable[[str, datetime, str], str]


class Signer:
    """Signs with one or two values. They are parsed once; neither is printed.

    Raises:
        UsageError: a value is malformed, or there are more than two. The message does not contain it.
    """

    def __init__(self, secret_name: str, values: Sequence[str]) -> None:
        if not 1 <= len(values) <= MOST_VALUES:
            raise UsageError(
                f"secret {secret_name} has {len(values)} values",
                hint="Write it as host=NAME and then one or two values, the newest first.",
            )
        self._signs = [_signing(secret_name, value) for value in values]

    def sign(self, key: str, at: datetime, body: str) -> str:
        """Return the value of the header `webhook-signature`. `at` is in UTC."""
        return " ".join([sign(key, at, body) for sign in self._signs])


def public_key(value: str) -> str:
    """Return the public key `whpk_…` of a private key `whsk_…`, which a receiver verifies with.

    Raises:
        UsageError: it is malformed.
    """
    return ED25519_PUBLIC + base64.b64encode(_private_key("", value).public_key().public_bytes_raw()).decode()


def _signing(secret_name: str, value: str) -> _Sign:
    if value.startswith(HMAC):
        return _hmac(secret_name, value)
    if value.startswith(ED25519):
        return _ed25519(_private_key(secret_name, value))
    raise UsageError(
        f"a value of secret {secret_name} begins with neither {HMAC} nor {ED25519}",
        hint=f"Write {HMAC} and 24 to 64 random bytes in base64, or {ED25519} and an ed25519 seed in base64.",
    )


def _hmac(secret_name: str, value: str) -> _Sign:
    key = _decoded(secret_name, value.removeprefix(HMAC))
    if len(key) not in _HMAC_BYTES:
        raise UsageError(
            f"a value of secret {secret_name} has {len(key)} bytes",
            hint=f"Write {HMAC} and 24 to 64 random bytes in base64.",
        )
    webhook = Webhook(key)
    return webhook.sign


def _ed25519(key: Ed25519PrivateKey) -> _Sign:
    def sign(message_key: str, at: datetime, body: str) -> str:
        signed = key.sign(f"{message_key}.{int(at.timestamp())}.{body}".encode())
        return f"v1a,{base64.b64encode(signed).decode()}"

    return sign


def _private_key(secret_name: str, value: str) -> Ed25519PrivateKey:
    seed = _decoded(secret_name, value.removeprefix(ED25519))
    if len(seed) not in {_SEED_BYTES, 2 * _SEED_BYTES}:
        raise UsageError(
            f"a value of secret {secret_name} has {len(seed)} bytes",
            hint=f"Write {ED25519} and an ed25519 seed of 32 bytes in base64.",
        )
    key = Ed25519PrivateKey.from_private_bytes(seed[:_SEED_BYTES])
    if seed[_SEED_BYTES:] not in {b"", key.public_key().public_bytes_raw()}:
        raise UsageError(
            f"a value of secret {secret_name} has a public key that is not that of its seed",
            hint=f"Write {ED25519} and an ed25519 seed of 32 bytes in base64.",
        )
    return key


def _decoded(secret_name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError(
            f"a value of secret {secret_name} is not base64",
            hint=f"Write {HMAC} and 24 to 64 random bytes in base64.",
        ) from None
