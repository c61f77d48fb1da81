"""A study's assignment: which samples it is about, and how far its readers are."""

from overread.pipeline.audit_study import drawn_sample
from overread.review.assignment import current_assignment
from overread.review.claims import AssignmentProgress, assignment_progress
from overread.review.ledger import Ledger
from overread.studies.run import default_run
from overread.studies.study import Study


def assigned_samples(study: Study) -> list[str]:
    """The ids of the samples that are to be read: the run's proposals and what an open audit has drawn; without a run,
    all."""
    run = default_run(study)
    if run is None:
        samples = study.samples()
        return samples.loc[samples["given_label"] != "", "sample_id"].tolist()
    scores = run.scores()
    drawn = drawn_sample(study)
    known = set(scores["sample_id"])
    proposals = scores.loc[scores["is_proposed"].to_numpy(dtype=bool), "sample_id"].tolist()
    return list(dict.fromkeys([*(one for one in (drawn.ranks if drawn else ()) if one in known), *proposals]))


def study_progress(study: Study, ledger: Ledger) -> AssignmentProgress | None:
    """How far the readers of an assigned study are; None without an assignment. ledger: the study's. Raises
    NotAllowedError for who may not see others' work."""
    assignment = current_assignment(ledger)
    return None if assignment is None else assignment_progress(ledger, assignment, assigned_samples(study))
