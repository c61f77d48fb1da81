"""Whether the bounds on proposals and on what a group's decision changed hold, looking after every verdict."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from overread.audit.confidence_set import ConfidenceSet, Counts, log_evidence, most_of_sample
from overread.audit.design import AuditQuestion, draw_order, group_alpha, plan, rest_set, sampled_question
from overread.audit.group_bound import CONFIDENCE, MIN_RIGHT, NUM_DRAWN, least_right, right_set
from overread.audit.outcomes import Outcome
from overread.audit.proposal_bounds import proposal_bins, proposal_bounds, proposal_predictor
from overread.audit.statement import BulkChanges, make_statement
from overread.benchmark.audit_cells import Cell, Draw, Population, Readers, label_ids
from overread.benchmark.audit_coverage import STATEMENT_PART
from overread.benchmark.audit_draws import Drawn, draw

GROUP_SIZE = 150
RIGHT_SHARES = (0.8, 0.9, 1.0)
"""Of a group's labels, for so many the new one is right: one of these in each study."""
NUM_OF_PROPOSALS = 60
"""Proposals that are read, or all where these are fewer."""
NUM_OF_REST = 300
"""Labels that are read outside of the group."""
MOST_OF_GROUP = 80
"""Labels of the group that are read until it is decided, at most."""


def run_proposals(cell: Cell, draw_labels: Draw, *, num_studies: int, seed: int) -> dict[str, Any]:
    """The share of studies in which all bounds on the proposals held after each verdict, and the mean bound on all of
    them, as shares of the proposals."""
    rng = cell.rng(seed, "proposals")
    results = []
    for number in range(num_studies):
        labels = draw_labels(rng)
        question = AuditQuestion(min_precision=0.8, seed=int(rng.integers(2**31)))
        called = cell.readers.calls(labels.is_wrong, rng)
        found = _of_proposals(labels, called, rng)
        if number % STATEMENT_PART == 0:
            found |= {"states": proposals_state(labels, called, question)}
        results.append(found | {"rate": labels.is_wrong.mean(), **_random_proposals(called[labels.proposed], rng)})
    return {"of": "proposals", **_means(results), **cell.key}


