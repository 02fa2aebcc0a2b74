"""Every guarantee has a proof, every named proof exists, and every line of a proof proves a guarantee.

The generated pages and tables are up to date.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import programs
from generators.catalog import Catalog
from iu_pipelines.evidence import guarantees
from iu_pipelines.evidence.facts import Evidence

PROJECT = Path(__file__).resolve().parents[2]
PROMISES = guarantees.promises()
PAGES = {"readme": "README.md", "security": "SECURITY.md", "concepts": "docs/concepts/guarantees.md"}


@cache
def text(path: str) -> str:
    return (PROJECT / path).read_text(encoding="utf-8") if (PROJECT / path).is_file() else ""


def test_every_guarantee_has_a_test() -> None:
    assert [promise.key for promise in PROMISES if not promise.tests] == []


def test_the_tests_of_every_guarantee_exist() -> None:
    for test in {test for promise in PROMISES for test in (*promise.tests, *promise.broken)}:
        path, _, name = test.partition("::")
        assert text(path), f"{path} does not exist"
        assert not name or f"\ndef {name}(" in text(path), f"{path} has no {name}"
        assert name or path.endswith(".sql")


def test_the_lines_of_every_guarantee_exist_and_pass(evidence: Evidence) -> None:
    missing = [
        f"{found.key}: {line.step}: {line.line}"
        for found in evidence.guarantees
        for line in found.proven_by
        if line.passed is not True
    ]
    assert missing == []


def test_every_line_of_a_proof_proves_a_guarantee(evidence: Evidence) -> None:
    named = [pair for promise in PROMISES for pair in promise.lines]
    unnamed = [
        f"{proof.step}: {line.name}"
        for proof in evidence.proofs
        for line in proof.lines
        if not any(proof.step == step and line.name.startswith(start) for step, start in named)
    ]
    assert unnamed == []


def test_keys_are_unique() -> None:
    assert len({promise.key for promise in PROMISES}) == len(PROMISES)


def test_every_guarantee_on_a_page_says_how_it_is_kept() -> None:
    for promise in PROMISES:
        assert set(promise.pages) <= set(PAGES), promise.key
        assert bool(promise.how) == bool(promise.pages), promise.key


def test_the_text_of_every_guarantee_is_plain_and_unique() -> None:
    assert [promise.key for promise in PROMISES if re.search(r"[`|<>*]", promise.text)] == []
    assert len({promise.text for promise in PROMISES}) == len(PROMISES)


@pytest.mark.parametrize("page", ["docs/concepts/guarantees.md", "docs/concepts/evidence.md"])
def test_a_page_of_limits_shows_exactly_those_of_the_file(page: str) -> None:
    limits = guarantees.limits() if "guarantees" in page else guarantees.not_shown()
    assert [limit.title for limit in limits if re.search(r"[`|<>*]", f"{limit.title} {limit.text}")] == []
    assert re.findall(r"^\* (?:With the module [a-z-]+: )?\*\*(.*?)\*\*", text(page), re.MULTILINE) == [
        limit.title for limit in limits
    ]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_exactly_the_guarantees_that_name_it(page: str) -> None:
    rows = [row for row in text(PAGES[page]).splitlines() if "reference/coverage.md#" in row]
    assert [cells(row)[0] for row in rows] == [promise.text for promise in PROMISES if page in promise.pages]
    assert [re.findall(r"coverage\.md#([a-z-]+)", row) for row in rows] == [
        [promise.key] for promise in PROMISES if page in promise.pages
    ]


def test_each_page_has_one_table_of_guarantees_and_it_is_between_marks() -> None:
    for page in PAGES.values():
        inside = re.findall(
            r"<!-- begin: guarantees .*?-->\n(.*?)<!-- end: guarantees -->", text(page), re.DOTALL
        )
        assert len(inside) == 1, page
        assert not re.search(r"^\| (promise|guarantee) \|", text(page).replace(inside[0], ""), re.MULTILINE)


def test_the_readme_shows_eight_to_ten_guarantees() -> None:
    assert 8 <= sum("readme" in promise.pages for promise in PROMISES) <= 10


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split(" | ")]


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, PROJECT / "docs/generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "every page is up to date\n"), done.stderr


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> ModuleType:
    """The generator, for a copy of the pages and links to the code, with the catalog of the run's server."""
    generate = programs.load("docs/generate.py")
    monkeypatch.setattr(generate.catalog, "read", lambda: catalog)
    for page in generate.pages():
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / page, tmp_path / page)
    shutil.copytree(PROJECT / "docs/decisions", tmp_path / "docs/decisions", dirs_exist_ok=True)
    for folder in ("bench", "sql", "iu_pipelines", "tests"):
        (tmp_path / folder).symlink_to(PROJECT / folder)
    monkeypatch.setattr(generate, "PROJECT", tmp_path)
    return generate


