import json
import math
from dataclasses import FrozenInstanceError, replace

import pytest

from overread.config import (
    OVERREAD,
    PAPER,
    PRESETS,
    QUICK,
    calibration_settings,
    override_settings,
    preset_settings,
    settings_from_dict,
)
from overread.detection_settings import (
    CrossValidationSettings,
    DuplicateSettings,
    DynamicsSettings,
    ErrorRateSettings,
    NeighbourSettings,
    NoiseSettings,
    RefinementSettings,
)
from overread.errors import ConfigError
from overread.network_settings import (
    CrossFittingSettings,
    ModelSettings,
    PretrainSettings,
    RoundsSettings,
    WarmupSettings,
)
from overread.proposal_settings import CalibrationSettings, ComparisonSettings, ProposalSettings


def test_paper_is_what_the_paper_says():
    assert PAPER.pretrain.num_epochs == 30
    assert not PAPER.pretrain.flip
    assert PAPER.warmup.num_epochs == 5
    rounds = PAPER.rounds
    assert rounds.num_epochs == (4, 7, 7)
    assert [rounds.stages(i) for i in range(3)] == [(2, 3, 4), (2, 5, 7), (2, 5, 7)]
    assert math.exp(-rounds.max_loss) == pytest.approx(0.85)  # ours: the paper says only "a preset threshold"
    assert (rounds.threshold, rounds.reliability, rounds.fallback, rounds.weighting, rounds.weight) == (
        "fixed",
        "predicted",
        "given",
        "rounds",
        "max",
    )
    assert PAPER.cross_validation.num_folds == 0
    assert (PAPER.model.encoder, PAPER.model.image_size_px) == ("resnet18", 224)


def test_quick_is_the_paper_s_loop_with_a_small_network_and_the_cross_validated_scorer():
    assert (QUICK.warmup, QUICK.rounds) == (PAPER.warmup, PAPER.rounds)
    assert (QUICK.model.encoder, QUICK.model.image_size_px) == ("narrow", 64)
    assert QUICK.cross_validation.num_folds == 5


def test_overread_is_cross_fitted_and_has_none_of_the_paper_s_rounds():
    assert (OVERREAD.cross_fitting.num_folds, OVERREAD.refinement.num_folds) == (3, 5)
    assert (OVERREAD.rounds.num_epochs, OVERREAD.cross_validation.num_folds) == ((), 0)
    for other in (PAPER, QUICK):
        assert (other.cross_fitting.num_folds, other.refinement.num_folds) == (0, 0)


@pytest.mark.parametrize("settings", [PAPER, QUICK, OVERREAD])
def test_something_must_be_left_to_judge_by(settings):
    with pytest.raises(ConfigError, match=r"^rounds\.num_epochs: found \(\), must have at least one round"):
        override_settings(settings, ["rounds.num_epochs=", "refinement.num_folds=0"])


def fitted(name, *, device="cpu", has_bf16=True, cache_size_px=224, num_samples=4000):
    return preset_settings(name, device=device, has_bf16=has_bf16, cache_size_px=cache_size_px, num_samples=num_samples)


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_takes_the_narrow_encoder_at_64_px_on_a_cpu(name):
    assert (fitted(name).model.encoder, fitted(name).model.image_size_px) == ("narrow", 64)


def test_bf16_is_for_devices_that_compute_in_it():
    assert fitted("quick").model.precision == "bf16"
    assert fitted("quick", has_bf16=False).model.precision == "fp32"


@pytest.mark.parametrize("name", ["vit_b_16", "resnet", "resnet19", "", "narrower"])
def test_an_unknown_encoder_is_named_with_those_there_are(name):
    with pytest.raises(ConfigError, match="one of narrow, resnet18"):
        ModelSettings(encoder=name)


def test_the_paper_s_network_is_kept_on_a_gpu_and_is_no_larger_than_the_cache():
    assert fitted("paper", device="cuda") == PAPER
    assert fitted("paper", device="cuda", cache_size_px=128).model.image_size_px == 128
    assert fitted("quick", cache_size_px=32).model.image_size_px == 32


