import zlib

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from overread.checks.consistency import reader_consistency
from overread.review.ledger import Ledger
from overread.review.queue import REPEAT_GAP, due_repeats
from overread.review.repeats import Repeat, repeats
from tests.core.checks.samples import made_samples
from tests.core.review.verdicts import verdict

COMES_AGAIN = [f"s{number}" for number in range(200) if zlib.crc32(f"s{number}".encode()) % 10 == 0]
OTHERS = [f"s{number}" for number in range(200) if zlib.crc32(f"s{number}".encode()) % 10]


@pytest.fixture
def ledger(tmp_path):
    """A ledger in which Ann has decided a sample that comes again, another one, and as many as must lie between."""
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'review.db'}", "study")
    for sample_id in [COMES_AGAIN[0], *OTHERS[:REPEAT_GAP]]:
        ledger.record(verdict(sample_id))
    return ledger


def again(ledger, sample_id, kind, **changes):
    (first,) = [d.verdict for d in ledger.decisions("ann") if d.verdict.sample_id == sample_id]
    ledger.record(verdict(sample_id, kind=kind, visit="2", follows=first.idempotency_key, **changes))


def test_a_sample_that_was_due_again_is_a_repeat(ledger):
    assert due_repeats(ledger.decisions("ann")) == [COMES_AGAIN[0]]
    again(ledger, COMES_AGAIN[0], "reject")
    assert repeats(ledger.history()) == [Repeat("ann", COMES_AGAIN[0], "tumour", "normal")]


def test_a_correction_a_sample_that_is_not_drawn_and_a_verdict_without_a_label_are_no_repeats(ledger):
    again(ledger, OTHERS[0], "reject")
    ledger.record(verdict(COMES_AGAIN[1]))
    again(ledger, COMES_AGAIN[1], "reject")
    again(ledger, COMES_AGAIN[0], "cannot_judge")
    assert repeats(ledger.history()) == []


def test_an_undone_second_verdict_is_no_repeat(ledger):
    again(ledger, COMES_AGAIN[0], "reject")
    ledger.undo("ann")
    assert repeats(ledger.history()) == []


def test_a_reader_s_kappa_with_themselves_is_scikit_learn_s():
    rng = np.random.default_rng(2)
    first = rng.integers(0, 2, 60)
    second = np.where(rng.random(60) < 0.8, first, 1 - first)
    ids = [f"s{number}" for number in range(60)]
    labels = np.array(["cat", "dog"])
    made = [Repeat("ann", *row) for row in zip(ids, labels[first], labels[second], strict=True)]
    samples = made_samples([f"{one}.png" for one in ids], ["cat", "dog"] * 30)
    samples["sample_id"] = ids
    (found,) = reader_consistency(
        samples, [*made, Repeat("ben", "gone", "cat", "dog")], ("cat", "dog"), np.arange(60), num_resamples=50
    )
    assert (found.first, found.second) == ("ann", "again")
    assert found.kappa.value == pytest.approx(cohen_kappa_score(first, second))
    assert found.share_equal == pytest.approx((first == second).mean())
    assert found.kappa.low < found.kappa.value < found.kappa.high
