"""`report.html` of a pack: one self-contained page for people without access to the database.

It is written for a person who signs it and has never seen the product: it says what was tested, what was not,
and what each word means. It mentions only what is in the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from iu_pipelines.domain.quantities import counted
from iu_pipelines.domain.times import in_utc
from iu_pipelines.evidence import guarantees, report_configuration, report_facts, report_proofs
from iu_pipelines.evidence.facts import Evidence
from iu_pipelines.evidence.report_proofs import FailedLine, Kind, Missing
from iu_pipelines.evidence.states import States

_TEMPLATE: Final = "report.html.j2"
_STYLE: Final = "report.css"


def render(evidence: Evidence, evidence_hash: str) -> str:
    """Return the page; `evidence_hash` is the sha256 of `evidence.json`, which the page shows."""
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_resource),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        time=_time,
        number=report_facts.number,
        proof_label=lambda proof: report_proofs.label(proof.step),
        proof_id=report_proofs.proof_id,
    )
    return environment.get_template(_TEMPLATE).render(
        evidence=evidence,
        evidence_hash=evidence_hash,
        style=Markup(_resource(_STYLE)),  # noqa: S704  a file of this package
        matrix=report_facts.matrix,
        is_fault=report_facts.is_fault,
        configuration=report_configuration,
        **_content(evidence, evidence_hash),
    )


def _content(evidence: Evidence, evidence_hash: str) -> dict[str, Any]:
    """Return what the template shows, by name."""
    states = States(evidence)
    failed, missing = report_proofs.failed(states), report_proofs.missing(states)
    kinds = report_proofs.kinds(evidence)
    modules = guarantees.installed_modules(proof.step for proof in evidence.proofs)
    return {
        "states": states,
        "headline": _headline(states),
        "tone": "bad" if failed or "failed" in states.counts() else "wait" if missing else "good",
        "sentences": list(_sentences(states)),
        "failed": failed,
        "missing": missing,
        "contents": list(_contents(evidence, failed, missing, kinds)),
        "scope": list(report_facts.scope(evidence)),
        "tiles": list(report_facts.tiles(evidence)),
        "words": report_facts.words(evidence),
        "modules": modules,
        "groups": report_proofs.groups(states),
        "limits": [limit for limit in guarantees.limits() if limit.module in modules],
        "not_shown": [limit for limit in guarantees.not_shown() if limit.module in modules],
        "activities": report_facts.activities(evidence),
        "kinds": kinds,
        "environment": list(report_facts.environment(evidence)),
        "chain": list(report_facts.chain(evidence, evidence_hash)),
    }


def _time(moment: datetime | None) -> str:
    return in_utc(moment) if moment else "never"


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _headline(states: States) -> str:
    """Return the headline; it begins with the failed lines if they prove no guarantee of the product."""
    failed = len(states.lines("failed"))
    of_no_guarantee = failed and "failed" not in states.counts()
    return f"{counted(failed, 'line')} failed; {states.headline()}" if of_no_guarantee else states.headline()


def _sentences(states: States) -> Iterator[str]:
    """Yield what the first box of the page says below its headline."""
    evidence, verdict = states.evidence, states.evidence.verdict
    failed, pending = len(states.lines("failed")), len(states.lines("pending"))
    if failed:
        listed = "It is" if failed == 1 else "They are"
        yield f"{failed} of {counted(verdict.lines, 'line')} failed. {listed} listed first."
    elif pending:
        yield f"No line failed. {verdict.lines - pending} of {counted(verdict.lines, 'line')} passed."
    else:
        proofs = counted(len(evidence.proofs), "proof")
        yield f"No line failed: all {counted(verdict.lines, 'line')} of {proofs} passed."
    if pending:
        steps = states.pending_steps
        yield f"{counted(len(steps), 'step')} of the schema {'is' if len(steps) == 1 else 'are'} pending."
    if not evidence.probed:
        yield "No probe was run, so some guarantees are proven in part or not at all."
    if not failed:
        yield _deliveries(evidence)


def _deliveries(evidence: Evidence) -> str:
    """Say what was delivered, in a pack in which no line failed."""
    sent = report_facts.sent(evidence)
    if not sent:
        return "Nothing was delivered."
    if sent == 1:
        return "1 delivery was sent, with a valid promotion."
    return f"{sent:,} deliveries were sent, none of them without a valid promotion."


def _contents(
    evidence: Evidence, failed: Sequence[FailedLine], missing: Sequence[Missing], kinds: Sequence[Kind]
) -> Iterator[tuple[str, str]]:
    """Yield the id and the title of each section."""
    if failed:
        yield "failed", "Failed lines"
    if missing:
        yield "pending", "Pending and not run"
    yield "scope", "What was tested"
    yield "guarantees", "Guarantees"
    yield "limits", "What is not promised"
    yield "activity", "Activity"
    if evidence.delivery:
        yield "delivery", "Live delivery"
    for kind in kinds:
        yield kind.target, kind.title
    yield "rows", "Rows"
    if evidence.unread_domains:
        yield "unread", "Domains without a reader"
    yield "gates", "Gates and configuration"
    yield "environment", "Environment"
    yield "chain", "How to check this page"
