"""Every setting of a training: a frozen dataclass per stage of the method, checked once.

The presets are at the end. A setting is changed by its name, SECTION.FIELD=VALUE (`rounds.max_loss=0.1`).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from overread.errors import ConfigError


def _check(condition: bool, name: str, found: object, wanted: str) -> None:
    if not condition:
        raise ConfigError(f"{name}: found {found!r}, must be {wanted}")


ENCODERS = ("narrow", "resnet18", "resnet34", "resnet50")
FEATURES = ("simclr", "imagenet")
THRESHOLDS = ("fixed", "gmm", "quantile", "otsu")


@dataclass(frozen=True)
class ModelSettings:
    encoder: str = "resnet18"
    """One of ENCODERS; narrow is made for CPUs."""
    image_size_px: int = 224
    """Side of the square images that the network sees; at most that of the pixel cache."""
    precision: str = "bf16"
    """bf16 or fp32; the presets take bf16 where the device computes in it."""

    def __post_init__(self) -> None:
        _check(self.encoder in ENCODERS, "model.encoder", self.encoder, f"one of {', '.join(ENCODERS)}")
        # From 16 px down the last stage strides over a single pixel, and there a CPU's bf16 convolutions leave
        # whatever the memory held in the gradients of the taps that meet no pixel.
        _check(32 <= self.image_size_px <= 1024, "model.image_size_px", self.image_size_px, "from 32 to 1024")
        _check(self.precision in ("bf16", "fp32"), "model.precision", self.precision, "bf16 or fp32")


@dataclass(frozen=True)
class PretrainSettings:
    """SimCLR. Source: Chen et al. 2020."""

    num_epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    temperature: float = 0.5
    projection_size: int = 128
    flip: bool = False
    """Also mirror the views; off in the paper, and laterality may matter."""

    def __post_init__(self) -> None:
        _check(self.num_epochs >= 0, "pretrain.num_epochs", self.num_epochs, "at least 0")
        _check(self.batch_size >= 2, "pretrain.batch_size", self.batch_size, "at least 2")
        _check(self.learning_rate > 0, "pretrain.learning_rate", self.learning_rate, "above 0")
        _check(self.weight_decay >= 0, "pretrain.weight_decay", self.weight_decay, "at least 0")
        _check(self.temperature > 0, "pretrain.temperature", self.temperature, "above 0")
        _check(self.projection_size >= 1, "pretrain.projection_size", self.projection_size, "at least 1")


@dataclass(frozen=True)
class WarmupSettings:
    """Cross-entropy on the given labels; batch and optimiser hold for the rounds too."""

    num_epochs: int = 5
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        _check(self.num_epochs >= 1, "warmup.num_epochs", self.num_epochs, "at least 1")
        # In batches of two, three images would leave one alone, which batch normalisation cannot take.
        _check(self.batch_size >= 3, "warmup.batch_size", self.batch_size, "at least 3")
        _check(self.learning_rate > 0, "warmup.learning_rate", self.learning_rate, "above 0")
        _check(self.weight_decay >= 0, "warmup.weight_decay", self.weight_decay, "at least 0")


@dataclass(frozen=True)
class RoundsSettings:
    """Iterative refinement with stage-wise consensus."""

    num_epochs: tuple[int, ...] = (4, 7, 7)
    """Epochs of each round; none (): the network stops after the warm-up."""
    first_stages: tuple[int, ...] = (2, 3, 4)
    """Epochs of the first round after which the whole set is predicted."""
    later_stages: tuple[int, ...] = (2, 5, 7)
    max_loss: float = -math.log(0.85)
    """In nats: a sample is reliable at a stage when its loss lies below."""
    threshold: str = "fixed"
    """One of THRESHOLDS: max_loss as it stands, or a threshold that each class's losses at the stage give; where
    they give none, it is max_loss."""
    quantile: float = 0.5
    """The share of each class's losses below the threshold, where that is quantile."""
    reliability: str = "predicted"
    """Whose loss: that of the predicted class, or of the given label."""
    fallback: str = "given"
    """The label of a sample without consensus: given, or current (its last pseudo-label)."""
    weighting: str = "rounds"
    """Softmax-weighted cross-entropy in every round, or in a final phase only."""
    weight: str = "max"
    """The confidence that weighs: max (of the predicted class), target, or none."""
    num_final_epochs: int = 0
    """Epochs of the final phase; needed where weighting is final."""

    def __post_init__(self) -> None:
        for name, stages, longest in (
            ("first_stages", self.first_stages, next(iter(self.num_epochs), 10**6)),
            ("later_stages", self.later_stages, min(self.num_epochs[1:], default=10**6)),
        ):
            _check(
                bool(stages) and all(1 <= s <= longest for s in stages) and list(stages) == sorted(set(stages)),
                f"rounds.{name}",
                stages,
                f"rising epochs from 1 to {longest}, the length of the round",
            )
        _check(self.max_loss > 0, "rounds.max_loss", self.max_loss, "above 0")
        _check(self.threshold in THRESHOLDS, "rounds.threshold", self.threshold, f"one of {', '.join(THRESHOLDS)}")
        _check(0 < self.quantile < 1, "rounds.quantile", self.quantile, "between 0 and 1")
        _check(self.reliability in ("predicted", "given"), "rounds.reliability", self.reliability, "predicted or given")
        _check(self.fallback in ("given", "current"), "rounds.fallback", self.fallback, "given or current")
        _check(self.weighting in ("rounds", "final"), "rounds.weighting", self.weighting, "rounds or final")
        _check(self.weight in ("max", "target", "none"), "rounds.weight", self.weight, "max, target or none")
        _check(
            self.weighting == "rounds" or self.num_final_epochs > 0,
            "rounds.num_final_epochs",
            self.num_final_epochs,
            "at least 1 where rounds.weighting is final",
        )

    def stages(self, round_index: int) -> tuple[int, ...]:
        """The monitored epochs (from 1) of a round (from 0)."""
        return self.first_stages if round_index == 0 else self.later_stages


