"""The findings of `iu doctor` about live delivery: each is provoked, and quiet before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from delivery.world import DEPLOYMENT, World, make_login, url_of
from iu_pipelines.db.gateway import Gateway
from iu_pipelines.delivery import kinds
from iu_pipelines.domain import doctor as of_database
from iu_pipelines.domain.doctor import database as checked
from iu_pipelines.domain.doctor.database import SCHEMA
from iu_pipelines.domain.doctor.findings import Finding, load_checks
from iu_pipelines.errors import ExtraMissing, IuError
from iu_pipelines.hosting import doctor as of_machine
from iu_pipelines.hosting.doctor.machine import DELIVERY, Machine
from iu_pipelines.hosting.doctor.report import examine
from iu_pipelines.settings import Settings

load_checks(of_database)
load_checks(of_machine)

CANARY: Final = "whsec_Y2FuYXJ5LW9mLWEtdGVzdA"
OF_SCHEMA: Final = {name for name, _ in SCHEMA if name.startswith("delivery.")}

Look = Callable[..., dict[str, Finding]]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IU_SECRET_HOOK", "IU_SECRET_HOKO"):
        monkeypatch.delenv(name, raising=False)


def of_schema(world: World) -> dict[str, str]:
    """Return the levels of the findings about the database that are not ok."""
    found = [one for one in checked.examine(world.url) if one.id in OF_SCHEMA]
    assert {one.id for one in found} == OF_SCHEMA
    assert all((one.level == "ok") == (one.hint is None) for one in found)
    return {one.id: one.found for one in found if one.level == "warning"}


@pytest.fixture
def look(tmp_path: Path, world: World) -> Look:
    """Return a function that runs the checks of the machine, by default as the owner of the database."""

    def look(url: str = world.url, **given: object) -> dict[str, Finding]:
        chosen = Settings(home=tmp_path / "home", **given)  # type: ignore[arg-type]
        found = list(DELIVERY.findings(Machine(chosen, url, 3000)))
        assert CANARY not in f"{found}"
        return {one.id: one for one in found}

    return look


@pytest.fixture
def as_sender(world: World, look: Look) -> Look:
    """Return a function that runs the checks of the machine as the login that delivers."""
    return lambda **given: look(sender_database_url=url_of(world.url, world.login), **given)


def test_nothing_is_said_about_a_live_route_that_is_well(world: World) -> None:
    assert of_schema(world) == {"delivery.promotions": "promotions that end soon: shop.paid (in 24 h)"}
    world.promote("shop.paid", valid_for="4 days")
    assert of_schema(world) == {}


def test_without_the_module_no_check_applies(gateway: Gateway, tmp_path: Path) -> None:
    found = {one.id for one in checked.examine(gateway.url)}
    assert found & OF_SCHEMA == set()
    chosen = Settings(home=tmp_path)
    assert list(DELIVERY.findings(Machine(chosen, gateway.url, 3000))) == []


@pytest.mark.parametrize(
    ("change", "identifier", "said"),
    [
        ("delete from public.iu_delivery_target_sender", "delivery.senders", "no login may deliver to: hook"),
        (
            "update public.iu_delivery_target_state set failover_hold = true",
            "delivery.failover",
            "nothing is delivered since the last failover or restore to: hook",
        ),
        (
            "update public.iu_delivery_route set expires_at = now() - interval '1 s'",
            "delivery.promotions",
            "promotions that end soon: shop.paid (expired)",
        ),
    ],
)
def test_a_fault_of_a_target_or_a_promotion_is_found(
    world: World, change: str, identifier: str, said: str
) -> None:
    world.promote("shop.paid", valid_for="4 days")
    world.owner.execute(change)
    assert of_schema(world) == {identifier: said}


@pytest.mark.parametrize(
    "quiet",
    [
        "update public.iu_delivery_route set held_reason = 'demoted', expires_at = now()",
        "update public.iu_delivery_target set enabled = false; delete from public.iu_delivery_target_sender",
    ],
    ids=["a demoted route that ended", "a disabled target without a sender"],
)
def test_what_is_over_is_no_finding(world: World, quiet: str) -> None:
    world.promote("shop.paid", valid_for="4 days")
    world.owner.run_script(quiet)
    assert of_schema(world) == {}


@pytest.fixture
def unfit(world: World) -> Iterator[Callable[[str], str]]:
    """Return a function that makes a login with a role and grants the target to it."""
    made: list[str] = []

    def make(role: str) -> str:
        login = f"{world.login}_{len(made)}"
        made.append(login)
        make_login(world.owner, login, "iu_sender", *([role] if role != "superuser" else []))
        if role == "superuser":
            world.owner.execute(f"alter role {login} superuser")
        world.owner.execute(
            "insert into public.iu_delivery_target_sender (target_no, login) "
            "select target_no, %s from public.iu_delivery_target",
            (login,),
        )
        return login

    yield make
    for login in made:
        with suppress(IuError):
            world.owner.execute(f"drop role {login}")


@pytest.mark.parametrize(
    ("role", "fault"),
    [
        ("superuser", "is a superuser"),
        ("iu_owner", "is a member of the owner"),
        ("iu_approver", "approves promotions"),
    ],
)
def test_a_sender_that_may_do_more_is_a_warning(
    world: World, unfit: Callable[[str], str], role: str, fault: str
) -> None:
    world.promote("shop.paid", valid_for="4 days")
    login = unfit(role)
    assert of_schema(world) == {"delivery.logins": f"targets are granted to {login}, who {fault}"}


def test_the_deployment_of_this_machine_is_compared_with_the_promotions(
    look: Look, as_sender: Look, world: World
) -> None:
    assert look(deployment=DEPLOYMENT)["delivery.deployment"].level == "ok"
    for level, unset in (("note", look()), ("warning", as_sender())):
        found = unset["delivery.deployment"]
        assert (found.level, found.hint) == (level, f"Where the sender runs, set IU_DEPLOYMENT={DEPLOYMENT}")
    other = look(deployment="staging")["delivery.deployment"]
    assert (other.level, f"shop.paid ({DEPLOYMENT})" in other.found) == ("warning", True)
    world.owner.execute("update public.iu_delivery_route set held_reason = 'demoted'")
    world.owner.execute(
        "insert into public.iu_route_promotion_decision "
        "(promotion_no, decision, reason, proposed_by, previous_hash, row_hash) "
        "select promotion_no, 'demote', 'test', 'proposer', '', '' from public.iu_route_promotion"
    )
    assert look()["delivery.deployment"].level == "ok"


def test_the_login_that_delivers_must_be_a_sender(look: Look, as_sender: Look, world: World) -> None:
    assert "delivery.sender" not in look()
    assert as_sender()["delivery.sender"].level == "ok"
    assert look(sender_database_url=world.url)["delivery.sender"].level == "problem"
    down = look(sender_database_url="postgresql://ann:hidden@127.0.0.1:1/none")
    assert [*down] == ["delivery.sender"]
    assert (down["delivery.sender"].level, "hidden" in f"{down}") == ("problem", False)


def test_a_kind_whose_extra_is_missing_is_a_warning(
    look: Look, as_sender: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "load", lambda _kind: object)
    assert look()["delivery.kinds"].level == as_sender()["delivery.kinds"].level == "ok"

    def load(_kind: str) -> Any:
        raise ExtraMissing("the extra [delivery] is not installed", hint="Install it with: pip install x.")

    monkeypatch.setattr(kinds, "load", load)
    for found in (look()["delivery.kinds"], as_sender()["delivery.kinds"]):
        assert found.level == "warning"
        assert found.found == "targets of kind webhook: the extra [delivery] is not installed"


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    place = tmp_path / "secrets"
    place.mkdir(mode=0o700)
    return place


def write(place: Path, name: str, text: str, mode: int = 0o600) -> None:
    file = place / name
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def test_the_directory_of_secrets_is_looked_at(look: Look, secrets_dir: Path) -> None:
    def found() -> Finding:
        return look(secrets_dir=secrets_dir)["secrets.directory"]

    assert "secrets.directory" not in look()
    write(secrets_dir, "HOOK", f"host=hook.example {CANARY}")
    assert found().level == "ok"
    for mode in (0o604, 0o602, 0o620):
        (secrets_dir / "HOOK").chmod(mode)
        assert (found().level, found().hint) == ("warning", f"Run: chmod 600 {secrets_dir}/*")
    assert look(secrets_dir=secrets_dir / "HOOK")["secrets.directory"].level == "problem"
    assert look(secrets_dir=secrets_dir / "none")["secrets.directory"].level == "problem"


def test_files_that_this_user_cannot_read_are_a_problem(
    look: Look, secrets_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(secrets_dir, "HOOK", CANARY)
    monkeypatch.setattr("os.access", lambda _file, _mode: False)  # the user of the tests may read everything
    found = look(secrets_dir=secrets_dir)["secrets.directory"]
    assert (found.level, "cannot read: HOOK" in found.found) == ("problem", True)


def test_the_secrets_of_the_granted_targets_are_looked_for(
    as_sender: Look, look: Look, world: World, secrets_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert as_sender()["secrets.targets"].level == "ok"
    world.owner.execute("update public.iu_delivery_target set secret_name = 'HOOK'")
    missing = as_sender()["secrets.targets"]
    assert (missing.level, missing.found) == ("problem", "target hook: there is no secret HOOK")
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=other.example {CANARY}")
    other = as_sender()["secrets.targets"]
    assert (other.level, "is bound to another host" in other.found) == ("problem", True)
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=hook.example {CANARY}")
    assert as_sender()["secrets.targets"].level == "ok"
    monkeypatch.delenv("IU_SECRET_HOOK")
    write(secrets_dir, "HOOK", f"host=hook.example {CANARY}")
    assert as_sender(secrets_dir=secrets_dir)["secrets.targets"].level == "ok"
    (secrets_dir / "HOOK").write_bytes(b"\xff")
    assert "cannot be read: UnicodeDecodeError" in as_sender(secrets_dir=secrets_dir)["secrets.targets"].found
    assert "secrets.targets" not in look(secrets_dir=secrets_dir)  # the owner delivers nothing


def test_a_secret_that_an_option_names_is_looked_for(as_sender: Look, world: World) -> None:
    options = '{"authorization_secret": "TOKEN", "headers": {}, "secret": 1}'
    with world.owner.transaction() as session:
        session.execute("set local session_replication_role = replica")
        session.execute("update public.iu_delivery_target set options = %s", (options,))
    assert "there is no secret TOKEN" in as_sender()["secrets.targets"].found


def test_a_secret_that_no_target_uses_is_a_note(
    as_sender: Look, look: Look, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "secrets.unused" not in look()
    world.owner.execute("update public.iu_delivery_target set secret_name = 'HOOK'")
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=hook.example {CANARY}")
    assert look()["secrets.unused"].level == as_sender()["secrets.unused"].level == "ok"
    monkeypatch.setenv("IU_SECRET_HOKO", f"host=hook.example {CANARY}")
    for found in (look()["secrets.unused"], as_sender()["secrets.unused"]):
        assert (found.level, found.found.endswith("uses: HOKO")) == ("note", True)


def test_the_report_has_the_findings_about_delivery(world: World, tmp_path: Path) -> None:
    def found(url: str) -> set[str]:
        chosen = Settings(home=tmp_path, database_url=url)  # type: ignore[arg-type]
        return {one.id for one in examine(lambda: chosen, 3000)}

    assert found(world.url) >= {*OF_SCHEMA, "delivery.deployment", "delivery.kinds"}
    assert not {one for one in found("postgresql://127.0.0.1:1/none") if one.startswith("delivery.")}
