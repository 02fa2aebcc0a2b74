"""The Dagster code location in `workspace.yaml`: one outbox, whose asset keys have no prefix."""

from __future__ import annotations

from iu_pipelines.defs.factory import build_defs
from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.settings import load

_settings = load()
defs = build_defs(
    Mount(
        owners=("team:iu_core",),
        targets=_settings.target_names,
        senders_per_target=_settings.delivery_senders,
    )
)
