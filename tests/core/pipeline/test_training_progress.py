"""Where a training is, from made events."""

import pytest

from overread.pipeline.training_progress import kept_progress, training_progress
from overread.pipeline.training_time import TimeEstimate

ESTIMATE = TimeEstimate(
    start_s=2, pictures_s=10, features_s=20, first_scoring_s=10, trial_s=5, epochs_s=45, scoring_s=10
)
NUM_S = 100
"""Of all parts but the start."""
START = {
    "event": "start",
    "phases": [
        {"name": "pretrain", "num_epochs": 4},
        {"name": "fold 1", "num_epochs": 2},
        {"name": "fold 2", "num_epochs": 2},
        {"name": "fold 3", "num_epochs": 2},
    ],
    "elapsed_s": 10,
}


def epoch(phase, number, num_done, remaining_s, elapsed_s=30.0):
    fields = {"phase": phase, "epoch": number, "num_done": num_done, "num_epochs": 10}
    return {"event": "epoch", **fields, "remaining_s": remaining_s, "elapsed_s": elapsed_s}


def at(event, fraction, elapsed_s):
    return {"event": event, "fraction": fraction, "elapsed_s": elapsed_s}


def scoring(elapsed_s):
    return {"event": "scoring", "elapsed_s": elapsed_s}


FIRST = {"event": "first", "num_proposed": 37, "elapsed_s": 45}


def test_before_its_first_event_a_training_prepares_and_has_all_ahead():
    progress = training_progress([], ESTIMATE)
    assert (progress.words, progress.fraction, progress.remaining_s) == ("Getting the images ready", 0, 102)
    assert training_progress([]).remaining_s is None


def test_the_search_for_duplicates_tells_what_is_left_by_its_own_pace():
    progress = training_progress([at("pictures", 0.0, 0), at("pictures", 0.5, 20)], ESTIMATE)
    assert progress.words == "Looking for near-identical images"
    assert progress.step_fraction == 0.5
    assert progress.fraction == pytest.approx(0.05)
    assert progress.remaining_s == pytest.approx(20 + 20 + 10 + 5 + 45 + 10)


def test_an_epoch_tells_of_the_epochs_and_the_estimate_of_the_scoring():
    progress = training_progress([START, epoch("fold 2", 1, 7, 21.0)], ESTIMATE)
    assert progress.words == "Comparing labels: 2 of 3"
    assert progress.step_fraction == 0.5
    assert progress.fraction == pytest.approx((10 + 20 + 10 + 5 + 45 * 0.7) / NUM_S)
    assert progress.remaining_s == pytest.approx(31)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([START], "Looking at every image"),
        ([START, at("features", 0.3, 12)], "Looking at every image"),
        ([START, at("features", 1.0, 30)], "Scoring every label"),
        ([START, at("features", 1.0, 30), scoring(31)], "Scoring every label"),
        ([START, scoring(31), FIRST], "Learning what the images look like"),
        ([START, FIRST, at("trial", 0.0, 45)], "Trying whether networks help"),
        ([START, FIRST, at("trial", 1.0, 50)], "Learning what the images look like"),
        ([START, epoch("pretrain", 4, 4, 30)], "Comparing labels: 1 of 3"),
        ([START, epoch("fold 2", 2, 8, 9)], "Comparing labels: 3 of 3"),
        ([START, epoch("fold 3", 2, 10, 0)], "Scoring every label"),
        ([START, epoch("fold 3", 2, 10, 0), scoring(40)], "Scoring every label"),
    ],
)
def test_the_words_are_of_what_comes_after_the_last_event(events, words):
    assert training_progress(events, ESTIMATE).words == words


def test_what_is_left_falls_while_a_long_epoch_says_nothing():
    events = [START, epoch("pretrain", 1, 1, 50)]
    assert training_progress(events, ESTIMATE, age_s=15).remaining_s == 45
    assert training_progress(events, ESTIMATE, age_s=500).remaining_s == 0


def test_a_resumed_training_keeps_its_share_and_forgets_its_old_pace():
    events = [at("pictures", 0.0, 0), at("pictures", 0.9, 500), START, epoch("fold 1", 1, 5, 40, 600.0)]
    resumed = [*events, {**START, "elapsed_s": 1}]
    assert training_progress(events, ESTIMATE).fraction == pytest.approx(0.45 + 0.45 * 0.5)
    assert training_progress([*resumed, epoch("fold 1", 2, 6, 12, 5.0)], ESTIMATE).remaining_s == 22


def test_without_an_estimate_only_epochs_tell_what_is_left():
    assert training_progress([at("pictures", 0.5, 20)]).remaining_s is None
    assert training_progress([START, epoch("pretrain", 1, 1, 33)]).remaining_s == 33


