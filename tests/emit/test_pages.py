"""The pages about emitting: their Python, SQL, JavaScript, Java and Go are run as they are printed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import psycopg
import pytest
import sqlalchemy
from celery.contrib.testing.worker import start_worker
from sqlalchemy.orm import Session

import pages
from emit import kinds, shop
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.emit import subject
from programs import PROJECT

PYTHON: Final = "docs/how-to/emit-from-python.md"
SQL: Final = "docs/how-to/emit-from-sql-and-triggers.md"
OTHERS: Final = "docs/how-to/emit-from-other-languages.md"
TESTS: Final = "docs/how-to/test-code-that-emits.md"
GOPATH: Final = os.environ.get("GOPATH", "/usr/share/gocode")
"""Where the packages of Go are that this machine has; the default is that of Debian."""

JDBC: Final = Path("/usr/share/java/postgresql.jar")


def status(url: str, order: int) -> str:
    with psycopg.connect(url) as connection:
        (found,) = connection.execute(
            "select status from public.orders where id = %s", (order,)
        ).fetchone() or ("",)
        return str(found)


def test_paying_with_psycopg(shop_url: str) -> None:
    pay = pages.run(PYTHON, "Emit from Python")["pay"]
    with psycopg.connect(shop_url) as connection:
        with connection.transaction(force_rollback=True):
            pay(connection, 17)
        pay(connection, 18)
    assert [(address, payload) for _, address, payload in shop.events(shop_url)] == [
        ("orders/18", {"item_count": 3})
    ]
    assert (status(shop_url, 17), status(shop_url, 18)) == ("open", "paid")


def test_paying_many_with_psycopg(shop_url: str) -> None:
    pay_all = pages.run(PYTHON, "Many events")["pay_all"]
    with psycopg.connect(shop_url) as connection:
        pay_all(connection, range(1, 6))
    assert {address: payload["total_cents"] for _, address, payload in shop.events(shop_url)} == {
        f"orders/{n}": 100 * n for n in range(1, 6)
    }


def test_paying_with_asynchronous_psycopg(shop_url: str) -> None:
    pay_async = pages.run(PYTHON, "Asynchronous psycopg")["pay_async"]

    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(shop_url) as connection:
            await pay_async(connection, 17)

    asyncio.run(work())
    assert shop.addresses(shop_url) == ["orders/17"]


def test_paying_with_sqlalchemy(shop_url: str) -> None:
    pay_order = pages.run(PYTHON, "SQLAlchemy", __name__="shop_of_the_page")["pay_order"]
    engine = sqlalchemy.create_engine(kinds.alchemy_url(shop_url, "psycopg"))
    try:
        with Session(engine) as session:
            pay_order(session, 17)
            session.rollback()
        assert (shop.addresses(shop_url), status(shop_url, 17)) == ([], "open")
        with Session(engine) as session, session.begin():
            pay_order(session, 18)
    finally:
        engine.dispose()
    assert (shop.addresses(shop_url), status(shop_url, 18)) == (["orders/18"], "paid")


def test_paying_with_django(django_connection: Any, shop_url: str) -> None:
    from django.db import transaction

    pay_order = pages.run(PYTHON, "Django", __name__="shop_of_the_page")["pay_order"]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        pay_order(17)
        _ = 1 / 0
    assert (shop.addresses(shop_url), status(shop_url, 17)) == ([], "open")
    pay_order(18)
    assert (shop.addresses(shop_url), status(shop_url, 18)) == (["orders/18"], "paid")


def test_paying_in_a_celery_task_that_is_delivered_twice(
    shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", shop_url)
    names = pages.run(PYTHON, "Celery", __name__="shop_of_the_page")
    app, pay_order = names["app"], names["pay_order"]
    app.conf.update(
        broker_url="memory://", result_backend="cache+memory://", broker_connection_retry_on_startup=False
    )

    @app.task  # type: ignore[untyped-decorator]
    def pay_and_fail(order: int) -> None:
        with psycopg.connect(shop_url) as connection, connection.transaction():
            pages.run(PYTHON, "Emit from Python")["pay"](connection, order)
            raise LookupError(order)

    with start_worker(app, perform_ping_check=False, pool="solo"):
        assert [pay_order.delay(17).get(timeout=30) for _ in range(2)] == [True, False]
        with pytest.raises(LookupError):
            pay_and_fail.delay(18).get(timeout=30)
    assert shop.addresses(shop_url) == ["orders/17"]
    assert (status(shop_url, 17), status(shop_url, 18)) == ("paid", "open")


def test_plain_sql_and_a_batch_in_sql(gateway: Gateway, shop_url: str) -> None:
    for script in (*pages.code(SQL, "Plain SQL", "sql"), *pages.code(SQL, "Many events", "sql")):
        gateway.run_script(script)
    assert shop.addresses(shop_url) == ["orders/17", *(f"orders/{n}" for n in range(1, 6))]
    found = gateway.fetch_all("select event_subject_ref from public.event_outbox order by event_seq")
    assert [row["event_subject_ref"] for row in found] == [
        subject("public.orders", n) for n in (17, 1, 2, 3, 4, 5)
    ]


def test_the_trigger_emits_one_batch_for_each_statement(gateway: Gateway, shop_url: str) -> None:
    (script,) = pages.code(SQL, "A trigger", "sql")
    gateway.run_script(script)
    gateway.execute("update public.orders set status = 'paid' where id <= 3")
    gateway.execute("update public.orders set status = 'paid' where id <= 5")
    gateway.execute("update public.orders set total_cents = 0")
    gateway.execute("update public.orders set status = 'paid' where false")
    assert shop.addresses(shop_url) == [f"orders/{n}" for n in range(1, 6)]
    gateway.execute("update public.event_type_registry set enabled = false")
    with pytest.raises(Exception, match="disabled event type 'order_paid'"):
        gateway.execute("update public.orders set status = 'paid' where id = 6")
    assert status(shop_url, 6) == "open"


def test_the_select_of_the_other_languages_emits(shop_url: str) -> None:
    (statement,) = pages.code(OTHERS, "Emit from Go, JavaScript and Java", "sql")
    given = ("order_paid", "orders/17", subject("public.orders", 17), "shop", '{"item_count": 3}')
    with psycopg.connect(shop_url, cursor_factory=psycopg.RawCursor) as connection:
        connection.execute(statement.encode(), given)
    assert shop.addresses(shop_url) == ["orders/17"]


def test_the_uuids_of_the_page_are_those_of_python() -> None:
    page = pages.text(OTHERS)
    rows = re.findall(r"^\| `(public\.\w+)` \| `(.+)` \| `([0-9a-f-]{36})` \|$", page, re.MULTILINE)
    assert len(rows) == 2
    for table, key, expected in rows:
        assert str(subject(table, json.loads(key) if key.startswith("[") else key)) == expected


def output(*command: str, folder: Path) -> list[str]:
    """Run a program and return the lines that it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_javascript_emits_and_computes_the_same_subjects(shop_url: str, tmp_path: Path) -> None:
    (text,) = pages.code(OTHERS, "JavaScript and TypeScript", "js")
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    (tmp_path / "shop.mjs").write_text(text, encoding="utf-8")
    subjects = 'import { subject } from "./shop.mjs";\n' + "".join(
        f"console.log(subject({json.dumps(table)}, {json.dumps(key)}));\n"
        for table, key in (("public.orders", 17), ("public.lines", [17, "a"]), ("public.ä", 'é"\n\x01😀'))
    )
    (tmp_path / "subjects.mjs").write_text(subjects, encoding="utf-8")
    assert output("node", "subjects.mjs", folder=tmp_path) == [
        str(subject("public.orders", 17)),
        str(subject("public.lines", (17, "a"))),
        str(subject("public.ä", 'é"\n\x01😀')),
    ]
    (modules,) = output("npm", "root", "-g", folder=tmp_path) if shutil.which("npm") else ("",)
    if not (Path(modules) / "pg").exists():
        pytest.skip("the module pg of Node.js is not installed globally")
    (tmp_path / "node_modules").symlink_to(modules)
    main = """
        import pg from "pg";
        import { pay } from "./shop.mjs";
        const client = new pg.Client({ connectionString: process.argv[2] });
        await client.connect();
        console.log(await pay(client, 17));
        await client.query("update public.event_type_registry set enabled = false");
        await pay(client, 18).catch((error) => console.log(error.code));
        await client.end();
    """
    (tmp_path / "main.mjs").write_text(main, encoding="utf-8")
    event_id, code = output("node", "main.mjs", shop_url, folder=tmp_path)
    assert (event_id, code) == (shop.events(shop_url)[0][0], "IU101")
    assert (status(shop_url, 17), status(shop_url, 18)) == ("paid", "open")


