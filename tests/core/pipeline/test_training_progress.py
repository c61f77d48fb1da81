"""Where a training is, from made events."""

import pytest

from overread.pipeline.training_progress import kept_progress, training_progress
from overread.pipeline.training_time import TimeEstimate

ESTIMATE = TimeEstimate(start_s=2, pictures_s=10, features_s=20, epochs_s=60, scoring_s=10)
START = {
    "event": "start",
    "phases": [
        {"name": "pretrain", "num_epochs": 4},
        {"name": "fold 1", "num_epochs": 2},
        {"name": "fold 2", "num_epochs": 2},
        {"name": "warmup", "num_epochs": 2},
    ],
    "elapsed_s": 10,
}


def epoch(phase, number, num_done, remaining_s, elapsed_s=30.0):
    fields = {"phase": phase, "epoch": number, "num_done": num_done, "num_epochs": 10}
    return {"event": "epoch", **fields, "remaining_s": remaining_s, "elapsed_s": elapsed_s}


def at(event, fraction, elapsed_s):
    return {"event": event, "fraction": fraction, "elapsed_s": elapsed_s}


def test_before_its_first_event_a_training_prepares_and_has_all_ahead():
    progress = training_progress([], ESTIMATE)
    assert (progress.words, progress.fraction, progress.remaining_s) == ("Getting the images ready", 0, 102)
    assert training_progress([]).remaining_s is None


def test_the_search_for_duplicates_tells_what_is_left_by_its_own_pace():
    progress = training_progress([at("pictures", 0.0, 0), at("pictures", 0.5, 20)], ESTIMATE)
    assert progress.words == "Looking for near-identical images"
    assert progress.step_fraction == 0.5
    assert progress.fraction == pytest.approx(0.05)
    assert progress.remaining_s == pytest.approx(20 + 20 + 60 + 10)


def test_an_epoch_tells_of_the_epochs_and_the_estimate_of_the_scoring():
    progress = training_progress([START, epoch("fold 2", 1, 7, 21.0)], ESTIMATE)
    assert progress.words == "Comparing labels: 2 of 2"
    assert progress.step_fraction == 0.5
    assert progress.fraction == pytest.approx((10 + 20 + 60 * 0.7) / 100)
    assert progress.remaining_s == pytest.approx(31)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([START], "Looking at every image"),
        ([START, at("features", 0.3, 12)], "Looking at every image"),
        ([START, at("features", 1.0, 30)], "Learning what the images look like"),
        ([START, epoch("pretrain", 4, 4, 30)], "Comparing labels: 1 of 2"),
        ([START, epoch("fold 2", 2, 8, 9)], "Learning from the given labels"),
        ([START, epoch("warmup", 2, 10, 0)], "Scoring every label"),
        ([START, epoch("warmup", 2, 10, 0), {"event": "scoring", "elapsed_s": 40}], "Scoring every label"),
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
    assert training_progress(events, ESTIMATE).fraction == pytest.approx(0.6)
    assert training_progress([*resumed, epoch("fold 1", 2, 6, 12, 5.0)], ESTIMATE).remaining_s == 22


def test_without_an_estimate_only_epochs_tell_what_is_left():
    assert training_progress([at("pictures", 0.5, 20)]).remaining_s is None
    assert training_progress([START, epoch("pretrain", 1, 1, 33)]).remaining_s == 33


def test_a_training_keeps_its_epochs_and_what_was_done_as_a_whole():
    half_searched = [at("pictures", 0.0, 0), at("pictures", 0.5, 20)]
    assert kept_progress(half_searched, ESTIMATE).fraction == 0
    searched = [at("pictures", 0.0, 0), at("pictures", 1.0, 8), START]
    assert kept_progress([*searched, at("features", 0.9, 60)], ESTIMATE).fraction == pytest.approx(0.1)
    trained = [*searched, at("features", 1.0, 60), epoch("fold 1", 2, 6, 24.0, 90.0)]
    assert kept_progress(trained, ESTIMATE).fraction == pytest.approx(0.3 + 0.6 * 0.6)
    scored = [*trained, epoch("warmup", 2, 10, 0.0, 99.0), at("scoring", 0.5, 100)]
    assert kept_progress(scored, ESTIMATE).fraction == pytest.approx(0.9)
    assert kept_progress(scored, ESTIMATE).remaining_s == pytest.approx(10)


def test_a_training_that_is_resumed_has_its_earlier_epochs_before_it_says_so():
    events = [START, epoch("fold 1", 2, 6, 24.0, 90.0), {"event": "cancel", "elapsed_s": 91}]
    resumed = training_progress([*events, {**START, "elapsed_s": 0.5}], ESTIMATE)
    assert resumed.words == "Getting the images ready"
    assert resumed.fraction == pytest.approx(0.3 + 0.6 * 0.6)
    assert resumed.remaining_s == pytest.approx(102 * 0.34)
    assert kept_progress([*events, {**START, "elapsed_s": 0.5}], ESTIMATE).fraction == resumed.fraction
