"""All methods of the benchmark, by name."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overread.benchmark.code_digest import code_digest
from overread.benchmark.head import quick_head
from overread.benchmark.oracle import oracle
from overread.benchmark.ours import after_review, consensus, from_probs, overread
from overread.benchmark.peers.confident_learning import confident_learning
from overread.benchmark.peers.datalab import datalab_neighbours
from overread.benchmark.peers.loss import training_loss
from overread.benchmark.peers.paper import paper_rounds
from overread.benchmark.peers.selfclean import selfclean
from overread.benchmark.peers.simifeat import simifeat
from overread.benchmark.problem import MethodResult, Problem

ORACLE = "oracle"
"""The ceiling."""
AFTER_REVIEW = "after_review"


@dataclass(frozen=True)
class Method:
    """One way to find wrong labels."""

    find: Callable[[Problem], MethodResult]
    is_peer: bool = True
    """Somebody else's."""
    is_default: bool = True
    """Measured without being asked for."""
    has_features: bool = True
    """Judges the features of the cell; else it trains a network of its own, on one seed only."""


METHODS = {
    "overread": Method(overread, is_peer=False),
    "quick_head": Method(quick_head, is_peer=False),
    "from_probs": Method(from_probs, is_peer=False, is_default=False),
    "consensus": Method(consensus, is_peer=False, is_default=False),
    "cleanlab": Method(confident_learning),
    "datalab": Method(datalab_neighbours),
    "simifeat": Method(simifeat),
    "selfclean": Method(selfclean),
    "loss": Method(training_loss),
    "paper": Method(paper_rounds, is_default=False, has_features=False),
}
TOLD: dict[str, Callable[[Problem, np.ndarray], MethodResult]] = {ORACLE: oracle, AFTER_REVIEW: after_review}
"""Those that are told the truth, all of it or some verdicts, so they are no `Method`."""
OURS = "overread"
"""What the summary is about."""
_CODE = (
    *("benchmark.head", "benchmark.ours", "benchmark.peers", "training", "models", "detection"),
    *("config", "detection_settings", "network_settings", "proposal_settings"),
)
"""The parts whose code a method's results depend on: no method has settings that are not defaults in these."""
DETAILED = (OURS, "consensus", AFTER_REVIEW)
"""Those whose proposals have a table of their own."""


def run_method(name: str, problem: Problem, true: np.ndarray) -> MethodResult:
    """What a method says of a problem. true: (N,) int64, for those of TOLD."""
    return TOLD[name](problem, true) if name in TOLD else METHODS[name].find(problem)


def has_features(name: str) -> bool:
    """Whether a method judges the features of a cell."""
    return name in TOLD or METHODS[name].has_features


def method_digest(name: str) -> str:
    """A digest of a method's code, as of `code_digest`."""
    find = TOLD[name] if name in TOLD else METHODS[name].find
    return code_digest(find.__module__, parts=_CODE)
