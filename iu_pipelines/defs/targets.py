"""The targets of live delivery: what is outside, downstream of the deliveries, as observable assets."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import dagster as dg

from iu_pipelines.db.queries import Queries
from iu_pipelines.defs.kit.asset_metadata import table
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.sources import Seen, Source
from iu_pipelines.domain import deliveries, targets
from iu_pipelines.domain.targets import Target

ALL: Final = ""
"""The name for the targets of a mount that names none: every target of the outbox."""

NOT_INSTALLED: Final = "the module iu-delivery is not installed: iu migrate --with delivery installs it"
_TABLE: Final = "iu_delivery_target"


def delivery_asset(target: str) -> str:
    """Return the name of the asset of the deliveries to one target or to all, as `Mount.key` takes it.

    A graph shows only the last part of a key, so that part differs from the one of the target.
    """
    return f"iu_delivery/to_{target}" if target else "iu_delivery"


def recorded_asset(target: str) -> str:
    """Return the name of the asset that ends the runs of a target of kind `dagster_asset`."""
    return f"iu_delivery/recorded_{target}"


def target_key(target: str, mount: Mount | str = "") -> dg.AssetKey:
    """Return the key of the asset of the deliveries to a target: the assets of its events depend on it.

    `mount` is the outbox or its name, unless it has none. One with a `key_prefix` is given itself.

    Raises:
        UsageError: `mount` is no name of a mount.
    """
    of = mount if isinstance(mount, Mount) else Mount(name=mount)
    return of.key(delivery_asset(target))


def definitions(mount: Mount) -> dg.Definitions:
    """Return one asset for each target."""
    return dg.Definitions(assets=[source.asset(mount) for source in sources(mount)])


def sources(mount: Mount) -> list[Source]:
    """Return one source for each target of the mount, or one for all of them."""
    return [source(target) for target in mount.targets or (ALL,)]


def source(target: str) -> Source:
    """Return the source of one target, or that of all targets."""
    what = f"The target `{target}`" if target else "The targets"
    return Source(
        table=_TABLE,
        row=Target,
        part=target,
        description=(
            f"{what} outside this database, where deliveries are sent. Dagster only observes the definition: "
            "kind, address, rate, breaker, and the logins that may deliver. It contains no secret."
        ),
        sql_files=("iu-delivery/runtime/010_targets.sql",),
        look=partial(_seen, target),
        upstream=(delivery_asset(target),),
    )


def _seen(target: str, gateway: Queries, _mount: Mount) -> Seen:
    """Look at one target or at all. The data version changes with the version of the definition."""
    if not deliveries.is_installed(gateway):
        return Seen("not installed", {"state": NOT_INSTALLED})
    found = [one for one in targets.list_targets(gateway) if target in (ALL, one.target_name)]
    versions = " ".join(f"{one.target_name}:{one.target_version}" for one in found) or "none"
    if target and found:
        return Seen(versions, _of_one(found[0]))
    state = f"there is no target {target}" if target else f"{len(found)} targets"
    return Seen(versions, {"state": state, "targets": _table(found)})


def _of_one(target: Target) -> dict[str, Any]:
    return {
        "state": state(target),
        "kind": target.kind,
        "address": target.address,
        "version": str(target.target_version),
        "max_per_minute": "no limit" if target.max_per_minute is None else str(target.max_per_minute),
        "on_dead_letter": target.on_dead_letter,
        "routes": ", ".join(target.routes) or "none",
        "senders": ", ".join(target.senders) or "none: iu target grant",
    }


def state(target: Target) -> str:
    """Return whether a target can be sent to, in one phrase."""
    if not target.enabled:
        return "disabled"
    if target.paused:
        return "paused by a person"
    if target.failover_hold:
        return "held after a failover"
    return "enabled" if target.breaker == "closed" else f"enabled, breaker {target.breaker}"


def _table(found: list[Target]) -> dg.TableMetadataValue:
    return table(
        ["target", "kind", "address", "state", "routes", "senders"],
        [
            [
                one.target_name,
                one.kind,
                one.address,
                state(one),
                ", ".join(one.routes),
                ", ".join(one.senders),
            ]
            for one in found
        ],
    )
