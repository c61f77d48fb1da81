"""Opens an audit of a study's labels, and says what its verdicts prove, from the study's files alone."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from overread.audit.design import AuditQuestion, Stratum, draw_order
from overread.audit.outcomes import bulk_changes, label_outcomes
from overread.audit.reader_accuracy import reader_accuracy
from overread.audit.statement import ProposalBounds, Statement, make_statement, proposal_bounds
from overread.errors import ConfigError, StudyError
from overread.files import write_atomically
from overread.pipeline.study_ledger import head_text, open_ledger
from overread.records import Decision
from overread.review.queue import DrawnSample
from overread.review.row_rules import BULK
from overread.studies.run import default_run, open_run
from overread.studies.study import Study
from overread.studies.text_table import read_text_table, write_text_table
from overread.version import full_version

FOLDER = "audit"
_ORDER_COLUMNS = ("sample_id", "given_label", "stratum", "cluster")


@dataclass(frozen=True, slots=True)
class Audit:
    """STUDY/audit/design.json, written before the first verdict counts; and order.csv beside it."""

    question: AuditQuestion
    run: str
    """Empty without a run."""
    strata: tuple[Stratum, ...]
    num_planned: int
    """Verdicts that were expected to be enough when the audit was opened."""
    num_drawn: int
    """So many labels of the order are shown to readers: more than planned where those were not enough."""
    num_clusters: int
    """Patients, slides and single images that the labels are of."""
    ledger_head: str
    """When the audit was opened, as exports write it."""
    opened_at: str
    """UTC, ISO 8601."""
    version: str
    order_sha256: str

    @property
    def num_labels(self) -> int:
        return sum(stratum.size for stratum in self.strata)


def design_path(study: Study) -> Path:
    """Where an open audit is described; it changes when an audit is opened or extended."""
    return study.path / FOLDER / "design.json"


def open_audit(study: Study, question: AuditQuestion, run_name: str | None = None) -> Audit:
    """Draw the sample and write it to the study. An audit that is open is set aside, as audit/earlier-N.

    Raises StudyError where the study has no label."""
    run = open_run(study, run_name) if run_name else default_run(study)
    samples = study.samples()
    if run is not None:
        table = run.scores()[["sample_id", "given_label", "label_error_probability"]]
        # An update may have taken labels away, or changed them.
        now = samples.set_index("sample_id")["given_label"]
        table = table[table["sample_id"].map(now).to_numpy() == table["given_label"].to_numpy()]
    else:
        table = samples.loc[samples["given_label"] != "", ["sample_id", "given_label"]]
    if not len(table):
        raise StudyError(f"{study.path}: has no label to audit")
    order, strata, _ = draw_order(table, question)
    # More than the draw's own plan where each class is sampled for itself.
    num_planned = make_statement(order, strata, question, {}).num_to_read or len(order)
    order["cluster"] = _clusters(samples, order["sample_id"])
    folder = study.path / FOLDER
    if (folder / "design.json").is_file():
        _set_aside(folder)
    folder.mkdir(exist_ok=True)
    written = write_text_table(folder / "order.csv", _ORDER_COLUMNS, order[list(_ORDER_COLUMNS)].astype(str).to_numpy())
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
        order_sha256=written.sha256,
    )
    _write(study, audit)
    return audit


def load_audit(study: Study) -> Audit | None:
    """The study's open audit. Raises StudyError where its file is damaged."""
    path = design_path(study)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        question = AuditQuestion(**fields.pop("question"))
        strata = tuple(Stratum(**each) for each in fields.pop("strata"))
        return Audit(question=question, strata=strata, **fields)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
        raise StudyError(f"{path}: is damaged; restore the folder {FOLDER} from a copy, or open a new audit") from error


def load_order(study: Study, audit: Audit) -> pd.DataFrame:
    """order.csv: sample_id, given_label, stratum (int64), cluster, in the order of reading.

    Raises StudyError where it is not as it was drawn."""
    path = study.path / FOLDER / "order.csv"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != audit.order_sha256:
        raise StudyError(f"{path}: is not as it was drawn; the audit proves nothing without it: restore it")
    table = read_text_table(path)
    return table.assign(stratum=table["stratum"].astype(np.int64))


def drawn_sample(study: Study) -> DrawnSample | None:
    """What the open audit shows to readers; None where no audit is open."""
    audit = load_audit(study)
    if audit is None:
        return None
    order = load_order(study, audit)[: audit.num_drawn]
    is_census = np.array([stratum.is_census for stratum in audit.strata])[order["stratum"].to_numpy()]
    ids = order["sample_id"].tolist()
    return DrawnSample({each: rank for rank, each in enumerate(ids)}, frozenset(order["sample_id"][~is_census]))


def audit_statement(
    order: pd.DataFrame, audit: Audit, decisions: Sequence[Decision], *, has_forecast: bool = True
) -> Statement:
    """What the standing decisions of all readers prove now."""
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    outcomes = label_outcomes(decisions, given)
    return make_statement(
        order,
        audit.strata,
        audit.question,
        outcomes,
        accuracy=reader_accuracy(reading_pairs(order, len(audit.strata), decisions), audit.question.alpha / 4),
        unread_changes=len(bulk_changes(decisions, given) - set(outcomes)),
        has_forecast=has_forecast,
    )


