"""What a study's owner decides about an open audit: what readers are shown next, more of its sample, and its end."""

from dataclasses import replace

from overread.errors import ConfigError, StudyError
from overread.pipeline.audit_evidence import Evidence
from overread.pipeline.audit_groups import changed_unread
from overread.pipeline.audit_store import Audit, NextSample, load_audit, load_order, save_audit, set_aside, show_more
from overread.pipeline.audit_study import audit_now
from overread.pipeline.study_ledger import open_ledger
from overread.records import Protocol
from overread.review.roles import Action, Actor, require
from overread.studies.study import Study, set_protocol


def choose_next(study: Study, next_sample: NextSample, *, actor: Actor | None = None) -> Audit:
    """Have the queue of all readers follow the owner's choice, from now on.

    Raises NotAllowedError, StudyError where no audit is open, and ConfigError where the order would tell what is
    hidden."""
    require(actor, Action.MANAGE)
    audit = load_audit(study)
    if audit is None:
        raise StudyError(f"{study.path}: no audit is open; open one with `overread audit {study.path}`")
    if next_sample is NextSample.FIND and study.protocol == Protocol.BLIND:
        raise ConfigError("this study is read blind first: an order by probable errors would give the labels away")
    if next_sample is NextSample.FIND and not audit.run:
        raise ConfigError("the audit was opened without a run: nothing says which labels are probably wrong")
    changed = replace(audit, next_sample=next_sample, paced_by=open_ledger(study).head().sequence)
    save_audit(study, changed)
    return changed


def num_unread(study: Study) -> int:
    """Labels of the open audit's sample, as far as it is shown, that wait for a verdict; 0 where none is open."""
    audit = load_audit(study)
    if audit is None:
        return 0
    order = load_order(study, audit)
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    evidence = Evidence.of(open_ledger(study))
    changed = changed_unread(study, audit, order, evidence.decisions)
    return len(set(order["sample_id"][: audit.num_drawn]) - set(evidence.outcomes(given)) - changed)


def extend_sample(study: Study, *, actor: Actor | None = None) -> int:
    """Show readers more of the order, if those drawn are all read and were not enough; how many more. Raises
    NotAllowedError."""
    require(actor, Action.MANAGE)
    now = audit_now(study)
    if now is None:
        return 0
    order, evidence = load_order(study, now.audit), Evidence.of(open_ledger(study))
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    read = {*evidence.outcomes(given), *changed_unread(study, now.audit, order, evidence.decisions)}
    return show_more(study, now.audit, order, read, now.num_to_read).num_drawn - now.audit.num_drawn


def end_audit(study: Study, *, actor: Actor | None = None) -> None:
    """Set the open audit aside: its sample is not shown any more, and readers see first what they saw before it.
    Nothing where none is open. Raises NotAllowedError."""
    require(actor, Action.MANAGE)
    audit = load_audit(study)
    if audit is not None and audit.makes_blind:
        set_protocol(study.path, Protocol.OPEN)
    set_aside(study)
