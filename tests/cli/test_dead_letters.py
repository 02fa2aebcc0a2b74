"""`iu replay` and `iu discard`."""

from __future__ import annotations

from cli.emitting import add_letter
from cli.running import Iu


def test_replay_of_one_letter_and_of_those_due(iu: Iu, database: str) -> None:
    first, second = add_letter(database, "iu.version_applied.workflow"), add_letter(database, "iu.unknown")
    assert iu("replay", first, "--json").json[0]["resolved"] is True
    (result,) = iu("replay", "--due", "--json").json
    assert (result["dead_letter_id"], result["decision"], result["resolved"]) == (second, "skipped", False)
    assert iu("replay", "--due").out.startswith("Replay: no letter is due; 1 is open, the next at 20")
    iu("discard", second, "--reason", "test")
    assert iu("replay", "--due").out == "Replay: no letter is due, and none is open\n"


def test_discard_closes_a_letter(iu: Iu, database: str) -> None:
    letter = add_letter(database, "iu.unknown")
    assert iu("discard", letter, "--reason", "test").code == 0
    assert iu("audit", "--json").json["dead_letter_open"] == 0
