import random
from datetime import UTC, datetime, timedelta

import pytest

from overread.errors import LedgerError, StaleReadingError
from overread.records import Reading, VerdictKind
from overread.review.ledger import Changes, Ledger, visit_key
from overread.review.ledger_state import Head
from tests.core.review.verdicts import verdict


@pytest.fixture
def ledger(url):
    return Ledger.open(url, "study")


@pytest.fixture(scope="module")
def empty_ledger(tmp_path_factory):
    return Ledger.open(f"sqlite:///{tmp_path_factory.mktemp('empty') / 'review.db'}", "study")


def standing(ledger, reader=None):
    return {(d.verdict.reader, d.verdict.sample_id): d.verdict.kind.value for d in ledger.decisions(reader)}


def test_a_decision_is_read_back_as_it_was_recorded(ledger, url):
    told = verdict(note="Gruß, \"fern\"; 'x' --\n=1", elapsed_ms=1234, score=1 / 3, protocol="blind", kind="relabel")
    before = datetime.now(UTC)
    assert ledger.record(told) is True
    (found,) = Ledger.open(url, "study").decisions()
    assert found.verdict == told
    assert type(found.verdict.kind) is VerdictKind
    assert found.sequence == 1
    assert found.decided_at.utcoffset() == timedelta(0)
    assert before <= found.decided_at <= datetime.now(UTC)


def test_a_key_is_recorded_once_and_its_first_verdict_stays(ledger):
    assert ledger.record(verdict(kind="accept")) is True
    assert ledger.record(verdict(kind="accept")) is False
    assert ledger.record(verdict(kind="reject")) is False
    assert [row.verdict for row in ledger.history()] == ["accept"]


def test_a_key_of_another_sample_is_an_error_and_not_a_lost_verdict(ledger):
    ledger.record(verdict("s1"))
    with pytest.raises(LedgerError, match="idempotency key"):
        ledger.record(verdict("s2", idempotency_key=visit_key("ann", "s1", "1")))
    with pytest.raises(LedgerError, match="idempotency key"):
        ledger.undo("ann", visit_key("ann", "s1", "1"))
    assert len(ledger.history()) == 1


def test_the_parts_of_a_visit_key_do_not_run_into_each_other():
    keys = {visit_key("a", "bc", "d"), visit_key("ab", "c", "d"), visit_key("a", "b", "cd"), visit_key("a", "bc", "e")}
    assert len(keys) == 4
    assert visit_key("a", "bc", "d") in keys


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"kind": "accept", "chosen_label": "normal"}, "accept"),
        ({"kind": "accept", "chosen_label": "", "proposed_label": ""}, "accept"),
        ({"kind": "reject", "chosen_label": "tumour"}, "reject"),
        ({"kind": "ambiguous", "chosen_label": "tumour"}, "ambiguous"),
        ({"kind": "cannot_judge", "chosen_label": ""}, "cannot_judge"),
        ({"kind": "exclude", "chosen_label": "normal"}, "exclude"),
        ({"kind": "relabel", "chosen_label": ""}, "relabel"),
        ({"kind": "relabel", "chosen_label": "normal"}, "relabel"),
        ({"kind": "relabel", "chosen_label": "tumour"}, "relabel"),
        ({"reader": ""}, "reader"),
        ({"reader": "  "}, "reader"),
        ({"sample_id": ""}, "sample_id"),
        ({"given_label": "", "chosen_label": "", "kind": "reject"}, "given_label"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"score": float("nan")}, "score"),
        ({"score": float("inf")}, "score"),
        ({"score": 1.01}, "score"),
        ({"score": -0.01}, "score"),
        ({"elapsed_ms": -1}, "elapsed_ms"),
        ({"protocol": "hidden"}, "protocol"),
        ({"note": "a\x00b"}, "note"),
        ({"note": "\ud800"}, "note"),
        ({"note": None}, "note"),
    ],
)
def test_nonsense_is_refused_and_leaves_no_row(empty_ledger, changes, word):
    with pytest.raises(LedgerError, match=word):
        empty_ledger.record(verdict(**changes))
    assert empty_ledger.history() == []


def test_a_kind_that_is_none_is_refused(ledger):
    told = verdict()
    object.__setattr__(told, "kind", "approve")
    with pytest.raises(LedgerError, match="approve"):
        ledger.record(told)


