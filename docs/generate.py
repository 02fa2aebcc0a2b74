"""Write the pages of docs/reference that are made from the code: coverage.md and evidence-json.md.

python docs/generate.py            writes them
python docs/generate.py --check    writes nothing, and exits with 1 where one is stale
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from iu_pipelines.evidence import facts, guarantees
from iu_pipelines.evidence.guarantees import Promise

PROJECT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = PROJECT / "docs" / "reference"

COVERAGE: Final = """\
# Coverage: every guarantee and its proof

Made by `make docs` from `iu_pipelines/evidence/guarantees.toml`. The lines are found again in every
pack of evidence, on the page and in `evidence.json`; the tests run with `make test`. A test fails where a
guarantee has no proof, where a named proof does not exist, and where a line of a proof stands for nothing.
"""

EVIDENCE_JSON: Final = """\
# evidence.json

Made by `make docs` from `iu_pipelines/evidence/facts.py`. The JSON schema is
[evidence.schema.json](../../iu_pipelines/evidence/evidence.schema.json), and ships with the package.
Times are ISO 8601 in UTC. A key is always there; `null` stands for what is not known or not there.

Beside it in a pack: `report.html`, `junit.xml`, and `manifest.json` with `number`, `previous_hash`, `files`
(the sha256 of each file) and `hash`. The hash of a pack is the sha256 of its manifest without `hash`, written
as JSON with sorted keys and no spaces; the first pack names 64 zeros as the one before it.
"""


def pages() -> dict[str, str]:
    """Return the text of every generated page by its name."""
    return {"coverage.md": coverage(), "evidence-json.md": evidence_json()}


def coverage() -> str:
    """Return the table of promises against what proves each."""
    rows = [
        [str(number), promise.source, promise.text, _lines(promise), _tests(promise)]
        for number, promise in enumerate(guarantees.promises(), start=1)
    ]
    table = _table(["", "of", "guarantee", "lines of `iu evidence`", "tests"], rows)
    return "\n".join([COVERAGE, *table, ""])


def _lines(promise: Promise) -> str:
    by_step: dict[str, list[str]] = {}
    for step, start in promise.lines:
        by_step.setdefault(step, []).append(start.strip() or "every line")
    return "<br>".join(f"{step}: {', '.join(starts)}" for step, starts in by_step.items())


def _tests(promise: Promise) -> str:
    return "<br>".join(_link(test) for test in promise.tests)


def _link(test: str) -> str:
    """Return a link to the file of a test, with the sentence that names the test."""
    path, _, name = test.partition("::")
    words = (name.removeprefix("test_") or Path(path).stem).replace("_", " ")
    return f"[{words}](../../{path})"


def evidence_json() -> str:
    """Return the reference of ``evidence.json``."""
    schema: dict[str, Any] = json.loads(facts.schema_text())
    parts = [_object("evidence.json", schema)]
    parts += [_object(name, part) for name, part in schema["$defs"].items()]
    return "\n".join([EVIDENCE_JSON, *parts])


def _object(name: str, schema: dict[str, Any]) -> str:
    rows = [
        [f"`{key}`", _type(value), value.get("description", "")]
        for key, value in schema.get("properties", {}).items()
    ]
    return "\n".join(
        [f"## {name}", "", schema["description"], "", *_table(["key", "type", "meaning"], rows), ""]
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}"
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return "time" if schema.get("format") == "date-time" else str(schema.get("type"))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def main(arguments: Sequence[str]) -> int:
    """Write every page, or check that each is what it would be."""
    stale = [
        name
        for name, text in pages().items()
        if not (REFERENCE / name).is_file() or (REFERENCE / name).read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        print(f"stale: {', '.join(stale)}" if stale else "every page is right")
        return 1 if stale else 0
    REFERENCE.mkdir(exist_ok=True)
    for name in stale:
        (REFERENCE / name).write_text(pages()[name], encoding="utf-8")
    print(f"written: {', '.join(stale)}" if stale else "every page is right")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
