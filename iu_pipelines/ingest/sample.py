"""The sample: a small artificial history that ships with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain.units import Version
from iu_pipelines.ingest.tally import IngestResult, Tally

SAMPLE_ACTOR: Final = "iu_ingest_sample"
SAMPLE_PREFIX: Final = "sample/"


def ingest_sample(gateway: Gateway) -> IngestResult:
    """Add the sample, with the prefix `sample/`."""
    tally = Tally(gateway, SAMPLE_ACTOR)
    versions = read_sample()
    tally.store(versions, len({version.version_ref for version in versions}))
    return tally.result("sample", SAMPLE_PREFIX, versions[-1].version_ref)


def read_sample() -> list[Version]:
    """Return the versions of the sample. Each line of its file has a commit id, a change and a path."""
    text = (files("iu_pipelines.ingest") / "sample_history.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return [
        Version(n, SAMPLE_PREFIX + path, ref, change) for n, (ref, change, path) in enumerate(rows, start=1)
    ]
