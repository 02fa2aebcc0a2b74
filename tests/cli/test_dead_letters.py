"""`iu replay` and `iu discard`."""

from __future__ import annotations

from cli.emitting import add_letter
from cli.running import Iu
from iu_pipelines.db.gateway import Gateway


def test_replay_of_one_letter_and_of_those_due(iu: Iu, database: str) -> None:
    first, second = add_letter(database, "iu.version_applied.workflow"), add_letter(database, "iu.unknown")
    assert iu("replay", first, "--json").json[0]["resolved"] is True
    (result,) = iu("replay", "--due", "--json").json
    assert (result["dead_letter_id"], result["decision"], result["resolved"]) == (second, "skipped", False)
    said = iu("replay", "--due").out
    assert said.startswith("Replay: no letter is due; 1 is open, the next at 20")
    assert said.endswith(". One before that: iu replay ID\n")
    iu("discard", second, "--reason", "test")
    assert iu("replay", "--due").out == "Replay: no letter is due, and none is open\n"


def test_replay_of_those_due_includes_letters_whose_route_changed_since(
    iu: Iu, database: str, gateway: Gateway
) -> None:
    route = "iu.version_applied.workflow"
    before, after = add_letter(database, route), add_letter(database, route)
    gateway.execute("update public.iu_route_dead_letter set next_replay_at = now() + interval '1 day'")
    gateway.execute(
        """update public.iu_route_dead_letter set created_at = (
               select recorded_at from public.iu_outbound_route_version
               where route_code = %s order by route_version desc limit 1
           ) - interval '1 hour' where dead_letter_id = %s""",
        (route, before),
    )
    (result,) = iu("replay", "--due", "--json").json
    assert (result["dead_letter_id"], result["resolved"]) == (before, True)
    assert gateway.fetch_value(
        "select resolution is null from public.iu_route_dead_letter where dead_letter_id = %s", (after,)
    )


def test_discard_closes_a_letter(iu: Iu, database: str) -> None:
    letter = add_letter(database, "iu.unknown")
    assert iu("discard", letter, "--reason", "test").code == 0
    assert iu("audit", "--json").json["dead_letter_open"] == 0