@pytest.mark.parametrize("num_samples", [2, 100, 400, 600, 1000, 1700, 3784, 100_000])
def test_quick_takes_twelve_steps_an_epoch_or_more_of_batches_of_32_or_more(num_samples):
    settings = fitted("quick", num_samples=num_samples)
    for section, whole in ((settings.pretrain, QUICK.pretrain), (settings.warmup, QUICK.warmup)):
        assert 32 <= section.batch_size <= whole.batch_size
        assert section.batch_size == 32 or num_samples / section.batch_size >= 12
        assert section == replace(whole, batch_size=section.batch_size)
        # No smaller than it has to be, either.
        assert section.batch_size == whole.batch_size or num_samples / (2 * section.batch_size) < 12


def test_the_paper_s_batches_are_the_same_for_any_number_of_samples():
    assert fitted("paper", device="cuda", num_samples=10) == PAPER


def test_an_unknown_preset_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="--preset: 'best' is not one of overread, paper, quick"):
        fitted("best")


@pytest.mark.parametrize(
    "settings", [OVERREAD, PAPER, QUICK, replace(QUICK, rounds=RoundsSettings((3,), (1, 3), (1,)))]
)
def test_settings_come_back_from_json_as_they_were(settings):
    assert settings_from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        QUICK.warmup.num_epochs = 3


def test_a_setting_is_changed_by_its_name_and_keeps_its_type():
    changed = override_settings(
        QUICK,
        [
            "pretrain.num_epochs=3",
            "pretrain.flip=True",
            "warmup.learning_rate=2e-3",
            "rounds.later_stages=2, 5,6",
            "rounds.fallback=current",
            "model.precision = fp32",
        ],
    )
    assert (changed.pretrain.num_epochs, changed.pretrain.flip) == (3, True)
    assert changed.warmup.learning_rate == 0.002
    assert (changed.rounds.later_stages, changed.rounds.fallback) == ((2, 5, 6), "current")
    assert changed.model.precision == "fp32"
    assert replace(changed, **{n: getattr(QUICK, n) for n in ("model", "pretrain", "warmup", "rounds")}) == QUICK


@pytest.mark.parametrize("is_reversed", [False, True])
def test_settings_that_fit_only_together_may_come_in_any_order(is_reversed):
    assignments = ["rounds.num_epochs=1,2", "rounds.first_stages=1", "rounds.later_stages=1,2"]
    rounds = override_settings(QUICK, assignments[::-1] if is_reversed else assignments).rounds
    assert (rounds.num_epochs, rounds.first_stages, rounds.later_stages) == ((1, 2), (1,), (1, 2))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("rounds.epochs=3", "no such setting; choose from .*rounds.num_epochs"),
        ("preset=paper", "no such setting"),
        ("preset.x=paper", "no such setting"),
        ("to_dict.x=1", "no such setting"),
        ("nothing", "no such setting"),
        ("pretrain.num_epochs=many", "'many' is not valid; expected type int, such as 20"),
        ("pretrain.num_epochs=1.5", "is not valid; expected type"),
        ("pretrain.flip=perhaps", "is not valid; expected type"),
        ("warmup.learning_rate=inf", "is not valid; expected type"),
        ("refinement.strengths=0.1,inf", "is not valid; expected type"),
        ("refinement.use_raters=true", "must be false if refinement.num_folds is 0"),
        ("rounds.num_epochs=4;7;7", "is not valid; expected type"),
        ("pretrain.num_epochs=-1", "pretrain.num_epochs: found -1, must be at least 0"),
    ],
)
def test_an_assignment_that_does_not_fit_is_refused(assignment, message):
    with pytest.raises(ConfigError, match=message):
        override_settings(QUICK, [assignment])


