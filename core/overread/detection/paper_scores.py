"""The paper's own scores: how well the given label fitted the predictions at each stage of the refinement rounds."""

from collections.abc import Sequence

import numpy as np

from overread.phases import Stage, StageKind


def round_probs(stage_probs: np.ndarray, stages: Sequence[Stage]) -> dict[str, np.ndarray]:
    """The mean over the stages of each part of the run.

    stage_probs: (S, N, K) float; stages: S of them. Returns (N, K)
    float32 by name: warmup, round_1, round_2 ..., and rounds, the mean over the stages of every round.
    """
    parts: dict[str, list[int]] = {}
    for number, stage in enumerate(stages):
        parts.setdefault(stage.part.replace(" ", "_"), []).append(number)
    parts["rounds"] = [number for number, stage in enumerate(stages) if stage.kind is StageKind.ROUND]
    return {part: stage_probs[numbers].mean(axis=0, dtype=np.float32) for part, numbers in parts.items()}
