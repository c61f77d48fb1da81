import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from overread.detection_settings import RefinementSettings
from overread.errors import ConfigError
from overread.models import network
from overread.network_settings import CrossFittingSettings
from overread.phases import plan_phases, plan_stages
from overread.training import consensus, engine
from overread.training.consensus import stage_consensus
from overread.training.thresholds import class_thresholds
from overread.training.training_data import TrainingData
from tests.core.training.conftest import NUM_EPOCHS, TINY, made_data, with_rounds

FOLDED = replace(
    TINY,
    rounds=replace(TINY.rounds, num_epochs=()),
    cross_fitting=CrossFittingSettings(num_folds=2, num_epochs=3, num_averaged=2, stages=(1, 3)),
    refinement=RefinementSettings(num_folds=2),
)
FOLDS = tuple(np.flatnonzero((np.arange(64) // 2 % 2 == fold) & (np.arange(64) < 48)) for fold in (0, 1))
"""Of 64 samples, the last 16 of which are for testing."""
FINAL = with_rounds(TINY, weighting="final", num_final_epochs=2)


NUM_FEATURES = 16


class Killed(Exception):
    pass


class SmallEncoder(nn.Sequential):
    """Two convolutions and a mean, which see stripes at once."""

    def __init__(self, in_channels):
        layers = [nn.Conv2d(in_channels, 8, 5, 2), nn.BatchNorm2d(8), nn.ReLU()]
        layers += [nn.Conv2d(8, NUM_FEATURES, 3, 2), nn.BatchNorm2d(NUM_FEATURES), nn.ReLU()]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.fixture(autouse=True)
def small_encoder(monkeypatch):
    """The engine is tried, and not the encoder, which would cost ten times as much."""
    monkeypatch.setattr(network, "build_encoder", lambda name, channels, **_: (SmallEncoder(channels), NUM_FEATURES))


def outcome(training):
    """Everything that a run makes, as bytes by name."""
    trace = training.trace
    arrays = {
        **{f"weights {name}": tensor.numpy() for name, tensor in training.network.state_dict().items()},
        **dict(zip(map(str, trace.stages), trace.stage_probs, strict=True)),
        **{f"pseudo-labels {i}": labels for i, labels in enumerate(trace.pseudo_labels)},
        **{f"consensus {i}": is_consensus for i, is_consensus in enumerate(trace.is_consensus)},
        "embeddings": trace.embeddings,
        **({} if trace.cross_fitted is None else {"cross-fitted": trace.cross_fitted}),
        **{f"cross-fitted {epoch}": probs for epoch, probs in trace.cross_fitted_stages.items()},
    }
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}


def finished(training):
    training.run()
    return training


def test_stages_and_labels_stand_in_the_trace_as_the_settings_say(make_training):
    data = made_data()
    trace = make_training(data).run()
    assert [str(stage) for stage in trace.stages] == [
        "warmup",
        "round 1 epoch 1",
        "round 1 epoch 2",
        "round 2 epoch 1",
        "round 2 epoch 3",
    ]
    assert trace.stages == plan_stages(TINY)
    for probs in trace.stage_probs:
        assert probs.shape == (64, 2)
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert trace.embeddings.shape == (64, NUM_FEATURES)
    for number, stages in ((1, [1, 2]), (2, [3, 4])):
        expected = stage_consensus(np.stack([trace.stage_probs[s] for s in stages]), data.given, max_loss=0.6)
        np.testing.assert_array_equal(trace.pseudo_labels[number - 1], expected.pseudo_labels)
        np.testing.assert_array_equal(trace.is_consensus[number - 1], expected.is_consensus)


@pytest.mark.parametrize("method", ["gmm", "otsu", "quantile"])
def test_adaptive_thresholds_are_those_of_each_stage_and_class_of_the_trained_samples(make_training, method):
    data = made_data(num_samples=120, num_flipped=9, num_test=30, num_classes=3)
    trace = make_training(data, with_rounds(TINY, threshold=method, quantile=0.3)).run()
    probs = np.stack(trace.stage_probs[3:5])
    limits = np.empty(probs.shape[:2])
    for stage in range(2):
        votes, losses = probs[stage].argmax(axis=1), -np.log(probs[stage].max(axis=1))
        by_class = class_thresholds(losses[:90], votes[:90], 3, method=method, fixed=0.6, quantile=0.3)
        limits[stage] = by_class[votes]
    expected = stage_consensus(probs, data.given, max_loss=limits)
    np.testing.assert_array_equal(trace.is_consensus[1], expected.is_consensus)
    np.testing.assert_array_equal(trace.pseudo_labels[1], expected.pseudo_labels)


def test_it_learns_what_is_there_and_doubts_the_labels_that_are_wrong(make_training):
    data = made_data(num_samples=120, num_flipped=9, num_test=30, num_classes=3)
    true = np.arange(120) % 3
    settings = replace(TINY, warmup=replace(TINY.warmup, num_epochs=12, batch_size=16, learning_rate=3e-3))
    trace = make_training(data, settings).run()
    probs = np.mean(trace.stage_probs, axis=0)
    assert (probs[90:].argmax(axis=1) == true[90:]).mean() >= 0.9
    doubt = 1 - probs[np.arange(90), data.given[:90]]
    assert set(np.argsort(-doubt)[:9]) == set(range(9))


def test_two_runs_of_one_seed_agree_to_the_bit_and_another_seed_does_not(make_training):
    first, second, other = (
        outcome(finished(make_training(name=name, seed=seed)))
        for name, seed in (("first", 7), ("second", 7), ("other", 8))
    )
    assert first == second
    assert all(first[name] != other[name] for name in ("embeddings", "warmup", "weights head.weight"))


def test_two_runs_in_bf16_agree_to_the_bit_and_differ_from_fp32(make_training):
    short = with_rounds(
        replace(TINY, pretrain=replace(TINY.pretrain, num_epochs=1), warmup=replace(TINY.warmup, num_epochs=1)),
        num_epochs=(1,),
        first_stages=(1,),
    )
    data = made_data(num_samples=32)
    first, second, other = (
        outcome(finished(make_training(data, replace(short, model=replace(TINY.model, precision=p)), name=name)))
        for name, p in (("first", "bf16"), ("second", "bf16"), ("other", "fp32"))
    )
    assert first == second
    assert first["warmup"] != other["warmup"]


def test_every_epoch_draws_numbers_of_its_own(make_training, monkeypatch):
    seeds = []

    def watch(name, train):
        def watched(*arguments, **options):
            seeds.append(options["generator"].initial_seed())
            return train(*arguments, **options)

        monkeypatch.setattr(engine, name, watched)

    for name in ("pretrain_epoch", "supervised_epoch"):
        watch(name, getattr(engine, name))
    make_training(seed=0).run()
    make_training(seed=1, name="other").run()
    assert len(set(seeds)) == len(seeds) == 2 * NUM_EPOCHS


def test_a_run_does_not_touch_the_global_randomness(make_training):
    before = torch.random.get_rng_state()
    make_training().run()
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(TINY, id="rounds"),
        pytest.param(FINAL, id="final"),
        pytest.param(FOLDED, id="folds"),
    ],
)
def test_a_run_that_is_killed_after_every_epoch_ends_as_one_that_is_not(make_training, settings):
    """Each process lives for one epoch that it saves and one that it does not, or as far as a round's end."""
    options = {"settings": settings, "data": made_data(num_test=16), "folds": FOLDS if settings is FOLDED else ()}
    expected = outcome(finished(make_training(**options, name="uninterrupted")))
    phases = plan_phases(settings, len(options["folds"]))
    done = []
    for _ in range(sum(phase.num_epochs for phase in phases) + 1):
        seen = []

        def die(event, seen=seen):
            seen.append(event)
            if sum(e["event"] == "epoch" for e in seen) == 2:
                raise Killed

        training = make_training(**options, listener=die)
        try:
            training.run()
            break
        except Killed:
            done.append((seen[0]["phase"], seen[0]["epoch"]))
    assert done == [(p.name, e) for p in phases for e in range(1, p.num_epochs + 1)][:-1]
    assert outcome(training) == expected