@pytest.mark.parametrize(
    ("kind", "values", "name"),
    [
        (ModelSettings, {"image_size_px": 31}, "model.image_size_px"),
        (ModelSettings, {"precision": "fp16"}, "model.precision"),
        (PretrainSettings, {"batch_size": 1}, "pretrain.batch_size"),
        (PretrainSettings, {"temperature": 0.0}, "pretrain.temperature"),
        (PretrainSettings, {"learning_rate": math.nan}, "pretrain.learning_rate"),
        (PretrainSettings, {"projection_size": 0}, "pretrain.projection_size"),
        (WarmupSettings, {"batch_size": 2}, "warmup.batch_size"),
        (WarmupSettings, {"learning_rate": 0.0}, "warmup.learning_rate"),
        (WarmupSettings, {"weight_decay": -1.0}, "warmup.weight_decay"),
        (WarmupSettings, {"num_epochs": 0}, "warmup.num_epochs"),
        (RoundsSettings, {"num_epochs": (3, 7, 7)}, "rounds.first_stages"),
        (RoundsSettings, {"num_epochs": (4, 7, 6)}, "rounds.later_stages"),
        (RoundsSettings, {"first_stages": ()}, "rounds.first_stages"),
        (RoundsSettings, {"first_stages": (0, 2)}, "rounds.first_stages"),
        (RoundsSettings, {"first_stages": (4, 2, 3)}, "rounds.first_stages"),
        (RoundsSettings, {"later_stages": (2, 5, 5)}, "rounds.later_stages"),
        (RoundsSettings, {"max_loss": 0.0}, "rounds.max_loss"),
        (RoundsSettings, {"max_loss": math.nan}, "rounds.max_loss"),
        (RoundsSettings, {"threshold": "adaptive"}, "rounds.threshold"),
        (RoundsSettings, {"quantile": 1.0}, "rounds.quantile"),
        (RoundsSettings, {"reliability": "true"}, "rounds.reliability"),
        (RoundsSettings, {"fallback": "none"}, "rounds.fallback"),
        (RoundsSettings, {"weight": "min"}, "rounds.weight"),
        (RoundsSettings, {"strong": "some"}, "rounds.strong"),
        (RoundsSettings, {"weighting": "never"}, "rounds.weighting"),
        (RoundsSettings, {"weighting": "final"}, "rounds.num_final_epochs"),
        (RoundsSettings, {"num_final_epochs": -1}, "rounds.num_final_epochs"),
        (ModelSettings, {"stem": "large"}, "model.stem"),
        (WarmupSettings, {"optimizer": "lion"}, "warmup.optimizer"),
        (WarmupSettings, {"schedule": "steps"}, "warmup.schedule"),
        (CrossValidationSettings, {"num_folds": 1}, "cross_validation.num_folds"),
        (CrossValidationSettings, {"regularisation": 0.0}, "cross_validation.regularisation"),
        (CrossFittingSettings, {"num_folds": 1}, "cross_fitting.num_folds"),
        (CrossFittingSettings, {"num_epochs": 0}, "cross_fitting.num_epochs"),
        (CrossFittingSettings, {"num_averaged": 0}, "cross_fitting.num_averaged"),
        (RefinementSettings, {"num_folds": 1}, "refinement.num_folds"),
        (RefinementSettings, {"num_inner_folds": 1}, "refinement.num_inner_folds"),
        (RefinementSettings, {"num_repeats": 0}, "refinement.num_repeats"),
        (RefinementSettings, {"max_rounds": -1}, "refinement.max_rounds"),
        (RefinementSettings, {"strengths": ()}, "refinement.strengths"),
        (RefinementSettings, {"strengths": (0.1, 0.0)}, "refinement.strengths"),
        (RefinementSettings, {"num_neighbours": 0}, "refinement.num_neighbours"),
        (RefinementSettings, {"min_precision": 1.0}, "refinement.min_precision"),
        (RefinementSettings, {"num_components": 0}, "refinement.num_components"),
        (RefinementSettings, {"neighbour_weights": ()}, "refinement.neighbour_weights"),
        (RefinementSettings, {"network_weights": (1.5,)}, "refinement.network_weights"),
        (RefinementSettings, {"vote_smoothing": -1.0}, "refinement.vote_smoothing"),
        (CrossValidationSettings, {"max_width": 0}, "cross_validation.max_width"),
        (NoiseSettings, {"min_inverse_temperature": 0.0}, "noise.min_inverse_temperature"),
        (NoiseSettings, {"max_inverse_temperature": 0.1}, "noise.max_inverse_temperature"),
        (NoiseSettings, {"num_temperatures": 0}, "noise.num_temperatures"),
        (NoiseSettings, {"num_standard_errors": -0.1}, "noise.num_standard_errors"),
        (NoiseSettings, {"final_num_standard_errors": math.nan}, "noise.final_num_standard_errors"),
        (NoiseSettings, {"shrinkage": -1.0}, "noise.shrinkage"),
        (NoiseSettings, {"off_diagonal_prior": 0.0}, "noise.off_diagonal_prior"),
        (NoiseSettings, {"diagonal_prior": 0.0}, "noise.diagonal_prior"),
        (NoiseSettings, {"max_instance_noise": -1.0}, "noise.max_instance_noise"),
        (ErrorRateSettings, {"num_rotations": 0}, "error_rate.num_rotations"),
        (ErrorRateSettings, {"agreement_range": (0.4, 0.25)}, "error_rate.agreement_range"),
        (ErrorRateSettings, {"agreement_range": (0.4,)}, "error_rate.agreement_range"),
        (ErrorRateSettings, {"num_strata": 0}, "error_rate.num_strata"),
        (ErrorRateSettings, {"min_stratum_size": 0}, "error_rate.min_stratum_size"),
        (ErrorRateSettings, {"num_folds": 1}, "error_rate.num_folds"),
        (ErrorRateSettings, {"samples_per_feature": 0}, "error_rate.samples_per_feature"),
        (ErrorRateSettings, {"ridge_penalty": 0.0}, "error_rate.ridge_penalty"),
        (ErrorRateSettings, {"min_variance": 0.0}, "error_rate.min_variance"),
        (ErrorRateSettings, {"diagonal_prior": -1.0}, "error_rate.diagonal_prior"),
        (ErrorRateSettings, {"num_estimates": 0}, "error_rate.num_estimates"),
        (ErrorRateSettings, {"spread": 0}, "error_rate.spread"),
        (ErrorRateSettings, {"max_instance_noise_share": 1.1}, "error_rate.max_instance_noise_share"),
        (DuplicateSettings, {"same_class_prob": 1.0}, "duplicates.same_class_prob"),
        (DuplicateSettings, {"copy_probs": (0.1, 0.9)}, "duplicates.copy_probs"),
        (DuplicateSettings, {"copy_probs": (1.0, 0.5)}, "duplicates.copy_probs"),
        (DuplicateSettings, {"min_evidence_nats": -1.0}, "duplicates.min_evidence_nats"),
        (DynamicsSettings, {"num_epochs": 0}, "dynamics.num_epochs"),
        (DynamicsSettings, {"batch_size": 0}, "dynamics.batch_size"),
        (DynamicsSettings, {"learning_rate": 0.0}, "dynamics.learning_rate"),
        (DynamicsSettings, {"momentum": 1.0}, "dynamics.momentum"),
        (NeighbourSettings, {"faiss_from": -1}, "neighbours.faiss_from"),
        (NeighbourSettings, {"approximate_from": -1}, "neighbours.approximate_from"),
        (ProposalSettings, {"min_standard_errors": math.nan}, "proposals.min_standard_errors"),
        (ProposalSettings, {"min_isolation": math.inf}, "proposals.min_isolation"),
        (ProposalSettings, {"min_recall": 1.1}, "proposals.min_recall"),
        (ProposalSettings, {"ambiguous_ratio": -0.1}, "proposals.ambiguous_ratio"),
        (ProposalSettings, {"isolation_neighbour": 5}, "proposals.isolation_neighbour"),
        (ProposalSettings, {"num_shown": 0}, "proposals.num_shown"),
        (CalibrationSettings, {"prior_spread": (0.3, 0.5)}, "calibration.prior_spread"),
        (CalibrationSettings, {"prior_spread": (0.3, 0.5, 0.0)}, "calibration.prior_spread"),
        (CalibrationSettings, {"min_verdicts": 0}, "calibration.min_verdicts"),
        (CalibrationSettings, {"verdicts_per_bin": 0}, "calibration.verdicts_per_bin"),
        (CalibrationSettings, {"max_bins": 0}, "calibration.max_bins"),
        (CalibrationSettings, {"num_folds": 1}, "calibration.num_folds"),
        (ComparisonSettings, {"min_samples": 1}, "comparison.min_samples"),
        (ComparisonSettings, {"min_of_each": 0}, "comparison.min_of_each"),
        (ComparisonSettings, {"margin": -0.1}, "comparison.margin"),
        (ComparisonSettings, {"num_resamples": 0}, "comparison.num_resamples"),
    ],
)
def test_a_value_out_of_its_range_is_named(kind, values, name):
    with pytest.raises(ConfigError, match=f"^{name}: found .*, must be "):
        kind(**values)


