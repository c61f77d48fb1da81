"""What is promised of a run's labels, as a page says it."""

from overread.pipeline.promises import promise_lines
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import audit_data, session, study_data


def promise_text(study: Study, run: Run) -> str:
    """How many labels are wrong, and how many of the proposals, and what that rests on: a sentence each, as a list."""
    scores, error_range = study_data.load_scores(run), study_data.load_error_range(run)
    audit = audit_data.load_audit_now(study) if session.may_see_others() else None
    lines = promise_lines(run.name, scores, error_range, audit)
    return "\n".join(f"- {line[0].upper()}{line[1:]}." for line in lines)
