"""The facts as JSON: they match the schema, and times are UTC."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from iu_pipelines.evidence import facts, pack
from iu_pipelines.evidence.facts import Evidence

SCHEMA = Path(facts.__file__).with_name("evidence.schema.json")


def test_the_schema_file_is_that_of_the_classes() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == facts.schema_text()


def test_evidence_json_matches_its_schema_and_other_json_does_not(evidence: Evidence, tmp_path: Path) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    body = json.loads((pack.write(evidence, tmp_path).folder / "evidence.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(body, schema)
    body["verdict"]["passed"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema)


def test_times_are_utc(evidence: Evidence) -> None:
    times = re.findall(rb'"\w+_at": "([^"]+)"', facts.to_json(evidence))
    assert times
    assert all(time.endswith(b"Z") for time in times)
