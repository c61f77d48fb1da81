"""Which labels an audit reads, and in what order: drawn before the first verdict, and never changed after."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from overread.audit.confidence_set import PLANNED_PART, ConfidenceSet, Counts, Predictor, most_of_sample
from overread.errors import ConfigError

CENSUS = "most doubtful"
"""The stratum that is read whole: its wrong labels are known in the end, and no bound is needed for them."""
PROPOSED = "proposals"
"""The stratum that is read first where the question is about the run's proposals."""
REST = "rest"
"""What is sampled at random; by class it is "rest: CLASS"."""
PER_CENSUS = 2
"""Labels that are drawn from the rest for each that is read whole, or more."""
MIN_PLANNED, MIN_PLANNED_SHARE = 200, 0.2
"""Fewer verdicts are not planned for, nor than this share of all labels where that is less still: only a model that is
right to expect few wrong labels needs fewer, and then reading stops before."""
CENSUS_SHARES = (0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.15, 0.2, 0.3, 0.4, 0.55)
"""Of all labels: the sizes of the census that are tried."""
MIN_STRATUM = 50
"""A class with fewer labels in the rest has no stratum of its own."""
MIN_GROUP = 20
"""Nor has a group whose labels stand out."""
GROUP_BELIEF = 0.9
"""The share of wrong labels that is believed of such a group, of which all models contradict all labels."""
GROUP_PART = 0.5
"""Of alpha, where there are such groups: for their own bounds, equally. The rest is for all that is sampled."""