@dataclass(frozen=True)
class CrossValidationSettings:
    """Logistic regression on the frozen SimCLR features, judged out of fold."""

    num_folds: int = 5
    """0 leaves this scorer out."""
    regularisation: float = 0.01
    """Inverse strength of the L2 penalty on standardised features, above 0 (scikit-learn's C)."""

    def __post_init__(self) -> None:
        _check(self.num_folds == 0 or self.num_folds >= 2, "cross_validation.num_folds", self.num_folds, "0 or >= 2")
        _check(self.regularisation > 0, "cross_validation.regularisation", self.regularisation, "above 0")


@dataclass(frozen=True)
class CrossFittingSettings:
    """Networks fine-tuned from the pretrained one as in the warm-up, each without a fold that it then judges."""

    num_folds: int = 0
    """0 leaves them out."""
    num_epochs: int = 8
    num_averaged: int = 3
    """Last epochs whose predictions are averaged."""

    def __post_init__(self) -> None:
        _check(self.num_folds == 0 or self.num_folds >= 2, "cross_fitting.num_folds", self.num_folds, "0 or >= 2")
        _check(self.num_epochs >= 1, "cross_fitting.num_epochs", self.num_epochs, "at least 1")
        _check(self.num_averaged >= 1, "cross_fitting.num_averaged", self.num_averaged, "at least 1")


@dataclass(frozen=True)
class RefinementSettings:
    """Rounds of refinement on frozen features, cross-fitted: see `core/overread/detection/self_training.py`."""

    num_folds: int = 0
    """0 leaves it out."""
    features: str = "simclr"
    """One of FEATURES: the run's own encoder's after SimCLR, or those of one that was trained on ImageNet and comes
    with a package; where that is not installed, SimCLR's."""
    num_inner_folds: int = 3
    """Of what a fold leaves to fit on; they make its pseudo-labels."""
    num_repeats: int = 2
    """With other folds each time; the mean is taken."""
    max_rounds: int = 2
    """After round 0, which is fitted to the given labels."""
    strengths: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01)
    """Inverse strengths of the logistic regression's L2 penalty to choose from, as scikit-learn's C."""
    ridge_penalties: tuple[float, ...] = (100.0, 300.0, 1000.0, 3000.0, 10000.0)
    """Of the ridge regression's beside it, as scikit-learn's alpha."""
    num_neighbours: int = 15
    use_raters: bool = False
    """Whether single raters' labels, where a study has them, count as labels of the same image beside the given one. A
    study that is to be measured by them leaves them out."""
    min_precision: float = 0.8
    """Of the proposals, as their probabilities make it expected."""

    def __post_init__(self) -> None:
        _check(self.num_folds == 0 or self.num_folds >= 2, "refinement.num_folds", self.num_folds, "0 or >= 2")
        _check(self.features in FEATURES, "refinement.features", self.features, f"one of {', '.join(FEATURES)}")
        _check(self.num_inner_folds >= 2, "refinement.num_inner_folds", self.num_inner_folds, "at least 2")
        _check(self.num_repeats >= 1, "refinement.num_repeats", self.num_repeats, "at least 1")
        _check(self.max_rounds >= 0, "refinement.max_rounds", self.max_rounds, "at least 0")
        _check(
            bool(self.strengths) and min(self.strengths) > 0, "refinement.strengths", self.strengths, "some, above 0"
        )
        _check(
            bool(self.ridge_penalties) and min(self.ridge_penalties) > 0,
            "refinement.ridge_penalties",
            self.ridge_penalties,
            "some, above 0",
        )
        _check(self.num_neighbours >= 1, "refinement.num_neighbours", self.num_neighbours, "at least 1")
        _check(0 < self.min_precision < 1, "refinement.min_precision", self.min_precision, "between 0 and 1")


