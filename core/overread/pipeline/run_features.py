"""The features that a run judges by, where they are not SimCLR's."""

from typing import TYPE_CHECKING, Any

import numpy as np

from overread.errors import ConfigError, StudyError
from overread.pipeline.run_plan import RunPlan
from overread.studies.run import Run

if TYPE_CHECKING:
    from overread.training.progress_log import ProgressLog


def run_features(
    run: Run, plan: RunPlan, pixels: np.ndarray, device: Any, progress: "ProgressLog"
) -> np.ndarray | None:
    """(N, D) float32: features from elsewhere, kept in the checkpoint's folder while the run lasts, or those of the run
    before; None where SimCLR's are meant.

    pixels: (N, H, W, C) uint8. Raises StudyError if they can no longer be had, ConfigError if they are no numbers.
    """
    from overread.training.feature_source import imagenet_features, load_features, save_features

    if plan.retraining:
        return plan.retraining.embeddings
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
