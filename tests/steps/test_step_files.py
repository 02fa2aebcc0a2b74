"""Step files: names, includes and stamps."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from iu_pipelines.db.steps import code, files
from iu_pipelines.errors import StepRefused, UsageError
from iu_pipelines.settings import sql_root

MODULES = files.modules(sql_root())
FORGET = re.compile(r"^select public\.fn_iu_step_forget\('([\w-]+)', '(\w+)'\);$", re.MULTILINE)
RECORD = "select public.fn_iu_step_record(\n    'iu-core', '{}',\n    '{}'\n);\n"


def loaded(kind: files.Kind) -> list[files.StepFile]:
    """Return the files of this kind of every module."""
    return [file for module in MODULES for file in files.load(sql_root(), kind, module)]


def names(kind: files.Kind) -> set[str]:
    return {file.name for file in loaded(kind)}


def test_the_tree_has_the_core_and_the_module_of_deliveries() -> None:
    assert MODULES == ["iu-core", "iu-delivery"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for folder in ("runtime", "objects"):
        (tmp_path / "iu-core" / folder).mkdir(parents=True)
    (tmp_path / "iu-core/objects/one.sql").write_text("select 1;\n")
    (tmp_path / "iu-core/runtime/070_functions.sql").write_text(
        "-- all\n\\ir ../objects/one.sql\nselect 2;\n"
    )
    return tmp_path


def runtime(root: Path) -> Path:
    return root / "iu-core/runtime/070_functions.sql"


def test_every_runtime_step_has_a_verify_file() -> None:
    assert names("verify") == names("runtime")


def test_every_runtime_step_has_a_rollback_file() -> None:
    assert names("rollback") == names("runtime")


def test_every_stamp_in_the_tree_is_right() -> None:
    assert files.stamp(sql_root(), check=True) == []


@pytest.mark.parametrize("kind", ["runtime", "verify", "rollback"])
def test_no_step_begins_or_ends_a_transaction(kind: files.Kind) -> None:
    own = re.compile(r"^(begin|start transaction|commit|rollback|end)\b[^;]*;", re.MULTILINE | re.IGNORECASE)
    outside_bodies = re.compile(r"\$(\w*)\$.*?\$\1\$|^begin atomic$.*?^end;", re.DOTALL | re.MULTILINE)
    for file in loaded(kind):
        assert not own.findall(outside_bodies.sub("", file.text)), file.label


def test_every_probe_lets_psql_stop_at_an_error() -> None:
    for file in loaded("sandbox"):
        assert file.path.read_text().startswith("\\set ON_ERROR_STOP on\n-- "), file.label


def test_every_rollback_forgets_its_step_once() -> None:
    for file in loaded("rollback"):
        assert FORGET.findall(file.text) == [(file.key.module, file.key.name)], file.label


def test_every_object_file_is_part_of_a_step() -> None:
    for module in MODULES:
        included = "\n".join(file.text for file in files.load(sql_root(), "runtime", module))
        for path in (sql_root() / module / "objects").rglob("*.sql"):
            assert path.read_text().strip() in included, f"{module}/{path.name}"


def test_an_object_file_creates_one_function_unless_it_is_of_triggers() -> None:
    created = re.compile(r"^create or replace function public\.(\w+)", re.MULTILINE)
    for path in sql_root().glob("*/objects/**/*.sql"):
        functions = created.findall(path.read_text())
        assert functions in ([], [path.stem]) or path.stem.startswith("trg_"), path.name


def test_an_include_is_replaced_by_the_file_relative_to_its_own(small: Path) -> None:
    assert files.expand(runtime(small)) == "-- all\nselect 1;\nselect 2;\n"


def test_the_line_for_psql_is_no_part_of_the_step(small: Path) -> None:
    files.stamp(small)
    runtime(small).write_text("\\set ON_ERROR_STOP on\n" + runtime(small).read_text())
    assert files.stamp(small, check=True) == []


def test_the_functions_of_a_step_are_read_with_their_bodies(small: Path) -> None:
    (small / "iu-core/objects/one.sql").write_text(
        "create or replace function public.fn_iu_one()\nreturns int\nlanguage sql\nreturn 1;\n\n"
        "create or replace function public.fn_iu_two()\nreturns int\nlanguage sql\nas $$\n    select 2\n$$;\n"
    )
    (step,) = files.load_steps(small)
    found = code.read(step).functions
    assert {name: function.body for name, function in found.items()} == {
        "fn_iu_one": None,
        "fn_iu_two": "\n    select 2\n",
    }
    assert found["fn_iu_one"].statement.endswith("return 1;")


def test_an_include_inside_an_include_is_relative_to_the_inner_file(small: Path) -> None:
    (small / "iu-core/objects/two.sql").write_text("\\ir one.sql\nselect 3;\n")
    runtime(small).write_text("\\ir ../objects/two.sql\n")
    assert files.expand(runtime(small)) == "select 1;\nselect 3;\n"


@pytest.mark.parametrize(
    "line", ["\\i one.sql", "\\echo hello", "\\ir", "\\! rm -rf .", "\\set ON_ERROR_STOP off"]
)
def test_any_other_meta_command_is_refused_with_its_line(small: Path, line: str) -> None:
    runtime(small).write_text(f"select 1;\n{line}\n")
    with pytest.raises(StepRefused, match="line 2") as refused:
        files.expand(runtime(small))
    assert refused.value.code == "IU901"


def test_an_include_of_a_missing_file_is_refused_with_both_names(small: Path) -> None:
    runtime(small).write_text("\\ir ../objects/gone.sql\n")
    with pytest.raises(StepRefused, match=r"gone\.sql, named in .*070_functions\.sql"):
        files.expand(runtime(small))


def test_a_file_that_includes_itself_is_refused(small: Path) -> None:
    (small / "iu-core/objects/one.sql").write_text("\\ir ../objects/one.sql\n")
    with pytest.raises(StepRefused, match="includes itself"):
        files.expand(runtime(small))


def test_stamping_adds_the_record_with_the_checksum_of_the_text_before_it(small: Path) -> None:
    assert files.stamp(small) == ["070_functions"]
    body = "-- all\nselect 1;\nselect 2;\n\n"
    checksum = hashlib.sha256(body.encode()).hexdigest()
    assert files.expand(runtime(small)) == body + RECORD.format("070_functions", checksum)


def test_stamping_twice_changes_nothing_the_second_time(small: Path) -> None:
    files.stamp(small)
    before = runtime(small).read_bytes()
    assert files.stamp(small) == []
    assert runtime(small).read_bytes() == before


def test_a_check_names_the_stale_step_and_writes_nothing(small: Path) -> None:
    files.stamp(small)
    (small / "iu-core/objects/one.sql").write_text("select 11;\n")
    before = runtime(small).read_bytes()
    assert files.stamp(small, check=True) == ["070_functions"]
    assert runtime(small).read_bytes() == before


def test_line_ends_of_another_system_do_not_change_the_checksum(small: Path) -> None:
    files.stamp(small)
    runtime(small).write_bytes(runtime(small).read_bytes().replace(b"\n", b"\r\n"))
    assert files.stamp(small, check=True) == []


def test_a_stamp_with_the_name_of_another_step_is_stale(small: Path) -> None:
    files.stamp(small)
    runtime(small).write_text(runtime(small).read_text().replace("'070_functions'", "'080_other'"))
    assert files.stamp(small, check=True) == ["070_functions"]


def test_a_folder_without_steps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepRefused, match="no runtime files"):
        files.load(tmp_path, "runtime")


KNOWN = [files.StepKey("iu-core", "010_roles"), files.StepKey("iu-core", "020_gates")]
OTHER = [files.StepKey("iu-other", "010_tables"), files.StepKey("iu-other", "070_functions")]


@pytest.mark.parametrize(
    "wanted",
    ["020", "020_gates", "020_gates.sql", "runtime/020_gates.sql", "iu-core/020", "iu-core/020_gates"],
)
def test_a_step_is_found_by_number_name_or_file(wanted: str) -> None:
    assert files.find([*KNOWN, *OTHER], wanted) == KNOWN[1]


def test_a_step_of_another_module_is_found_with_its_module_before_it() -> None:
    assert files.find([*KNOWN, *OTHER], "iu-other/010") == OTHER[0]
    with pytest.raises(UsageError, match="'070'"):
        files.find([*KNOWN, *OTHER], "070")


def test_an_unknown_step_is_a_usage_error_that_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'999'") as refused:
        files.find([*KNOWN, *OTHER], "999")
    assert "020_gates, iu-other/010_tables" in str(refused.value.hint)
