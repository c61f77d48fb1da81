"""cleanlab's Datalab: label issues from the votes of the nearest neighbours."""

import warnings

import numpy as np

from overread.benchmark.peers.packages import require
from overread.benchmark.problem import MethodResult, Problem


def datalab_neighbours(problem: Problem) -> MethodResult:
    """Datalab's check for label issues, given the features alone (k = 10). Needs the packages cleanlab and datasets."""
    require("cleanlab")
    require("datasets")
    from cleanlab import Datalab

    lab = Datalab(data={"label": problem.given}, label_name="label", verbosity=0)
    # One process: those that it starts take longer than the work, and change nothing in the result.
    settings = {"clean_learning_kwargs": {"find_label_issues_kwargs": {"n_jobs": 1}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what pandas will no longer have: Datalab takes any warning for a failure
        lab.find_issues(features=problem.features, issue_types={"label": settings})
    issues = lab.get_issues("label")
    return MethodResult(
        scores=1 - issues["label_score"].to_numpy(),
        proposed=issues["predicted_label"].to_numpy(dtype=np.int64),
        is_proposed=issues["is_label_issue"].to_numpy(dtype=bool),
        is_probability=True,
    )
