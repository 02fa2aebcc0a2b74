"""The tutorial about deliveries: its commands print what is shown, and what they did is true."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

import pages
from acceptance import wheels
from acceptance.console import Shell, commands, first_difference, without_numbers
from acceptance.delivery_page import PAGE, PageShell, files, page_shell

MOST_COMMANDS = 15
"""From nothing to a webhook that a receiver verified."""

_OF_THE_RATE = re.compile(r", \d+ (to retry( later)?|not sent in time)\b")
_FAILED = re.compile(r"  \d+ to retry: ")
_STOPPED = re.compile(r"stopped: (--max-seconds is reached; more may|deliveries are held, none).*")
_HELD_BY_RATE = re.compile(r"held( \(rate_limit\))?$")


def comparable(command: str, lines: Sequence[str]) -> list[str]:
    """Return lines without numbers, and of the two drains that send, what the rate decided.

    How many were sent in two seconds depends on the machine, and so does whether the rate is used up then,
    and whether one had to be tried again.
    """
    if command.startswith(("iu deliver --max-seconds", "iu deliver execute")):
        lines = [line for line in lines if not (line.startswith("  rate_limit: ") or _FAILED.match(line))]
        lines = [_HELD_BY_RATE.sub("queued", _OF_THE_RATE.sub("", line)) for line in lines]
        lines = [_STOPPED.sub("stopped: early", line) for line in lines]
    return without_numbers(lines)


def test_the_first_webhook_needs_at_most_fifteen_commands() -> None:
    before, _, _ = PAGE.read_text(encoding="utf-8").partition("## An incident")
    used = [command.text for command in commands(before)]
    assert used[-1].startswith("tail "), "the last one shows what the receiver printed"
    assert len(used[:-1]) <= MOST_COMMANDS, used


def test_a_file_of_the_page_has_a_name_and_a_text() -> None:
    assert list(files(PAGE.read_text(encoding="utf-8"))) == [
        "people.env", "pgpass", "shop.sql", "secrets/SHOP", "shop.yaml", "orders.sql", "receiver.py",
    ]  # fmt: skip


def test_no_password_stands_in_an_argument_of_a_command() -> None:
    text = PAGE.read_text(encoding="utf-8")
    given = [*(command.text for command in commands(text)), files(text)["people.env"]]
    assert [one for one in given if re.search(r"://[^/@\s]*:[^/@\s]*@|of-the-tutorial", one)] == []


def test_a_reader_without_a_server_makes_the_database_in_the_embedded_one(tmp_path: Path) -> None:
    begin, *_, block = pages.code("docs/tutorial/delivery.md", "Files", "sh")
    assert pages.code("docs/tutorial/event-jobs.md", "Files", "sh")[-1] == block
    shell = Shell(tmp_path)
    assert shell.run(begin) == ()
    shell.folder /= "handbook"
    assert {stat.S_IMODE(one.stat().st_mode) for one in (shell.folder, shell.folder / "secrets")} == {0o700}
    for name, text in files(PAGE.read_text(encoding="utf-8")).items():
        if name in {"people.env", "pgpass", "secrets/SHOP"}:
            (shell.folder / name).write_text(text, encoding="utf-8")
    opens, _, typed = block.partition("\n")
    used = (
        ". ./people.env; cd /; psql --no-psqlrc -Atc 'select current_database()' $OWNER; ls $IU_SECRETS_DIR"
    )
    try:
        printed = shell.run(f"umask 077; {opens} <<'TYPED'\n{typed}{used}\nTYPED")
    finally:
        shell.run("iu stop")
    assert printed[-3:] == ("CREATE DATABASE", "shop", "SHOP")


def light(folder: Path) -> Path:
    """Return the `bin` of a new environment with the extras that the page names and no others."""
    (named,) = re.findall(r"pip install 'iu-pipelines\[([\w,]+)\]'", PAGE.read_text(encoding="utf-8"))
    folder.mkdir()
    programs = wheels.install(wheels.build(folder), folder / "venv")
    wheels.add_dependencies(folder / "venv", named.split(","))
    return programs


@pytest.mark.timeout(900)
def test_the_commands_of_the_tutorial_print_the_output_shown(tmp_path: Path) -> None:
    programs = light(tmp_path / "light")
    with page_shell(tmp_path) as shell:
        for name in ("iu", "python"):
            shell.add_program(name, programs / name)
        for command in commands(pages.text("docs/tutorial/delivery.md")):
            printed = shell.run(command.text)
            shown, seen = (comparable(command.text, lines) for lines in (command.output, printed))
            difference = first_difference(shown, seen)
            assert difference is None, f"$ {command.text}\n{difference}"
            if command.text.startswith("iu deliver execute") and "awk" in command.text:
                assert "shop-hook: 10 sent" in printed[0], "the plan, and nothing else"
        assert_true(shell)


def assert_true(shell: PageShell) -> None:
    """Assert that every webhook was verified, none came twice, and the order after the plan did not come."""
    received = (shell.folder / "received.txt").read_text(encoding="utf-8").splitlines()
    verified = [line.split()[2] for line in received if line.startswith("verified order_paid ")]
    tests = [line for line in received if line.startswith("verified iu.target_test ")]
    assert len(verified) + len(tests) == len(received)
    assert len(set(verified)) == len(verified)
    assert len(tests) == 1
    sent = "select count(*) from iu_delivery_outcome where decision = 'sent'"
    assert shell.run(f'psql -XAtc "{sent}" $OWNER') == (str(len(verified)),)
    later = "select event_id from event_outbox order by event_seq desc limit 1"
    (newest,) = shell.run(f'psql -XAtc "{later}" $OWNER')
    assert newest not in verified
