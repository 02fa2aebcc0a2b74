"""Breaches of the guarantees of delivery: SQL that breaks one, and the lines that must fail then."""

from __future__ import annotations

from evidence.breaches import Breach, replaced
from iu_pipelines.evidence.facts import LEDGERS

TARGETS = "iu-delivery/010_targets"
PROMOTIONS = "iu-delivery/020_promotions"
QUEUE = "iu-delivery/030_queue"
PLANS = "iu-delivery/040_plans"
FUNCTIONS = "iu-delivery/070_functions"
PROBE = "iu-delivery/010_delivery_probe"

_STATE = (
    "fn_iu_delivery_queue_state(delivery public.iu_delivery, is_parked boolean, refusal text) "
    "returns text language sql stable"
)
_REFUSAL = (
    "fn_iu_promotion_refusal(given public.iu_delivery_route, deployment text) returns text "
    "language sql stable"
)
_OF_TARGET = (
    "fn_iu_target_refusal(given public.iu_delivery_target, state public.iu_delivery_target_state) "
    "returns text language sql stable"
)
_LOGIN = "fn_iu_login_require(role_name text, errcode text) returns void language sql"


def edited(function: str, old: str, new: str) -> str:
    """Return SQL that replaces `old` by `new` in the definition of a function, which must contain it."""
    return f"""
        do $edit$
        declare
            v_text constant text := pg_get_functiondef('public.{function}'::regproc);
        begin
            if position($old${old}$old$ in v_text) = 0 then
                raise 'the definition of {function} does not contain the text';
            end if;
            execute replace(v_text, $old${old}$old$, $new${new}$new$);
        end
        $edit$
        """


