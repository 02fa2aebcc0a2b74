"""Workflows run pinned actions, with the least permissions and a time limit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github/workflows").glob("*.yml"))
EACH = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
ALLOWED = {
    ("release", "attest"): {"id-token": "write", "attestations": "write"},
    ("release", "pypi"): {"id-token": "write"},
    ("release", "site"): {"pages": "write", "id-token": "write"},
    ("release", "github"): {"contents": "write"},
    ("ci", "passed"): {},
}


def unpinned(text: str) -> list[str]:
    """The actions of other repositories that a workflow does not name by commit and version."""
    used = re.findall(r"^[ -]*uses: *(.+?) *$", text, re.MULTILINE)
    return [action for action in used if not action.startswith("./") and not PINNED.fullmatch(action)]


def read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


@EACH
def test_every_action_is_pinned_by_its_commit_and_names_its_version(path: Path) -> None:
    assert unpinned(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "action", ["a/b@v1", f"a/b@{'0' * 40}", f"a/b@{'0' * 39} # v1.0.0", f"a/b@{'0' * 40} # main"]
)
def test_an_action_that_is_not_pinned_is_noticed(action: str) -> None:
    assert unpinned(f"steps:\n  - uses: {action}\n") == [action]


@EACH
def test_every_job_that_runs_steps_has_a_time_limit(path: Path) -> None:
    jobs = read(path)["jobs"]
    assert [name for name, job in jobs.items() if "steps" in job and "timeout-minutes" not in job] == []


@EACH
def test_only_the_jobs_that_publish_may_write(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    given = {
        (path.stem, name): job["permissions"]
        for name, job in workflow["jobs"].items()
        if "permissions" in job
    }
    assert given == {job: permissions for job, permissions in ALLOWED.items() if job[0] == path.stem}


@EACH
def test_no_checkout_keeps_its_token(path: Path) -> None:
    steps = [step for job in read(path)["jobs"].values() for step in job.get("steps", ())]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [step for step in checkouts if step["with"].get("persist-credentials") is not False] == []


@EACH
def test_every_program_of_the_project_that_a_workflow_runs_exists(path: Path) -> None:
    named = re.findall(r"python ((?:\.ci|docs)/\S+)", path.read_text(encoding="utf-8"))
    assert named
    assert [name for name in named if not (path.parents[2] / name).is_file()] == []


def test_the_release_attests_and_publishes_its_bill_of_materials() -> None:
    jobs = read(next(path for path in WORKFLOWS if path.stem == "release"))["jobs"]
    written = [
        step["run"].split()[-1] for step in jobs["build"]["steps"] if ".ci/sbom.py" in step.get("run", "")
    ]
    assert len(written) == 1
    uploads = [step["with"] for step in jobs["build"]["steps"] if "upload-artifact@" in step.get("uses", "")]
    (folder,) = (upload["name"] for upload in uploads if upload["path"] == written[0])
    attested = [step["with"]["sbom-path"] for step in jobs["attest"]["steps"] if "sbom-path" in step["with"]]
    assert attested == [f"{folder}/{written[0]}"]
    assert f"{folder}/*" in jobs["github"]["steps"][-1]["run"]


def test_the_release_publishes_the_site_that_it_built_without_a_checkout() -> None:
    jobs = read(next(path for path in WORKFLOWS if path.stem == "release"))["jobs"]
    names = [step.get("run", step.get("uses", "")) for step in jobs["build"]["steps"]]
    (built,) = (number for number, name in enumerate(names) if "docs/build_site.py" in name)
    (sent,) = (number for number, name in enumerate(names) if "upload-pages-artifact@" in name)
    assert built < sent
    assert jobs["build"]["steps"][sent]["with"] == {"path": "site/"}
    (step,) = jobs["site"]["steps"]
    assert step["uses"].startswith("actions/deploy-pages@")
    assert jobs["site"]["environment"]["name"] == "github-pages"
