"""Whether an audit's statements hold, in simulated studies, looking after every verdict; and how wide they are."""

import math
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from overread.audit.confidence_set import ConfidenceSet, Counts, log_evidence, most_of_sample
from overread.audit.design import AuditQuestion, draw_order, plan, rest_set
from overread.audit.outcomes import Outcome
from overread.audit.proposal_bounds import proposal_bounds
from overread.audit.reader_accuracy import reader_accuracy
from overread.audit.statement import make_statement
from overread.benchmark.audit_cells import READERS, Cell, Draw, Population, label_ids
from overread.benchmark.audit_draws import Drawn, draw

SHARE_ASKED = 0.5
"""The question of each cell: that at most so much of the share of wrong labels is left."""
MIN_READ = 200
"""Verdicts of a study: those that its plan asks for, or so many where that is fewer."""
STATEMENT_PART = 10
"""In one study of so many the statement itself is made of the labels' table, with what follows from it."""
HAS_PPI = find_spec("ppi_py") is not None
"""Whether ppi-python is installed, to compare with."""
NUM_TWICE = 200
"""Labels that a second reader reads, where readers err."""
ERROR_LOOKS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the reading after which the bound that allows for readers' errors is looked at."""
CUT_OFF_LOOKS = (100,)
"""Verdicts after which the bounds on the proposals are looked at, and at the end."""


@dataclass(frozen=True, slots=True)
class Study:
    """One study, with the draw of its audit and its readers' calls."""

    labels: Population
    drawn: Drawn
    question: AuditQuestion
    num_read: int
    calls: tuple[np.ndarray, np.ndarray]
    """(M,) bool each: the labels that the first and the second reader call wrong."""

    @property
    def read(self) -> np.ndarray:
        return self.drawn.places[: self.num_read]


def run_cell(cell: Cell, draw_labels: Draw, *, num_studies: int, seed: int) -> dict[str, Any]:
    """The share of studies in which each statement held, and the mean bounds, as shares of all labels."""
    rng = cell.rng(seed, "all labels")
    first = draw_labels(rng)
    rate, num_labels = float(first.is_wrong.mean()), len(first.is_wrong)
    asked = AuditQuestion(max_wrong=SHARE_ASKED * rate)
    planned = plan(first.probability, num_labels, asked)
    num_read = max(sum(planned), MIN_READ)
    results = []
    for number in range(num_studies):
        labels, question = draw_labels(rng), replace(asked, seed=int(rng.integers(2**31)))
        calls = cell.readers.calls(labels.is_wrong, rng), cell.readers.calls(labels.is_wrong, rng)
        study = Study(labels, draw(labels.probability, planned, question.seed), question, num_read, calls)
        found = _measure(study, rng)
        if number % STATEMENT_PART == 0:
            found |= _by_statement(study, planned, is_perfect=cell.readers is READERS[0])
        results.append(found)
    table = pd.DataFrame(results).astype(float)
    means = {name: float(table[name].mean()) if table[name].notna().any() else math.nan for name in table}
    return {"rate": rate, **cell.key, "num_labels": num_labels, "num_read": num_read, **means}


def _measure(study: Study, rng: np.random.Generator) -> dict[str, float]:
    called, num, num_read = study.calls[0], len(study.labels.is_wrong), study.num_read
    chosen, holds = holds_throughout(study)
    num_found = int(called[study.read].sum())
    of_rest = int(called[study.read][study.drawn.numbers[:num_read] == study.drawn.sampled[0]].sum())
    random_found = int(called[rng.permutation(num)[:num_read]].sum())
    found = {
        "holds_at_every_look": holds,
        # The census is read whole, and what is found is mended.
        "most_wrong": (chosen.most() - of_rest) / num,
        "left": (int(called.sum()) - num_found) / num,
        "random_sample": (most_of_sample(num, num_read, random_found, study.question.alpha) - random_found) / num,
    }
    return found | (_ppi(study, rng) if HAS_PPI and num_read < num else {})


def _by_statement(study: Study, planned: tuple[int, int], *, is_perfect: bool) -> dict[str, float]:
    """What needs the statement itself."""
    order, strata, _ = draw_order(study.labels.table, study.question, planned)
    outcomes = study_outcomes(study, study.num_read)
    statement = make_statement(order, strata, study.question, outcomes, has_forecast=False)
    found = {"cut_offs_hold": _cut_offs_hold(study, order), "stated": statement.share}
    return found | ({} if is_perfect else _in_truth(study, order))


