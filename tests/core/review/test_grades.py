"""A verdict's grade: in the ledger and its chain, in the cleaned table, and counted by class pair."""

import hashlib
import hmac
import json
import sqlite3
from contextlib import closing
from dataclasses import astuple, replace

import pandas as pd
import pytest

from overread.errors import LedgerError
from overread.records import Grade
from overread.review.cleaned_csv import Origin, cleaned_table
from overread.review.final_labels import final_labels
from overread.review.grades import PairGrades, grades_by_pair
from overread.review.ledger import Ledger
from overread.review.reviewed import reviewed_samples
from tests.core.review.verdicts import decision, verdict

KEY = b"k" * 32


def test_a_grade_is_read_back_and_undone_with_its_verdict(url):
    ledger = Ledger.open(url, "study", KEY)
    graded = verdict(grade="few_major")
    assert ledger.record(graded)
    assert not ledger.record(replace(graded, grade="many_minor"))  # sent again: the first one stays
    assert [each.verdict for each in Ledger.open(url, "study", KEY).decisions()] == [graded]
    assert ledger.undo("ann").verdict.grade == "few_major"
    assert ledger.decisions() == []
    assert [row.grade for row in ledger.history()] == ["few_major", ""]
    ledger.verify_chain()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grade": "grave"}, "'grave' of a verdict is not one of many_minor, many_major, few_minor, few_major"),
        ({"kind": "reject", "grade": "few_major"}, "reject has no grade"),
        ({"kind": "exclude", "grade": "few_major"}, "exclude has no grade"),
    ],
)
def test_only_a_verdict_that_finds_a_wrong_label_has_a_grade_and_one_that_there_is(url, changes, message):
    ledger = Ledger.open(url, "study", KEY)
    with pytest.raises(LedgerError, match=message):
        ledger.record(verdict(**changes))
    assert ledger.history() == []


def test_a_row_without_a_grade_is_hashed_as_before_there_were_grades(url):
    ledger = Ledger.open(url, "study", KEY)
    ledger.record(verdict("s1"))
    ledger.record(verdict("s2", grade="few_major"))
    for row, num_earlier in zip(ledger.history(), (23, 24), strict=True):
        values = list(astuple(row))[:num_earlier]
        del values[19]  # the hash itself
        text = json.dumps(values, separators=(",", ":")).encode()
        assert row.hash == hmac.new(KEY, text, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("grade", ["", "many_minor"])
def test_a_grade_that_was_removed_or_changed_in_the_file_breaks_the_chain(tmp_path, grade):
    path = tmp_path / "review.db"
    ledger = Ledger.open(f"sqlite:///{path}", "study", KEY)
    ledger.record(verdict(grade="few_major"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute("UPDATE ledger SET grade = ?", (grade,))
    with pytest.raises(LedgerError, match="row 1: is not as it was written"):
        ledger.verify_chain()


def test_a_final_label_has_each_reader_s_grade_in_the_order_of_its_readers():
    several = [
        decision(1, "s1", "ann"),
        decision(2, "s1", "ben", grade="few_major"),
        decision(3, "s2", "ann"),
        decision(4, "s3", "ann", grade="many_minor"),
    ]
    assert {name: final.grade for name, final in final_labels(several).items()} == {
        "s1": "; few_major",
        "s2": "",
        "s3": "many_minor",
    }


def test_the_cleaned_table_has_the_grade_beside_who_gave_it_and_when():
    source = pd.DataFrame({"image": ["a.png", "b.png"], "label": ["normal", "normal"]})
    samples = pd.DataFrame(
        {"sample_id": ["s1", "s2"], "image": ["a.png", "b.png"], "given_label": "normal", "split": ""}
    )
    table = cleaned_table(
        source,
        reviewed_samples(samples, final_labels([decision(1, "s1", grade="many_major")])),
        image_column="image",
        label_column="label",
        written_labels={},
        origin=Origin(),
    )
    found = table[["final_label", "verdict", "reader", "decided_at", "discrepancy_grade"]]
    assert found.values.tolist() == [
        ["tumour", "accept", "ann", "2026-01-02T03:05:05+00:00", "many_major"],
        ["normal", "", "", "", ""],
    ]


def test_grades_are_counted_by_class_pair_without_pairs_and_bulk_verdicts_that_nobody_graded():
    decisions = [
        decision(1, "s1", grade="few_major"),
        decision(2, "s2", grade="few_major"),
        decision(3, "s3", grade="many_minor"),
        decision(4, "s4"),
        decision(5, "s5", protocol="bulk"),
        decision(6, "s6", kind="reject"),
        decision(7, "s7", kind="relabel", given_label="flat"),
    ]
    counts = dict.fromkeys(map(str, Grade), 0) | {"few_major": 2, "many_minor": 1}
    assert grades_by_pair(decisions) == [PairGrades("normal", "tumour", counts, num_ungraded=1)]


def test_the_pair_with_the_most_grades_comes_first():
    pairs = [("a", "b", 1), ("a", "c", 3), ("b", "a", 2)]
    decisions = [
        decision(
            number,
            f"{given}{chosen}{number}",
            given_label=given,
            proposed_label=chosen,
            chosen_label=chosen,
            grade="few_minor",
        )
        for given, chosen, count in pairs
        for number in range(count)
    ]
    assert [(pair.given_label, pair.chosen_label) for pair in grades_by_pair(decisions)] == [
        ("a", "c"),
        ("b", "a"),
        ("a", "b"),
    ]
