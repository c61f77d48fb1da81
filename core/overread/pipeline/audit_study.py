"""Opens an audit of a study's labels, and says what its verdicts prove, from the study's files alone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from overread.audit.design import AuditQuestion, Stratum, draw_order
from overread.audit.outcomes import Outcome
from overread.audit.proposal_bounds import ProposalBounds, proposal_bounds
from overread.audit.reader_accuracy import reader_accuracy
from overread.audit.statement import Statement, make_statement
from overread.errors import ConfigError, StudyError
from overread.pipeline.audit_evidence import Evidence, reading_pairs
from overread.pipeline.audit_groups import bulk_evidence, changed_unread, with_groups
from overread.pipeline.audit_store import (
    Audit,
    NextSample,
    load_audit,
    load_order,
    own_protocol,
    save_audit,
    save_order,
)
from overread.pipeline.group_decision import GroupDecision, load_groups
from overread.pipeline.study_ledger import head_text, open_ledger
from overread.records import Protocol
from overread.review.queue import DrawnSample, Pace
from overread.review.roles import Action, Actor, require
from overread.studies.run import Run, default_run, open_run
from overread.studies.study import Study, set_protocol
from overread.version import full_version

NO_PROPOSALS = ProposalBounds((), (), 0)


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """What an audit would take, by the run's own belief: nothing is drawn yet."""

    num_labels: int
    num_census: int
    """Labels that are read whole."""
    num_to_read: int
    to_read_range: tuple[int | None, int | None]
    """In four of five studies, if the belief is right; None: all of them may not be enough."""


def plan_audit(study: Study, question: AuditQuestion, run_name: str | None = None) -> AuditPlan:
    """Raises StudyError and ConfigError as `open_audit` does."""
    order, strata, run = _draw(study, question, run_name)
    num_to_read, to_read_range = _planned(order, strata, question, run)
    num_census = sum(stratum.size for stratum in strata if stratum.is_census)
    return AuditPlan(len(order), num_census, num_to_read, to_read_range)


def open_audit(
    study: Study,
    question: AuditQuestion,
    run_name: str | None = None,
    *,
    reads_blind: bool = False,
    actor: Actor | None = None,
) -> Audit:
    """Draw the sample and write it to the study. An audit that is open is set aside, as audit/earlier-N.

    reads_blind: whether readers label each image alone first until the audit ends; else the study's protocol stays as
    it is, and where that is open, the model's view tells them which images were not proposed.

    Raises NotAllowedError, StudyError where the study has no label, and ConfigError where the question is about the
    proposals of a run that has none."""
    require(actor, Action.MANAGE)
    order, strata, run = _draw(study, question, run_name)
    num_planned, _ = _planned(order, strata, question, run)
    order["cluster"] = _clusters(study.samples(), order["sample_id"])
    protocol = own_protocol(study)
    makes_blind = reads_blind and protocol == Protocol.OPEN
    audit = Audit(
        question=question,
        run=run.name if run else "",
        strata=strata,
        num_planned=num_planned,
        num_drawn=num_planned,
        num_clusters=int(order["cluster"].nunique()),
        ledger_head=head_text(study, open_ledger(study).head()),
        opened_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=full_version(),
        order_sha256=save_order(study, order),
        makes_blind=makes_blind,
    )
    save_audit(study, audit)
    set_protocol(study.path, Protocol.BLIND if makes_blind else protocol)
    return audit


def _draw(
    study: Study, question: AuditQuestion, run_name: str | None
) -> tuple[pd.DataFrame, tuple[Stratum, ...], Run | None]:
    run = open_run(study, run_name) if run_name else default_run(study)
    samples = study.samples()
    if run is not None:
        table = run.scores()[["sample_id", "given_label", "label_error_probability", "is_proposed"]]
        # An update may have taken labels away, or changed them.
        now = samples.set_index("sample_id")["given_label"]
        table = table[table["sample_id"].map(now).to_numpy() == table["given_label"].to_numpy()]
        table = with_groups(table, run.contradicted_groups())
    else:
        table = samples.loc[samples["given_label"] != "", ["sample_id", "given_label"]]
    if not len(table):
        raise StudyError(f"{study.path}: has no label to audit")
    if question.min_precision is not None and (run is None or not table["is_proposed"].any()):
        raise ConfigError(f"{study.path}: has no run with proposals, which the question is about")
    order, strata, _ = draw_order(table, question)
    return order, strata, run


