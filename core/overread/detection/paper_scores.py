"""The paper's own scores: what the stages of the refinement rounds thought of the given label."""

import numpy as np


def round_probs(stage_probs: np.ndarray, stage_names: list[str]) -> dict[str, np.ndarray]:
    """The mean over the stages of each part of the run.

    stage_probs: (S, N, K) float; stage_names: S names ("warmup", "round 1 epoch 2" ...). Returns (N, K)
    float32 by name: warmup, round_1, round_2 ..., and rounds, the mean over the stages of every round.
    """
    parts: dict[str, list[int]] = {}
    for stage, name in enumerate(stage_names):
        words = name.split()
        parts.setdefault("_".join(words[:2]) if words[0] == "round" else words[0], []).append(stage)
    parts["rounds"] = [stage for stage, name in enumerate(stage_names) if name.startswith("round ")]
    return {part: stage_probs[stages].mean(axis=0, dtype=np.float32) for part, stages in parts.items()}
