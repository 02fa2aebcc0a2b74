"""`.ci/style.py` finds each fault of style that CONTRIBUTING.md says it finds, and accepts correct texts."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import programs


@pytest.fixture(scope="module")
def style() -> ModuleType:
    return programs.load(".ci/style.py")


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.sql", "select 1" + " " * 110 + ";\n", "119 characters"),
        ("a.sql", "-- begins small.\nselect 1;\n", "begin with a capital"),
        ("a.sql", "-- Ends without a stop\nselect 1;\n", "end with a full stop"),
        ("a.sql", "raise exception 'x' using hint = 'try again.';\n", "begin with a capital"),
        ("a.sql", "raise exception 'x' using hint = 'Try again';\n", "end with a full stop"),
        ("a.py", '"""no capital."""\n', "begin with a capital"),
        ("a.py", '"""No stop"""\n', "end with a full stop"),
        ("a.py", '"""Return *value*."""\n', "single backticks"),
        ("a.py", '"""Return ``value``."""\n', "single backticks"),
        ("a.py", '"""Show it\n\nExamples:\n    iu audit\n"""\n', "end with a full stop"),
        ("a.py", "# small.\nx = 1\n", "begin with a capital"),
        ("a.py", 'raise IuError("x", hint="try again.")\n', "begin with a capital"),
        ("a.py", 'raise IuError("x", hint=f"Try {x} again")\n', "end with a full stop"),
        ("a.md", "It was mended.\n", "write repair or fix instead of 'mended'"),
        ("a.md", "The health audit.\n", "write health report"),
    ],
)
def test_a_fault_is_found(style: ModuleType, tmp_path: Path, name: str, text: str, fault: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = list(style.file_faults(tmp_path / name))
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.sql", "-- enable_seqscan off: the claim scans by number\n-- (decision 011).\nselect 1;\n"),
        ("a.sql", "raise exception 'x' using hint = 'List the letters with: iu audit';\n"),
        ("a.sql", "raise exception 'x' using hint = 'Choose one of ' || names;\n"),
        ("a.py", '"""Return `value`, or None."""\n\nx = 1  # a trailing comment\n'),
        ("a.py", '"""Show it.\n\nExamples:\n    iu audit\n"""\n'),
        ("a.py", 'raise IuError("x", hint=f"Run: iu migrate --with {name}")\n'),
        ("a.md", "Fix the audit of attempts.\n"),
    ],
)
def test_a_correct_text_is_accepted(style: ModuleType, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert list(style.file_faults(tmp_path / name)) == []


@pytest.mark.parametrize(
    ("title", "fault"),
    [
        ("Set jit = off on functions that disable planner methods", ""),
        ("Set jit = off on functions that disable planner methods and on their callers", "at most 72"),
        ("set jit = off", "begin with a capital"),
        ("Set jit = off.", "without a full stop"),
    ],
)
def test_the_title_of_a_commit_is_checked(
    style: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], title: str, fault: str
) -> None:
    message = tmp_path / "message"
    message.write_text(f"{title}\n\nThe body may be longer.\n", encoding="utf-8")
    assert style.main(["--message", str(message)]) == (1 if fault else 0)
    assert fault in capsys.readouterr().out