BREACHES = [
    Breach(
        "an event is forgotten",
        "delete from public.iu_delivery where is_head and dead_at is null",
        {QUEUE: {"events without": "missing"}, LEDGERS: {"states of deliveries": "missing"}},
    ),
    Breach(
        "a delivery is settled twice",
        "insert into public.iu_delivery_decision (route_no, event_seq, event_id, decision, reason)"
        " select route_no, event_seq, event_id, 'discarded', 'x' from public.iu_delivery_claim limit 1",
        {QUEUE: {"events without": "conflicting"}, LEDGERS: {"states of deliveries": "conflicting"}},
    ),
    Breach(
        "an event is delivered that the rehearsal skipped",
        "update public.iu_route_promotion_decision set decided_at = '2000-01-01';"
        "insert into public.iu_route_attempt_log (event_id, worker_no, decision)"
        " select c.event_id, w.worker_no, 'skipped' from public.iu_delivery_outcome as o"
        " inner join public.iu_delivery_claim as c on c.claim_id = o.claim_id"
        " cross join public.iu_route_worker_cursor as w"
        " where o.decision = 'sent' and w.cursor_kind = 'audit' limit 1",
        {
            LEDGERS: {
                "deliveries as rehearsed": "route shop.paid: the rehearsal was skipped, the delivery was"
            }
        },
    ),
    Breach(
        "a subject has no head",
        "update public.iu_delivery set is_head = false where dead_at is null",
        {QUEUE: {"queued subjects": "of route shop.paid"}},
    ),
    Breach(
        "a claim was altered",
        "update public.iu_delivery_claim set body_hash = '\\x' where claim_id = 1",
        {
            QUEUE: {"chains": "claims of row 1 of the ledger were altered"},
            LEDGERS: {"chains of deliveries": "claims of row 1 of the ledger were altered"},
        },
    ),
    Breach(
        "the tables of promotions were edited",
        "update public.iu_route_promotion set reason = 'x';"
        "update public.iu_route_promotion_decision set proposed_by = 'x'",
        {PROMOTIONS: {"entries of the chains": "iu_route_promotion", "promotions that one login": "1"}},
    ),
    Breach(
        "a route is live without an approval",
        "delete from public.iu_route_promotion_decision",
        {
            PROMOTIONS: {"live routes": "shop.paid"},
            "100_route_worker_live_verification": {"delivered without a promotion": "5"},
            "020_gates": {"delivery gates are not all closed, delivered": "5"},
        },
    ),
    Breach(
        "a demoted promotion goes on",
        "insert into public.iu_route_promotion_decision (promotion_no, decision, reason, proposed_by,"
        " previous_hash, row_hash) select promotion_no, 'demote', 'x', 'x', 'x', 'x'"
        " from public.iu_route_promotion",
        {PROMOTIONS: {"demoted": "shop.paid"}},
    ),
    Breach(
        "retention deleted what is too young",
        "insert into public.iu_delivery_retention_history (route_no, through_no, through_hash, batches,"
        " rows_hash, retention_days, reason) values (999, 1, '', 1, '', 0, 'x')",
        {QUEUE: {"rounds of retention": "1"}},
    ),
    Breach(
        "a target has no state, and another version",
        "delete from public.iu_delivery_shard where shard = 7;"
        "update public.iu_delivery_target set address = 'https://elsewhere.example/'",
        {TARGETS: {"targets without": "hook", "targets that differ": "hook"}},
    ),
    Breach(
        "a step is not in the ledger",
        "delete from public.iu_schema_step where module = 'iu-delivery'"
        " and step_name in ('010_targets', '020_promotions', '030_queue', '040_plans')",
        {step: {"ledger": "pending"} for step in (TARGETS, PROMOTIONS, QUEUE, PLANS)},
    ),
    Breach(
        "a plan was written by hand",
        "insert into public.iu_delivery_plan (plan_hash, kind, filter, reason, entries)"
        " values (sha256(''), 'replay', '{}', 'x', 1)",
        {PLANS: {"plans whose": "1", "plans without": "1"}},
    ),
    Breach(
        "a plan claims what it does not name",
        edited("fn_iu_delivery_plan_scan", "and named.is_named", ""),
        {PROBE: {"D12": "of the second 1"}},
    ),
    Breach(
        "the functions have an older text",
        "update public.iu_schema_step set checksum = repeat('0', 64)"
        " where module = 'iu-delivery' and step_name = '070_functions'",
        {FUNCTIONS: {"ledger": "changed"}},
    ),
    Breach(
        "objects are not those of the files",
        "drop function public.fn_iu_delivery_status();"
        "alter function public.fn_iu_delivery_why reset search_path;"
        "comment on function public.fn_iu_delivery_why is null;"
        "alter function public.fn_iu_delivery_claim owner to session_user;"
        "grant insert on public.iu_delivery_claim to iu_sender;"
        "alter table public.iu_delivery_outcome enable row level security;"
        "drop trigger trg_iu_append_only on public.iu_delivery_claim;"
        "delete from public.iu_schema_object where object = 'public.iu_delivery_report'",
        {
            FUNCTIONS: {
                "functions and views that are not": "fn_iu_delivery_status",
                "entries of the manifest": "iu_delivery_report",
                "objects of the manifest that are missing": "fn_iu_delivery_status",
                "functions without a fixed search_path": "fn_iu_delivery_why",
                "functions without a comment": "fn_iu_delivery_why",
                "objects that others": "fn_iu_delivery_claim",
                "append-only tables": "iu_delivery_claim",
                "rights that differ": "iu_sender may insert",
                "rights to write": "iu_sender: insert on iu_delivery_claim",
                "tables under row security": "iu_delivery_outcome",
            }
        },
    ),
    Breach(
        "append-only tables let the owner through",
        "; ".join(
            f"alter table public.iu_delivery_{table} disable trigger trg_iu_append_only"
            for table in ("claim", "outcome", "decision", "ledger", "batch")
        ),
        {PROBE: {"D11": "claim done done"}},
    ),
    Breach(
        "anybody may claim and record",
        replaced(_LOGIN, ""),
        {PROBE: {"D3": "claim IU201, record done"}},
    ),
    Breach(
        "promotions are not checked",
        replaced(_REFUSAL, "select null")
        + ";"
        + edited("fn_iu_delivery_routes_admit", "(where d.refusal is null)", "(where true)"),
        {PROBE: {f"D4.{place}": "claimed " for place in range(4, 9)}},
    ),
    Breach(
        "other deployments may claim",
        replaced(_REFUSAL, "select null")
        + ";"
        + edited("fn_iu_delivery_routes_admit", "(where d.refusal is null)", "(where true)")
        + ";"
        + edited("fn_iu_delivery_is_due", ") = v_deployment", ") is not null")
        + ";"
        + edited("fn_iu_delivery_routes_due", ") = public.fn_iu_deployment()", ") is not null"),
        {PROBE: {"D4.9": "claimed "}},
    ),
    Breach(
        "gates are not checked",
        replaced(_OF_TARGET, "select null"),
        {PROBE: {f"D4.{place}": "claimed " for place in (1, 2)}},
    ),
    Breach(
        "the list of live routes is not checked",
        edited("fn_iu_delivery_is_due", "r.route_code = any (v_listed)", "true")
        + ";"
        + edited("fn_iu_delivery_routes_due", "r.route_code = any (v_listed)", "true"),
        {PROBE: {"D4.3": "claimed "}},
    ),
    Breach(
        "every delivery is sent",
        replaced(_STATE, "select 'sent'"),
        {PROBE: {"D2 ": "sent 0", "D5": "sent 1", "D6": "sent 1", "D7": "sent 2", "D8": "sent 2"}},
    ),
    Breach(
        "a read event has no state",
        edited("fn_iu_delivery_state", "'unread'", "'missing'"),
        {PROBE: {"D1 ": "missing"}},
    ),
    Breach(
        "a dead letter does not hold its subject",
        "alter table public.iu_delivery_target alter column on_dead_letter set default 'skip'",
        {PROBE: {"D8": "dead 2, queued", "D9": "before "}},
    ),
    Breach(
        "the ledger has other hashes",
        edited(
            "fn_iu_delivery_claims_chain", "v_entry.entries := cardinality(due);", "v_entry.entries := 9;"
        ),
        {PROBE: {"D10": "claims of row"}},
    ),
    Breach(
        "an earlier probe left a row",
        "insert into public.iu_audit_name (name) values ('iu_probe_delivery_left')",
        {PROBE: {"BEFORE": "1 in iu_audit_name"}},
    ),
]
