"""The paper's own loop, as in the `paper` preset: refinement rounds of a network on the images themselves."""

import tempfile
from pathlib import Path

import numpy as np

from overread.benchmark.problem import MethodResult, Problem
from overread.config import preset_settings
from overread.detection.label_quality import self_confidence_score
from overread.detection.paper_scores import round_probs
from overread.phases import plan_phases
from overread.training.device import choose_device, has_bf16_units
from overread.training.engine import Training
from overread.training.progress_log import ProgressLog
from overread.training.training_data import TrainingData, load_pixels


def paper_rounds(problem: Problem) -> MethodResult:
    """Ranked by 1 - the mean stage probability of the given label; proposed where the last pseudo-label differs."""
    device = choose_device(problem.device)
    settings = preset_settings(
        "paper",
        device=device.type,
        has_bf16=has_bf16_units(device),
        cache_size_px=problem.pixels.shape[1],
        num_samples=len(problem.given),
    )
    data = TrainingData(
        pixels=load_pixels(problem.pixels, size_px=settings.model.image_size_px, device=device),
        given=problem.given,
        is_trained=np.ones(len(problem.given), dtype=bool),
        num_classes=problem.num_classes,
    )
    with tempfile.TemporaryDirectory() as folder:
        progress = ProgressLog(Path(folder) / "progress.jsonl", plan_phases(settings))
        trace = Training(data, settings, problem.seed, progress, Path(folder) / "state.pt").run()
    probs = round_probs(np.stack(trace.stage_probs), trace.stages)["rounds"]
    proposed = trace.pseudo_labels[-1]
    return MethodResult(
        self_confidence_score(probs, problem.given), proposed, proposed != problem.given, is_probability=True
    )
