from datetime import timedelta

import pytest

from overread.review.final_labels import LabelPolicy, Settled, final_labels
from tests.core.review.verdicts import START, decision


def final(*decisions):
    (only,) = final_labels(decisions).values()
    return only


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("accept", "tumour"),
        ("relabel", "polyp"),
        ("reject", "normal"),
        ("ambiguous", "normal"),
        ("cannot_judge", "normal"),
        ("exclude", ""),
    ],
)
def test_one_verdict_makes_its_label(kind, label):
    found = final(decision(5, "s1", "ann", kind))
    assert (found.label, found.verdict, found.reader) == (label, kind, "ann")
    assert found.decided_at == START + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("accept", "reject"),
        ("accept", "relabel"),
        ("accept", "exclude"),
        ("reject", "exclude"),
        ("exclude", "ambiguous"),
    ],
)
def test_readers_who_want_different_labels_dispute_and_the_given_label_stays(first, second):
    for kinds in ((first, second), (second, first)):
        found = final(decision(1, "s1", "a", kinds[0]), decision(2, "s1", "b", kinds[1]))
        assert (found.label, found.verdict, found.reader) == ("normal", "disputed", "a; b")


def test_a_third_reader_does_not_outvote_the_second():
    found = final(decision(1, reader="a"), decision(2, reader="b"), decision(3, reader="c", kind="reject"))
    assert (found.label, found.verdict) == ("normal", "disputed")


def test_the_same_label_by_different_verdicts_is_no_dispute_and_the_newest_is_named():
    kept = final(decision(1, reader="a", kind="reject"), decision(2, reader="b", kind="cannot_judge"))
    assert (kept.label, kept.verdict) == ("normal", "cannot_judge")
    changed = final(
        decision(1, reader="a"),
        decision(2, reader="b", kind="relabel", proposed_label="polyp", chosen_label="tumour"),
    )
    assert (changed.label, changed.verdict) == ("tumour", "relabel")


def test_readers_who_agree_stand_in_the_order_they_decided_with_the_newest_time_and_run():
    found = final(
        decision(9, reader="zoe", run="run-2", score=0.9),
        decision(4, reader="bob", run="run-1", score=0.6),
        decision(6, reader="ann", run="run-1", score=0.6),
    )
    assert (found.reader, found.verdict, found.label) == ("bob; ann; zoe", "accept", "tumour")
    assert (found.decided_at, found.run, found.score) == (START + timedelta(minutes=9), "run-2", 0.9)


def test_samples_are_judged_one_by_one():
    found = final_labels([decision(1, "s1"), decision(2, "s2", "bob", "reject")])
    assert {name: label.verdict for name, label in found.items()} == {"s1": "accept", "s2": "reject"}
    assert final_labels([]) == {}


@pytest.mark.parametrize(
    ("kinds", "label", "verdict"),
    [
        (("accept", "reject", "accept"), "tumour", "accept"),
        (("accept", "accept", "reject"), "tumour", "accept"),
        (("exclude", "accept", "exclude"), "", "exclude"),
        (("reject", "ambiguous", "accept"), "normal", "ambiguous"),
        (("accept", "reject"), "normal", "disputed"),
        (("accept", "accept", "reject", "relabel"), "normal", "disputed"),
        (("accept",), "tumour", "accept"),
    ],
)
def test_by_majority_the_label_counts_that_more_than_half_want(kinds, label, verdict):
    decisions = [decision(number, "s1", f"reader{number}", kind) for number, kind in enumerate(kinds, start=1)]
    (found,) = final_labels(decisions, LabelPolicy.MAJORITY).values()
    assert (found.label, found.verdict) == (label, verdict)
    assert found.reader.count(";") == len(kinds) - 1


def test_each_class_has_its_share_of_the_labels_and_verdicts_that_give_none_have_no_part_in_it():
    kinds = ("accept", "reject", "accept", "ambiguous", "exclude", "cannot_judge")
    decisions = [decision(number, "s1", f"reader{number}", kind) for number, kind in enumerate(kinds, start=1)]
    (found,) = final_labels(decisions, LabelPolicy.SOFT).values()
    assert found.shares == {"tumour": 2 / 3, "normal": 1 / 3}
    assert (found.label, found.verdict) == ("normal", "disputed")
    (decided,) = final_labels(decisions[:3], LabelPolicy.SOFT).values()
    assert (decided.label, decided.verdict) == ("tumour", "accept")
    assert final(decisions[3], decisions[5]).shares == {}


def test_what_a_policy_settled_from_outside_is_no_dispute():
    decisions = [decision(1, "s1", "a"), decision(2, "s1", "b", "reject"), decision(3, "s2", "a")]
    found = final_labels(decisions, LabelPolicy.DAWID_SKENE, {"s1": Settled("tumour", 0.9)})
    assert (found["s1"].label, found["s1"].verdict, found["s1"].probability) == ("tumour", "accept", 0.9)
    assert (found["s2"].label, found["s2"].probability) == ("tumour", None)
    assert final_labels(decisions, LabelPolicy.DAWID_SKENE)["s1"].verdict == "disputed"