def test_java_emits_and_computes_the_same_subjects(shop_url: str, tmp_path: Path) -> None:
    (text,) = pages.code(OTHERS, "Java", "java")
    if not shutil.which("java") or not shutil.which("javac"):
        pytest.skip("a JDK is not installed")
    if not JDBC.exists():
        pytest.skip("libpostgresql-jdbc-java is not installed")
    main = """
        class Main {
            public static void main(String[] given) throws Exception {
                System.out.println(Shop.subject("public.lines", "[\\"17\\",\\"2\\"]"));
                try (var connection = java.sql.DriverManager.getConnection(given[0])) {
                    connection.setAutoCommit(false);
                    System.out.println(Shop.pay(connection, 17));
                }
            }
        }
    """
    (tmp_path / "Main.java").write_text(text + main, encoding="utf-8")
    parts = urlsplit(shop_url)
    address = (
        f"jdbc:postgresql://{parts.hostname}:{parts.port}{parts.path}?user={quote(parts.username or '')}"
    )
    if parts.password:
        address += f"&password={parts.password}"
    output("javac", "Main.java", folder=tmp_path)
    found, event_id = output("java", "-cp", f".:{JDBC}", "Main", address, folder=tmp_path)
    assert found == str(subject("public.lines", (17, 2)))
    assert event_id == shop.events(shop_url)[0][0]


