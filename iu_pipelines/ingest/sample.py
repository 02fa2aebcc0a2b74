"""The small made-up history that is shipped with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.units import Version
from iu_pipelines.ingest.tally import IngestResult, Tally

SAMPLE_ACTOR: Final = "iu_ingest_sample"
SAMPLE_PREFIX: Final = "sample/"


def ingest_sample(gateway: Gateway) -> IngestResult:
    """Add the small made-up history that is shipped with the package, under the prefix `sample/`."""
    tally = Tally(gateway, SAMPLE_ACTOR)
    versions = read_sample()
    tally.store(versions, len({version.version_ref for version in versions}))
    return tally.result("sample", SAMPLE_PREFIX, versions[-1].version_ref)


def read_sample() -> list[Version]:
    """Return the shipped sample, a line a version: commit id, change, path."""
    text = (files("iu_pipelines.ingest") / "sample_history.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return [
        Version(n, SAMPLE_PREFIX + path, ref, change) for n, (ref, change, path) in enumerate(rows, start=1)
    ]
