"""The numbers of units and versions in a database."""

from __future__ import annotations

from dataclasses import dataclass

from iu_pipelines.db.gateway import Gateway


@dataclass(frozen=True)
class Totals:
    """The numbers of units and versions."""

    units: int
    versions: int


def totals(gateway: Gateway) -> Totals:
    row = gateway.fetch_one(
        """select (select count(*) from public.information_unit) as units,
                  (select count(*) from public.unit_version) as versions"""
    )
    assert row
    return Totals(**row)
