"""Whether an audit's statements hold, in simulated studies, looking after every verdict; and how wide they are."""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from overread.audit.confidence_set import log_evidence
from overread.audit.design import AuditQuestion, Stratum, draw_order, plan, rest_predictor
from overread.audit.outcomes import Outcome
from overread.audit.proposal_bounds import proposal_bounds
from overread.audit.reader_accuracy import reader_accuracy
from overread.audit.statement import make_statement
from overread.benchmark.audit_cells import MODELS, NUM_LABELS, RATES, READERS, Population, Readers, population

SHARE_ASKED = 0.5
"""The question of each cell: that at most so much of the share of wrong labels is left."""
MIN_READ = 200
"""Verdicts of a study: those that its plan asks for, or so many where that is fewer."""
HAS_PPI = find_spec("ppi_py") is not None
"""Whether ppi-python is installed, to compare with."""
NUM_TWICE = 200
"""Labels that a second reader reads, where readers err."""
_TRULY = ("truly_holds", "most_truly_wrong")
ERROR_LOOKS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the reading after which the bound that allows for readers' errors is looked at."""
CUT_OFF_LOOKS = (100,)
"""Verdicts after which the bounds on the proposals are looked at, and at the end."""


@dataclass(frozen=True, slots=True)
class Study:
    """One simulated study, with the draw of its audit and its readers' calls."""

    labels: Population
    order: pd.DataFrame
    places: np.ndarray
    """(M,) rows of the labels in the order of reading."""
    strata: tuple[Stratum, ...]
    calls: tuple[np.ndarray, np.ndarray]
    """(M,) bool each: the labels that the first and the second reader call wrong."""


CELLS = [(rate, model, readers) for rate in RATES for model in MODELS for readers in READERS]
"""The share of wrong labels, the model and the readers of each cell."""


def run_cell(rate: float, model: str, readers: Readers, *, num_studies: int, seed: int) -> dict[str, Any]:
    """The share of studies in which each statement held, and the mean bounds, as shares of all labels."""
    rng = np.random.default_rng([seed, round(1000 * rate), list(MODELS).index(model), READERS.index(readers)])
    question = AuditQuestion(max_wrong=SHARE_ASKED * rate)
    planned = plan(population(model, rate, rng).table["label_error_probability"].to_numpy(), NUM_LABELS, question)
    num_read = max(sum(planned), MIN_READ)
    results = []
    for _ in range(num_studies):
        labels = population(model, rate, rng)
        order, strata, _ = draw_order(labels.table, _seeded(question, rng), planned)
        places = order["sample_id"].to_numpy(dtype=np.int64)
        calls = readers.calls(labels.is_wrong, rng), readers.calls(labels.is_wrong, rng)
        study = Study(labels, order, places, strata, calls)
        results.append(_measure(study, question, num_read, is_perfect=readers is READERS[0], rng=rng))
    table = pd.DataFrame(results).astype(float)
    means = {name: float(table[name].mean()) if table[name].notna().any() else math.nan for name in table}
    return {"rate": rate, "model": model, "readers": readers.name, "num_read": num_read, **means}


def _seeded(question: AuditQuestion, rng: np.random.Generator) -> AuditQuestion:
    return AuditQuestion(question.max_wrong, question.confidence, seed=int(rng.integers(2**31)))


def _measure(
    study: Study, question: AuditQuestion, num_read: int, *, is_perfect: bool, rng: np.random.Generator
) -> dict[str, float]:
    wrong, called = study.labels.is_wrong, study.calls[0]
    statement = make_statement(study.order, study.strata, question, _outcomes(study, num_read), has_forecast=False)
    left = int(called.sum()) - int(called[study.places[:num_read]].sum())
    num = len(wrong)
    random_found = int(called[rng.permutation(num)[:num_read]].sum())
    found = {
        "holds_at_every_look": holds_throughout(study, question, num_read),
        "holds_at_the_end": left <= statement.most_wrong,
        "cut_offs_hold": _cut_offs_hold(study, question, num_read),
        "most_wrong": statement.share,
        "left": left / num,
        "random_sample": (exact_most(num, num_read, random_found, question.alpha) - random_found) / num,
    } | (dict.fromkeys(_TRULY, math.nan) if is_perfect else _in_truth(study, question, num_read))
    return found | (_ppi(study, num_read, question.alpha, rng) if HAS_PPI and num_read < num else {})


