"""The plan of a run: from the command's options, or from the run that is resumed."""

import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd

from overread.config import TrainSettings, override_settings, preset_settings, settings_from_dict
from overread.errors import ConfigError, StudyError
from overread.files import make_folder, write_atomically
from overread.pipeline.retraining import Retraining, begin_retraining, resume_retraining
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.training_time import this_machine
from overread.studies.run import Run, open_run, samples_digest
from overread.studies.study import Study
from overread.version import full_version

if TYPE_CHECKING:
    from overread.training.feature_source import FeatureSource


_LINKS = ("patient", "slide")
_OPTIONAL_PACKAGES = ("timm", "openvino")


@dataclass(frozen=True)
class RunPlan:
    """What a run is trained by."""

    settings: TrainSettings
    seed: int
    features: dict[str, Any] | None
    """What config.json tells of features from elsewhere; None where the pretrained encoder's own are meant."""
    source: "FeatureSource | None"
    """Where these can be had; None too where a run is resumed and none are named."""
    retraining: Retraining | None

    @property
    def lacks_imagenet(self) -> bool:
        """Whether the pretrained encoder's own features stand in for ImageNet's, which were asked for."""
        return _asks_for_imagenet(self.settings) and not (self.retraining or self.features)


def resumed_plan(
    study: Study,
    run: Run,
    samples: pd.DataFrame,
    source: "FeatureSource | None",
    request: TrainRequest,
) -> RunPlan:
    """As the run began. source: of the features that were named this time. Raises ConfigError where the request names
    a preset, a seed or settings other than the run's."""
    config = run.config()
    features = config.get("features")
    for option in ("preset", "seed"):
        named, begun = getattr(request, option), config[option]
        if named not in (getattr(TrainRequest, option), begun):
            raise ConfigError(
                f"--{option} {named}: run {run.name} was started with {begun}; leave the option out to resume it"
            )
    if request.assignments:
        raise ConfigError(f"--set {request.assignments[0]}: a resumed run keeps its settings; leave it out")
    if config["samples_digest"] != samples_digest(samples):
        raise StudyError(f"{study.path}: its samples have changed since run {run.name} began; start a new run")
    is_same = config.get("classes") in (None, list(study.classes))
    if not is_same or config.get("links_digest") not in (None, samples_digest(samples, _LINKS)):
        raise StudyError(
            f"{study.path}: its classes, patients or slides have changed since run {run.name} began; start a new run"
        )
    if source and source.identity != features:
        raise StudyError(
            f"{study.path}: run {run.name} was started with other features; give none to resume it, or start a new run"
        )
    retraining = None
    if config.get("after_review"):
        retraining = resume_retraining(run, open_run(study, config["after_review"]["run"]))
    return RunPlan(settings_from_dict(config["settings"]), config["seed"], features, source, retraining)


def new_plan(
    study: Study,
    run: Run,
    samples: pd.DataFrame,
    source: "FeatureSource | None",
    request: TrainRequest,
    device: Any,
    base: Run | None,
) -> RunPlan:
    """As the command says; config.json records it. base: the run that a training after review begins from."""
    from overread.training.device import has_bf16_units
    from overread.training.feature_source import imagenet_features

    settings = preset_settings(
        request.preset,
        device=device.type,
        has_bf16=has_bf16_units(device),
        cache_size_px=study.image_size_px,
        num_samples=len(samples),
    )
    retraining = None
    if base:
        if base.config()["samples_digest"] != samples_digest(samples):
            raise StudyError(
                f"{study.path}: its samples have changed since run {base.name}; train without --after-review"
            )
        retraining = begin_retraining(study, samples, base)
        settings = retraining.settings(settings)
    settings = override_settings(settings, request.assignments)
    if settings.refinement.use_raters and not study.rater_names:
        raise ConfigError(
            "refinement.use_raters: the study has no raters; give them with --rater-column when importing"
        )
    if _asks_for_imagenet(settings) and not (source or retraining):
        source = imagenet_features(device)
    _require_classes(study, samples)
    make_folder(run.path)
    features = source.identity if source else None
    config = _config(study, settings, samples, seed=request.seed, device=device.type)
    if base and retraining:
        features = base.config().get("features")
        config["after_review"] = retraining.summary()
        retraining.save(run)
    config["features"] = features
    config["features_runtime"] = source.runtime if source else ""
    write_atomically(run.path / "config.json", json.dumps(config, indent=2) + "\n")
    return RunPlan(settings, request.seed, features, source, retraining)


def _asks_for_imagenet(settings: TrainSettings) -> bool:
    return bool(settings.refinement.num_folds) and settings.refinement.features == "imagenet"


def _require_classes(study: Study, samples: pd.DataFrame) -> None:
    """Raises StudyError unless two classes or more can be trained on."""
    trained = samples.loc[samples["split"] != "test", "given_label"]
    if trained.nunique() < 2:
        found = "no sample" if trained.empty else f"samples of {trained.iloc[0]} alone"
        raise StudyError(
            f"{study.path}: outside the test split there are {found}, and training needs two classes; change the "
            "split column, and import with --update"
        )


def _config(study: Study, settings: TrainSettings, samples: pd.DataFrame, *, seed: int, device: str) -> dict[str, Any]:
    import torch

    packages = ("torch", "torchvision", "numpy", "pandas", "scikit-learn")
    return {
        "preset": settings.preset,
        "seed": seed,
        "device": device,
        "device_name": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "num_threads": torch.get_num_threads(),
        "machine": this_machine(study),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "num_samples": len(samples),
        "samples_digest": samples_digest(samples),
        "classes": list(study.classes),
        "links_digest": samples_digest(samples, _LINKS),
        "settings": settings.to_dict(),
        "versions": {
            "overread": full_version(),
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
            **{name: metadata.version(name) for name in _OPTIONAL_PACKAGES if find_spec(name)},
        },
    }
