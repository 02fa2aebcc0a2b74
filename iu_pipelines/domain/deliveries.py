"""Deliveries: whether the module `iu-delivery` is installed, and whether its record is whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from iu_pipelines.db.queries import Queries
from iu_pipelines.db.statements import Statements
from iu_pipelines.domain import rows

_SQL: Final = Statements(__name__)


@dataclass(frozen=True)
class DeliveryChains:
    """The result of `fn_iu_delivery_chain_verify`. Counts are of rows before the first that is wrong."""

    fits: bool
    batches: int
    ledger_rows: int
    entries: int
    fault: str | None


def is_installed(gateway: Queries) -> bool:
    """Return whether the functions of the module `iu-delivery` are installed."""
    found: bool = gateway.fetch_value(_SQL["is_installed"])
    return found


def misfit(gateway: Queries, newest: int | None = None) -> str | None:
    """Describe the first of the `newest` events that is in no state or in two, or return None.

    The events are those of the domains of the live routes; without `newest` all of them. The module must be
    installed.
    """
    fault: str | None = gateway.fetch_value(_SQL["misfit"], {"newest": newest})
    return fault


def verify_chains(gateway: Queries, newest: int | None = None) -> DeliveryChains:
    """Recompute the chains of batches, ledger and claims, of the `newest` rows of each or of all.

    The module must be installed.
    """
    return rows.read(DeliveryChains, gateway.fetch_value(_SQL["chains"], {"newest": newest}))