def test_undo_appends_a_row_and_keeps_the_old_one(ledger):
    ledger.record(verdict("s1"))
    ledger.record(verdict("s2"))
    before = ledger.history()
    taken_back = ledger.undo("ann")
    assert taken_back.verdict == verdict("s2")
    assert taken_back.sequence == 2
    after = ledger.history()
    assert after[:2] == before
    assert (after[2].kind, after[2].undone_key) == ("undo", before[1].idempotency_key)
    assert standing(ledger) == {("ann", "s1"): "accept"}


def test_undo_of_a_second_decision_brings_back_the_first(ledger):
    ledger.record(verdict("s1", kind="accept", visit="1"))
    follows = verdict("s1", visit="1").idempotency_key
    ledger.record(verdict("s1", kind="reject", visit="2", follows=follows))
    assert standing(ledger) == {("ann", "s1"): "reject"}
    ledger.undo("ann")
    assert standing(ledger) == {("ann", "s1"): "accept"}
    ledger.undo("ann")
    assert standing(ledger) == {}
    assert ledger.undo("ann") is None
    assert len(ledger.history()) == 4


def test_a_double_press_of_undo_takes_back_one_decision(ledger):
    for name in ("s1", "s2", "s3"):
        ledger.record(verdict(name))
    assert ledger.undo("ann", "press-1").verdict.sample_id == "s3"
    assert ledger.undo("ann", "press-1").verdict.sample_id == "s3"
    assert set(standing(ledger)) == {("ann", "s1"), ("ann", "s2")}
    assert ledger.undo("ann", "press-2").verdict.sample_id == "s2"


def test_undo_takes_nothing_back_but_the_decision_that_was_shown(ledger):
    ledger.record(verdict("s1"))
    ledger.record(verdict("s2"))  # in another window
    shown = verdict("s1").idempotency_key
    assert ledger.undo("ann", "press", shown_key=shown) is None
    assert set(standing(ledger)) == {("ann", "s1"), ("ann", "s2")}
    ledger.undo("ann")
    assert ledger.undo("ann", "press", shown_key=shown).verdict.sample_id == "s1"


def test_undo_leaves_other_readers_alone(ledger):
    ledger.record(verdict("s1", "ann"))
    ledger.record(verdict("s1", "bob", "reject"))
    ledger.undo("ann")
    assert standing(ledger) == {("bob", "s1"): "reject"}
    assert ledger.undo("ann") is None
    assert standing(ledger, "ann") == {}


def test_random_operations_leave_what_a_plain_replay_leaves(ledger):
    rng = random.Random(0)
    replay = {"ann": [], "bob": []}  # each reader's decisions that were not undone, in order
    visit = 0
    for step in range(150):
        reader = rng.choice(["ann", "bob"])
        if rng.random() < 0.3:
            expected = replay[reader].pop()[:2] if replay[reader] else None
            taken_back = ledger.undo(reader)
            assert (taken_back and (taken_back.verdict.sample_id, taken_back.verdict.kind.value)) == expected
        else:
            visit += 1
            sample = f"s{rng.randrange(6)}"
            follows = next((key for name, _, key in reversed(replay[reader]) if name == sample), "")
            told = verdict(sample, reader, rng.choice(list(VerdictKind)), visit=str(visit), follows=follows)
            assert ledger.record(told)
            assert not ledger.record(told)
            replay[reader].append((told.sample_id, told.kind.value, told.idempotency_key))
        if step % 10 == 0 or step == 149:
            expected = {(name, sample): kind for name, rows in replay.items() for sample, kind, _ in rows}
            assert standing(ledger) == expected
            one = {key: kind for key, kind in expected.items() if key[0] == "ann"}
            assert standing(ledger, "ann") == one
            sequences = [found.sequence for found in ledger.decisions()]
            assert sequences == sorted(sequences)
    ledger.verify_chain()


def test_studies_in_one_database_have_chains_of_their_own(url):
    first, second = Ledger.open(url, "one"), Ledger.open(url, "two")
    assert first.record(verdict("s1"))
    assert second.record(verdict("s1"))
    assert first.record(verdict("s2"))
    assert [row.sequence for row in first.history()] == [1, 2]
    assert [row.sequence for row in second.history()] == [1]
    second.undo("ann")
    assert len(first.decisions()) == 2
    first.verify_chain()
    second.verify_chain()


def reading(**changes):
    return Reading(**{"sample_id": "s1", "reader": "ann", "label": "polyp", "idempotency_key": "r1"} | changes)