def _in_truth(study: Study, order: pd.DataFrame) -> dict[str, float]:
    """Whether the bound that allows for readers' errors holds at the looks, and the bound at the end. What is mended
    by mistake is wrong then."""
    wrong, strata = study.labels.is_wrong, study.drawn.strata
    sizes = np.array([stratum.size for stratum in strata])
    holds, bound = True, math.nan
    for num in sorted({math.ceil(study.num_read * share) for share in ERROR_LOOKS}):
        pairs = _pairs(study, num)
        accuracy = reader_accuracy(pairs, pairs, sizes, study.question.alpha / 4)
        if accuracy is None:
            continue
        outcomes = study_outcomes(study, num)
        statement = make_statement(order, strata, study.question, outcomes, accuracy=accuracy, has_forecast=False)
        is_changed = np.zeros(len(wrong), dtype=bool)
        read = study.drawn.places[:num]
        is_changed[read] = study.calls[0][read]
        bound = float(statement.most_truly_wrong or 0)
        holds &= int((wrong ^ is_changed).sum()) <= bound
    return {"truly_holds": holds, "most_truly_wrong": bound / len(wrong)}


def holds_throughout(study: Study) -> tuple[ConfidenceSet, bool]:
    """The confidence set of the rest after the last verdict; and whether the bound was never below the labels that
    readers call wrong, after any verdict.

    The census adds as many to the bound as to these at least, and there is one stratum else: the bound is too low when
    the evidence against the true number of it is strong enough, and that number lies above the most likely one; or
    once its planned sample is read."""
    numbers, called, num_read = study.drawn.numbers, study.calls[0][study.drawn.places], study.num_read
    [rest] = study.drawn.sampled
    stratum = study.drawn.strata[rest]
    size, num_planned = stratum.size, stratum.num_planned
    at, of_rest = numbers[:num_read] == rest, called[numbers == rest]
    true, of_plan = int(of_rest.sum()), of_rest[:num_planned]
    read, found = at.cumsum(), (at & called[:num_read]).cumsum()
    # The bound of the planned sample, whose unread labels count as wrong, is least when all of it is read.
    of_plan = np.where(np.arange(num_planned) < read[-1], of_plan, True)
    counts = Counts.of([size], [read[-1]], [found[-1]]).planned([num_planned], [int(of_plan.sum())])
    chosen = rest_set(counts, [stratum.belief], study.question)
    evidence = log_evidence(np.array([size]), np.array([[true]]), read[:, None], found[:, None], chosen.predictor)
    most_likely = np.floor(found / np.maximum(read, 1) * (size + 1))
    is_too_low = (evidence >= math.log(1 / chosen.sequence_alpha)) & (true > most_likely)
    return chosen, true <= int(chosen.limits[0]) and not bool(is_too_low.any())


def _cut_offs_hold(study: Study, order: pd.DataFrame) -> bool:
    proposed = study.labels.proposed
    ids, belief = order["sample_id"].sort_values().to_numpy()[proposed].tolist(), study.labels.probability[proposed]
    truth = np.cumsum(study.calls[0][proposed])
    for num in sorted({min(look, study.num_read) for look in (*CUT_OFF_LOOKS, study.num_read)}):
        bounds = proposal_bounds(order, ids, belief, study_outcomes(study, num), study.question)
        if (np.array(bounds.least_wrong) > truth).any():
            return False
    return True


def study_outcomes(study: Study, num_read: int) -> dict[str, Outcome]:
    """Of so many verdicts of the first reader, by sample id."""
    read, ids = study.drawn.places[:num_read].tolist(), label_ids(len(study.drawn.places))
    return {ids[one]: Outcome.CORRECTED if study.calls[0][one] else Outcome.RIGHT for one in read}


def _pairs(study: Study, num_read: int) -> np.ndarray:
    """As `reading_pairs`, of the first labels of the order."""
    num_twice = min(num_read, NUM_TWICE)
    read = study.drawn.places[:num_twice]
    called = 2 - study.calls[0][read].astype(int) - study.calls[1][read]
    pairs = np.zeros((len(study.drawn.strata), 3), dtype=np.int64)
    np.add.at(pairs, (study.drawn.numbers[:num_twice], called), 1)
    return pairs


def _ppi(study: Study, rng: np.random.Generator) -> dict[str, float]:
    """Prediction-powered inference of the mean, from a simple random sample: it holds in large samples."""
    from ppi_py import ppi_mean_ci

    called, belief = study.calls[0].astype(float), study.labels.probability
    places = rng.permutation(len(called))
    read, unread = places[: study.num_read], places[study.num_read :]
    _, most = ppi_mean_ci(called[read], belief[read], belief[unread], alpha=2 * study.question.alpha)
    number = float(np.squeeze(most)) * len(called)
    return {"ppi_holds": called.sum() <= number, "ppi": (number - called[read].sum()) / len(called)}