def _in_truth(study: Study, question: AuditQuestion, num_read: int) -> dict[str, float]:
    """As of `_TRULY`: the bound that allows for readers' errors, at the looks and at the end. What is mended by mistake
    is wrong then."""
    wrong, sizes = study.labels.is_wrong, np.array([stratum.size for stratum in study.strata])
    holds, bound = True, math.nan
    for num in sorted({math.ceil(num_read * share) for share in ERROR_LOOKS}):
        pairs = _pairs(study, num)
        accuracy = reader_accuracy(pairs, pairs, sizes, question.alpha / 4)
        if accuracy is None:
            continue
        outcomes = _outcomes(study, num)
        statement = make_statement(study.order, study.strata, question, outcomes, accuracy=accuracy, has_forecast=False)
        is_changed = np.zeros(len(wrong), dtype=bool)
        read = study.places[:num]
        is_changed[read] = study.calls[0][read]
        bound = float(statement.most_truly_wrong or 0)
        holds &= int((wrong ^ is_changed).sum()) <= bound
    return dict(zip(_TRULY, (holds, bound / len(wrong)), strict=True))


def holds_throughout(study: Study, question: AuditQuestion, num_read: int) -> bool:
    """Whether the bound was never below the labels that readers call wrong, after any verdict.

    The census adds as many to the bound as to these at least, and there is one stratum else: the bound is too low when
    the evidence against the true number of it is strong enough, and that number lies above the most likely one."""
    numbers = study.order["stratum"].to_numpy()[:num_read]
    [rest] = [place for place, each in enumerate(study.strata) if not each.is_census]
    size, belief = study.strata[rest].size, study.strata[rest].belief
    called = study.calls[0][study.places]
    true = int(called[study.order["stratum"].to_numpy() == rest].sum())
    at = numbers == rest
    read, found = at.cumsum(), (at & called[:num_read]).cumsum()
    predictor = rest_predictor([belief], question)
    evidence = log_evidence(np.array([size]), np.array([[true]]), read[:, None], found[:, None], predictor)
    most_likely = np.floor(found / np.maximum(read, 1) * (size + 1))
    return not bool(((evidence >= math.log(1 / question.alpha)) & (true > most_likely)).any())


def _cut_offs_hold(study: Study, question: AuditQuestion, num_read: int) -> bool:
    table, called = study.labels.table, study.calls[0]
    probability = table["label_error_probability"].to_numpy()
    proposed = np.argsort(-probability, kind="stable")[: int(table["is_proposed"].sum())]
    ids = table["sample_id"].to_numpy()
    truth = np.cumsum(called[proposed])
    for num in sorted({min(look, num_read) for look in (*CUT_OFF_LOOKS, num_read)}):
        outcomes = _outcomes(study, num)
        bounds = proposal_bounds(study.order, ids[proposed].tolist(), probability[proposed], outcomes, question)
        if (np.array(bounds.least_wrong) > truth).any():
            return False
    return True


def _outcomes(study: Study, num_read: int) -> dict[str, Outcome]:
    called = study.calls[0][study.places[:num_read]].tolist()
    read = study.order["sample_id"].tolist()[:num_read]
    return {one: Outcome.CORRECTED if each else Outcome.RIGHT for one, each in zip(read, called, strict=True)}


def _pairs(study: Study, num_read: int) -> np.ndarray:
    """As `reading_pairs`, of the first labels of the order."""
    num_twice = min(num_read, NUM_TWICE)
    read = study.places[:num_twice]
    called = 2 - study.calls[0][read].astype(int) - study.calls[1][read]
    strata = study.order["stratum"].to_numpy()[:num_twice]
    pairs = np.zeros((len(study.strata), 3), dtype=np.int64)
    np.add.at(pairs, (strata, called), 1)
    return pairs


def exact_most(num_labels: int, num_read: int, num_found: int, alpha: float) -> int:
    """At most so many labels are wrong, by a simple random sample of a size that was fixed before: no looking."""
    low, high = num_found, num_labels - num_read + num_found
    while low < high:
        middle = (low + high + 1) // 2
        is_possible = hypergeom.cdf(num_found, num_labels, middle, num_read) > alpha
        low, high = (middle, high) if is_possible else (low, middle - 1)
    return low


def _ppi(study: Study, num_read: int, alpha: float, rng: np.random.Generator) -> dict[str, float]:
    """Prediction-powered inference of the mean, from a simple random sample: it holds in large samples."""
    from ppi_py import ppi_mean_ci

    called, believed = study.calls[0].astype(float), study.labels.table["label_error_probability"].to_numpy()
    places = rng.permutation(len(called))
    read, unread = places[:num_read], places[num_read:]
    _, most = ppi_mean_ci(called[read], believed[read], believed[unread], alpha=2 * alpha)
    number = float(np.squeeze(most)) * len(called)
    return {"ppi_holds": called.sum() <= number, "ppi": (number - called[read].sum()) / len(called)}