GENERATED = {
    "docs/operate/install.md": "also the embedded PostgreSQL",
    "docs/concepts/evidence.md": "Not more than the moment.",
    "README.md": "An event exists if and only if",
    "SECURITY.md": "A database password appears in",
    "docs/concepts/guarantees.md": "An event exists if and only if",
    "docs/concepts/nouns.md": "[`objects/gates/`]",
    "docs/decisions/README.md": "[Embedded PostgreSQL]",
    "docs/reference/command-line.md": "### iu gate set",
    "docs/images/windows.svg": "snapshot 2",
    "docs/reference/coverage.md": "An event exists if and only if",
    "docs/reference/errors.md": "### IU101",
    "docs/reference/dagster.md": "### route_worker_job",
    "docs/reference/evidence-json.md": "## evidence.json",
    "docs/reference/functions.md": "### fn_iu_emit_event\n",
    "docs/reference/internal-functions.md": "`fn_iu_window_claim`",
    "docs/reference/metrics.md": "| `iu_dead_letters_open` |",
    "docs/reference/settings.md": "| `IU_BATCH_LIMIT` |",
    "docs/reference/tables.md": "### event_outbox\n",
    "docs/reference/python.md": "### emit_many",
}


def test_every_generated_page_is_tested(generate: ModuleType) -> None:
    assert set(generate.pages()) == set(GENERATED)


@pytest.mark.parametrize("page", GENERATED)
def test_a_stale_page_is_named_and_rewritten(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    assert generate.main(["--check"]) == 0
    expected = (tmp_path / page).read_text(encoding="utf-8")
    assert GENERATED[page] in expected
    (tmp_path / page).write_text(expected.replace(GENERATED[page], "Everything is proven"), encoding="utf-8")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out.endswith(f"stale, run `make docs`: {page}\n")
    assert generate.main([]) == 0
    assert (tmp_path / page).read_text(encoding="utf-8") == expected
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize("page", [*PAGES.values(), "docs/concepts/evidence.md", "docs/concepts/nouns.md"])
def test_a_page_without_the_marks_of_its_table_is_named(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    changed = re.sub(r"<!-- end: \w+ -->\n", "", (tmp_path / page).read_text(encoding="utf-8"))
    (tmp_path / page).write_text(changed, encoding="utf-8")
    for arguments in ([], ["--check"]):
        assert generate.main(arguments) == 1
        assert capsys.readouterr().out.startswith(f"{page} has no lines <!-- begin: ")
    assert (tmp_path / page).read_text(encoding="utf-8") == changed


def test_the_text_around_a_table_is_kept(generate: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "SECURITY.md"
    before, _, after = page.read_text(encoding="utf-8").partition("<!-- begin: guarantees (make docs) -->\n")
    table, _, after = after.partition("<!-- end: guarantees -->\n")
    assert table.startswith("| guarantee | how it is kept |")
    page.write_text(page.read_text(encoding="utf-8").replace(table, ""), encoding="utf-8")
    assert generate.main([]) == 0
    written = page.read_text(encoding="utf-8")
    assert (written.startswith(before), written.endswith(after), table in written) == (True, True, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("| gate | a setting", "| latch | a setting"),
            "has a row for latch, which has no folder and no module",
        ),
        (("| retention | the deletion", "| outbox | the deletion"), "has no row for: retention"),
    ],
)
def test_a_noun_without_a_row_and_a_row_without_a_noun_are_refused(
    generate: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    message: str,
) -> None:
    page = tmp_path / generate.NOUNS
    page.write_text(page.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    assert generate.main(["--check"]) == 1
    assert message in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Something was decided.\n", "049-new.md has no title"),
        ("# 048: Number of another file\n", "049-new.md has no title"),
        (
            "# 049: Without a status\n\n* **Date:** 2026-01-31\n",
            "049-new.md has no line such as '* **Status:**",
        ),
        ("# 049: Without a date\n\n* **Status:** accepted\n", "049-new.md has no line such as '* **Date:**"),
        (
            "# 049: Superseded\n\n* **Status:** superseded by 099\n* **Date:** 2026-01-31\n",
            "decision 049 is superseded by 099, which does not exist",
        ),
    ],
)
def test_a_decision_without_title_status_or_date_is_refused_by_name(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, error: str
) -> None:
    (tmp_path / "docs/decisions/049-new.md").write_text(text, encoding="utf-8")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out.startswith(error)


def test_a_decision_outside_every_block_of_numbers_is_refused(
    generate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "# 099: Outside\n\n* **Status:** accepted\n* **Date:** 2026-01-31\n"
    (tmp_path / "docs/decisions/099-outside.md").write_text(text, encoding="utf-8")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out.startswith("decision 099 is in no block of numbers")
