"""Whether the bounds on proposals and on what a group's decision changed hold, looking after every verdict."""

import math
from typing import Any

import numpy as np
import pandas as pd

from overread.audit.confidence_set import Counts, log_evidence
from overread.audit.design import AuditQuestion, Stratum, draw_order, group_alpha, rest_predictor, sampled_question
from overread.audit.group_bound import CONFIDENCE, MIN_RIGHT, NUM_DRAWN, least_right
from overread.audit.outcomes import Outcome
from overread.audit.proposal_bounds import proposal_bounds
from overread.audit.statement import BulkChanges, make_statement
from overread.benchmark.audit_cells import MODELS, READERS, Readers, population
from overread.benchmark.audit_coverage import exact_most

GROUP_SIZE = 150
RIGHT_SHARES = (0.8, 0.9, 1.0)
"""Of a group's labels, for so many the new one is right: one of these in each study."""
NUM_OF_PROPOSALS = 60
"""Proposals that are read, or all where these are fewer."""
NUM_OF_REST = 300
"""Labels that are read outside of the group."""
MOST_OF_GROUP = 80
"""Labels of the group that are read until it is decided, at most."""


def run_proposals(rate: float, model: str, readers: Readers, *, num_studies: int, seed: int) -> dict[str, Any]:
    """The share of studies in which all bounds on the proposals held after each verdict, and the mean bound on all of
    them, as shares of the proposals. NaN where a model proposes nothing."""
    rng = np.random.default_rng([seed, 1, round(1000 * rate), list(MODELS).index(model), READERS.index(readers)])
    results = []
    for _ in range(num_studies):
        labels = population(model, rate, rng)
        question = AuditQuestion(min_precision=0.8, seed=int(rng.integers(2**31)))
        probability = labels.table["label_error_probability"].to_numpy()
        proposed = np.argsort(-probability, kind="stable")[: int(labels.table["is_proposed"].sum())]
        if len(proposed):
            order, *_ = draw_order(labels.table, question)
            called = readers.calls(labels.is_wrong, rng)
            results.append(_of_proposals(order, proposed, probability[proposed], called, question, rng))
    return {"of": "proposals", "rate": rate, "model": model, "readers": readers.name, **_means(results)}


def _of_proposals(
    order: pd.DataFrame,
    proposed: np.ndarray,
    belief: np.ndarray,
    called: np.ndarray,
    question: AuditQuestion,
    rng: np.random.Generator,
) -> dict[str, float]:
    """proposed: (P,) rows of the labels, the surest first; belief: (P,); called: (M,) bool."""
    truth, num = np.cumsum(called[proposed]), len(proposed)
    read = order["sample_id"].tolist()[: min(NUM_OF_PROPOSALS, num)]
    outcomes: dict[str, Outcome] = {}
    names, holds, least = [f"{place:06d}" for place in proposed.tolist()], True, 0
    for sample_id in read:
        outcomes[sample_id] = Outcome.CORRECTED if called[int(sample_id)] else Outcome.RIGHT
        bounds = proposal_bounds(order, names, belief, outcomes, question, has_forecast=False)
        holds, least = holds and bool((np.array(bounds.least_wrong) <= truth).all()), bounds.least_wrong[-1]
    num_right = int((~called[rng.permutation(proposed)[: len(read)]]).sum())
    return {
        "num": num,
        "num_read": len(read),
        "holds": holds,
        "true": truth[-1] / num,
        "bound": least / num,
        "random_sample": 1 - exact_most(num, len(read), num_right, question.alpha) / num,
    }


def run_group(rate: float, model: str, readers: Readers, *, num_studies: int, seed: int) -> dict[str, Any]:
    """The share of studies in which the bound on all labels held after each verdict, before and after a decision on a
    group; and the mean bounds where it was decided, as shares of all labels."""
    rng = np.random.default_rng([seed, 2, round(1000 * rate), list(MODELS).index(model), READERS.index(readers)])
    results = [_of_group(rate, model, readers, rng) for _ in range(num_studies)]
    return {"of": "group", "rate": rate, "model": model, "readers": readers.name, **_means(results)}


