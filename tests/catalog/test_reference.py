"""The generated reference: complete, and a part that its author has to write is missed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from databases import Server
from generators import IncompletePageError, catalog, errors, functions, messages, raised, settings, tables
from generators.catalog import Catalog
from generators.messages import Message
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.errors import CODES, IuError
from iu_pipelines.settings import Settings, variable

PROJECT: Final = Path(__file__).parents[2]
ROLES: Final = ("iu_emitter", "workflow_admin", "iu_auditor", "iu_approver", "iu_sender")


def text(name: str) -> str:
    return (PROJECT / "docs/reference" / name).read_text(encoding="utf-8")


def headings(page: str) -> list[str]:
    return re.findall(r"^### (\S+)$", page, re.MULTILINE)


def links(found: Catalog) -> dict[str, str]:
    return {**functions.links(found), **tables.links(found), **errors.links()}


@pytest.fixture(scope="module")
def gateway(server: Server, delivery_template: str) -> Iterator[Gateway]:
    """A database with both modules."""
    name = f"iu_test_reference_{os.getpid()}"
    with Gateway(server.create(name, delivery_template)) as gateway:
        yield gateway
    server.drop(name)


def test_the_page_of_functions_has_those_that_a_role_may_execute_and_the_other_page_the_rest(
    gateway: Gateway,
) -> None:
    rows = gateway.fetch_all(
        """select p.proname::text as name, bool_or(has_function_privilege(r.name, p.oid, 'execute'))
            and p.prorettype <> 'trigger'::regtype as is_public
        from pg_proc as p cross join unnest(%s::text[]) as r (name)
        where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\\_iu\\_%%'
        group by p.oid""",
        (list(ROLES),),
    )
    public = {row["name"] for row in rows if row["is_public"]}
    assert len(public) > 100
    assert sorted(headings(text("functions.md"))) == sorted(public)
    internal = re.findall(r'^\| <a id="(\w+)"></a>`\1` \|', text("internal-functions.md"), re.MULTILINE)
    assert sorted(internal) == sorted({row["name"] for row in rows} - public)


@pytest.mark.parametrize("role", ROLES)
def test_the_page_says_of_each_function_whether_a_role_may_execute_it(gateway: Gateway, role: str) -> None:
    sections = re.split(r"^### ", text("functions.md"), flags=re.MULTILINE)[1:]
    said = {
        one.partition("\n")[0] for one in sections if f"`{role}`" in re.split(r"Executed by |\n## ", one)[1]
    }
    rows = gateway.fetch_all(
        """select p.proname::text as name from pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\\_iu\\_%%'
            and has_function_privilege(%s, p.oid, 'execute')""",
        (role,),
    )
    assert said == {row["name"] for row in rows}


def test_the_page_of_tables_has_every_relation_with_its_columns(gateway: Gateway) -> None:
    rows = gateway.fetch_all(
        """select c.relname::text as name, array_agg(a.attname::text order by a.attnum) as columns
        from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'c')
            and a.attnum > 0 and not a.attisdropped
        group by c.oid"""
    )
    page = text("tables.md")
    found = {
        section.partition("\n")[0]: re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]
    }
    assert found == {row["name"]: row["columns"] for row in rows}


def test_every_foreign_key_is_a_line_of_a_diagram(gateway: Gateway) -> None:
    rows = gateway.fetch_all(
        """select conrelid::regclass::text as child, confrelid::regclass::text as parent
        from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace"""
    )
    lines = re.findall(r"^    (\w+) \|[|o]--o[|{] (\w+) : ", text("tables.md"), re.MULTILINE)
    lines += re.findall(r"^    (\w+) \|\|--o[|{] (\w+) : ", text("tables.md"), re.MULTILINE)
    assert len(rows) > 10
    assert {(row["parent"], row["child"]) for row in rows} <= {*lines}


def test_the_comment_of_a_function_names_every_code_that_it_can_raise(catalog: Catalog) -> None:
    by_name = {function.name: function for function in catalog.functions}
    unnamed = {
        function.name: codes
        for function in catalog.functions
        if functions.is_public(function)
        and (codes := raised.derived(function, by_name) - raised.named(function, by_name))
    }
    assert unnamed == {}


def test_a_code_that_a_comment_leaves_out_is_noticed(catalog: Catalog) -> None:
    by_name = {function.name: function for function in catalog.functions}
    emit = by_name["fn_iu_emit_event"]
    assert raised.derived(emit, by_name) == {"IU101", "IU102", "IU103", "IU104"}
    silent = replace(
        emit, comment="Emits one event. Raises IU101 for an unknown type; IU104 for a null. Fast."
    )
    assert raised.named(silent, by_name) == {"IU101", "IU104"}
    bulk = replace(emit, comment="Emits many events. Raises IU101 to IU103.")
    assert raised.named(bulk, by_name) == {"IU101", "IU102", "IU103"}
    other = replace(emit, comment="As the other one. Raises what fn_iu_emit_event raises, IU301.")
    assert raised.named(other, by_name) == {"IU101", "IU102", "IU103", "IU104", "IU301"}


def test_every_code_has_a_section_with_cause_cure_message_and_who_raises_it() -> None:
    page = text("errors.md").partition("## Errors of the SQL functions")[2].partition("## Other errors")[0]
    sections = dict(re.findall(r"^### (IU\d{3})\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    assert sorted(sections) == sorted(CODES)
    for code, section in sections.items():
        for part in ("**Cause.** ", "**Cure.** ", "**Raised by** ", "\n| `"):
            assert part in section or (code, part) == ("IU701", "\n| `"), f"{code} has no {part!r}"


def test_every_class_that_can_be_raised_has_a_section() -> None:
    others = {one.__name__ for one in errors._classes()} - {one.__name__ for one in CODES.values()}
    assert {*headings(text("errors.md"))} == {*CODES} | others - {"IuError", "DatabaseError", "Refusal"}


@pytest.mark.parametrize(
    "docstring", ["", "Something failed.", "Something failed.\n\nCause: A.", "Something failed.\n\nCure: B."]
)
def test_an_error_class_without_a_cause_or_a_cure_is_refused_by_name(docstring: str) -> None:
    made = type("Nameless", (IuError,), {"__doc__": docstring})
    with pytest.raises(IncompletePageError, match=r"Nameless in iu_pipelines/errors\.py"):
        errors.explanation(made)


def without_comment(found: Catalog) -> Catalog:
    first, *rest = found.functions
    return replace(found, functions=(replace(first, comment=" "), *rest))


def undeclared_function(found: Catalog) -> Catalog:
    first, *rest = found.functions
    return replace(found, functions=(replace(first, name="fn_iu_stray"), *rest))


def table_without_comment(found: Catalog) -> Catalog:
    first, *rest = found.relations
    return replace(found, relations=(replace(first, comment=""), *rest))


def undeclared_table(found: Catalog) -> Catalog:
    *rest, last = found.relations
    return replace(found, relations=(*rest, replace(last, name="iu_stray")))


def missing_column(found: Catalog) -> Catalog:
    changed = [
        replace(one, columns=one.columns[:1]) if one.name == "dot_config_history" else one
        for one in found.relations
    ]
    return replace(found, relations=tuple(changed))


def column_without_comment(found: Catalog) -> Catalog:
    first, *rest = found.relations
    columns = tuple(replace(one, comment="") if one.name == "description" else one for one in first.columns)
    return replace(found, relations=(replace(first, columns=columns), *rest))


@pytest.mark.parametrize(
    ("change", "page", "message"),
    [
        (without_comment, functions.page, "function fn_iu_access_declare has no comment"),
        (undeclared_function, functions.page, "function fn_iu_stray is declared by no file below objects/"),
        (table_without_comment, tables.page, "table dot_config has no comment"),
        (column_without_comment, tables.page, "dot_config has columns without a comment: description"),
        (undeclared_table, tables.page, "table iu_stray is declared by no file below objects/"),
        (missing_column, tables.page, "dot_config_history.key or dot_config does not exist"),
    ],
)
def test_what_its_author_left_out_is_named(
    catalog: Catalog,
    change: Callable[[Catalog], Catalog],
    page: Callable[[Catalog, dict[str, str]], str],
    message: str,
) -> None:
    page(catalog, links(catalog))
    with pytest.raises(IncompletePageError, match=re.escape(message)):
        page(change(catalog), links(catalog))


def test_the_page_of_settings_has_every_variable_gate_and_threshold(catalog: Catalog) -> None:
    named = {*re.findall(r"^\| `([^`]+)` \|", text("settings.md"), re.MULTILINE)}
    assert {variable(field) for field in Settings.model_fields} <= named
    assert {one.key for one in catalog.settings} | {one.threshold for one in catalog.thresholds} <= named
    assert len(catalog.settings) > 8
    assert len(catalog.thresholds) > 4


def test_every_secret_variable_is_marked_as_secret() -> None:
    rows = dict(re.findall(r"^\| `(IU_\w+)` \| ([^|]+) \|", text("settings.md"), re.MULTILINE))
    secret = {
        variable(name)
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert {name for name, kind in rows.items() if "secret" in kind} == secret


def test_a_setting_of_a_session_that_nobody_described_is_named(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {name: about for name, about in settings._OF_SESSIONS.items() if name != "iu.deployment"}
    monkeypatch.setattr(settings, "_OF_SESSIONS", known)
    with pytest.raises(IncompletePageError, match=r"settings of sessions: \['iu\.deployment'\]"):
        settings.page(catalog, links(catalog))


def test_links_to_the_pages_of_the_reference_lead_to_anchors() -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in (PROJECT / "docs/reference").glob("*.md")}
    anchors = {
        path: {
            *re.findall(r'<a id="([\w-]+)">', page),
            *map(slug, re.findall(r"^#+ (.+)$", page, re.MULTILINE)),
        }
        for path, page in pages.items()
    }
    found = {
        (place, anchor)
        for path in [*(PROJECT / "docs").rglob("*.md"), *PROJECT.glob("*.md")]
        for file, anchor in re.findall(r"\]\(([^)#\s:]*)#([\w-]+)\)", path.read_text(encoding="utf-8"))
        if (place := (path.parent / file).resolve() if file else path) in pages
    }
    assert len(found) > 300
    assert [(place.name, anchor) for place, anchor in found if anchor not in anchors[place]] == []


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("'Give one.'", "Give one."),
        ("'One; ' -- why\n 'two: iu run --once'", "One; two: iu run --once"),
        ("format('Run %s, or %1$I.', a, b(c, d))", "Run …, or …."),
        ("coalesce('Known: ' || f(a), 'None') || '.'", "Known: …."),
        ("(select 'It''s ' || s.a from b as s)", "It's …"),
        ("case when a then 'Yes.' else 'No.' end", "Yes."),
        ("some_function(a)", ""),
    ],
)
def test_the_message_and_the_hint_of_a_raise_are_read(expression: str, hint: str) -> None:
    source = f"begin raise exception 'no ' '%', a(b, c) using errcode = 'IU104', hint = {expression}; end"
    assert [*messages.of_sql([source])] == [Message("IU104", "no …", hint)]


def test_the_message_and_the_hint_of_a_refused_capture_are_read() -> None:
    call = "perform public.fn_iu_capture_refuse(c.code, format('it has %s', n), 'Give (a; b).');"
    assert [*messages.of_sql([call])] == [Message("IU703", "capture …: it has …", "Give (a; b).")]


def test_a_code_that_is_an_argument_is_taken_from_the_calls() -> None:
    source = "raise exception 'login % no', session_user using errcode = errcode, hint = 'Connect anew.';"
    call = "perform public.fn_iu_login_require('iu_sender', 'IU201');"
    assert [*messages.of_sql([source, call])] == [Message("IU201", "login … no", "Connect anew.")]


@pytest.mark.parametrize(
    "statement", ["raise;", "raise exception using errcode = 'P0001';", "raise notice 'x';"]
)
def test_what_is_no_error_of_iu_pipelines_is_left_out(statement: str) -> None:
    assert [*messages.of_sql([statement])] == []


def test_the_messages_and_hints_of_python_are_read() -> None:
    source = """
