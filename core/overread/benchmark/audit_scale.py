"""How many verdicts an audit takes to say what is asked, with a model's help and without."""

import math
from typing import Any

import numpy as np
from scipy.stats import hypergeom

from overread.audit.confidence_set import PLANNED_PART, ConfidenceSet, Counts, Predictor, log_evidence, most_of_sample
from overread.audit.design import AuditQuestion, Stratum, draw_order, plan, rest_set
from overread.audit.proposal_bounds import PROPOSAL_GUESS
from overread.benchmark.audit_cells import belief, believed

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
        return most_of_sample(NUM_LABELS, num_read, found, alpha) <= most

    sizes = range(STEP, NUM_LABELS, STEP)
    half, most_samples = (next(size for size in sizes if is_enough(size, power)) for power in (0.5, 0.8))
    return half, most_samples


def fixed_least(rate: float, alpha: float = 0.05) -> tuple[int, int]:
    """The same of "at least": of the labels that are right, at most the others."""
    num_right, most = NUM_PROPOSALS - round(rate * NUM_PROPOSALS), NUM_PROPOSALS - math.ceil(LEAST * NUM_PROPOSALS)

    def is_enough(num_read: int, power: float) -> bool:
        found = int(hypergeom.ppf(power, NUM_PROPOSALS, num_right, num_read))
        return most_of_sample(NUM_PROPOSALS, num_read, found, alpha) <= most

    sizes = range(1, NUM_PROPOSALS)
    half, most_samples = (next(size for size in sizes if is_enough(size, power)) for power in (0.5, 0.8))
    return half, most_samples


def _until_most(rate: float, separation: float | None, rng: np.random.Generator) -> int:
    """Verdicts until the statement is made, looking after every tenth."""
    question = AuditQuestion(max_wrong=MOST, seed=int(rng.integers(2**31)))
    is_wrong = rng.permutation(NUM_LABELS) < round(rate * NUM_LABELS)
    probability = None if separation is None else belief(is_wrong, rate, separation, rng)
    table = believed(np.zeros(NUM_LABELS) if probability is None else probability, is_wrong).table
    if probability is None:
        table = table[["sample_id", "given_label"]]
    planned = plan(probability, NUM_LABELS, question)
    order, strata, _ = draw_order(table, question, planned)
    wrong = is_wrong[order["sample_id"].to_numpy(dtype=np.int64)]
    is_census = np.array([each.is_census for each in strata])[order["stratum"].to_numpy()]
    [rest] = [each for each in strata if not each.is_census]
    looks = np.arange(STEP, NUM_LABELS, STEP)
    is_enough = enough_at(looks, wrong[~is_census], (~is_census).cumsum()[looks - 1], rest, question)
    return int(looks[is_enough][0]) if is_enough.any() else NUM_LABELS


def enough_at(
    looks: np.ndarray, wrong: np.ndarray, num_read: np.ndarray, rest: Stratum, question: AuditQuestion
) -> np.ndarray:
    """(L,) bool: whether at most `MOST` is proved after so many verdicts, (L,), of which num_read are on the rest.

    wrong: (R,) bool, of the rest in its order. What is proved is that one more than is allowed cannot be."""
    found = np.concatenate([[0], wrong.cumsum()])
    of_plan, of_look = np.unique(np.minimum(num_read, rest.num_planned), return_inverse=True)
    census_unread = NUM_LABELS - rest.size - (looks - num_read)
    least_refuted = math.floor(MOST * NUM_LABELS) - census_unread + found[num_read] + 1
    chosen = rest_set(Counts.of([rest.size], [0], [0]).planned([rest.num_planned], [0]), [rest.belief], question)
    part = PLANNED_PART * question.alpha
    limits = np.array(
        [
            most_of_sample(rest.size, rest.num_planned, rest.num_planned - read + found[read], part)
            for read in of_plan.tolist()
        ]
    )
    read, size = num_read[:, None], np.array([rest.size])
    evidence = log_evidence(size, least_refuted[:, None], read, found[num_read][:, None], chosen.predictor)
    most_likely = np.floor(found[num_read] / num_read * (rest.size + 1))
    is_refuted = (evidence >= math.log(1 / chosen.sequence_alpha)) & (least_refuted > most_likely)
    return is_refuted | (least_refuted > np.minimum(limits[of_look], rest.size - num_read + found[num_read]))


def _until_least(rate: float, rng: np.random.Generator) -> int:
    """Verdicts on proposals in random order until the statement is made, looking after each."""
    wrong = rng.permutation(NUM_PROPOSALS) < round(rate * NUM_PROPOSALS)
    predictor = Predictor.of(np.array([PROPOSAL_GUESS]))
    for num in range(1, NUM_PROPOSALS):
        counts = Counts.of(np.array([NUM_PROPOSALS]), np.array([num]), np.array([wrong[:num].sum()]))
        if ConfidenceSet(counts, predictor, 0.05).least() >= LEAST * NUM_PROPOSALS:
            return num
    return NUM_PROPOSALS