def _planned(
    order: pd.DataFrame, strata: tuple[Stratum, ...], question: AuditQuestion, run: Run | None
) -> tuple[int, tuple[int | None, int | None]]:
    """How many verdicts are expected to be enough, and the range: more than the draw's own plan with more strata."""
    if question.min_precision is not None and run is not None:
        bounds = _bounds(order, question, run.scores(), {})
        num_to_read, to_read_range = bounds.num_to_read or bounds.cut_offs[-1], bounds.to_read_range
    else:
        statement = make_statement(order, strata, question, {})
        num_to_read, to_read_range = statement.num_to_read or len(order), statement.to_read_range
    return num_to_read, to_read_range or (0, 0)


def drawn_sample(study: Study) -> DrawnSample | None:
    """What the open audit and the samples of groups that are not decided show to readers; None where neither is."""
    audit = load_audit(study)
    groups = load_groups(study).values()
    of_groups = [one for each in groups if not each.applied for one in each.drawn]
    if audit is None:
        ranks = {each: rank for rank, each in enumerate(of_groups)}
        return DrawnSample(ranks, frozenset(of_groups)) if of_groups else None
    order = load_order(study, audit)[: audit.num_drawn]
    is_census = np.array([stratum.is_census for stratum in audit.strata])[order["stratum"].to_numpy()]
    ids = order["sample_id"].tolist()
    finds_errors = audit.next_sample is NextSample.FIND
    decisions = open_ledger(study).decisions() if finds_errors or any(each.applied for each in groups) else []
    pace = Pace.of(each for each in decisions if each.sequence <= audit.paced_by) if finds_errors else None
    in_order = frozenset(order["sample_id"][~is_census]) | set(of_groups)
    changed = changed_unread(study, audit, order, decisions)
    ids.sort(key=changed.__contains__)  # what a group's decision changed comes last
    ranks = {each: rank for rank, each in enumerate(dict.fromkeys([*of_groups, *ids]))}
    return DrawnSample(ranks, in_order, finds_errors, pace)


def audit_statement(
    order: pd.DataFrame,
    audit: Audit,
    evidence: Evidence,
    groups: Mapping[str, GroupDecision],
    *,
    has_forecast: bool = True,
) -> Statement:
    """What the evidence proves; groups: of `load_groups`."""
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    pairs, in_order = reading_pairs(order, len(audit.strata), evidence.independent)
    sizes = np.array([stratum.size for stratum in audit.strata])
    return make_statement(
        order,
        audit.strata,
        audit.question,
        evidence.outcomes(given),
        accuracy=reader_accuracy(pairs, in_order, sizes, audit.question.alpha / 4),
        changes=bulk_evidence(audit, evidence.decisions, given, groups),
        has_forecast=has_forecast,
    )


def audit_proposals(
    order: pd.DataFrame,
    audit: Audit,
    scores: pd.DataFrame,
    evidence: Evidence,
    *,
    has_forecast: bool = True,
) -> ProposalBounds:
    """Of the proposals of the audit's run, whose scores.csv is `scores`."""
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    return _bounds(order, audit.question, scores, evidence.outcomes(given), has_forecast=has_forecast)


