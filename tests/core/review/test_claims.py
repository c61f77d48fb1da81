"""Samples that are shared among readers: who gets which, for how long, and that no two get one by chance."""

import hashlib
import multiprocessing
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from overread.errors import ConfigError, NotAllowedError
from overread.review import assignment as assignment_module
from overread.review import claims as module
from overread.review.accounts import Accounts
from overread.review.assignment import Assignment, assign, current_assignment, end_assignment
from overread.review.claims import (
    assignment_progress,
    claim_batch,
    give_back,
    held_samples,
    renew_claims,
)
from overread.review.ledger import Ledger
from overread.review.roles import Actor, Identity, Role
from tests.core.review.verdicts import verdict

SAMPLES = [f"s{number}" for number in range(60)]


@pytest.fixture(autouse=True)
def accounts(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "1")
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path))
    return Accounts.open()


@pytest.fixture
def ledger(url):
    return Ledger.open(url, "study", b"key")


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def time(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def claim_all(url, assignment, reader):
    """All that a reader can get, batch by batch."""
    ledger = Ledger.open(url, "study", b"key")
    while claim_batch(ledger, assignment, reader, SAMPLES):
        pass


def claim_all_alone(url, assignment, reader):
    """The same in a process of its own."""
    claim_all(url, assignment, reader)
    Ledger.open(url, "study", b"key").engine.dispose()


def holders(ledger, readers):
    found = defaultdict(set)
    for reader in readers:
        for sample_id in held_samples(ledger, reader):
            found[sample_id].add(reader)
    return found


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_readers_at_once_never_get_a_sample_more_often_than_it_is_due(ledger, url, kind):
    assignment, readers = Assignment(readers_per_sample=2, overlap=0.3, batch=3), [f"r{number}" for number in range(5)]
    if kind == "threads":
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda reader: claim_all(url, assignment, reader), readers))
    else:
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=claim_all_alone, args=(url, assignment, reader)) for reader in readers[:3]]
        for child in children:
            child.start()
        for child in children:
            child.join(60)
            assert child.exitcode == 0
    found = holders(ledger, readers)
    assert {sample_id: len(names) for sample_id, names in found.items()} == {
        sample_id: assignment.num_due(sample_id) for sample_id in SAMPLES
    }


def test_the_overlap_is_drawn_by_a_hash_of_the_id_with_the_seed():
    def drawn(seed, names):
        assignment = Assignment(overlap=0.2, seed=seed)
        return {name for name in names if assignment.num_due(name) == 2}

    names = [f"sample{number}" for number in range(4000)]
    is_below = [hashlib.sha256(f"overlap 7\n{name}".encode()).hexdigest() < "33333333" for name in names]
    assert drawn(7, names) == {name for name, below in zip(names, is_below, strict=True) if below}
    assert abs(len(drawn(7, names)) - 800) < 4 * (4000 * 0.2 * 0.8) ** 0.5
    assert drawn(7, reversed(names)) == drawn(7, names) != drawn(8, names)


def test_a_batch_follows_the_reader_s_order_and_leaves_what_others_have_read_or_hold(ledger):
    assignment = Assignment(batch=4)
    ledger.record(verdict("s1", "ann"))
    assert claim_batch(ledger, assignment, "bob", SAMPLES) == ["s0", "s2", "s3", "s4"]
    assert claim_batch(ledger, assignment, "cem", reversed(SAMPLES[:8])) == ["s7", "s6", "s5"]
    ledger.undo("ann")
    assert claim_batch(ledger, assignment, "cem", SAMPLES[:3]) == ["s1"]


def test_an_expired_claim_is_free_and_its_late_verdict_is_saved(ledger, clock):
    assignment = Assignment(batch=2, lease_s=600)
    claim_batch(ledger, assignment, "ann", SAMPLES[:2])
    clock.now_s += 599
    assert claim_batch(ledger, assignment, "bob", SAMPLES[:2]) == []
    clock.now_s += 2
    assert held_samples(ledger, "ann") == frozenset()
    assert claim_batch(ledger, assignment, "bob", SAMPLES[:2]) == ["s0", "s1"]
    assert ledger.record(verdict("s0", "ann"))


def test_a_lease_begins_anew_with_a_verdict(ledger, clock):
    assignment = Assignment(batch=2, lease_s=600)
    claim_batch(ledger, assignment, "ann", SAMPLES[:2])
    clock.now_s += 500
    renew_claims(ledger, assignment, "ann")
    clock.now_s += 500
    assert held_samples(ledger, "ann") == {"s0", "s1"}
    clock.now_s += 101
    renew_claims(ledger, assignment, "ann")  # too late: others may hold them
    assert held_samples(ledger, "ann") == frozenset()


