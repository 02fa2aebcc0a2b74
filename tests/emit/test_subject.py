"""The UUID of a row: fixed vectors, equal in Python and SQL."""

from __future__ import annotations

from typing import Any, Final
from uuid import RFC_4122, UUID

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.emit import subject
from iu_pipelines.errors import ArgumentInvalid

OWN = UUID("0199c1d2-0000-7000-8000-000000000042")

VECTORS: list[tuple[str, Any, str]] = [
    ("public.orders", 17, "33856751-b928-8029-bffd-b60330324554"),
    ("public.orders", "17", "33856751-b928-8029-bffd-b60330324554"),
    ("public.orders", " 17 ", "772ae314-22ee-8c4d-b363-f99b27f8bd48"),
    ("public.orders", -1, "64c473ea-ae22-8712-886f-17a6612fcb6e"),
    ("shop.Orders Ä", "A/7", "f0bd07ba-4187-8f46-8d61-a47722fd36bf"),
    ("public.lines", (17, 2), "5a111301-0385-8d23-93e8-ebd7409604cd"),
    ("public.lines", ["5", "a"], "53c91f17-849c-8bfd-9c93-549a05e257e5"),
    ("public.lines", (17,), "eda28851-3e84-850a-adb5-1e552d2cc6bb"),
    ("public.lines", (OWN, 1), "ae4f2bcf-ac2e-8561-bbc5-1189a4cdb0b9"),
    ("public.names", ('q"\\', "é\n\x01\u2028😀"), "10a77431-c9e2-86dc-ac2f-4aec38b3d4e2"),
    ("public.orders", OWN, str(OWN)),
    ("public.orders", str(OWN).upper(), str(OWN)),
    ("orders", OWN, str(OWN)),
]

BY_HASH: Final = """
    select encode(substr(sha256(
        convert_to(%(table)s::text, 'UTF8') || '\\x1f'::bytea || convert_to(%(key)s::text, 'UTF8')
    ), 1, 16), 'hex')
"""


@pytest.mark.parametrize(("table", "key", "expected"), VECTORS)
def test_the_uuid_of_a_row_is_fixed(table: str, key: Any, expected: str) -> None:
    assert str(subject(table, key)) == expected


def test_a_uuid_of_a_row_is_the_hash_with_version_8_and_the_variant_of_rfc_9562(gateway: Gateway) -> None:
    for table, key, _ in VECTORS:
        found = subject(table, key)
        if found == OWN:
            continue
        assert (found.version, found.variant) == (8, RFC_4122)
        digest = UUID(gateway.fetch_value(BY_HASH, {"table": table, "key": text(key)})).int
        mask = ~(0xF << 76 | 0b11 << 62)
        assert found.int & mask == digest & mask, (table, key)


def test_the_function_in_sql_returns_the_same_uuid(gateway: Gateway) -> None:
    for table, key, expected in VECTORS:
        parts = [str(part) for part in key] if isinstance(key, tuple | list) else None
        sql = "select public.fn_iu_subject(%s, %s)"
        if parts:
            sql = "select public.fn_iu_subject_composite(%s, %s)"
        assert str(gateway.fetch_value(sql, (table, parts or str(key)))) == expected, (table, key)


def text(key: Any) -> str:
    """Return the text that is hashed, with the array written by hand."""
    if not isinstance(key, tuple | list):
        return str(key)
    if len(key) == 1:
        return str(key[0])
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\x01": "\\u0001"}
    parts = ("".join(escapes.get(sign, sign) for sign in str(part)) for part in key)
    return "[" + ",".join(f'"{part}"' for part in parts) + "]"


@pytest.mark.parametrize(
    "table", ["orders", "", "a.b.c", ".orders", "public.", "public.or\nders", "a.\udc80"]
)
def test_a_table_without_a_schema_is_refused(table: str) -> None:
    with pytest.raises(ArgumentInvalid, match="argument table"):
        subject(table, 5)


@pytest.mark.parametrize("key", ["", None, 1.5, True, (), ("a", None), ("a", True), b"5", "\0", "\udc80"])
def test_a_key_without_a_text_is_refused(key: Any) -> None:
    with pytest.raises(ArgumentInvalid, match="argument key") as refused:
        subject("public.orders", key)
    assert refused.value.hint