def test_a_run_killed_between_a_round_s_consensus_and_its_checkpoint_ends_as_one_that_is_not(make_training):
    expected = outcome(finished(make_training(name="uninterrupted")))

    def die(event):
        if event["event"] == "round" and event["round"] == 1:
            raise Killed

    with pytest.raises(Killed):
        make_training(listener=die).run()
    assert outcome(finished(make_training())) == expected


def test_a_run_that_was_whole_but_for_its_scores_trains_no_more(make_training):
    expected = outcome(finished(make_training()))
    events = []
    assert outcome(finished(make_training(listener=events.append))) == expected
    assert events == []


def test_samples_of_split_test_are_predicted_and_never_trained_on(make_training):
    plain = made_data(num_test=16)
    pixels, given = plain.pixels.clone(), plain.given.copy()
    pixels[48:] = torch.randint(256, pixels[48:].shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    given[48:] = 1 - given[48:]
    other = TrainingData(pixels, given, plain.is_trained, 2)
    first, second = (finished(make_training(data, name=name)) for data, name in ((plain, "plain"), (other, "other")))
    for (name, left), right in zip(
        first.network.state_dict().items(), second.network.state_dict().values(), strict=True
    ):
        assert torch.equal(left, right), name
    for left, right in zip(first.trace.stage_probs, second.trace.stage_probs, strict=True):
        np.testing.assert_array_equal(left[:48], right[:48])
        assert (left[48:] != right[48:]).any()


def test_the_labels_of_a_fold_have_no_say_in_what_is_said_of_it(make_training):
    data = made_data(num_test=16)
    plain = make_training(data, FOLDED, folds=FOLDS).run().cross_fitted
    given = data.given.copy()
    given[FOLDS[0]] = 1 - given[FOLDS[0]]
    changed = replace(data, given=given)
    other = make_training(changed, FOLDED, folds=FOLDS, name="other").run().cross_fitted
    np.testing.assert_array_equal(plain[FOLDS[0]], other[FOLDS[0]])
    assert (plain[FOLDS[1]] != other[FOLDS[1]]).any()


def test_cross_fitted_networks_say_what_they_do_at_each_stage_and_the_mean_of_their_last_epochs(
    make_training, monkeypatch
):
    """Each of its own fold, and together, as their mean, of what is not trained on."""
    data = made_data(num_test=16)
    by_epoch = []
    train = engine.supervised_epoch

    def watched(network, *arguments, **options):
        loss = train(network, *arguments, **options)
        by_epoch.append(engine.predict(network, data, precision=options["precision"]))
        return loss

    monkeypatch.setattr(engine, "supervised_epoch", watched)
    trace = make_training(data, FOLDED, folds=FOLDS).run()
    by_fold = [by_epoch[:3], by_epoch[3:]]
    means = [(second + third) / 2 for _, second, third in by_fold]
    expected = {None: means, 1: [first for first, *_ in by_fold], 3: [third for *_, third in by_fold]}
    found = {None: trace.cross_fitted, **trace.cross_fitted_stages}
    assert list(found) == list(expected)
    for epoch, probs in expected.items():
        for held_out, of_fold in zip(FOLDS, probs, strict=True):
            np.testing.assert_allclose(found[epoch][held_out], of_fold[held_out], atol=1e-6)
        np.testing.assert_allclose(found[epoch][48:], (probs[0] + probs[1])[48:] / 2, atol=1e-6)
        np.testing.assert_allclose(found[epoch].sum(axis=1), 1, atol=1e-5)
    assert trace.stages == []


def test_every_fold_begins_with_the_pretrained_network_and_a_fresh_optimiser(make_training, monkeypatch):
    begun = {}
    train = engine.supervised_epoch

    def watched(network, optimizer, data, *arguments, **options):
        begun.setdefault(
            data.is_trained.tobytes(),
            ({name: tensor.clone() for name, tensor in network.state_dict().items()}, len(optimizer.state)),
        )
        return train(network, optimizer, data, *arguments, **options)

    monkeypatch.setattr(engine, "supervised_epoch", watched)
    make_training(made_data(num_test=16), FOLDED, folds=FOLDS).run()
    first, (weights, num_states) = begun.values()
    assert num_states == 0
    assert all(torch.equal(tensor, first[0][name]) for name, tensor in weights.items())


@pytest.mark.parametrize("strong", ["all", "none"])
def test_in_the_rounds_all_or_none_may_get_strong_augmentation(make_training, monkeypatch, strong):
    seen = []
    train = engine.supervised_epoch

    def watched(network, optimizer, data, labels, is_strong, **options):
        seen.append(is_strong.tolist())
        return train(network, optimizer, data, labels, is_strong, **options)

    monkeypatch.setattr(engine, "supervised_epoch", watched)
    trace = make_training(settings=with_rounds(TINY, strong=strong)).run()
    assert trace.is_consensus[0].any()
    num = len(trace.is_consensus[0])
    assert seen == [[False] * num] * 2 + [[strong == "all"] * num] * 5  # the warm-up first


@pytest.mark.parametrize("settings", [TINY, FINAL], ids=["rounds", "final"])
def test_each_phase_trains_on_the_labels_of_the_round_before_it(make_training, monkeypatch, settings):
    calls = []
    train = engine.supervised_epoch

    def watched(network, optimizer, data, labels, is_pseudo_labelled, **options):
        calls.append((labels.copy(), is_pseudo_labelled.copy(), options["weight"]))
        return train(network, optimizer, data, labels, is_pseudo_labelled, **options)

    monkeypatch.setattr(engine, "supervised_epoch", watched)
    data = made_data(num_samples=90, num_flipped=6)
    trace = make_training(data, settings).run()
    assert all(labels.any() for labels in trace.is_consensus)
    assert all((labels != data.given).any() for labels in trace.pseudo_labels)
    nobody = np.zeros(90, dtype=bool)
    in_rounds, in_final = ("max", None) if settings is TINY else ("none", "max")
    expected = [
        *[(data.given, nobody, "none")] * 2,
        *[(data.given, nobody, in_rounds)] * 2,
        *[(trace.pseudo_labels[0], trace.is_consensus[0], in_rounds)] * 3,
        *([(trace.pseudo_labels[1], trace.is_consensus[1], in_final)] * 2 if in_final else []),
    ]
    assert len(calls) == len(expected)
    for (labels, is_strong, weight), (expected_labels, expected_strong, expected_weight) in zip(
        calls, expected, strict=True
    ):
        np.testing.assert_array_equal(labels, expected_labels)
        np.testing.assert_array_equal(is_strong, expected_strong)
        assert weight == expected_weight


def test_the_fallback_to_the_current_label_keeps_the_last_pseudo_label(make_training, monkeypatch):
    seen = []
    join = consensus.stage_consensus

    def watched(stage_probs, given, **options):
        seen.append((options["fallback"], options["current"].copy()))
        return join(stage_probs, given, **options)

    monkeypatch.setattr(consensus, "stage_consensus", watched)
    data = made_data(num_samples=90, num_flipped=6)
    trace = make_training(data, with_rounds(TINY, fallback="current")).run()
    assert [fallback for fallback, _ in seen] == ["current", "current"]
    np.testing.assert_array_equal(seen[0][1], data.given)
    np.testing.assert_array_equal(seen[1][1], trace.pseudo_labels[0])


@pytest.mark.parametrize("weighting", ["rounds", "final"])
def test_a_final_phase_is_a_stage_of_its_own_after_the_rounds(make_training, weighting):
    settings = with_rounds(TINY, weighting=weighting, num_final_epochs=2)
    trace = make_training(settings=settings).run()
    assert [str(stage) for stage in trace.stages[-2:]] == ["round 2 epoch 3", "final"]
    assert trace.stages == plan_stages(settings)
    assert len(trace.pseudo_labels) == 2


def test_finally_the_network_is_fine_tuned_on_the_last_pseudo_labels_weighted_by_confidence(make_training, monkeypatch):
    calls = []
    train = engine.supervised_epoch

    def watched(network, optimizer, data, labels, is_strong, **options):
        calls.append((labels.copy(), options["weight"]))
        return train(network, optimizer, data, labels, is_strong, **options)

    monkeypatch.setattr(engine, "supervised_epoch", watched)
    settings = with_rounds(TINY, num_final_epochs=3)
    trace = make_training(made_data(num_samples=90, num_flipped=6), settings).run()
    assert len(calls) == 2 + 5 + 3
    for labels, weight in calls[-3:]:
        np.testing.assert_array_equal(labels, trace.pseudo_labels[-1])
        assert weight == "max"


def rates_of(make_training, monkeypatch, settings, folds=()):
    """The optimiser's name and its learning rate in each supervised epoch."""
    seen = []
    train = engine.supervised_epoch

    def watched(network, optimizer, *arguments, **options):
        seen.append((type(optimizer).__name__, optimizer.param_groups[0]["lr"]))
        return train(network, optimizer, *arguments, **options)

    monkeypatch.setattr(engine, "supervised_epoch", watched)
    make_training(made_data(num_test=16), settings, folds=folds).run()
    return seen


@pytest.mark.parametrize(("name", "kind"), [("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW")])
def test_warm_up_rounds_and_final_phase_share_one_optimiser_and_one_cosine(make_training, monkeypatch, name, kind):
    warmup = replace(TINY.warmup, optimizer=name, learning_rate=0.02, schedule="cosine")
    settings = with_rounds(replace(TINY, warmup=warmup), num_final_epochs=2)
    seen = rates_of(make_training, monkeypatch, settings)
    assert {found for found, _ in seen} == {kind}
    expected = [0.01 * (1 + math.cos(math.pi * done / 9)) for done in range(9)]  # 2, 2 + 3 and 2 epochs
    np.testing.assert_allclose([rate for _, rate in seen], expected)


def test_each_cross_fitted_network_has_a_cosine_of_its_own(make_training, monkeypatch):
    settings = replace(FOLDED, warmup=replace(FOLDED.warmup, learning_rate=0.02, schedule="cosine"))
    rates = [rate for _, rate in rates_of(make_training, monkeypatch, settings, FOLDS)]
    expected = [0.01 * (1 + math.cos(math.pi * done / 3)) for done in range(3)]
    np.testing.assert_allclose(rates, expected * 2)


def test_a_run_by_sgd_with_cosine_that_is_killed_goes_on_as_it_would_have(make_training, monkeypatch):
    settings = replace(TINY, warmup=replace(TINY.warmup, optimizer="sgd", learning_rate=0.02, schedule="cosine"))
    whole = outcome(finished(make_training(settings=settings)))
    save, num_saved = engine.save_checkpoint, 0

    def save_then_stop(*arguments):
        nonlocal num_saved
        save(*arguments)
        num_saved += 1
        if num_saved == 5:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(engine, "save_checkpoint", save_then_stop)
        with pytest.raises(Killed):
            make_training(settings=settings, name="killed").run()
    assert outcome(finished(make_training(settings=settings, name="killed"))) == whole


def test_without_pretraining_the_embeddings_are_those_of_the_first_weights(make_training):
    settings = replace(TINY, pretrain=replace(TINY.pretrain, num_epochs=0))
    training = make_training(settings=settings)
    fresh = make_training(settings=settings, name="fresh")
    with torch.inference_mode():
        features = fresh.network.eval().features(fresh.data.images(torch.arange(64)))
    trace = training.run()
    np.testing.assert_allclose(trace.embeddings, features.numpy(), atol=1e-5)
    assert [phase.name for phase in plan_phases(settings)] == ["warmup", "round 1", "round 2"]
    assert trace.stages == plan_stages(settings)


def test_pretraining_does_not_touch_the_classifier_and_later_phases_not_the_projection(make_training):
    training = make_training()
    before = {name: tensor.clone() for name, tensor in training.network.state_dict().items()}
    after_pretraining = {}

    def look(event):
        if event["event"] == "epoch" and event["phase"] == "pretrain":
            after_pretraining.update({n: t.clone() for n, t in training.network.state_dict().items()})

    training.progress._listener = look
    training.run()
    after = training.network.state_dict()
    for name in ("head.weight", "head.bias"):
        assert torch.equal(after_pretraining[name], before[name])
        assert not torch.equal(after[name], before[name])
    for name in ("projection.0.weight", "projection.2.bias"):
        assert not torch.equal(after_pretraining[name], before[name])
        assert torch.equal(after[name], after_pretraining[name])


def test_the_learning_rate_of_pretraining_falls_along_a_half_cosine(make_training, monkeypatch):
    rates = []
    train = engine.pretrain_epoch

    def watched(network, optimizer, *arguments, **options):
        rates.append(optimizer.param_groups[0]["lr"])
        return train(network, optimizer, *arguments, **options)

    monkeypatch.setattr(engine, "pretrain_epoch", watched)
    settings = replace(TINY, pretrain=replace(TINY.pretrain, num_epochs=4))
    make_training(settings=settings).run()
    assert rates == pytest.approx([1e-3 * math.cos(math.pi * epoch / 8) ** 2 for epoch in range(4)])


def test_events_tell_of_every_epoch_and_round_and_of_no_sample(make_training):
    events = []
    training = finished(make_training(listener=events.append))
    epochs = [event for event in events if event["event"] == "epoch"]
    assert [event["num_done"] for event in epochs] == list(range(1, NUM_EPOCHS + 1))
    assert {event["num_epochs"] for event in epochs} == {NUM_EPOCHS}
    assert all(math.isfinite(event["loss"]) for event in epochs)
    rounds = [event for event in events if event["event"] == "round"]
    trace, given = training.trace, training.data.given
    assert [(event["round"], event["num_reliable"], event["num_changed"]) for event in rounds] == [
        (i + 1, int(trace.is_consensus[i].sum()), int((trace.pseudo_labels[i] != given).sum())) for i in range(2)
    ]
    assert json.loads(json.dumps(events)) == events


@pytest.mark.parametrize("section", ["pretrain", "warmup"])
def test_a_training_that_diverges_says_so_and_leaves_no_numbers_that_are_none(make_training, section):
    settings = replace(TINY, **{section: replace(getattr(TINY, section), learning_rate=1e30)})
    with pytest.raises(ConfigError, match=rf"diverged in phase {section}.* a lower {section}\.learning_rate"):
        make_training(made_data(), settings=settings).run()
