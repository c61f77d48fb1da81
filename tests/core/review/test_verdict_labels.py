import pandas as pd
import pytest

from overread.review.final_labels import Settled
from overread.review.verdict_labels import verified_labels
from tests.core.review.verdicts import decision

CLASSES = ("normal", "polyp", "tumour")


def verified_of(*decisions, given="normal", classes=CLASSES, settled=None):
    samples = pd.DataFrame({"sample_id": ["s0", "s1"], "given_label": ["polyp", given]})
    verified = verified_labels(samples, classes, decisions, settled)
    assert not verified.targets[0].any()
    assert not verified.is_excluded[0]
    return verified.targets[1].tolist(), bool(verified.is_excluded[1])


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("accept", [0, 0, 1]),
        ("reject", [1, 0, 0]),
        ("relabel", [0, 1, 0]),
        ("ambiguous", [0.5, 0, 0.5]),
        ("cannot_judge", [0, 0, 0]),
    ],
)
def test_each_verdict_verifies_the_label_that_follows_from_it(kind, target):
    assert verified_of(decision(1, kind=kind)) == (target, False)


def test_an_excluded_sample_is_left_out():
    assert verified_of(decision(1, kind="exclude")) == ([0, 0, 0], True)


def test_readers_who_differ_verify_nothing_and_those_who_agree_do():
    differ = decision(1, reader="ann", kind="accept"), decision(2, reader="bob", kind="reject")
    assert verified_of(*differ) == ([0, 0, 0], False)
    agree = decision(1, reader="ann", kind="accept"), decision(2, reader="bob", kind="accept")
    assert verified_of(*agree) == ([0, 0, 1], False)


@pytest.mark.parametrize(
    ("label", "verdict", "expected"),
    [
        ("tumour", "adjudicated", ([0, 0, 1], False)),
        ("polyp", "adjudicated", ([0, 1, 0], False)),
        ("normal", "agreed", ([1, 0, 0], False)),
        ("", "adjudicated", ([0, 0, 0], True)),
        ("normal", "unresolved", ([0, 0, 0], False)),
    ],
)
def test_what_a_round_has_settled_is_verified_in_place_of_the_dispute(label, verdict, expected):
    differ = decision(1, reader="ann", kind="accept"), decision(2, reader="bob", kind="reject")
    assert verified_of(*differ, settled={"s1": Settled(label, verdict=verdict)}) == expected


def test_a_kept_label_that_the_source_has_changed_since_is_not_verified():
    assert verified_of(decision(1, kind="reject"), given="polyp") == ([0, 0, 0], False)
    assert verified_of(decision(1, kind="ambiguous"), given="polyp") == ([0, 0, 0], False)
    assert verified_of(decision(1, kind="accept"), given="polyp") == ([0, 0, 1], False)


def test_a_label_that_is_no_class_any_more_is_not_verified():
    assert verified_of(decision(1, kind="accept"), classes=("normal", "polyp")) == ([0, 0], False)


def test_a_control_without_a_proposal_that_is_ambiguous_verifies_nothing():
    control = decision(1, kind="ambiguous", proposed_label="normal")
    assert verified_of(control) == ([0, 0, 0], False)
