"""Anchoring, counted by hand."""

from dataclasses import MISSING, asdict, fields

from overread.review.anchoring import Anchoring, anchoring
from overread.review.chain import LedgerRow
from tests.core.review.verdicts import decision

ABSENT = dict.fromkeys((field.name for field in fields(LedgerRow) if field.default is MISSING), "")


def reading(sample_id, label, reader="ann", protocol="blind"):
    told = {"kind": "reading", "sample_id": sample_id, "reader": reader, "chosen_label": label, "protocol": protocol}
    return LedgerRow(**ABSENT | told)


READINGS = [
    reading("kept", "tumour"),
    reading("to model", "normal"),
    reading("to given", "tumour"),
    reading("to other", "normal"),
    reading("no label", ""),
    reading("unsure after", "tumour"),
    reading("open", "normal", protocol="open"),
    reading("undecided", "normal"),
    reading("kept", "normal", reader="bob"),
]
# given normal, proposed tumour
DECISIONS = [
    decision(1, "kept", kind="accept"),
    decision(2, "to model", kind="accept"),
    decision(3, "to given", kind="reject"),
    decision(4, "to other", kind="relabel"),
    decision(5, "no label", kind="accept"),
    decision(6, "unsure after", kind="ambiguous"),
    decision(7, "open", kind="accept"),
]


def test_readings_are_counted_by_where_their_verdicts_went():
    found = anchoring(READINGS, DECISIONS)
    assert found == Anchoring(4, num_kept=1, num_to_model=1, num_to_given=1, num_to_other=1, num_against_model=2)


def test_with_the_truth_right_readings_that_turned_wrong_are_told_from_wrong_ones_that_were_mended():
    truth = {"kept": "tumour", "to model": "normal", "to given": "normal"}
    found = anchoring(READINGS, DECISIONS, truth)
    assert (found.num_right, found.num_right_turned_wrong) == (2, 1)
    assert (found.num_wrong, found.num_wrong_mended) == (1, 1)
    assert found.num_readings == 4


def test_without_readings_there_is_nothing_to_tell():
    assert set(asdict(anchoring([], DECISIONS, {"kept": "tumour"})).values()) == {0}
