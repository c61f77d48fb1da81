"""All settings of a run: a frozen dataclass per stage of the method, the presets, and how a setting is changed.

A setting is changed by its name, SECTION.FIELD=VALUE (`rounds.max_loss=0.1`).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

from overread.detection_settings import (
    ConsensusSettings,
    CrossValidationSettings,
    DetectionSettings,
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
from overread.proposal_settings import CalibrationSettings, ComparisonSettings, LimitSettings, ProposalSettings


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
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    error_rate: ErrorRateSettings = field(default_factory=ErrorRateSettings)
    duplicates: DuplicateSettings = field(default_factory=DuplicateSettings)
    dynamics: DynamicsSettings = field(default_factory=DynamicsSettings)
    consensus: ConsensusSettings = field(default_factory=ConsensusSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    neighbours: NeighbourSettings = field(default_factory=NeighbourSettings)
    proposals: ProposalSettings = field(default_factory=ProposalSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    comparison: ComparisonSettings = field(default_factory=ComparisonSettings)

    def __post_init__(self) -> None:
        if not (self.rounds.num_epochs or self.refinement.num_folds):
            raise ConfigError("rounds.num_epochs: found (), must have at least one round if refinement.num_folds is 0")
        if self.refinement.use_raters and not self.refinement.num_folds:
            raise ConfigError(
                "refinement.use_raters: found True, must be false if refinement.num_folds is 0, as in the presets "
                "quick and paper"
            )

    @property
    def detection(self) -> DetectionSettings:
        """The sections that judging labels depends on."""
        return DetectionSettings(**{f.name: getattr(self, f.name) for f in fields(DetectionSettings)})

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
            near = get_close_matches(name.strip(), every, n=3) or every
            raise ConfigError(f"--set {assignment}: no such setting; choose from {', '.join(near)}")
        current = getattr(sections[section], setting)
        changes.setdefault(section, {})[setting] = _parse(text.strip(), current, assignment)
    return replace(settings, **{name: replace(sections[name], **values) for name, values in changes.items()})


def settings_from_dict(values: dict[str, Any]) -> TrainSettings:
    """The settings that `TrainSettings.to_dict` wrote, also after a way through JSON. What an earlier version did not
    write is as it was then, which is the default; a setting that is no more is left out."""
    model = _section(ModelSettings, values.get("model", {}))
    if model.has_small_stem and "stem" not in values["model"]:
        model = replace(model, stem="standard")  # the only one there was; the run's weights fit no other
    sections = {f.name: f.default_factory for f in fields(TrainSettings) if f.name != "preset"}
    return TrainSettings(
        values["preset"],
        **{name: _section(kind, values.get(name, {})) for name, kind in sections.items()} | {"model": model},
    )


def calibration_settings(config: dict[str, Any]) -> CalibrationSettings:
    """How verdicts recalibrate a run. config: of its config.json, also one of an earlier version."""
    return _section(CalibrationSettings, config.get("settings", {}).get("calibration", {}))


def _section(kind: Any, values: dict[str, Any]) -> Any:
    known = {f.name for f in fields(kind)}
    return kind(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if name in known}
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
        raise ConfigError(
            f"--set {assignment}: {text!r} is not valid; expected type {type(current).__name__}, such as {current!r}"
        ) from error


def _finite(kind: type, text: str) -> Any:
    value = kind(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(text)
    return value
