"""Follow the recipe "Add a noun" of CONTRIBUTING.md in a copy of the project.

The new files are under `noun`, with the same paths as in the project. The edits of existing files, at most
ten, are in EDITS. Generated files (stamps, pages of `make docs`) are not edited.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from databases import Server
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.domain import outbox
from next_step import AFTER, FUNCTIONS, NAMES, SCHEMA, require

PROJECT: Final = Path(__file__).resolve().parents[2]
NOUN: Final = Path(__file__).parent / "noun"
FIXTURE: Final = "110_notes"
NUMBER: Final = f"{max(100, *(int(name[:3]) for name in NAMES)) // 10 * 10 + 10}"
STEP: Final = f"{NUMBER}_notes"
"""The step of the noun in the copy: the files under `noun` are renumbered to the next free number."""

# For each existing file, pairs of a text and its replacement.
EDITS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "sql/iu-core/runtime/070_functions.sql": (
        (require(SCHEMA[-1]), require(STEP)),
        (
            "\n-- Health.\n",
            "\n-- Notes.\n\\ir ../objects/notes/tables.sql\n\\ir ../objects/notes/fn_iu_note_add.sql\n"
            "\n-- Health.\n",
        ),
    ),
    "iu_pipelines/cli/main.py": (
        ('    "outbox":', '    "notes": {"note": "Notes about events"},\n    "outbox":'),
    ),
    "iu_pipelines/evidence/guarantees.toml": (
        (
            '[[guarantee]]\nkey = "closed-gates-hold"',
            '[[guarantee]]\nkey = "notes-are-about-events"\nsource = "Notes"\n'
            'text = "A note refers to an existing event, and is never changed."\n'
            f'lines = ["{STEP}: "]\n'
            'tests = ["tests/sql/notes/a_note_refers_to_an_existing_event.sql"]\n\n'
            '[[guarantee]]\nkey = "closed-gates-hold"',
        ),
    ),
    "tests/evidence/breaches.py": (
        (
            "APPEND_ONLY = [\n",
            'APPEND_ONLY = [\n    Breach(\n        "a note refers to an event that does not exist",\n'
            "        \"insert into public.iu_note (event_id, note) values (gen_random_uuid(), 'x')\",\n"
            f'        {{"{STEP}": {{"notes about events": "1"}}}},\n    ),\n',
        ),
    ),
    "tests/properties/test_fuzz.py": (
        (
            '    "deliver": (',
            '    "note": ("select public.fn_iu_note_add(%s::uuid, %s)", (UUIDS, TEXT)),\n    "deliver": (',
        ),
    ),
    "tests/security/test_roles.py": (
        (
            '    "iu probe": ["probe"],\n',
            '    "iu probe": ["probe"],\n    "iu note list": ["note", "list"],\n'
            '    "iu note add": ["note", "add", "{event}", "looked at"],\n',
        ),
    ),
    "docs/operate/roles.md": (
        (
            "| `iu run` |",
            "| `iu note list` | | yes | yes | yes |\n| `iu note add` | | | yes | yes |\n| `iu run` |",
        ),
    ),
    "docs/concepts/nouns.md": (
        ("| health | ", "| note | what a person noted about an event | `iu_note` | `iu note` |\n| health | "),
    ),
    "CHANGELOG.md": (
        ("## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- Notes about events: `iu note`.\n"),
    ),
}

# Tests of every step, function, table, command or document, which a noun could break. The long form has more.
LAWS: Final = (
    "tests/acceptance/test_docs.py",
    "tests/catalog/test_error_codes.py",
    "tests/catalog/test_gate_keys.py",
    "tests/catalog/test_laws.py",
    "tests/catalog/test_planner_settings.py",
    "tests/catalog/test_privileges.py::test_the_privileges_in_the_database_equal_the_matrix",
    "tests/db/test_statements.py",
    "tests/domain/test_notes.py",
    "tests/evidence/test_coverage.py",
    "tests/evidence/test_broken_guarantees.py::test_every_line_of_every_proof_fails_in_some_test",
    "tests/evidence/test_broken_guarantees.py::test_the_lines_that_prove_a_guarantee_fail_when_it_is_broken"
    "[a note refers to an event that does not exist]",
    "tests/properties/test_fuzz.py::test_every_function_that_a_role_may_run_is_called",
    "tests/security/test_hostile_schema.py",
    "tests/sql/test_behaviours.py::test_behaviour[notes/a_note_refers_to_an_existing_event]",
    "tests/steps/test_step_files.py",
    "tests/steps/test_step_lint.py",
)
LONG_LAWS: Final = (
    "tests/cli/test_health.py",
    "tests/cli/test_steps.py",
    "tests/concurrency/test_migrate_beside_traffic.py",
    "tests/defs/test_steps.py",
    "tests/security/test_roles.py",
    "tests/sql",
    "tests/steps",
)
LONG: Final = os.environ.get("IU_LONG") == "1"
# Slow tests in these files, with a server of their own, Dagster or the demo, that ask no more of a noun.
LEFT_OUT: Final = (
    "tests/acceptance/test_docs.py::test_the_commands_of_the_tutorial_print_the_output_shown",
    "tests/steps/test_apply.py::test_an_installer_who_may_create_roles_needs_no_more",
    "tests/steps/test_apply.py::test_the_command_line_says_which_roles_were_left_out",
    "tests/steps/test_apply.py::test_an_installation_without_roles_stays_so_if_the_roles_are_created_later",
    "tests/security/test_roles.py::test_dagster_runs_as_workflow_admin_and_says_what_it_may_not",
    "tests/security/test_roles.py::test_iu_dev_runs_as_workflow_admin_and_says_where_it_may_not_keep_its_runs",
)


class Copy:
    """A copy of the project in which the recipe was followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python with `words` on the copy."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def iu(self, url: str, *words: str) -> Any:
        """Run a command on a database and return its JSON."""
        done = self.run("-m", "iu_pipelines", *words, "--json", IU_DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with the noun: new files copied, existing files edited, generated files regenerated."""
    folder = tmp_path_factory.mktemp("project") / "iu"
    leave = shutil.ignore_patterns(".git", ".venv*", ".iu", "*_cache", "__pycache__", "noun", "dist", "build")
    shutil.copytree(PROJECT, folder, ignore=leave)
    shutil.copytree(NOUN, folder, dirs_exist_ok=True)
    for path in folder.glob(f"sql/iu-core/*/{FIXTURE}.sql"):
        text = path.read_text(encoding="utf-8").replace(FIXTURE[:3], NUMBER)
        path.unlink()
        path.with_stem(STEP).write_text(
            re.sub(r"^select public\.fn_iu_step_require.*$", require(SCHEMA[-1]), text, flags=re.MULTILINE),
            encoding="utf-8",
        )
    for name, edits in EDITS.items():
        text = (folder / name).read_text(encoding="utf-8")
        for before, after in edits:
            assert before in text, f"{name} has no {before!r}"
            text = text.replace(before, after)
        (folder / name).write_text(text, encoding="utf-8")
    made = Copy(folder)
    for words in (("-m", "iu_pipelines", "steps", "stamp"), ("docs/generate.py",)):
        done = made.run(*words)
        assert done.returncode == 0, done.stderr
    return made


def test_a_noun_is_added_with_at_most_ten_edits_of_existing_files() -> None:
    assert len(EDITS) <= 10
    assert all((PROJECT / name).is_file() for name in EDITS)
    assert not any((PROJECT / path.relative_to(NOUN)).exists() for path in NOUN.rglob("*.*"))


def test_the_recipe_in_contributing_names_every_file_that_is_edited_or_added() -> None:
    recipe = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add a noun")[2]
    added = {_placeholders(str(path.relative_to(NOUN))) for path in NOUN.rglob("*.*")}
    named = set(re.findall(r"`([^`]+)`", recipe))
    assert sorted(added - named) == []
    assert [name for name in EDITS if name not in named] == []


def _placeholders(path: str) -> str:
    """Return the path of a file of the noun with the placeholders of the recipe."""
    for word, placeholder in (
        (r"(?<=^tests/sql/notes/)\w+", "<behaviour>"),
        (FIXTURE, "NNN_<noun>"),
        ("fn_iu_note_add", "fn_iu_<verb>"),
        ("notes", "<noun>"),
    ):
        path = re.sub(word, placeholder, path)
    return path


@pytest.mark.parametrize("start", ["fresh", "existing"])
def test_the_noun_can_be_installed_used_verified_and_rolled_back(
    copy: Copy, start: str, new_database: Callable[[str], str], template: str
) -> None:
    url = new_database("template1" if start == "fresh" else template)
    with Gateway(url) as gateway:
        if start == "existing":
            outbox.emit(gateway, "version_applied", "docs/old", uuid4(), "test", {})
        applied = [step["name"] for step in copy.iu(url, "migrate")]
        assert applied == ([*SCHEMA, STEP, *FUNCTIONS, *AFTER] if start == "fresh" else [STEP, *FUNCTIONS])
        event_id = outbox.emit(gateway, "version_applied", "docs/a", uuid4(), "test", {})
        assert copy.iu(url, "note", "add", str(event_id), "looked at") == {"note_id": 1}
        (note,) = copy.iu(url, "note", "list")
        assert (note["event_id"], note["note"]) == (str(event_id), "looked at")
        assert copy.iu(url, "verify")["passed"]
        assert copy.iu(url, "verify", NUMBER)["passed"]
        refused = copy.run("-m", "iu_pipelines", "rollback", SCHEMA[-1], IU_DATABASE_URL=url)
        assert refused.returncode == 1
        assert "would lose notes" in refused.stderr
        gateway.run_script("set session_replication_role = replica; delete from public.iu_note;")
        undone = [step["name"] for step in copy.iu(url, "rollback", SCHEMA[-1])]
        assert undone == [*reversed(AFTER), *reversed(FUNCTIONS), STEP]
        assert gateway.fetch_value("select count(*) from public.event_outbox") == (
            2 if start == "existing" else 1
        )


@pytest.mark.timeout(3600 if LONG else 600)
def test_the_tests_of_the_project_pass_with_the_noun(copy: Copy, server: Server) -> None:
    options = ("-q", "-p", "no:cacheprovider", *(f"--deselect={test}" for test in LEFT_OUT))
    laws = (*LAWS, *(LONG_LAWS if LONG else ()))
    done = copy.run("-m", "pytest", *options, *laws, IU_TEST_DATABASE_URL=server.url("postgres"))
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_generated_pages_are_up_to_date_with_the_noun(copy: Copy) -> None:
    checked = copy.run("docs/generate.py", "--check")
    assert checked.returncode == 0, checked.stdout
