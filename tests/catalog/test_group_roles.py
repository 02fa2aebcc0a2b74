"""Every list of the group roles agrees with the roles that step 010 creates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iu_pipelines.db.steps import code, files
from iu_pipelines.settings import sql_root

ROOT = Path(__file__).parents[2]
STEP = "sql/iu-core/runtime/010_roles_and_ledger.sql"
OWNER = "iu_owner"

_MADE = re.search(
    r"v_about jsonb := jsonb_build_object\((.*?)\n    \);", (ROOT / STEP).read_text(), re.DOTALL
)
assert _MADE
ALL = frozenset(re.findall(r"^ +'(\w+)', '", _MADE[1], re.MULTILINE))
OTHERS = ALL - {OWNER}

PLACES = {
    STEP: [ALL, ALL, OTHERS],
    "sql/iu-core/verify/010_roles_and_ledger.sql": [ALL, ALL],
    "sql/iu-core/rollback/010_roles_and_ledger.sql": [ALL],
    "docs/operate/restore-and-clone.md": [ALL],
    "docs/operate/roles.md": [ALL],
    "tests/catalog/test_privileges.py": [OTHERS],
    "tests/concurrency/test_restore.py": [ALL],
    "tests/faults/clusters.py": [ALL],
    "tests/properties/test_fuzz.py": [OTHERS],
    "tests/security/test_roles.py": [ALL],
}
"""For each file, its lists of more than two roles, in order."""

NAME = r"\b(?:iu_owner|iu_emitter|workflow_admin|iu_auditor)\b"
LIST = re.compile(rf"{NAME}(?:[\s'\"`,|]+(?:and[\s`]+)?{NAME}){{2,}}")


def lists(text: str) -> list[set[str]]:
    return [set(re.findall(NAME, found)) for found in LIST.findall(text)]


def test_the_roles_of_this_test_are_those_that_the_step_makes() -> None:
    assert set(re.findall(r"\w{4,}", NAME)) == ALL
    assert OWNER in ALL


@pytest.mark.parametrize("place", PLACES)
def test_a_list_of_the_roles_names_each_of_them(place: str) -> None:
    assert lists((ROOT / place).read_text(encoding="utf-8")) == PLACES[place]


@pytest.mark.parametrize("place", PLACES)
def test_a_role_that_is_missing_in_a_list_is_noticed(place: str) -> None:
    text = (ROOT / place).read_text(encoding="utf-8")
    for found in LIST.finditer(text):
        for name in re.finditer(NAME, found[0]):
            start = found.start() + name.start()
            without = f"{text[:start]}nobody{text[start + len(name[0]) :]}"
            assert lists(without) != PLACES[place]


def test_no_file_has_an_incomplete_list_of_the_roles() -> None:
    listing = {
        str(path.relative_to(ROOT)): lists(path.read_text(encoding="utf-8"))
        for folder in ("sql", "iu_pipelines", "tests", "docs")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in {".sql", ".py", ".md", ".toml"} and path != Path(__file__)
    }
    assert set(PLACES) <= {place for place, found in listing.items() if found}
    assert {
        place: found for place, found in listing.items() if any(f not in (ALL, OTHERS) for f in found)
    } == {}


def test_the_proof_counts_the_roles() -> None:
    proof = (ROOT / "sql/iu-core/verify/010_roles_and_ledger.sql").read_text(encoding="utf-8")
    assert re.findall(r"else '(\d+)' end", proof) == [str(len(ALL))]


def test_the_matrix_names_every_role_but_the_owner_and_the_hint_of_a_refusal_every_role() -> None:
    (functions,) = (step for step in files.load_steps(sql_root(), [files.CORE]) if step.is_repeatable)
    assert {role for _, _, role, _ in code.read(functions).access} == OTHERS
    assert set(re.findall(NAME, (ROOT / "iu_pipelines/errors.py").read_text(encoding="utf-8"))) == ALL