def go(folder: Path, *arguments: str) -> list[str]:
    """Run `main.go` of a folder without a network, and return the lines that it printed."""
    environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOPATH": f"{folder}:{GOPATH}"}
    done = subprocess.run(
        ["go", "run", "main.go", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_go_computes_the_same_subjects(tmp_path: Path) -> None:
    text, _ = pages.code(OTHERS, "Go", "go")
    if not shutil.which("go"):
        pytest.skip("go is not installed")
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "shop.go").write_text(text, encoding="utf-8")
    main = """
        package main
        import ("fmt"; "shop")
        func main() { fmt.Println(shop.Subject("public.orders", "17")) }
    """
    (tmp_path / "main.go").write_text(main, encoding="utf-8")
    assert go(tmp_path) == [str(subject("public.orders", 17))]


def test_go_emits_with_pgx(shop_url: str, tmp_path: Path) -> None:
    if not shutil.which("go"):
        pytest.skip("go is not installed")
    drivers = Path(GOPATH) / "src" / "github.com" / "jackc" / "pgx"
    version = next((name for name in ("v5", "v4") if (drivers / name).is_dir()), None)
    if version is None:
        pytest.skip(f"pgx is not in {drivers}")
    (tmp_path / "src" / "shop").mkdir(parents=True)
    for number, text in enumerate(pages.code(OTHERS, "Go", "go")):
        file = tmp_path / "src" / "shop" / f"{number}.go"
        file.write_text(text.replace("pgx/v5", f"pgx/{version}"), encoding="utf-8")
    main = f"""
        package main
        import ("context"; "fmt"; "os"; "shop"; "github.com/jackc/pgx/{version}")
        func main() {{
            connection, _ := pgx.Connect(context.Background(), os.Args[1])
            fmt.Println(shop.Pay(context.Background(), connection, 17))
        }}
    """
    (tmp_path / "main.go").write_text(main, encoding="utf-8")
    (said,) = go(tmp_path, shop_url)
    assert said == f"{shop.events(shop_url)[0][0]} <nil>"
    assert status(shop_url, 17) == "paid"


SHOP_TO_TEST: Final = """
from iu_pipelines.emit import emit, subject

def pay(connection, order):
    row = subject("public.orders", order)
    with connection.transaction():
        emit(connection, "order_paid", f"orders/{order}", row, "shop", {"item_count": 3})
        paid = connection.execute("update public.orders set status = 'paid' where id = %s", (order,))
        if not paid.rowcount:
            raise LookupError(order)
"""


def write(folder: Path, texts: list[str]) -> None:
    """Write each block of the page about tests to the file that its first line names."""
    for text in texts:
        name = text.partition("\n")[0].removeprefix("# ")
        (folder / name).write_text(text, encoding="utf-8")


def test_the_tests_of_the_page_pass(shop_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", shop_url)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    (tmp_path / "shop.py").write_text(SHOP_TO_TEST, encoding="utf-8")
    write(tmp_path, pages.code(TESTS, "With pytest"))
    lines = output(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", folder=tmp_path
    )
    assert lines[-1].startswith("3 passed")
    assert (shop.addresses(shop_url), status(shop_url, 17)) == ([], "open")


def test_the_django_test_of_the_page_passes(
    shop_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(shop_url)
    (tmp_path / "shop.py").write_text("\n".join(pages.code(PYTHON, "Django")), encoding="utf-8")
    write(tmp_path, pages.code(TESTS, "With Django, or without pytest"))
    main = f"""
import django, unittest
from django.conf import settings
settings.configure(DATABASES={{"default": {{
    "ENGINE": "django.db.backends.postgresql", "NAME": {parts.path[1:]!r}, "USER": {parts.username!r},
    "PASSWORD": {parts.password or ""!r}, "HOST": {parts.hostname!r}, "PORT": {parts.port!r}}}}})
django.setup()
unittest.main("test_orders")
"""
    (tmp_path / "main.py").write_text(main, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    output(sys.executable, "main.py", folder=tmp_path)
    assert (shop.addresses(shop_url), status(shop_url, 17)) == ([], "open")