def test_a_training_keeps_its_epochs_and_what_was_done_as_a_whole():
    half_searched = [at("pictures", 0.0, 0), at("pictures", 0.5, 20)]
    assert kept_progress(half_searched, ESTIMATE).fraction == 0
    searched = [at("pictures", 0.0, 0), at("pictures", 1.0, 8), START]
    assert kept_progress([*searched, at("features", 0.9, 60)], ESTIMATE).fraction == pytest.approx(0.1)
    judged = [*searched, at("features", 1.0, 60), at("scoring", 0.9, 70)]
    assert kept_progress(judged, ESTIMATE).fraction == pytest.approx(0.3)
    first = [*judged, {**FIRST, "elapsed_s": 71}, at("trial", 0.5, 72)]
    assert kept_progress(first, ESTIMATE).fraction == pytest.approx(0.4)
    assert kept_progress(first, ESTIMATE).remaining_s == pytest.approx(60)
    trained = [*first, at("trial", 1.0, 74), epoch("fold 1", 2, 6, 24.0, 90.0)]
    assert kept_progress(trained, ESTIMATE).fraction == pytest.approx(0.45 + 0.45 * 0.6)
    scored = [*trained, epoch("fold 3", 2, 10, 0.0, 99.0), at("scoring", 0.5, 100)]
    assert kept_progress(scored, ESTIMATE).fraction == pytest.approx(0.9)
    assert kept_progress(scored, ESTIMATE).remaining_s == pytest.approx(10)


def test_a_training_that_is_resumed_has_its_earlier_epochs_before_it_says_so():
    events = [START, epoch("fold 1", 2, 6, 24.0, 90.0), {"event": "cancel", "elapsed_s": 91}]
    resumed = training_progress([*events, {**START, "elapsed_s": 0.5}], ESTIMATE)
    assert resumed.words == "Getting the images ready"
    assert resumed.fraction == pytest.approx(0.45 + 0.45 * 0.6)
    assert resumed.remaining_s == pytest.approx(102 * 0.28)
    assert kept_progress([*events, {**START, "elapsed_s": 0.5}], ESTIMATE).fraction == resumed.fraction


def whole_run(phases=START["phases"]):
    """The events of a run of two steps, on a CPU."""
    epochs = [epoch(phase["name"], number, 0, 0) for phase in phases for number in range(1, phase["num_epochs"] + 1)]
    events = [
        *(at("pictures", fraction, 0) for fraction in (0.0, 0.5, 1.0)),
        {**START, "phases": phases},
        {"event": "note", "message": "so"},
        *(at("features", fraction, 0) for fraction in (0.5, 1.0)),
        scoring(0),
        *(at("scoring", fraction, 0) for fraction in (0.5, 1.0)),
        {"event": "round", "round": 0},
        FIRST,
        *(at("trial", fraction, 0) for fraction in (0.0, 0.5, 1.0)),
        {"event": "note", "message": "so"},
        *({**event, "num_done": done, "num_epochs": len(epochs)} for done, event in enumerate(epochs, start=1)),
        scoring(0),
        *(at("scoring", fraction, 0) for fraction in (0.5, 1.0)),
        {"event": "finish", "num_proposed": 40},
    ]
    return [{**event, "elapsed_s": float(second)} for second, event in enumerate(events)]


@pytest.mark.parametrize("estimate", [ESTIMATE, None])
@pytest.mark.parametrize("stopped", [None, 12, 13, 15, 20, 26, 27])
def test_the_share_that_is_done_never_falls_not_even_over_a_stop_that_loses_nothing(estimate, stopped):
    events = whole_run()
    if stopped:
        again = [*events[:4], *events[stopped:]]
        events = events[:stopped] + [{**event, "elapsed_s": float(second)} for second, event in enumerate(again)]
    shares = [training_progress(events[:num], estimate).fraction for num in range(len(events) + 1)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1


def test_from_the_first_proposals_on_it_is_told_how_many_can_be_reviewed():
    events = whole_run()
    first = events.index(next(event for event in events if event["event"] == "first"))
    assert training_progress(events[:first], ESTIMATE).num_first is None
    assert {training_progress(events[:num]).num_first for num in range(first + 1, len(events) + 1)} == {37}


def test_a_run_without_networks_is_scored_once():
    events = [{**START, "phases": []}, at("scoring", 0.5, 12), at("scoring", 1.0, 14)]
    shares = [training_progress(events[:num], ESTIMATE).fraction for num in (2, 3)]
    assert shares == [pytest.approx(0.95), 1]
