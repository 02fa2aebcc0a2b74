"""Installers who are no superusers, on a server of others, in a database whose schema public is closed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

import pages
import servers
from iu_pipelines.cli.main import run as iu
from iu_pipelines.db.embedded.server import EmbeddedServer
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.db.steps import migration

ASK = "Ask an administrator to run: "

_ROLES = "select rolname from pg_roles where rolname !~ '^pg_' and not rolsuper"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server of its own, because roles belong to the whole server."""
    server = servers.make(tmp_path_factory.mktemp("plain"))
    yield server
    server.stop()


@pytest.fixture
def superuser(server: EmbeddedServer) -> Iterator[Gateway]:
    """The superuser, in a database of which nobody else is the owner."""
    maintenance = server.ensure_running()
    with Gateway(maintenance) as gateway:
        gateway.execute("create database app")
    with Gateway(server.url("app")) as gateway:
        gateway.execute("revoke create on schema public from public")  # as since PostgreSQL 15
        yield gateway
    with Gateway(maintenance) as gateway:
        gateway.execute("drop database app with (force)")
        for row in gateway.fetch_all(_ROLES):
            gateway.execute(f"drop role {row['rolname']}")


def url_of(superuser: Gateway, login: str, password: str) -> str:
    where = urlsplit(superuser.url)
    netloc = f"{login}:{quote(password)}@{where.hostname}:{where.port}"
    return where._replace(netloc=netloc).geturl()


def test_the_statements_of_the_page_let_a_plain_login_install_everything(superuser: Gateway) -> None:
    (statements,) = pages.code("docs/operate/own-server.md", "without a superuser", "sql")
    superuser.run_script(statements)
    url = url_of(superuser, "installer", "…")
    assert iu(["migrate", "--database-url", url]) == 0
    assert iu(["migrate", "--with", "delivery", "--database-url", url]) == 0
    assert iu(["verify", "--database-url", url]) == 0
    owners = superuser.fetch_all(
        "select distinct pg_get_userbyid(relowner) as owner from pg_class "
        "where relnamespace = 'public'::regnamespace"
    )
    assert [row["owner"] for row in owners] == ["iu_owner"]


def test_the_hint_for_an_installer_who_may_create_roles_can_be_typed(
    superuser: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    superuser.execute("create role ann login createrole password 'ann'")
    url = url_of(superuser, "ann", "ann")
    assert iu(["migrate", "--database-url", url]) == 1
    refused = " ".join(capsys.readouterr().err.split())
    assert "role iu_owner may not create objects in schema public" in refused
    _, _, told = refused.partition(ASK)
    statements, _, _ = told.partition(" iu-core/runtime/010")
    superuser.run_script(statements)
    assert iu(["migrate", "--with", "delivery", "--database-url", url]) == 0
    assert iu(["verify", "--database-url", url]) == 0


def test_the_hint_creates_no_role_that_exists(superuser: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    superuser.execute("create role iu_owner")
    superuser.execute("create role ann login createrole password 'ann' in role iu_owner")
    assert iu(["migrate", "--database-url", url_of(superuser, "ann", "ann")]) == 1
    refused = " ".join(capsys.readouterr().err.split())
    assert ASK + "grant usage, create on schema public to iu_owner" in refused


def test_the_hint_for_an_installer_who_may_not_create_roles_names_the_page(
    superuser: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    superuser.execute("create role ann login password 'ann'")
    assert iu(["migrate", "--database-url", url_of(superuser, "ann", "ann")]) == 1
    refused = " ".join(capsys.readouterr().err.split())
    assert "iu_auditor" in refused
    assert "docs/operate/own-server.md has all statements for an administrator" in refused


@pytest.mark.parametrize("words", [("migrate", "--with", "delivery"), ("rollback", "000")])
def test_a_login_that_may_not_migrate_is_told_to_be_a_member_of_the_owner(
    superuser: Gateway, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    migration.apply(superuser)
    superuser.execute("create role ann login password 'ann' in role workflow_admin")
    assert iu([*words, "--database-url", url_of(superuser, "ann", "ann")]) == 1
    refused = " ".join(capsys.readouterr().err.split())
    assert "The login is ann. This needs a member of iu_owner (docs/operate/roles.md)." in refused