def test_a_single_round_needs_no_later_stages_that_fit():
    assert RoundsSettings(num_epochs=(4,)).stages(0) == (2, 3, 4)


def test_a_run_of_an_earlier_version_opens_with_the_constants_that_it_had_then():
    """Before the detector's constants were settings, config.json had neither their sections nor these fields."""
    written = json.loads(json.dumps(OVERREAD.to_dict()))
    known = {"model", "pretrain", "warmup", "rounds", "cross_validation", "cross_fitting", "refinement"}
    old = {name: values for name, values in written.items() if name in {"preset", *known}}
    for field in ("num_components", "neighbour_weights", "network_weights", "vote_smoothing"):
        del old["refinement"][field]
    assert settings_from_dict(old) == OVERREAD
    assert calibration_settings({"settings": old}) == calibration_settings({}) == CalibrationSettings()


@pytest.mark.parametrize(("encoder", "size_px"), [("resnet18", 64), ("resnet18", 224), ("narrow", 64)])
def test_a_run_of_an_earlier_version_keeps_the_stem_that_its_weights_fit(encoder, size_px):
    values = override_settings(PAPER, [f"model.encoder={encoder}", f"model.image_size_px={size_px}"]).to_dict()
    del values["model"]["stem"]
    assert not settings_from_dict(values).model.has_small_stem


@pytest.mark.parametrize(
    ("encoder", "size_px", "stem", "expected"),
    [
        ("resnet18", 64, "auto", True),
        ("resnet50", 32, "auto", True),
        ("resnet18", 65, "auto", False),
        ("narrow", 32, "auto", False),
        ("narrow", 64, "small", True),
        ("resnet34", 224, "small", True),
        ("resnet34", 32, "standard", False),
    ],
)
def test_the_stem_follows_the_image_size_unless_one_is_chosen(encoder, size_px, stem, expected):
    assert ModelSettings(encoder, size_px, stem=stem).has_small_stem is expected


def test_the_detector_s_sections_are_those_of_the_run():
    changed = override_settings(OVERREAD, ["noise.shrinkage=50", "calibration.prior_spread=0.1,0.2,0.3"])
    assert (changed.detection.noise.shrinkage, changed.detection.refinement) == (50, OVERREAD.refinement)
    assert calibration_settings({"settings": changed.to_dict()}).prior_spread == (0.1, 0.2, 0.3)


def test_a_setting_that_is_no_more_is_left_out_of_an_earlier_run_s():
    values = OVERREAD.to_dict()
    values["error_rate"]["tolerance"] = 0.03
    assert settings_from_dict(values) == OVERREAD