@dataclass(frozen=True, slots=True)
class AuditQuestion:
    """What the owner wants to be able to say. Raises ConfigError where no audit can say it."""

    max_wrong: float = 0.02
    """Share of all labels that may still be wrong, in (0, 1)."""
    confidence: float = 0.95
    """In (0, 1)."""
    by_class: bool = False
    """Whether each class of the rest is a stratum."""
    seed: int = 0
    min_precision: float | None = None
    """Share of the run's proposals that must be wrong labels, in (0, 1); None: the question is about all labels. If it
    is set, the proposals are sampled first, and `max_wrong` is what is hoped of the rest."""

    def __post_init__(self) -> None:
        for name in ("max_wrong", "confidence", "min_precision"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ConfigError(f"--{name.replace('_', '-')} {value}: give a share between 0 and 1")

    @property
    def alpha(self) -> float:
        return 1 - self.confidence

    @property
    def guess(self) -> float:
        """The rate of wrong labels in the rest at which it is hoped that the question has its answer."""
        return self.max_wrong / 2


@dataclass(frozen=True, slots=True)
class Stratum:
    """Part of the labels, read in a random order of its own."""

    name: str
    size: int
    is_census: bool
    belief: float | None
    """The mean probability that its labels are wrong, by the run; None without a run."""
    group: str = ""
    """The name of the group decision that may change all of it; empty where there is none."""
    num_planned: int = 0
    """Labels of a sampled stratum, the first of its order, that a part of alpha is for; 0 for groups, and where the
    question is about proposals: all of alpha is then for all moments."""


def draw_order(
    table: pd.DataFrame, question: AuditQuestion, planned: tuple[int, int] | None = None
) -> tuple[pd.DataFrame, tuple[Stratum, ...], int]:
    """Draw an audit's sample.

    table: sample_id and given_label of every label, with label_error_probability in [0, 1] where there is a run,
    is_proposed (bool) where the question is about proposals, and group (str, empty for none; group_text: in words) for
    labels that one decision may change: each group is a stratum. planned: of `plan`; None: it is made.

    Returns every label as sample_id, given_label, stratum (int), in the order in which they are to be read; the strata;
    and how many of them are expected to be enough. A stratum's labels are in a random order, which no other stratum
    changes. The draw is of single labels, so that the bounds hold however alike the images of a patient are.
    """
    table = table.sort_values("sample_id").reset_index(drop=True)  # the order of files tells nothing
    has_run = "label_error_probability" in table
    probability = table["label_error_probability"].to_numpy(dtype=np.float64) if has_run else None
    groups = _groups(table, question)
    is_free = groups == ""
    if question.min_precision is None:
        of_free = None if probability is None else probability[is_free]
        num_census, num_rest = planned or plan(of_free, int(is_free.sum()), question)
    else:
        num_census, num_rest = 0, int(table["is_proposed"].sum())
    numbers, names = _strata(table, probability, num_census, question)
    strata = []
    for place, name in enumerate(names):
        is_in = numbers == place
        belief = None if probability is None else float(probability[is_in].mean())
        group = str(groups[is_in][0])
        strata.append(Stratum(name, int(is_in.sum()), name == CENSUS, GROUP_BELIEF if group else belief, group))
    ranks = reading_order(numbers, strata, num_rest, np.random.default_rng(question.seed))
    order = table.assign(stratum=numbers).iloc[ranks][["sample_id", "given_label", "stratum"]]
    order, num_planned = order.reset_index(drop=True), num_census + num_rest
    if question.min_precision is None:
        # Groups come as fast as the rest, but no plan counts on them.
        numbers = order["stratum"].to_numpy()
        is_free = np.array([not each.group for each in strata])[numbers]
        of_plan = np.bincount(numbers[is_free][:num_planned], minlength=len(strata)).tolist()
        strata = [
            replace(each, num_planned=0 if each.is_census or each.group else number)
            for each, number in zip(strata, of_plan, strict=True)
        ]
    return order, tuple(strata), num_planned


def plan(probability: np.ndarray | None, num_labels: int, question: AuditQuestion) -> tuple[int, int]:
    """How many labels are read whole and how many of the rest, in the plan that needs fewest by what is believed.

    probability: (M,), or None where nothing is believed: then none is read whole. Of the rest, `PER_CENSUS` times as
    many are read, or more: where the model is wrong, they are what the bound rests on."""
    if probability is None:
        num_rest = enough(num_labels, question.guess, _allowed(num_labels, question), question)
        return 0, max(num_rest, _min_planned(num_labels))
    ranked = np.sort(probability)[::-1]
    plans = []
    for num_census in sorted({round(share * num_labels) for share in CENSUS_SHARES}):
        rate = float(ranked[num_census:].mean())
        num_rest = enough(num_labels - num_census, rate, _allowed(num_labels, question), question)
        num_rest = min(max(num_rest, PER_CENSUS * num_census), num_labels - num_census)
        plans.append((num_census + num_rest, num_census, num_rest))
    _, num_census, num_rest = min(plans)
    return num_census, max(num_rest, _min_planned(num_labels) - num_census)


def enough(size: int, rate: float, allowed: int, question: AuditQuestion) -> int:
    """The fewest of `size` labels to plan for until at most `allowed` are still wrong, if `rate` of them are."""

    def is_enough(num_read: int) -> bool:
        num_found = math.ceil(num_read * rate)
        # At the moment that is planned for, no sequence with the rest of alpha says more.
        most = most_of_sample(size, num_read, num_found, PLANNED_PART * question.alpha)
        return most <= allowed + num_found

    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low


def rest_set(counts: Counts, beliefs: Sequence[float | None], question: AuditQuestion) -> ConfidenceSet:
    """Of the strata that are sampled: counts and beliefs of H."""
    return ConfidenceSet(counts, rest_predictor(beliefs, question), question.alpha)


def rest_predictor(beliefs: Sequence[float | None], question: AuditQuestion) -> Predictor:
    """Of the strata that are sampled. What is believed to be mostly wrong is not hoped to be right."""
    believed = [belief for belief in beliefs if belief is not None]
    if len(believed) < len(beliefs):
        return Predictor.of(np.full(len(beliefs), question.guess))
    rates = np.array(believed)
    return Predictor.of(np.where(rates >= GROUP_BELIEF, rates, question.guess), rates)


def group_alpha(strata: Sequence[Stratum], question: AuditQuestion) -> float:
    """For the bound of one group; 0 where no stratum is a group."""
    num_groups = sum(bool(stratum.group) for stratum in strata)
    return GROUP_PART * question.alpha / num_groups if num_groups else 0.0


def sampled_question(strata: Sequence[Stratum], question: AuditQuestion) -> AuditQuestion:
    """The question with what `group_alpha` leaves: at this confidence, all that is sampled is bounded."""
    if not any(stratum.group for stratum in strata):
        return question
    return replace(question, confidence=1 - (1 - GROUP_PART) * question.alpha)


def _min_planned(num_labels: int) -> int:
    return min(MIN_PLANNED, math.floor(MIN_PLANNED_SHARE * num_labels))


def _allowed(num_labels: int, question: AuditQuestion) -> int:
    return math.floor(question.max_wrong * num_labels)


def _strata(
    table: pd.DataFrame, probability: np.ndarray | None, num_census: int, question: AuditQuestion
) -> tuple[np.ndarray, list[str]]:
    """(M,) int64: each label's stratum; and the strata's names."""
    names = np.full(len(table), REST, dtype=object)
    if question.by_class:
        counts = table["given_label"].value_counts()
        is_large = table["given_label"].isin(counts.index[counts >= MIN_STRATUM]).to_numpy()
        names[is_large] = f"{REST}: " + table["given_label"].to_numpy(dtype=object)[is_large]
    is_grouped = _groups(table, question) != ""
    if probability is not None:
        # Ties fall as the ids do, which are hashes.
        names[np.argsort(np.where(is_grouped, 1.0, -probability), kind="stable")[:num_census]] = CENSUS
    if is_grouped.any():
        names[is_grouped] = table["group_text"].to_numpy(dtype=object)[is_grouped]
    if question.min_precision is not None:
        names[table["is_proposed"].to_numpy(dtype=bool)] = PROPOSED
    found = sorted(set(names), key=lambda name: (name not in (CENSUS, PROPOSED), name))
    return np.array([found.index(name) for name in names], dtype=np.int64), found


def _groups(table: pd.DataFrame, question: AuditQuestion) -> np.ndarray:
    """(M,) str: each label's group, if it is large enough for a stratum; none where the question is about proposals."""
    if "group" not in table or question.min_precision is not None:
        return np.full(len(table), "", dtype=object)
    counts = table["group"].value_counts()
    return np.where(table["group"].map(counts) >= MIN_GROUP, table["group"], "")


def reading_order(
    numbers: np.ndarray, strata: Sequence[Stratum], num_rest: int, rng: np.random.Generator
) -> np.ndarray:
    """(M,): the labels in the order in which they are to be read: the proposals asked about, then the others, of which
    the census is spread evenly over the plan, the strata of the rest over all."""
    size_of_rest = sum(stratum.size for stratum in strata if not stratum.is_census)
    places, moments = [], []
    for number, stratum in enumerate(strata):
        places.append(rng.permutation(np.flatnonzero(numbers == number)))
        moment = (np.arange(stratum.size) + 0.5) / stratum.size
        planned = num_rest / max(size_of_rest, 1)
        moments.append(moment * planned if stratum.is_census else moment - (stratum.name == PROPOSED))
    return np.concatenate(places)[np.argsort(np.concatenate(moments), kind="stable")]