def audit_proposals(
    order: pd.DataFrame, audit: Audit, scores: pd.DataFrame, decisions: Sequence[Decision]
) -> ProposalBounds:
    """Of the proposals of the audit's run, whose scores.csv is `scores`."""
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    is_asked = scores["is_proposed"].to_numpy(dtype=bool) & scores["sample_id"].isin(given).to_numpy()
    proposed = scores[is_asked].sort_values(["label_error_probability", "sample_id"], ascending=[False, True])
    belief = proposed["label_error_probability"].to_numpy(dtype=np.float64)
    outcomes = label_outcomes(decisions, given)
    return proposal_bounds(order, proposed["sample_id"].tolist(), belief, outcomes, audit.question.alpha)


def extend_audit(study: Study, audit: Audit, statement: Statement, order: pd.DataFrame, read: Iterable[str]) -> Audit:
    """Show readers as many more labels of the order as are expected to be needed, if those drawn are all read."""
    is_read = order["sample_id"].isin(set(read)).to_numpy()
    if not statement.num_to_read or not is_read[: audit.num_drawn].all():
        return audit
    unread = np.flatnonzero(~is_read)
    if not len(unread):
        return audit
    extended = replace(audit, num_drawn=int(unread[: statement.num_to_read][-1]) + 1)
    _write(study, extended)
    return extended


def reading_pairs(order: pd.DataFrame, num_strata: int, decisions: Sequence[Decision]) -> np.ndarray:
    """(H, 3) int64: of each stratum's labels that two readers judged, how many both call wrong, one of them, none.
    Of more than two, the first two count."""
    stratum_of = dict(zip(order["sample_id"], order["stratum"], strict=True))
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    calls: dict[str, list[bool]] = defaultdict(list)
    for decision in decisions:
        verdict = decision.verdict
        if verdict.protocol != BULK and given.get(verdict.sample_id) == verdict.given_label:
            calls[verdict.sample_id].append(verdict.chosen_label != verdict.given_label)
    pairs = np.zeros((num_strata, 3), dtype=np.int64)
    for sample_id, called in calls.items():
        if len(called) > 1:
            pairs[stratum_of[sample_id], 2 - sum(called[:2])] += 1
    return pairs


def _clusters(samples: pd.DataFrame, sample_ids: Iterable[str]) -> list[str]:
    """The patient of each sample, or its slide where there is no patient, or itself."""
    indexed = samples.set_index("sample_id")
    found = indexed["patient"].where(indexed["patient"] != "", indexed["slide"])
    return [found[sample_id] or sample_id for sample_id in sample_ids]


def num_earlier(study: Study) -> int:
    """Audits that were set aside: each was a chance of its own to be misled by."""
    return sum(path.is_dir() for path in (study.path / FOLDER).glob("earlier-*"))


def _set_aside(folder: Path) -> None:
    number = 1
    while (earlier := folder / f"earlier-{number}").exists():
        number += 1
    earlier.mkdir()
    for name in ("design.json", "order.csv"):
        (folder / name).replace(earlier / name)


def _write(study: Study, audit: Audit) -> None:
    text = json.dumps(asdict(audit), ensure_ascii=False, indent=1) + "\n"
    write_atomically(design_path(study), text)


@dataclass(frozen=True, slots=True)
class AuditNow:
    """An open audit, and what its verdicts prove at this moment."""

    audit: Audit
    statement: Statement
    proposals: ProposalBounds
    head: str
    """The ledger's newest row, as exports write it."""
    num_readers: int


def audit_now(study: Study, *, until: int | None = None) -> AuditNow | None:
    """None where no audit is open. until: only the verdicts up to this row of the ledger; None: all.

    It is made from the study's files alone: the same files give the same statement."""
    audit = load_audit(study)
    if audit is None:
        return None
    order, ledger = load_order(study, audit), open_ledger(study)
    decisions = [each for each in ledger.decisions() if until is None or each.sequence <= until]
    known = set(order["sample_id"])
    return AuditNow(
        audit=audit,
        statement=audit_statement(order, audit, decisions),
        proposals=audit_proposals(order, audit, open_run(study, audit.run).scores(), decisions)
        if audit.run
        else ProposalBounds((), (), 0),
        head=head_text(study, ledger.head()),
        num_readers=len({each.verdict.reader for each in decisions if each.verdict.sample_id in known}),
    )


def audit_course(study: Study, num_points: int = 30) -> list[tuple[int, float]]:
    """What was proved as the reading went on: verdicts, and the share of labels still wrong at most, the earliest
    first; none where no audit is open."""
    audit = load_audit(study)
    if audit is None:
        return []
    order, decisions = load_order(study, audit), open_ledger(study).decisions()
    known = set(order["sample_id"])
    ends = [place + 1 for place, each in enumerate(decisions) if each.verdict.sample_id in known]
    chosen = sorted({ends[place] for place in np.linspace(0, len(ends) - 1, num_points).astype(int)}) if ends else []
    found = [audit_statement(order, audit, decisions[:end], has_forecast=False) for end in (0, *chosen)]
    return [(each.num_read, each.share) for each in found]


def extend_sample(study: Study) -> int:
    """Show readers more of the order, if those drawn are all read and were not enough; how many more."""
    audit = load_audit(study)
    if audit is None:
        return 0
    order, decisions = load_order(study, audit), open_ledger(study).decisions()
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    statement = audit_statement(order, audit, decisions)
    return extend_audit(study, audit, statement, order, label_outcomes(decisions, given)).num_drawn - audit.num_drawn
