"""An audit as the study's files hold it: its question, its draw and what readers are shown."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd

from overread.audit.design import AuditQuestion, Stratum
from overread.errors import ConfigError, StudyError
from overread.files import write_atomically
from overread.records import Protocol
from overread.studies.study import Study
from overread.studies.text_table import read_text_table, write_text_table

FOLDER = "audit"
_ORDER_COLUMNS = ("sample_id", "given_label", "stratum", "cluster")


class NextSample(StrEnum):
    """What readers are shown next while an audit is open: the owner's choice."""

    PROVE = "prove"
    """The drawn labels in their order: what tightens most what was asked."""
    FIND = "find errors"
    """The most wrong labels expected for a minute's reading, with the random part of the sample spread among them."""


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
    next_sample: NextSample = NextSample.PROVE
    paced_by: int = 0
    """The ledger's newest row when `FIND` was chosen: verdicts up to it say how long one takes."""
    makes_blind: bool = False
    """Whether the study, which is open otherwise, is read blind first until the audit ends."""

    @property
    def num_labels(self) -> int:
        return sum(stratum.size for stratum in self.strata)

    @property
    def num_census(self) -> int:
        """Labels that are read whole."""
        return sum(stratum.size for stratum in self.strata if stratum.is_census)


def sample_words(audit: Audit) -> str:
    """How the labels that are read were chosen."""
    if audit.question.min_precision is not None:
        return "the proposals in a random order"
    return f"the {audit.num_census:,} most doubtful labels, and others at random"


def design_path(study: Study) -> Path:
    """Where an open audit is described; it changes when an audit is opened, extended or read in another order."""
    return study.path / FOLDER / "design.json"


def load_audit(study: Study) -> Audit | None:
    """The study's open audit. Raises StudyError where its file is damaged."""
    path = design_path(study)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        question = AuditQuestion(**fields.pop("question"))
        strata = tuple(Stratum(**each) for each in fields.pop("strata"))
        next_sample = NextSample(fields.pop("next_sample", NextSample.PROVE))
        return Audit(question=question, strata=strata, next_sample=next_sample, **fields)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
        raise StudyError(f"{path}: is damaged; restore the folder {FOLDER} from a copy, or open a new audit") from error


def own_protocol(study: Study) -> str:
    """What the study's readers see first where no audit is open."""
    audit = load_audit(study)
    return Protocol.OPEN if audit is not None and audit.makes_blind else study.protocol


def save_audit(study: Study, audit: Audit) -> None:
    """Write design.json; order.csv stays as it was drawn."""
    text = json.dumps(asdict(audit), ensure_ascii=False, indent=1) + "\n"
    write_atomically(design_path(study), text)


def save_order(study: Study, order: pd.DataFrame) -> str:
    """Set an open audit aside and write the order of a new one: sample_id, given_label, stratum and cluster. Returns
    its SHA-256."""
    set_aside(study)
    folder = study.path / FOLDER
    folder.mkdir(exist_ok=True)
    cells = order[list(_ORDER_COLUMNS)].astype(str).to_numpy()
    return write_text_table(folder / "order.csv", _ORDER_COLUMNS, cells).sha256


def set_aside(study: Study) -> None:
    """Move the open audit to audit/earlier-N: its sample is not shown any more. Nothing where none is open."""
    folder, number = study.path / FOLDER, 1
    if not design_path(study).is_file():
        return
    while (earlier := folder / f"earlier-{number}").exists():
        number += 1
    earlier.mkdir()
    for name in ("design.json", "order.csv"):
        (folder / name).replace(earlier / name)


def num_earlier(study: Study) -> int:
    """Audits that were set aside: each was a chance of its own to be misled by."""
    return sum(path.is_dir() for path in (study.path / FOLDER).glob("earlier-*"))


def load_order(study: Study, audit: Audit) -> pd.DataFrame:
    """order.csv: sample_id, given_label, stratum (int64), cluster, in the order of reading.

    Raises StudyError where it is not as it was drawn."""
    path = study.path / FOLDER / "order.csv"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != audit.order_sha256:
        raise StudyError(f"{path}: is not as it was drawn; the audit proves nothing without it: restore it")
    table = read_text_table(path)
    return table.assign(stratum=table["stratum"].astype(np.int64))


def show_more(study: Study, audit: Audit, order: pd.DataFrame, read: Iterable[str], num_more: int | None) -> Audit:
    """Show readers so many more labels of the order, if those drawn are all read; None or 0: none."""
    is_read = order["sample_id"].isin(set(read)).to_numpy()
    unread = np.flatnonzero(~is_read)
    if not num_more or not len(unread) or not is_read[: audit.num_drawn].all():
        return audit
    extended = replace(audit, num_drawn=int(unread[:num_more][-1]) + 1)
    save_audit(study, extended)
    return extended