def test_what_a_leaver_held_goes_to_others_at_once(ledger, accounts):
    assignment = Assignment(batch=3)
    for name in ("ann", "bob"):
        accounts.add(name, Role.READER, password="correct horse battery")
        claim_batch(ledger, assignment, name, SAMPLES[:6])
    assert claim_batch(ledger, assignment, "cem", SAMPLES[:6]) == []
    assert give_back(ledger, "ann") == 3
    assert claim_batch(ledger, assignment, "cem", SAMPLES[:6]) == ["s0", "s1", "s2"]
    accounts.add("own", Role.OWNER, password="correct horse battery")
    accounts.disable("bob")
    assert claim_batch(ledger, assignment, "cem", SAMPLES[:6]) == ["s3", "s4", "s5"]
    accounts.enable("bob")
    assert held_samples(ledger, "bob") == frozenset()


def test_a_signed_in_reader_gets_a_share_around_verdicts_that_they_may_not_see(ledger):
    ledger.record(verdict("s0", "ann"))
    own = ledger.acting(Actor("bob", Role.READER, Identity.PASSWORD, frozenset({"study"})))
    assert claim_batch(own, Assignment(batch=2), "bob", SAMPLES) == ["s1", "s2"]
    assert held_samples(own, "bob") == {"s1", "s2"}
    with pytest.raises(NotAllowedError):
        own.decisions()


def test_progress_counts_and_names_no_verdict(ledger, clock):
    assignment = Assignment(readers_per_sample=2, batch=3, lease_s=600)
    claim_batch(ledger, assignment, "ann", SAMPLES)
    clock.now_s += 601
    claim_batch(ledger, assignment, "bob", SAMPLES)
    ledger.record(verdict("s0", "ann"))
    for sample_id in ("s0", "s1"):
        ledger.record(verdict(sample_id, "bob", "reject"))
    found = assignment_progress(ledger, assignment, SAMPLES[:10])
    counts = Counter(num_samples=10, num_read_once=2, num_read_by_all=1, num_claimed=1, num_expired=2)
    assert {name: getattr(found, name) for name in counts} == counts
    assert [(each.reader, each.num_read, each.num_claimed) for each in found.readers] == [("ann", 1, 0), ("bob", 2, 1)]


@pytest.mark.parametrize("role", [Role.READER, Role.ADJUDICATOR])
def test_only_the_owner_shares_out_and_gives_back_and_a_reader_sees_no_progress(ledger, role):
    acting = ledger.acting(Actor("ann", role, Identity.PASSWORD, frozenset({"study"})))
    for act in (lambda: give_back(acting, "bob"), lambda: assign(acting, Assignment()), lambda: end_assignment(acting)):
        with pytest.raises(NotAllowedError):
            act()
    if role is Role.READER:
        with pytest.raises(NotAllowedError):
            assignment_progress(acting, Assignment(), SAMPLES)


def test_an_assignment_is_kept_with_the_study_and_can_be_ended(ledger, url, monkeypatch):
    assert current_assignment(ledger) is None
    wanted = Assignment(readers_per_sample=2, overlap=0.25, lease_s=3600, batch=7, seed=3)
    assign(ledger, wanted)
    assert current_assignment(Ledger.open(url, "study", b"key")) == wanted
    assert current_assignment(Ledger.open(url, "other", b"key")) is None
    claim_batch(ledger, wanted, "ann", SAMPLES)
    end_assignment(ledger)
    assert current_assignment(ledger) is None and held_samples(ledger, "ann") == frozenset()
    monkeypatch.setattr(assignment_module, "KNOWN_S", 0.0)
    assert current_assignment(ledger) is None


def test_a_study_without_assignment_is_not_asked_for_it_at_each_request(tmp_path, monkeypatch):
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'review.db'}", "study", b"key")
    current_assignment(ledger)
    monkeypatch.setattr(Ledger, "reading", None)
    assert current_assignment(ledger) is None


@pytest.mark.parametrize(
    "fields", [{"readers_per_sample": 0}, {"overlap": 1.1}, {"lease_s": 59}, {"batch": 0}, {"overlap": float("nan")}]
)
def test_numbers_that_make_no_sense_are_refused(fields):
    with pytest.raises(ConfigError):
        Assignment(**fields)


def test_what_others_have_read_meanwhile_counts_neither_as_held_nor_as_expired(ledger, clock):
    assignment = Assignment(batch=2, lease_s=600)
    claim_batch(ledger, assignment, "ann", SAMPLES[:2])
    clock.now_s += 601
    ledger.record(verdict("s0", "bob"))
    found = assignment_progress(ledger, assignment, SAMPLES[:2])
    assert (found.num_read_by_all, found.num_claimed, found.num_expired) == (1, 0, 1)
