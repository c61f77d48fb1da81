"""Disputes: who sees what of them, and what comes of a second round and of adjudication."""

from dataclasses import replace

import pytest

from overread.errors import LedgerError, NotAllowedError
from overread.review.adjudication import (
    disputes,
    for_adjudication,
    has_rounds,
    independent_decisions,
    open_round,
    opinions,
    record_adjudication,
    record_second,
    second_looks,
)
from overread.review.disputes import DisputeState, Opinion, Round, resolutions
from overread.review.final_labels import LabelPolicy, final_labels
from overread.review.ledger import Ledger
from overread.review.roles import Actor, Identity, Role
from tests.core.review.verdicts import verdict

NOTE = "looks like a polyp to me"


@pytest.fixture
def ledger(url):
    """Ann and Ben differ on s1 and s3 and agree on s2; s4 is Ann's alone."""
    found = Ledger.open(url, "study", b"key")
    for sample_id, reader, kind in (
        ("s1", "ann", "accept"),
        ("s1", "ben", "reject"),
        ("s2", "ann", "accept"),
        ("s2", "ben", "accept"),
        ("s3", "ben", "relabel"),
        ("s3", "ann", "exclude"),
        ("s4", "ann", "reject"),
    ):
        found.record(verdict(sample_id, reader, kind, note=NOTE if reader == "ben" else ""))
    return found


def acting(ledger, name, role):
    return ledger.acting(Actor(name, role, Identity.PASSWORD, frozenset({"study"})))


def states(ledger):
    return {sample_id: dispute.state for sample_id, dispute in disputes(ledger).items()}


def decide(ledger, sample_id, label, *, reader="cleo", key=None, **more):
    said = None if label is None else Opinion(label)
    return record_adjudication(
        ledger, reader, sample_id, said, protocol="blind", key=key or f"{reader}{sample_id}{label}", **more
    )


def look(ledger, reader, sample_id, label, key=None):
    return record_second(ledger, reader, sample_id, Opinion(label), key=key or f"{reader}{sample_id}{label}")


def test_before_a_round_nobody_is_told_that_there_is_a_dispute(ledger):
    assert states(ledger) == {"s1": DisputeState.OPEN, "s3": DisputeState.OPEN}
    assert not has_rounds(ledger)
    for reader in ("ann", "ben"):
        assert second_looks(acting(ledger, reader, Role.READER), reader) == []
        with pytest.raises(LedgerError, match="not one that you can"):
            look(acting(ledger, reader, Role.READER), reader, "s1", "normal")
        with pytest.raises(NotAllowedError):
            disputes(acting(ledger, reader, Role.READER))
        with pytest.raises(NotAllowedError):
            opinions(acting(ledger, reader, Role.READER), reader, "s1")
    assert for_adjudication(acting(ledger, "cleo", Role.ADJUDICATOR), "cleo") == {}


def test_only_the_owner_opens_a_round_and_only_an_adjudicator_decides(ledger):
    for role in (Role.READER, Role.ADJUDICATOR):
        with pytest.raises(NotAllowedError):
            open_round(acting(ledger, "cleo", role), Round.SECOND, "cleo")
    assert open_round(acting(ledger, "olga", Role.OWNER), Round.ADJUDICATION, "olga") == 2
    with pytest.raises(NotAllowedError):
        for_adjudication(acting(ledger, "dora", Role.READER), "dora")
    with pytest.raises(NotAllowedError):
        decide(acting(ledger, "dora", Role.READER), "s1", "normal", reader="dora")
    assert decide(acting(ledger, "cleo", Role.ADJUDICATOR), "s1", "normal")
    with pytest.raises(NotAllowedError, match="another name"):
        decide(acting(ledger, "cleo", Role.ADJUDICATOR), "s3", "normal", reader="dora")


def test_in_the_second_round_a_reader_sees_the_other_s_label_and_note_and_no_name(ledger):
    assert open_round(ledger, Round.SECOND, "olga") == 2
    first, third = second_looks(acting(ledger, "ann", Role.READER), "ann")
    assert (first.sample_id, first.own, first.others) == ("s1", Opinion("tumour"), (Opinion("normal", NOTE),))
    assert (third.sample_id, third.own, third.others) == ("s3", Opinion(""), (Opinion("polyp", NOTE),))
    assert "ben" not in repr((first, third))
    assert second_looks(ledger, "cleo") == []
    with pytest.raises(NotAllowedError):
        second_looks(acting(ledger, "ann", Role.READER), "ben")


def test_who_comes_to_one_label_in_the_second_round_has_settled_it(ledger):
    open_round(ledger, Round.SECOND, "olga")
    assert look(ledger, "ann", "s1", "normal")
    assert states(ledger)["s1"] is DisputeState.SECOND_ROUND
    assert look(ledger, "ben", "s1", "normal")
    assert not look(ledger, "ben", "s1", "normal")  # the same press
    assert states(ledger) == {"s1": DisputeState.AGREED, "s3": DisputeState.SECOND_ROUND}
    look(ledger, "ann", "s3", ""), look(ledger, "ben", "s3", "tumour")
    assert states(ledger)["s3"] is DisputeState.STILL_DISPUTED
    look(ledger, "ben", "s3", "")
    assert states(ledger)["s3"] is DisputeState.AGREED
    settled = resolutions(disputes(ledger))
    assert {sample_id: one.label for sample_id, one in settled.items()} == {"s1": "normal", "s3": ""}