raise PlanOutdated(f"changed: {what}", hint="Look at it: " + plan)
raise errors.UnknownTarget("none " if few else "no target", hint=hint)
raise ValueError("not ours")
"""
    assert [*messages.of_python(source, frozenset({"PlanOutdated", "UnknownTarget"}))] == [
        Message("PlanOutdated", "changed: …", "Look at it: …"),
        Message("UnknownTarget", "none ", ""),
    ]


def test_reading_the_catalog_leaves_no_file_and_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert len(catalog.read.__wrapped__().functions) > 300
    assert left_in(tmp_path) == []


def test_a_failure_while_the_catalog_is_read_leaves_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("on purpose")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("generators.catalog.migration.apply", fail)
    with pytest.raises(OSError, match="on purpose"):
        catalog.read.__wrapped__()
    assert left_in(tmp_path) == []


def test_a_generator_that_is_terminated_stops_its_server(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, PROJECT / "docs/generate.py", "--check"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not [*tmp_path.glob("*/postgres/data/postmaster.pid")]:
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=60) == 143
    assert left_in(tmp_path) == []


def left_in(folder: Path) -> list[str]:
    """Return the files in a folder, and the processes whose working directory is below it."""
    files = [path.name for path in folder.iterdir()]
    processes = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith(str(folder)):
            processes.append(f"{link.parent.name}: {target}")
    return files + processes
