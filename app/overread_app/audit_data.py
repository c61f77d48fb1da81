"""What the pages show of a study's audit, kept until the ledger or one of its files changes.

The key of a cache is a file's path and stamp; arguments that begin with an underscore are not part of it.
"""

import streamlit as st

from overread.audit.design import AuditQuestion
from overread.checks.class_use import RareClass
from overread.pipeline.audit_steering import num_unread
from overread.pipeline.audit_store import design_path
from overread.pipeline.audit_study import AuditNow, AuditPlan, audit_course, audit_now, plan_audit
from overread.pipeline.class_use import study_rare_classes
from overread.pipeline.group_decision import groups_path
from overread.review.queue import Pace
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import study_data

Stamps = tuple[tuple[int, int], tuple[int, int]]


def load_audit_now(study: Study) -> AuditNow | None:
    """What the study's open audit proves; made anew when it or the ledger has changed. None where none is open."""
    return _audit_now(study, *_stamps(study)) if design_path(study).is_file() else None


def load_audit_course(study: Study) -> list[tuple[int, float]]:
    """`audit_course`, made anew as above."""
    return _audit_course(study, *_stamps(study))


def load_audit_plan(study: Study, question: AuditQuestion, run: Run | None) -> AuditPlan:
    """What an audit would take. Raises as `plan_audit` does."""
    files = [study.samples_path, *([run.path / "scores.csv"] if run else [])]
    stamps = tuple(map(study_data.file_stamp, files))
    return _audit_plan(study, str(study.path), question, run.name if run else "", stamps)


def load_audit_unread(study: Study) -> int:
    """How many images of the open audit's sample, as far as it is shown, nobody has read; 0 where none is open."""
    return _audit_unread(study, *_stamps(study))


def load_pace_s(study: Study) -> float | None:
    """The median seconds of a verdict, over all readers; None where none was timed."""
    return _pace_s(study, *_stamps(study))


def load_rare_classes(study: Study) -> list[RareClass]:
    """`study_rare_classes`, made anew when the ledger or the samples have changed."""
    stamp = study_data.file_stamp(study.samples_path)
    return _rare_classes(study, str(study.path), str(study_data.ledger(study).head()), stamp)


def _stamps(study: Study) -> tuple[str, str, Stamps]:
    """The study's path, its ledger's head and the stamps of its audit and of the decisions on groups."""
    stamps = study_data.file_stamp(design_path(study)), study_data.file_stamp(groups_path(study))
    return str(study.path), str(study_data.ledger(study).head()), stamps


@st.cache_data(max_entries=8, show_spinner=False)
def _audit_now(_study: Study, path: str, head: str, stamps: Stamps) -> AuditNow | None:
    return audit_now(_study)


@st.cache_data(max_entries=8, show_spinner=False)
def _audit_course(_study: Study, path: str, head: str, stamps: Stamps) -> list[tuple[int, float]]:
    return audit_course(_study)


@st.cache_data(max_entries=32, show_spinner=False)
def _audit_plan(
    _study: Study, path: str, question: AuditQuestion, run_name: str, stamps: tuple[object, ...]
) -> AuditPlan:
    return plan_audit(_study, question, run_name or None)


@st.cache_data(max_entries=8, show_spinner=False)
def _audit_unread(_study: Study, path: str, head: str, stamps: Stamps) -> int:
    return num_unread(_study)


@st.cache_data(max_entries=8, show_spinner=False)
def _pace_s(_study: Study, path: str, head: str, stamps: Stamps) -> float | None:
    pace = Pace.of(study_data.ledger(_study).decisions())
    return None if pace is None else pace.overall_s


@st.cache_data(max_entries=8, show_spinner=False)
def _rare_classes(_study: Study, path: str, head: str, stamp: tuple[int, int]) -> list[RareClass]:
    return study_rare_classes(_study)
