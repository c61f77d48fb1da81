"""What is promised of a run's labels, and what that rests on: readers' verdicts, or the model's belief."""

from typing import TYPE_CHECKING

import pandas as pd

from overread.audit.wording import proposal_line, statement_lines
from overread.detection.error_range import ErrorRange
from overread.pipeline.audit_store import design_path
from overread.proposals.belief import beliefs, weak_features
from overread.studies.run import Run
from overread.studies.study import Study

if TYPE_CHECKING:
    from overread.pipeline.audit_study import AuditNow

BELIEF = "these numbers are the model's own estimate, not readers' verdicts"
NO_RANGE = f"{BELIEF}; this run has no range for them"


def promise_lines(
    run_name: str, scores: pd.DataFrame, error_range: ErrorRange | None, now: "AuditNow | None"
) -> list[str]:
    """How many labels are wrong, and how many of the proposals. What an audit proves takes the place of what the model
    believes. scores: scores.csv; now: the open audit, None without one."""
    everything, proposals = beliefs(scores, error_range)
    proved, believed = [], []
    if now is not None and now.statement.num_read:
        proved.append(f"by readers' verdicts, {statement_lines(now.statement, now.audit.question)[0]}")
    else:
        believed.append(f"expected wrong labels: {everything.number} of {everything.num_samples:,}")
    if now is not None and now.audit.run == run_name and now.proposals.num_read:
        proved.append(f"by readers' verdicts, {proposal_line(now.proposals, now.audit.question)}")
    elif proposals.num_samples:
        believed.append(f"expected to be wrong among the {proposals.num_samples:,} proposed: {proposals.share}")
    if believed:
        believed.append(BELIEF if error_range else NO_RANGE)
    if proposals.num_samples and error_range is not None and error_range.has_weak_features:
        believed.append(weak_features(error_range).removesuffix("."))
    return proved + believed


def run_promises(study: Study, run: Run) -> list[str]:
    """`promise_lines` from the study's files."""
    now = None
    if design_path(study).is_file():
        from overread.pipeline.audit_study import audit_now  # a machine that only trains has no database

        now = audit_now(study)
    return promise_lines(run.name, run.scores(), run.error_range(), now)