def _random_proposals(called: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """called: (P,) bool, the proposals that readers call wrong. The exact bound of a simple random sample."""
    num, num_read = len(called), min(NUM_OF_PROPOSALS, len(called))
    num_right = int((~called[rng.permutation(num)[:num_read]]).sum())
    most_right = most_of_sample(num, num_read, num_right, AuditQuestion().alpha)
    return {"num": num, "num_read": num_read, "true": called.mean(), "random_sample": 1 - most_right / num}


def _of_proposals(labels: Population, called: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Whether the true numbers of wrong labels were in the confidence set, from which all bounds on the proposals
    follow, after each verdict. called: (M,) bool."""
    belief, is_wrong = labels.probability[labels.proposed], called[labels.proposed]
    cells, alpha = proposal_bins(len(belief)), AuditQuestion().alpha
    read_first = rng.permutation(len(belief))[:NUM_OF_PROPOSALS]
    sizes = np.bincount(cells)
    at = cells[read_first][:, None] == np.arange(len(sizes))
    read, found = at.cumsum(axis=0), (at & is_wrong[read_first][:, None]).cumsum(axis=0)
    true = np.bincount(cells, is_wrong).astype(np.int64)
    predictor = proposal_predictor(np.bincount(cells, belief) / sizes)
    evidence = log_evidence(sizes, np.broadcast_to(true, read.shape), read, found, predictor)
    least = ConfidenceSet(Counts.of(sizes, read[-1], found[-1]), predictor, alpha).least()
    return {"holds": bool((evidence < math.log(1 / alpha)).all()), "bound": least / len(belief)}


def proposals_state(labels: Population, called: np.ndarray, question: AuditQuestion) -> bool:
    """Whether `proposal_bounds` holds for all cut-offs after the first verdict, after half of them and after all."""
    order, *_ = draw_order(labels.table, question)
    names, truth = label_ids(len(called))[labels.proposed].tolist(), np.cumsum(called[labels.proposed])
    num_read = min(NUM_OF_PROPOSALS, len(names))
    for num in (1, num_read // 2, num_read):
        read = order["sample_id"].tolist()[:num]
        outcomes = {one: Outcome.CORRECTED if called[int(one)] else Outcome.RIGHT for one in read}
        belief = labels.probability[labels.proposed]
        bounds = proposal_bounds(order, names, belief, outcomes, question, has_forecast=False)
        if (np.array(bounds.least_wrong) > truth).any():
            return False
    return True


def run_group(cell: Cell, draw_labels: Draw, *, num_studies: int, seed: int) -> dict[str, Any]:
    """The share of studies in which the bound on all labels held after each verdict, before and after a decision on a
    group; and the mean bounds where it was decided, as shares of all labels."""
    rng = cell.rng(seed, "group")
    first = draw_labels(rng)
    rate = float(first.is_wrong.mean())
    question = AuditQuestion(max_wrong=rate)
    planned = plan(first.probability, len(first.is_wrong), question)
    results = []
    for number in range(num_studies):
        asked = replace(question, seed=int(rng.integers(2**31)))
        study = GroupStudy.of(draw_labels(rng), cell.readers, asked, planned, rng)
        holds = study.group_holds and holds_outside(study)
        found: dict[str, float] = {"holds": holds, "is_decided": study.is_decided}
        results.append(found | (_by_statement(study, planned, rng) if number % STATEMENT_PART == 0 else {}))
    return {"of": "group", "rate": rate, **cell.key, **_means(results)}


@dataclass(frozen=True, slots=True)
class GroupStudy:
    """A study in which one group stands out, the last labels of all."""

    labels: Population
    """Without the group."""
    called: np.ndarray
    """(M,) bool, the group's labels among them."""
    drawn: Drawn
    question: AuditQuestion
    outside: np.ndarray
    """Places of the order that are read outside of the group."""
    of_group: np.ndarray
    """Labels of the group that are read."""
    most_not_right: int
    """For so many of its other labels the new one is not right at most."""
    group_holds: bool
    """Whether that held after each verdict."""
    is_decided: bool

    @classmethod
    def of(
        cls,
        labels: Population,
        readers: Readers,
        question: AuditQuestion,
        planned: tuple[int, int],
        rng: np.random.Generator,
    ) -> "GroupStudy":
        is_right = np.arange(GROUP_SIZE) < round(float(rng.choice(RIGHT_SHARES)) * GROUP_SIZE)
        called = readers.calls(np.concatenate([labels.is_wrong, is_right]), rng)
        # What the model says of the group is of no use, whichever model it is.
        probability = np.concatenate([labels.probability, labels.probability[:GROUP_SIZE]])
        drawn = draw(probability, planned, question.seed, num_grouped=GROUP_SIZE)
        members = rng.permutation(len(labels.probability) + np.arange(GROUP_SIZE))
        of_group = _read_group(members, called, group_alpha(drawn.strata, question))
        outside = np.flatnonzero(drawn.places < len(labels.probability))[:NUM_OF_REST]
        return cls(labels, called, drawn, question, outside, *of_group)


def _by_statement(study: GroupStudy, planned: tuple[int, int], rng: np.random.Generator) -> dict[str, float]:
    """Whether the statement holds, after the decision if there was one; and if so, its bounds."""
    table, called, num = group_table(study), study.called, len(study.called)
    order, strata, _ = draw_order(table, study.question, planned)
    ids = table["sample_id"]
    read = np.concatenate([study.drawn.places[study.outside], study.of_group])
    outcomes = {ids[one]: Outcome.CORRECTED if called[one] else Outcome.RIGHT for one in read.tolist()}
    changed = frozenset(set(ids[table["group"] == "g"]) - set(outcomes)) if study.is_decided else frozenset[str]()
    changes = BulkChanges(changed, {"g": study.most_not_right})
    known = make_statement(order, strata, study.question, outcomes, changes=changes, has_forecast=False)
    is_wrong = called.copy()
    if study.is_decided:
        is_wrong[-GROUP_SIZE:] ^= True
    in_sample = int(is_wrong[rng.permutation(num)[: len(read)]].sum())
    is_wrong[read] = False
    found: dict[str, float] = {"states": int(is_wrong.sum()) <= known.most_wrong}
    if not study.is_decided:
        return found
    return found | {
        "num_read": len(read),
        "true": int(is_wrong.sum()) / num,
        "bound": known.share,
        "all_counted": (known.most_wrong - known.most_wrong_changed + known.num_changed) / num,
        "random_sample": (most_of_sample(num, len(read), in_sample, study.question.alpha) - in_sample) / num,
    }


def group_table(study: GroupStudy) -> pd.DataFrame:
    """The labels as `draw_order` wants them, the group's last."""
    table = study.labels.table
    group = table.iloc[:GROUP_SIZE].assign(sample_id=label_ids(len(study.called))[len(table) :].tolist())
    table = pd.concat([table.assign(group=""), group.assign(group="g")], ignore_index=True)
    return table.assign(group_text="the group")


def _read_group(members: np.ndarray, called: np.ndarray, alpha: float) -> tuple[np.ndarray, int, bool, bool]:
    """Read a group in the order given, as many more each time, until it may be decided: the labels that were read; for
    how many others the new label is not right at most; whether that held after each verdict; and if it is decided."""
    size, true = len(members), int(called[members].sum())
    confirmed = np.cumsum(called[members])

    def counts(num_read: int) -> Counts:
        return Counts.of([size], [num_read], [confirmed[num_read - 1]])

    looks = range(NUM_DRAWN, MOST_OF_GROUP + 1, NUM_DRAWN)
    decided = (look for look in looks if least_right(counts(look), 1 - CONFIDENCE) >= MIN_RIGHT * size)
    decided_at = next(decided, None)
    num_read = decided_at or MOST_OF_GROUP
    read, found = np.arange(1, num_read + 1), confirmed[:num_read]
    at_end = right_set(counts(num_read), alpha)
    evidence = log_evidence(np.array([size]), np.array([[true]]), read[:, None], found[:, None], at_end.predictor)
    is_too_high = (evidence >= math.log(1 / alpha)) & (true < np.floor(found / read * (size + 1)))
    most_not_right = size - at_end.least() - (num_read - int(found[-1]))
    return members[:num_read], most_not_right, not bool(is_too_high.any()), decided_at is not None


def holds_outside(study: GroupStudy) -> bool:
    """Whether the true numbers of wrong labels were in the confidence set after each verdict on the labels outside of
    the group."""
    drawn, outside = study.drawn, study.outside
    sampled, strata, numbers, is_wrong = drawn.sampled, drawn.strata, drawn.numbers, study.called[drawn.places]
    at = numbers[outside][:, None] == np.array(sampled)
    sizes = np.array([strata[place].size for place in sampled])
    true = np.array([int(is_wrong[numbers == place].sum()) for place in sampled])
    read, found = at.cumsum(axis=0), (at & is_wrong[outside][:, None]).cumsum(axis=0)
    num_planned = np.array([strata[place].num_planned for place in sampled])
    # Of the planned samples, what is unread after the last verdict counts as wrong: their bounds are least then.
    planned_most = num_planned.copy()
    for place in range(len(sampled)):
        of_plan = is_wrong[numbers == sampled[place]][: num_planned[place]]
        planned_most[place] -= int((~of_plan[: read[-1, place]]).sum())
    counts = Counts.of(sizes, read[-1], found[-1]).planned(num_planned, planned_most)
    chosen = rest_set(counts, [strata[place].belief for place in sampled], sampled_question(strata, study.question))
    evidence = log_evidence(sizes, np.broadcast_to(true, read.shape), read, found, chosen.predictor)
    return bool((evidence < math.log(1 / chosen.sequence_alpha)).all() and (true <= chosen.limits).all())


def _means(results: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each number over the studies that have it."""
    table = pd.DataFrame(results).astype(float)
    return {name: float(table[name].mean()) for name in table}
