"""The refusal of names that do not exist, which `iu_auditor` must be able to ask for."""

from __future__ import annotations

import pytest

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import event_types, routes, worker
from iu_pipelines.errors import ArgumentInvalid


def test_an_auditor_is_told_which_names_are_similar(database: str) -> None:
    with Gateway(database, role="iu_auditor") as auditor:
        for require, right, wrong, hint in (
            (event_types.require, "version_applied", "version_aplied", "Similar types: version_applied"),
            (event_types.require_domain, "iu", "nope", "Existing domains: iu."),
            (routes.require, "iu.version_applied.workflow", "iu.version_applied.workflw", "Similar routes: "),
            (worker.require, worker.DEFAULT_WORKER, "nope", "Existing workers: "),
        ):
            require(auditor, right)
            with pytest.raises(ArgumentInvalid, match=repr(wrong)) as refused:
                require(auditor, wrong)
            assert (refused.value.hint or "").startswith(hint)
