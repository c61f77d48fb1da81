import math

import numpy as np
import pytest

from overread.pipeline.settled_labels import MIN_SHARED, settled_labels
from tests.core.review.verdicts import decision

LABELS = ("normal", "tumour", "polyp")
KINDS = dict(zip(LABELS, ("reject", "accept", "relabel"), strict=True))


def votes(table, first=0):
    """Decisions from rows of one label per reader; an empty cell is none."""
    return [
        decision(row * 10 + place + 1, f"s{row}", f"reader{place}", KINDS.get(label, label))
        for row, cells in enumerate(table, start=first)
        for place, label in enumerate(cells)
        if label
    ]


def made_table(num_samples=300, rates=(0.05, 0.1, 0.4), seed=0):
    """True labels, and what readers with these rates of error give."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, num_samples)
    wrong = rng.random((num_samples, len(rates))) < np.array(rates)
    given = np.where(wrong, (truth[:, None] + rng.integers(1, 3, wrong.shape)) % 3, truth[:, None])
    return truth, [[LABELS[label] for label in row] for row in given]


def test_a_dispute_goes_to_the_reader_who_errs_less_and_more_labels_are_right_than_by_majority():
    truth, table = made_table(rates=(0.02, 0.3, 0.35))
    found = settled_labels(votes(table))
    right = {"settled": 0, "majority": 0}
    for place, row in enumerate(table):
        label = LABELS[truth[place]]
        right["settled"] += found[f"s{place}"].label == label
        right["majority"] += row.count(label) > 1
    assert right["settled"] > 1.05 * right["majority"]
    alone = [place for place, row in enumerate(table) if len(set(row)) == 3]
    assert len(alone) > 10
    assert sum(found[f"s{place}"].label == table[place][0] for place in alone) > 0.8 * len(alone)


def test_the_probability_is_near_that_of_bayes_rule_with_the_rates_that_made_the_votes():
    _, table = made_table(3000)
    found = settled_labels(votes(table))
    rates = (0.05, 0.1, 0.4)
    row = ["normal", "tumour", "tumour"]
    likely = {
        label: math.prod(1 - rate if vote == label else rate / 2 for vote, rate in zip(row, rates, strict=True))
        for label in LABELS
    }
    settled = found[f"s{table.index(row)}"]
    assert settled.probability == pytest.approx(likely[settled.label] / sum(likely.values()), abs=0.1)


def test_the_label_is_always_one_that_a_reader_gave():
    _, table = made_table(rates=(0.45, 0.5, 0.55))
    found = settled_labels(votes(table))
    assert len(found) > 200
    assert all(found[f"s{place}"].label in row for place, row in enumerate(table) if f"s{place}" in found)


def test_too_few_readers_or_too_few_shared_samples_settle_nothing():
    _, table = made_table()
    assert settled_labels(votes([row[:2] for row in table])) == {}
    assert settled_labels(votes(table[: MIN_SHARED - 1])) == {}
    assert settled_labels([]) == {}
    newcomer = [["normal", "", "", "tumour"]]
    found = settled_labels([*votes(table), *votes(newcomer, first=len(table))])
    assert f"s{len(table)}" not in found
    assert f"s{len(table) - 1}" in found


def test_a_tie_stays_open():
    """Four readers who agree on all but one sample, on which they are two against two."""
    table = [[label] * 4 for label in ("normal", "tumour") * MIN_SHARED] + [["normal", "normal", "tumour", "tumour"]]
    found = settled_labels(votes(table))
    assert f"s{2 * MIN_SHARED}" not in found
    assert len(found) == 2 * MIN_SHARED


def test_verdicts_without_a_label_are_no_votes_and_exclude_is_one():
    _, table = made_table(rates=(0.05, 0.05, 0.05))
    first = len(table)
    odd = [["ambiguous", "tumour", "cannot_judge"], ["exclude", "exclude", "normal"], ["ambiguous", "", ""]]
    found = settled_labels([*votes(table), *votes([["exclude"] * 3] * 9, first=first), *votes(odd, first=first + 9)])
    assert found[f"s{first + 9}"].label == "tumour"
    assert found[f"s{first + 10}"].label == ""
    assert f"s{first + 11}" not in found