def _bounds(
    order: pd.DataFrame,
    question: AuditQuestion,
    scores: pd.DataFrame,
    outcomes: Mapping[str, Outcome],
    *,
    has_forecast: bool = True,
) -> ProposalBounds:
    given = set(order["sample_id"])
    is_asked = scores["is_proposed"].to_numpy(dtype=bool) & scores["sample_id"].isin(given).to_numpy()
    proposed = scores[is_asked].sort_values(["label_error_probability", "sample_id"], ascending=[False, True])
    belief = proposed["label_error_probability"].to_numpy(dtype=np.float64)
    return proposal_bounds(order, proposed["sample_id"].tolist(), belief, outcomes, question, has_forecast=has_forecast)


def _clusters(samples: pd.DataFrame, sample_ids: Iterable[str]) -> list[str]:
    """The patient of each sample, or its slide where there is no patient, or itself."""
    indexed = samples.set_index("sample_id")
    found = indexed["patient"].where(indexed["patient"] != "", indexed["slide"])
    return [found[sample_id] or sample_id for sample_id in sample_ids]


@dataclass(frozen=True, slots=True)
class AuditNow:
    """An open audit, and what its verdicts prove at this moment."""

    audit: Audit
    statement: Statement
    proposals: ProposalBounds
    head: str
    """The ledger's newest row, as exports write it."""
    num_readers: int
    num_blind: int
    """Readers' single verdicts on its labels that followed a reading of the image alone."""
    num_open: int
    """The others: the label and the model's view were seen first."""

    @property
    def num_to_read(self) -> int | None:
        """About so many more verdicts until what was asked is proved; None where all of them are not enough."""
        asked_of = self.statement if self.audit.question.min_precision is None else self.proposals
        return asked_of.num_to_read

    @property
    def to_read_range(self) -> tuple[int | None, int | None] | None:
        """The same as a range, as `forecast` means it."""
        asked_of = self.statement if self.audit.question.min_precision is None else self.proposals
        return asked_of.to_read_range


def audit_now(study: Study, *, until: int | None = None) -> AuditNow | None:
    """None where no audit is open. until: as it was when this row was the ledger's newest; None: as it is.
    It is made from the study's files alone: the same files give the same statement."""
    audit = load_audit(study)
    if audit is None:
        return None
    order, ledger = load_order(study, audit), open_ledger(study)
    evidence, known = Evidence.of(ledger, until=until), set(order["sample_id"])
    verdicts = [each.verdict for each in evidence.decisions if each.verdict.sample_id in known]
    protocols = Counter(verdict.protocol for verdict in verdicts)
    return AuditNow(
        audit=audit,
        statement=audit_statement(order, audit, evidence, load_groups(study)),
        proposals=audit_proposals(order, audit, open_run(study, audit.run).scores(), evidence)
        if audit.run
        else NO_PROPOSALS,
        head=head_text(study, ledger.head()),
        num_readers=len({verdict.reader for verdict in verdicts}),
        num_blind=protocols[Protocol.BLIND],
        num_open=protocols[Protocol.OPEN],
    )


def audit_course(study: Study, num_points: int = 30) -> list[tuple[int, float]]:
    """What was proved as the reading went on, the earliest first: verdicts; and the share of labels still wrong at
    most, or of proposals wrong at least where these are asked about. None where no audit is open."""
    audit = load_audit(study)
    if audit is None:
        return []
    order, evidence = load_order(study, audit), Evidence.of(open_ledger(study))
    scores = None if audit.question.min_precision is None else open_run(study, audit.run).scores()
    groups = load_groups(study)
    moments = evidence.moments(frozenset(order["sample_id"]))
    places = np.linspace(0, len(moments) - 1, num_points).astype(int).tolist() if moments else []
    course = []
    for then in (Evidence((), (), {}), *(evidence.at(moment) for moment in sorted({moments[one] for one in places}))):
        if scores is None:
            statement = audit_statement(order, audit, then, groups, has_forecast=False)
            course.append((statement.num_read, statement.share))
        else:
            bounds = audit_proposals(order, audit, scores, then, has_forecast=False)
            course.append((bounds.num_read, bounds.least_wrong[-1] / bounds.cut_offs[-1]))
    return course