def test_an_adjudicator_s_label_is_final_and_can_be_corrected(ledger):
    open_round(ledger, Round.SECOND, "olga")
    look(ledger, "ann", "s1", "normal"), look(ledger, "ben", "s1", "normal")
    open_round(ledger, Round.ADJUDICATION, "olga")
    assert for_adjudication(ledger, "cleo") == {"s3": DisputeState.FOR_ADJUDICATION}  # s1 is settled
    decide(ledger, "s3", "polyp")
    decide(ledger, "s3", "tumour", note="")
    finals = final_labels(ledger.decisions(), LabelPolicy.ADJUDICATED, resolutions(disputes(ledger)))
    assert (finals["s3"].label, finals["s3"].verdict, finals["s3"].reader) == (
        "tumour",
        "adjudicated",
        "ben; ann; cleo",
    )
    assert (finals["s1"].label, finals["s1"].verdict, finals["s1"].reader) == ("normal", "agreed", "ann; ben")
    assert (finals["s2"].label, finals["s2"].verdict) == ("tumour", "accept")
    with pytest.raises(NotAllowedError, match="Another adjudicator"):
        decide(ledger, "s3", "normal", reader="dora")
    with pytest.raises(NotAllowedError, match="not one to adjudicate"):
        decide(ledger, "s1", "polyp")


def test_the_second_round_ends_where_adjudication_begins(ledger):
    open_round(ledger, Round.SECOND, "olga")
    look(ledger, "ann", "s1", "normal")
    open_round(ledger, Round.ADJUDICATION, "olga")
    assert second_looks(ledger, "ben") == []
    with pytest.raises(LedgerError, match="look at again"):
        look(ledger, "ben", "s1", "normal")


def test_what_cannot_be_resolved_keeps_its_given_label(ledger):
    open_round(ledger, Round.ADJUDICATION, "olga")
    decide(ledger, "s1", None, note="too dark")
    assert states(ledger)["s1"] is DisputeState.UNRESOLVED
    final = final_labels(ledger.decisions(), LabelPolicy.ADJUDICATED, resolutions(disputes(ledger)))["s1"]
    assert (final.label, final.verdict, final.note) == ("normal", "unresolved", f"{NOTE}; too dark")


def test_nobody_adjudicates_what_they_have_read(ledger):
    open_round(ledger, Round.ADJUDICATION, "olga")
    assert for_adjudication(ledger, "ann") == {}
    with pytest.raises(NotAllowedError, match="read this image yourself"):
        decide(ledger, "s1", "tumour", reader="ann")


def test_an_adjudicator_may_ask_what_readers_said_without_names(ledger):
    open_round(ledger, Round.SECOND, "olga")
    look(ledger, "ben", "s1", "polyp")
    cleo = acting(ledger, "cleo", Role.ADJUDICATOR)
    with pytest.raises(NotAllowedError, match="not one to adjudicate"):
        opinions(cleo, "cleo", "s1")
    open_round(ledger, Round.ADJUDICATION, "olga")
    told = opinions(cleo, "cleo", "s1")
    assert told == {"first": (Opinion("normal", NOTE), Opinion("tumour")), "second": (Opinion("polyp"),)}


def test_a_verdict_after_the_round_was_opened_changes_neither_side_of_the_dispute(ledger):
    open_round(ledger, Round.SECOND, "olga")
    key = verdict("s1", "ann", "accept").idempotency_key
    ledger.record(verdict("s1", "ann", "reject", visit="2", follows=key))
    assert disputes(ledger)["s1"].first == {"ann": Opinion("tumour"), "ben": Opinion("normal", NOTE)}
    kinds = [
        (one.verdict.sample_id, one.verdict.kind)
        for one in independent_decisions(ledger)
        if one.verdict.reader == "ann"
    ]
    assert kinds == [("s1", "accept"), ("s2", "accept"), ("s3", "exclude"), ("s4", "reject")]


def test_what_is_disputed_later_is_in_no_round_until_the_owner_opens_one_for_it(ledger):
    open_round(ledger, Round.SECOND, "olga")
    ledger.record(verdict("s4", "ben", "accept"))
    assert states(ledger)["s4"] is DisputeState.OPEN
    assert [one.sample_id for one in second_looks(ledger, "ben")] == ["s1", "s3"]
    assert open_round(ledger, Round.SECOND, "olga") == 1
    assert [one.sample_id for one in second_looks(ledger, "ben")] == ["s1", "s3", "s4"]


def test_rounds_leave_first_verdicts_as_they_are_and_the_chain_whole(ledger):
    before = ledger.decisions()
    open_round(ledger, Round.SECOND, "olga")
    look(ledger, "ann", "s1", "normal")
    open_round(ledger, Round.ADJUDICATION, "olga")
    decide(ledger, "s3", "polyp")
    assert ledger.decisions() == before
    assert ledger.readings() == []
    assert ledger.verify_chain().sequence == 11
    assert [row.kind for row in ledger.history()[7:]] == ["round", "second", "round", "adjudication"]


def test_a_key_of_another_row_is_refused(ledger):
    open_round(ledger, Round.SECOND, "olga")
    look(ledger, "ann", "s1", "normal", key="k")
    with pytest.raises(LedgerError, match="belongs to another row"):
        look(ledger, "ann", "s3", "normal", key="k")
    assert replace(ledger, actor=None).head().sequence == 9
