"""The code location that `workspace.yaml` names: one outbox, mounted without a prefix."""

from __future__ import annotations

from iu_pipelines.defs.factory import build_defs

defs = build_defs()
