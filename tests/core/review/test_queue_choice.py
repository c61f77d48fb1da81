"""The orders of a queue against plain loops, and what a reader still has to see of it."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from statistics import median

import numpy as np
import pandas as pd
import pytest

from overread.errors import ConfigError
from overread.records import Decision, VerdictKind
from overread.review.ledger import Ledger
from overread.review.queue import Pace, ReaderMarks, due_repeats, review_order, waiting_samples
from overread.review.queue_choice import QueueChoice, QueueOrder, QueuePart
from tests.core.review.verdicts import verdict

NUM_SAMPLES = 300


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "sample_id": [f"{number:04x}" for number in rng.permutation(NUM_SAMPLES)],
            "given_label": rng.choice(["a", "b", "c"], NUM_SAMPLES),
            "likely_label": rng.choice(["d", "e"], NUM_SAMPLES),
            "label_error_probability": rng.uniform(0, 1, NUM_SAMPLES).round(4),
            "is_proposed": rng.random(NUM_SAMPLES) < 0.4,
            "kind": rng.choice(["relabel", "outlier", ""], NUM_SAMPLES),
            "slide": rng.choice(["s1", "s2"], NUM_SAMPLES),
        }
    )


def decided(sequence, sample_id, **changes):
    made = verdict(sample_id, visit=str(sequence), follows=changes.pop("follows", ""))
    return Decision(replace(made, **changes), sequence, datetime(2026, 1, 2, tzinfo=UTC))


def timed(table, num, rng):
    """Verdicts on the first rows, of every length, some of a reader who was away."""
    return [
        decided(
            place + 1,
            row.sample_id,
            given_label=row.given_label,
            proposed_label=row.likely_label,
            elapsed_ms=int(rng.integers(1000, 400_000)),
        )
        for place, row in enumerate(table.head(num).itertuples())
    ]


def hundredths(row):
    return int(Fraction(str(row.label_error_probability)) * 100)


def test_most_errors_per_minute_is_the_probability_over_the_time_that_such_verdicts_took(table):
    decisions = timed(table, 40, np.random.default_rng(1))
    times = {}
    for each in decisions:
        pair = each.verdict.given_label, each.verdict.proposed_label
        times.setdefault(pair, []).append(min(each.verdict.elapsed_ms, 120_000) / 1000)
    overall = median([time for several in times.values() for time in several])

    def yielded(row):
        own = times.get((row.given_label, row.likely_label), [])
        seconds = (len(own) * median(own) + 10 * overall) / (len(own) + 10) if own else overall
        return hundredths(row) / seconds

    rows = {row.sample_id: row for row in table.itertuples()}
    order = review_order(table, QueueChoice(order=QueueOrder.PACE), pace=Pace.of(decisions))
    assert sorted(order) == sorted(table.loc[table["is_proposed"], "sample_id"])
    rates = np.array([yielded(rows[name]) for name in order])
    assert (np.diff(rates) <= 1e-12).all()
    assert order != review_order(table)


def test_without_a_timed_verdict_every_sample_takes_as_long(table):
    assert Pace.of([decided(1, "s", elapsed_ms=0)]) is None
    choice = QueueChoice(order=QueueOrder.PACE)
    assert review_order(table, choice, pace=Pace.of([])) == review_order(table)
    assert review_order(table, choice, pace=Pace(7.0, {})) == review_order(table)


def test_by_class_pair_the_pair_with_the_most_expected_errors_comes_first_and_whole(table):
    order = review_order(table, QueueChoice(order=QueueOrder.CLASS_PAIR, min_probability=0.3))
    rows = {row.sample_id: row for row in table.itertuples()}
    sums = {}
    for row in table.itertuples():
        if row.label_error_probability >= 0.3:
            pair = row.given_label, row.likely_label
            sums[pair] = sums.get(pair, 0) + row.label_error_probability
    pairs = [(rows[name].given_label, rows[name].likely_label) for name in order]
    assert list(dict.fromkeys(pairs)) == sorted(sums, key=sums.__getitem__, reverse=True)
    for pair in sums:
        inside = [hundredths(rows[name]) for name, each in zip(order, pairs, strict=True) if each == pair]
        assert inside == sorted(inside, reverse=True)
        places = [place for place, each in enumerate(pairs) if each == pair]
        assert places == list(range(places[0], places[-1] + 1))


def test_a_random_order_is_the_same_for_everyone_and_follows_neither_the_table_nor_the_probability(table):
    choice = QueueChoice(order=QueueOrder.RANDOM)
    order = review_order(table, choice)
    assert order == review_order(table.sample(frac=1, random_state=1), choice)
    proposed = table[table["is_proposed"]]
    assert sorted(order) == sorted(proposed["sample_id"])
    place = dict(zip(order, range(len(order)), strict=True))
    places = proposed["sample_id"].map(place)
    for column in (proposed["label_error_probability"], pd.Series(range(len(proposed)), index=proposed.index)):
        assert abs(places.corr(column)) < 0.3


@pytest.mark.parametrize(
    "filters",
    [
        {"given": "a"}, {"likely": "e"}, {"kind": "outlier"}, {"slide": "s2"}, {"given": "b", "likely": "d"},
        {"given": "a", "likely": "e", "kind": "relabel", "slide": "s1", "min_probability": 0.2}, {"given": "none"},
    ],
)  # fmt: skip
def test_filters_leave_what_passes_all_of_them_in_the_same_order(table, filters):
    columns = {"given": "given_label", "likely": "likely_label", "kind": "kind", "slide": "slide"}
    rows = {row.sample_id: row for row in table.itertuples()}
    least = filters.get("min_probability")
    whole = review_order(table, QueueChoice(min_probability=least))
    wanted = [(columns[name], value) for name, value in filters.items() if name in columns]
    expected = [name for name in whole if all(getattr(rows[name], column) == value for column, value in wanted)]
    assert review_order(table, QueueChoice(**filters)) == expected


def test_controls_pass_the_filters_but_for_the_kind_that_they_have_not(table):
    choice = QueueChoice(given="a", kind="outlier", num_controls=5)
    order = review_order(table, choice)
    rows = table.set_index("sample_id").loc[order]
    assert set(rows["given_label"]) == {"a"}
    assert (~rows["is_proposed"]).sum() == 5


def test_a_reader_sees_what_is_neither_decided_nor_put_off_then_what_was_put_off():
    order, chosen = list("abcdefgh"), set("abcdefgh")
    marks = ReaderMarks(decided="bd", later=["f", "x", "b", "a"], repeats="d")
    seen = list(waiting_samples(order, QueueChoice(), marks, is_chosen=chosen.__contains__))
    assert seen == ["c", "e", "g", "h", "f", "a"]
    later = QueueChoice(only=QueuePart.LATER)
    assert list(waiting_samples(order, later, marks, is_chosen=chosen.__contains__)) == ["f", "a"]
    again = QueueChoice(repeats=True)
    assert list(waiting_samples(order, again, marks, is_chosen=chosen.__contains__)) == ["d", *seen]
    noted = QueueChoice(only=QueuePart.NOTED)
    marks = ReaderMarks(decided="bdx", noted="xdb")
    assert list(waiting_samples(order, noted, marks, is_chosen=chosen.__contains__)) == ["b", "d"]


def test_a_decided_sample_that_is_shown_again_can_be_put_off_too():
    order, chosen = list("abcd"), set("abcd")
    marks = ReaderMarks(decided="abc", noted="abc", later=["a", "d"], repeats="a")
    noted = QueueChoice(only=QueuePart.NOTED)
    assert list(waiting_samples(order, noted, marks, is_chosen=chosen.__contains__)) == ["b", "c", "a"]
    again = QueueChoice(repeats=True)
    assert list(waiting_samples(order, again, marks, is_chosen=chosen.__contains__)) == ["a", "d"]
    assert list(waiting_samples(order, QueueChoice(), marks, is_chosen=chosen.__contains__)) == ["d"]


def test_a_sample_comes_again_once_and_never_before_fifty_others():
    """A reader who decides 600 samples and then everything that is due, one after the other."""
    standing, first, again = {}, {}, {}
    for sequence in range(1, 2001):
        due = due_repeats(standing.values())
        if not due and len(first) == 600:
            break
        sample_id = due[0] if due else f"{len(first):016x}"
        if due:
            assert sample_id not in again
            since = {each.verdict.sample_id for each in standing.values() if each.sequence > first[sample_id]}
            assert len(since) >= 50
            again[sample_id] = sequence
            standing[sample_id] = decided(sequence, sample_id, follows="the first verdict's key")
        else:
            first[sample_id] = sequence
            standing[sample_id] = decided(sequence, sample_id)
    # One of ten of those that fifty others follow: binomial, standard deviation 7.
    assert abs(len(again) - 55) < 4 * 7


def test_a_choice_that_is_none_is_refused():
    for wrong in ({"order": "size"}, {"only": "all"}, {"min_probability": 1.5}, {"num_controls": -1}):
        with pytest.raises(ConfigError):
            QueueChoice(**wrong)
    assert QueueChoice(order="class pair", only="later") == QueueChoice(QueueOrder.CLASS_PAIR, only=QueuePart.LATER)


def test_a_verdict_without_a_run_is_recorded(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'review.db'}", "study")
    made = replace(verdict("s"), kind=VerdictKind.REJECT, run="", score=0.0, proposed_label="")
    assert ledger.record(replace(made, chosen_label=made.given_label))
    assert [each.verdict.run for each in ledger.decisions()] == [""]
    ledger.verify_chain()
