"""Signatures: other implementations verify them, and a wrong secret is refused without being shown."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from iu_pipelines.delivery.secrets import ED25519, HMAC, new_value
from iu_pipelines.delivery.signing import Signer, public_key
from iu_pipelines.errors import UsageError


def _headers(key: str, at: datetime, signature: str) -> dict[str, str]:
    return {"webhook-id": key, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


@given(st.text(max_size=200), st.integers(min_value=1, max_value=10**18))
def test_the_library_of_standard_webhooks_verifies_a_signature(body: str, number: int) -> None:
    value, key, at = new_value(), f"evt_{number}_1", datetime.now(UTC)
    body = body.encode(errors="replace").decode()
    headers = _headers(key, at, Signer("HOOK", [value]).sign(key, at, body))
    Webhook(value).verify(body, headers, json_parse=False)
    for wrong in ({"webhook-id": "x"}, {"webhook-timestamp": str(int(at.timestamp()) - 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(value).verify(body, {**headers, **wrong}, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(value).verify(f"{body}x", headers, json_parse=False)


def test_a_known_signature_of_the_standard() -> None:
    """The example of the libraries of Standard Webhooks."""
    value = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)
    signed = Signer("HOOK", [value]).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_ed25519_signature_is_verified_with_the_public_key() -> None:
    value, at = new_value(ED25519), datetime.now(UTC)
    assert value.startswith("whsk_")
    version, _, signature = Signer("HOOK", [value]).sign("evt_1_1", at, "ü").partition(",")
    assert version == "v1a"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key(value).removeprefix("whpk_")))
    signed = f"evt_1_1.{int(at.timestamp())}.ü".encode()
    public.verify(base64.b64decode(signature), signed)
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signature), signed + b"x")


def test_a_private_key_may_contain_its_public_key() -> None:
    value = new_value(ED25519)
    seed = base64.b64decode(value.removeprefix(ED25519))
    public = base64.b64decode(public_key(value).removeprefix("whpk_"))
    both = ED25519 + base64.b64encode(seed + public).decode()
    assert public_key(both) == public_key(value)
    with pytest.raises(UsageError, match="not that of its seed"):
        public_key(ED25519 + base64.b64encode(seed + bytes(32)).decode())


def test_two_values_make_two_signatures_and_each_is_enough() -> None:
    new, old, key = new_value(), new_value(), new_value(ED25519)
    at = datetime.now(UTC)
    signed = Signer("HOOK", [new, old]).sign("evt_1_1", at, "{}")
    assert len(signed.split(" ")) == 2
    for value in (new, old):
        Webhook(value).verify("{}", _headers("evt_1_1", at, signed))
    mixed = Signer("HOOK", [key, old]).sign("evt_1_1", at, "{}")
    Webhook(old).verify("{}", _headers("evt_1_1", at, mixed))
    assert [part.partition(",")[0] for part in mixed.split(" ")] == ["v1a", "v1"]


@pytest.mark.parametrize(
    "values",
    [[], [new_value()] * 3, ["c2VjcmV0"], [f"{HMAC}not base64!"], [HMAC], [HMAC + "QUJD"],
     [HMAC + "QUJD" * 30], [f"{ED25519}QUJD"], [ED25519], [f"{ED25519}!"], ["whpk_" + "QUJD" * 11],
     [new_value(), "QUJDRA=="]],
)  # fmt: skip
def test_a_malformed_secret_is_refused_and_not_shown(values: list[str]) -> None:
    with pytest.raises(UsageError, match="HOOK") as refused:
        Signer("HOOK", values)
    for value in values:
        bare = value.removeprefix(HMAC).removeprefix(ED25519)
        assert not bare or bare not in f"{refused.value} {refused.value.hint}"


def test_the_padding_of_a_value_may_be_left_out() -> None:
    value, at = new_value(), datetime.now(UTC)
    assert Signer("HOOK", [value]).sign("k", at, "b") == Signer("HOOK", [value.rstrip("=")]).sign(
        "k", at, "b"
    )


def test_new_values_differ() -> None:
    assert len({new_value() for _ in range(100)} | {new_value(ED25519) for _ in range(100)}) == 200