def _of_group(rate: float, model: str, readers: Readers, rng: np.random.Generator) -> dict[str, float]:
    labels = population(model, rate, rng)
    is_right = np.arange(GROUP_SIZE) < round(float(rng.choice(RIGHT_SHARES)) * GROUP_SIZE)
    members = len(labels.table) + np.arange(GROUP_SIZE)
    # What the model says of the group is of no use, whichever model it is.
    group = labels.table.iloc[:GROUP_SIZE].assign(sample_id=[f"{place:06d}" for place in members.tolist()])
    table = pd.concat([labels.table.assign(group=""), group.assign(group="g")], ignore_index=True)
    table = table.assign(group_text="the group")
    called = readers.calls(np.concatenate([labels.is_wrong, is_right]), rng)
    question = AuditQuestion(max_wrong=rate, seed=int(rng.integers(2**31)))
    order, strata, _ = draw_order(table, question)
    ids, num = order["sample_id"].tolist(), len(table)
    in_group = order["sample_id"].isin(set(group["sample_id"])).to_numpy()

    read_of_group, most_not_right, holds, is_decided = _read_group(
        rng.permutation(members), called, group_alpha(strata, question)
    )
    outside = np.flatnonzero(~in_group)[:NUM_OF_REST]
    holds = holds and _holds_outside(order, called, outside, strata, question)
    read = [ids[place] for place in outside.tolist()] + [f"{place:06d}" for place in read_of_group]
    outcomes = {one: Outcome.CORRECTED if called[int(one)] else Outcome.RIGHT for one in read}
    changed = frozenset(set(group["sample_id"]) - set(outcomes)) if is_decided else frozenset[str]()
    changes = BulkChanges(changed, {"g": most_not_right})
    known = make_statement(order, strata, question, outcomes, changes=changes, has_forecast=False)
    is_wrong = called.copy()
    if is_decided:
        is_wrong[members] ^= True
    drawn = rng.permutation(num)[: len(read)]
    in_sample = int(is_wrong[drawn].sum())
    is_wrong[[int(one) for one in read]] = False
    found: dict[str, float] = {"holds": holds and int(is_wrong.sum()) <= known.most_wrong, "is_decided": is_decided}
    if not is_decided:
        return found
    return found | {
        "num_read": len(read),
        "true": int(is_wrong.sum()) / num,
        "bound": known.share,
        "all_counted": (known.most_wrong - known.most_wrong_changed + known.num_changed) / num,
        "random_sample": (exact_most(num, len(read), in_sample, question.alpha) - in_sample) / num,
    }


def _read_group(members: np.ndarray, called: np.ndarray, alpha: float) -> tuple[list[int], int, bool, bool]:
    """Read a group in the order given, as many more each time, until it may be decided: the labels that were read; for
    how many others the new label is not right at most; whether that held after each verdict; and if it is decided."""
    size, true = len(members), int(called[members].sum())
    confirmed = np.cumsum(called[members])
    holds = True
    for num_read in range(1, MOST_OF_GROUP + 1):
        found = int(confirmed[num_read - 1])
        counts = Counts.of(np.array([size]), np.array([num_read]), np.array([found]))
        least = least_right(counts, alpha)
        holds = holds and least <= true
        is_decided = num_read % NUM_DRAWN == 0 and least_right(counts, 1 - CONFIDENCE) >= MIN_RIGHT * size
        if is_decided or num_read == MOST_OF_GROUP:
            break
    return members[:num_read].tolist(), size - least - (num_read - found), holds, is_decided


def _holds_outside(
    order: pd.DataFrame,
    called: np.ndarray,
    outside: np.ndarray,
    strata: tuple[Stratum, ...],
    question: AuditQuestion,
) -> bool:
    """Whether the true numbers of wrong labels were in the confidence set after each verdict on the labels outside of
    the group; outside: their places in the order."""
    sampled = [place for place, each in enumerate(strata) if not each.is_census]
    numbers, is_wrong = order["stratum"].to_numpy(), called[order["sample_id"].astype(int).to_numpy()]
    at = numbers[outside][:, None] == np.array(sampled)
    sizes = np.array([strata[place].size for place in sampled])
    true = np.array([int(is_wrong[numbers == place].sum()) for place in sampled])
    read, found = at.cumsum(axis=0), (at & is_wrong[outside][:, None]).cumsum(axis=0)
    question = sampled_question(strata, question)
    predictor = rest_predictor([strata[place].belief for place in sampled], question)
    evidence = log_evidence(sizes, np.broadcast_to(true, read.shape), read, found, predictor)
    return bool((evidence < math.log(1 / question.alpha)).all())


def _means(results: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each number over the studies that have it."""
    table = pd.DataFrame(results).astype(float)
    return {name: float(table[name].mean()) for name in table} | {"num_measured": len(results)}