def test_a_reading_is_no_decision_and_undo_does_not_reach_it(ledger):
    assert ledger.record_reading(reading(elapsed_ms=7)) is True
    assert ledger.record_reading(reading(label="normal")) is False
    assert ledger.decisions() == []
    assert ledger.undo("ann") is None
    (row,) = ledger.readings("ann")
    assert (row.chosen_label, row.protocol, row.given_label, row.elapsed_ms) == ("polyp", "blind", "", 7)
    assert ledger.readings("bob") == []


def test_nothing_is_read_blind_a_second_time(ledger):
    ledger.record_reading(reading())
    with pytest.raises(StaleReadingError, match="not be blind"):
        ledger.record_reading(reading(idempotency_key="r2"))
    ledger.record(verdict("s2"))
    ledger.undo("ann")
    with pytest.raises(StaleReadingError, match="not be blind"):
        ledger.record_reading(reading(sample_id="s2", idempotency_key="r3"))
    assert ledger.record_reading(reading(sample_id="s2", idempotency_key="r3", protocol="open", given_label="normal"))
    assert ledger.record_reading(reading(reader="bob", idempotency_key="r4"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"given_label": "normal"}, "given label"), ({"label": " "}, "label .* is empty"), ({"note": "\x00"}, "stored"),
        ({"finding": "accept", "label": ""}, "finding 'accept'"), ({"finding": "exclude"}, "a label or a finding"),
        ({"protocol": "shut"}, "protocol 'shut'"), ({"elapsed_ms": -1}, "elapsed_ms"), ({"sample_id": ""}, "sample_id"),
    ],
)  # fmt: skip
def test_a_reading_that_contradicts_itself_is_refused(ledger, changes, said):
    with pytest.raises(LedgerError, match=said):
        ledger.record_reading(reading(**changes))
    assert ledger.history() == []


def test_a_reading_may_say_why_there_is_no_label_and_knows_its_image(ledger):
    told = reading(label="", finding=VerdictKind.CANNOT_JUDGE, run="run-1", note="too dark", image_sha256="ab")
    assert ledger.record_reading(told)
    (row,) = ledger.readings()
    assert (row.chosen_label, row.verdict, row.run, row.note) == ("", "cannot_judge", "run-1", "too dark")
    assert (row.image_sha256, row.score, row.proposed_label) == ("ab", None, "")
    ledger.verify_chain()


def test_changes_since_a_row_hold_the_reader_s_readings(ledger):
    ledger.record(verdict("s1"))
    head = ledger.head()
    ledger.record_reading(reading(sample_id="s2"))
    ledger.record_reading(reading(sample_id="s3", reader="bob", idempotency_key="r2"))
    changes = ledger.changes("ann", head)
    assert [(row.sample_id, row.chosen_label) for row in changes.readings] == [("s2", "polyp")]
    assert (changes.verdicts, changes.head) == ((), ledger.head())


def test_changes_since_a_row_add_up_to_the_standing_verdicts(ledger):
    rng = random.Random(1)
    verdicts, undone, head = {}, set(), Head()
    for step in range(60):
        reader = rng.choice(["ann", "bob"])
        if rng.random() < 0.3:
            ledger.undo(reader)
        else:
            sample_id = f"s{rng.randrange(5)}"
            stands = [d.verdict for d in ledger.decisions(reader) if d.verdict.sample_id == sample_id]
            follows = stands[0].idempotency_key if stands else ""
            ledger.record(verdict(sample_id, reader, visit=str(step), follows=follows))
        if step % 4 == 0:
            changes = ledger.changes("ann", head)
            assert ledger.changes("ann", changes.head) == Changes((), frozenset(), ledger.head())
            verdicts |= {d.verdict.idempotency_key: d for d in changes.verdicts}
            undone |= changes.undone_keys
            head = changes.head
            newest = {d.verdict.sample_id: d for key, d in verdicts.items() if key not in undone}
            assert sorted(newest.values(), key=lambda d: d.sequence) == ledger.decisions("ann")


def test_changes_since_a_row_that_is_gone_are_told_by_none(ledger, url):
    assert ledger.changes("ann", Head()) == Changes((), frozenset(), Head())
    ledger.record(verdict())
    assert ledger.changes("ann", Head(1, "another hash")) is None
    assert ledger.changes("ann", Head(2, ledger.head().hash)) is None
    assert Ledger.open(url, "another study").changes("ann", ledger.head()) is None