@dataclass(frozen=True)
class TrainSettings:
    """All settings of a run but the seed and the device."""

    preset: str
    model: ModelSettings = field(default_factory=ModelSettings)
    pretrain: PretrainSettings = field(default_factory=PretrainSettings)
    warmup: WarmupSettings = field(default_factory=WarmupSettings)
    rounds: RoundsSettings = field(default_factory=RoundsSettings)
    cross_validation: CrossValidationSettings = field(default_factory=CrossValidationSettings)
    cross_fitting: CrossFittingSettings = field(default_factory=CrossFittingSettings)
    refinement: RefinementSettings = field(default_factory=RefinementSettings)

    def __post_init__(self) -> None:
        _check(
            bool(self.rounds.num_epochs or self.refinement.num_folds),
            "rounds.num_epochs",
            self.rounds.num_epochs,
            "a round at least where refinement.num_folds is 0",
        )
        _check(
            bool(self.refinement.num_folds or not self.refinement.use_raters),
            "refinement.use_raters",
            self.refinement.use_raters,
            "false where refinement.num_folds is 0, as in the presets quick and paper",
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


PAPER = TrainSettings("paper", cross_validation=CrossValidationSettings(num_folds=0))
"""The paper's method, and nothing beside it."""

QUICK = TrainSettings(
    "quick", model=ModelSettings(encoder="narrow", image_size_px=64), pretrain=PretrainSettings(num_epochs=20)
)
"""The paper's loop sized for 2 CPU cores, and the cross-validated scorer beside it."""

OVERREAD = TrainSettings(
    "overread",
    pretrain=PretrainSettings(num_epochs=20),
    rounds=RoundsSettings(num_epochs=()),
    cross_validation=CrossValidationSettings(num_folds=0),
    cross_fitting=CrossFittingSettings(num_folds=3),
    refinement=RefinementSettings(num_folds=5, features="imagenet"),
)
"""Cross-fitted throughout: networks from the one that SimCLR pretrained, and refinement on features that know more of
the world. The warm-up on all labels serves the heat maps alone."""

PRESETS = {settings.preset: settings for settings in (OVERREAD, PAPER, QUICK)}
DEFAULT_PRESET = OVERREAD.preset


MIN_STEPS = 12
"""Steps that an epoch takes at least, but in `paper`: few large batches teach too little."""
MIN_BATCH = 32


def preset_settings(name: str, *, device: str, has_bf16: bool, cache_size_px: int, num_samples: int) -> TrainSettings:
    """A preset, fitted to the device and the study: on a CPU every preset takes the narrow encoder at 64 px,
    without bf16 units fp32, and all but `paper` take smaller batches where there are few samples.

    Raises ConfigError for an unknown preset.
    """
    if name not in PRESETS:
        raise ConfigError(f"--preset: {name!r} is not one of {', '.join(PRESETS)}")
    settings = PRESETS[name]
    if device == "cpu":
        settings = replace(settings, model=QUICK.model)
    size_px = min(settings.model.image_size_px, cache_size_px)
    precision = settings.model.precision if has_bf16 else "fp32"
    settings = replace(settings, model=replace(settings.model, image_size_px=size_px, precision=precision))
    if settings.preset == "paper":
        return settings
    largest = max(MIN_BATCH, 2 ** (max(1, num_samples // MIN_STEPS).bit_length() - 1))
    return replace(
        settings,
        pretrain=replace(settings.pretrain, batch_size=min(settings.pretrain.batch_size, largest)),
        warmup=replace(settings.warmup, batch_size=min(settings.warmup.batch_size, largest)),
    )


def override_settings(settings: TrainSettings, assignments: Sequence[str]) -> TrainSettings:
    """Settings with some changed, each given as SECTION.FIELD=VALUE; a tuple as 4,7,7.

    They are checked when all are in place, so those that fit only together may come in any order.
    Raises ConfigError naming the assignment that does not fit, with the names that do.
    """
    sections = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name != "preset"}
    changes: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        section, _, setting = name.strip().partition(".")
        if section not in sections or setting not in {f.name for f in fields(sections[section])}:
            every = [f"{name}.{f.name}" for name, values in sections.items() for f in fields(values)]
            raise ConfigError(f"--set {assignment}: no such setting; there are {', '.join(every)}")
        current = getattr(sections[section], setting)
        changes.setdefault(section, {})[setting] = _parse(text.strip(), current, assignment)
    return replace(settings, **{name: replace(sections[name], **values) for name, values in changes.items()})


def settings_from_dict(values: dict[str, Any]) -> TrainSettings:
    """The settings that `TrainSettings.to_dict` wrote, also after a way through JSON."""

    def section(kind: type, fields_of: dict[str, Any]) -> Any:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields_of.items()})

    sections = {f.name: f.default_factory for f in fields(TrainSettings) if f.name != "preset"}
    return TrainSettings(
        values["preset"], **{name: section(kind, values.get(name, {})) for name, kind in sections.items()}
    )


def _parse(text: str, current: object, assignment: str) -> object:
    try:
        if isinstance(current, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(current, tuple):
            kind = type(current[0]) if current else int
            return tuple(_finite(kind, part) for part in text.split(",") if text)
        return _finite(type(current), text)
    except (ValueError, KeyError) as error:
        kind = type(current).__name__
        raise ConfigError(f"--set {assignment}: {text!r} does not fit; wanted a {kind} like {current!r}") from error


def _finite(kind: type, text: str) -> Any:
    value = kind(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(text)
    return value
