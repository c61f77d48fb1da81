"""How many verdicts an audit takes to say what is asked, with a model's help and without."""

import math
from typing import Any

import numpy as np
from scipy.stats import hypergeom

from overread.audit.confidence_set import ConfidenceSet, Counts, Predictor
from overread.audit.design import AuditQuestion, draw_order, most_of_rest, plan
from overread.audit.proposal_bounds import PROPOSAL_GUESS
from overread.benchmark.audit_cells import belief, table_of
from overread.benchmark.audit_coverage import exact_most

NUM_LABELS, MOST = 3784, 0.019
"""Of "at most 1.9 % of 3,784 labels are still wrong", ..."""
LEFT_RATES = (0.005, 0.01, 0.015)
"""... where so many are."""
SEPARATIONS = {"no model": None, "useless": 0.0, "fair": 1.5, "good": 2.5, "very good": 3.5}
"""By how many standard deviations a model's scores separate wrong labels from right ones."""
NUM_PROPOSALS, LEAST = 300, 0.8
"""Of "of 300 proposals at least 80 % are wrong labels", ..."""
PROPOSAL_RATES = (0.85, 0.9, 0.95)
STEP = 10
"""Verdicts between two looks."""


QUESTIONS = [("at most", rate) for rate in LEFT_RATES] + [("at least", rate) for rate in PROPOSAL_RATES]
"""What is asked, and the share of wrong labels."""


def verdicts_needed(asked: str, rate: float, *, num_studies: int, seed: int) -> dict[str, Any]:
    """The verdicts that a fixed random sample needs in half and in 80 % of the samples, and the median and the 80 %
    quantile of the studies with each model."""
    row: dict[str, Any] = {"asked": asked, "rate": rate}
    if asked == "at least":
        rng = np.random.default_rng([seed, round(rate * 1000)])
        found = [_until_least(rate, rng) for _ in range(num_studies)]
        return row | {"fixed": fixed_least(rate), "no model": (np.median(found), np.quantile(found, 0.8))}
    row["fixed"] = fixed_most(rate)
    for model, separation in SEPARATIONS.items():
        rng = np.random.default_rng([seed, round(rate * 1000)])
        found = [_until_most(rate, separation, rng) for _ in range(num_studies)]
        row[model] = (np.median(found), np.quantile(found, 0.8))
    return row


def fixed_most(rate: float, alpha: float = 0.05) -> tuple[int, int]:
    """The smallest simple random sample, fixed before, with which half and 80 % of all samples say "at most"."""
    num_wrong, most = round(rate * NUM_LABELS), math.floor(MOST * NUM_LABELS)

    def is_enough(num_read: int, power: float) -> bool:
        found = int(hypergeom.ppf(power, NUM_LABELS, num_wrong, num_read))
        return exact_most(NUM_LABELS, num_read, found, alpha) <= most

    sizes = range(STEP, NUM_LABELS, STEP)
    half, most_samples = (next(size for size in sizes if is_enough(size, power)) for power in (0.5, 0.8))
    return half, most_samples


def fixed_least(rate: float, alpha: float = 0.05) -> tuple[int, int]:
    """The same of "at least": of the labels that are right, at most the others."""
    num_right, most = NUM_PROPOSALS - round(rate * NUM_PROPOSALS), NUM_PROPOSALS - math.ceil(LEAST * NUM_PROPOSALS)

    def is_enough(num_read: int, power: float) -> bool:
        found = int(hypergeom.ppf(power, NUM_PROPOSALS, num_right, num_read))
        return exact_most(NUM_PROPOSALS, num_read, found, alpha) <= most

    sizes = range(1, NUM_PROPOSALS)
    half, most_samples = (next(size for size in sizes if is_enough(size, power)) for power in (0.5, 0.8))
    return half, most_samples


def _until_most(rate: float, separation: float | None, rng: np.random.Generator) -> int:
    """Verdicts until the statement is made, looking after every tenth."""
    question = AuditQuestion(max_wrong=MOST, seed=int(rng.integers(2**31)))
    is_wrong = rng.permutation(NUM_LABELS) < round(rate * NUM_LABELS)
    probability = None if separation is None else belief(is_wrong, rate, separation, rng)
    table = table_of(probability if probability is not None else np.zeros(NUM_LABELS), rng)
    if probability is None:
        table = table[["sample_id", "given_label"]]
    planned = plan(probability, NUM_LABELS, question)
    order, strata, _ = draw_order(table, question, planned)
    wrong = is_wrong[order["sample_id"].to_numpy(dtype=np.int64)]
    is_census = np.array([each.is_census for each in strata])[order["stratum"].to_numpy()]
    beliefs = [each.belief for each in strata if not each.is_census]
    size, allowed = int((~is_census).sum()), math.floor(MOST * NUM_LABELS)
    for num in range(STEP, NUM_LABELS, STEP):
        rest = ~is_census[:num]
        found = int(wrong[:num][rest].sum())
        unread = len(order) - size - int((~rest).sum())
        most = most_of_rest(np.array([size]), np.array([rest.sum()]), np.array([found]), beliefs, question)
        if unread + most - found <= allowed:
            return num
    return NUM_LABELS


def _until_least(rate: float, rng: np.random.Generator) -> int:
    """Verdicts on proposals in random order until the statement is made, looking after each."""
    wrong = rng.permutation(NUM_PROPOSALS) < round(rate * NUM_PROPOSALS)
    predictor = Predictor.of(np.array([PROPOSAL_GUESS]))
    for num in range(1, NUM_PROPOSALS):
        counts = Counts.of(np.array([NUM_PROPOSALS]), np.array([num]), np.array([wrong[:num].sum()]))
        if ConfidenceSet(counts, predictor, 0.05).least() >= LEAST * NUM_PROPOSALS:
            return num
    return NUM_PROPOSALS
