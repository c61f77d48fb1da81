"""`bench time`: how long a run takes to its first proposals and as a whole, beside what else one would do.

Each step is a process of its own, started fresh, one after the other, so that its time has imports and all in it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.benchmark.detection_benchmark import commit_name, device_name
from overread.benchmark.markdown_tables import markdown, versions
from overread.benchmark.peers.confident_learning import confident_learning_of
from overread.benchmark.peers.packages import require
from overread.benchmark.task_features import network_settings
from overread.benchmark.tasks import Task, load_task
from overread.errors import ConfigError, OverreadError
from overread.files import write_atomically
from overread.models.backbones import IMAGENET_BACKBONE, backbone_features, imagenet_weights, load_backbone
from overread.training.device import choose_device
from overread.training.feature_source import imagenet_features
from overread.training.plain_training import trial_probs
from overread.training.training_data import TrainingData, load_pixels

TASK = "chest_xray"
NUM_FOLDS = 5


@dataclass(frozen=True)
class StepTime:
    """One step's time, on the wall and of all its processors."""

    name: str
    wall_s: float
    processor_s: float


def run_times(out: Path, *, listener: Callable[[str], None]) -> tuple[list[dict[str, Any]], str]:
    """The times of all steps on TASK, and the page OUT/time.md. A study in OUT is made anew.

    Raises ConfigError without OVERREAD_DATA or cleanlab, OverreadError for a step that failed.
    """
    require("cleanlab")
    data = os.environ.get("OVERREAD_DATA")
    if not data:
        raise ConfigError(f"bench time needs real images: set OVERREAD_DATA to the folder that holds {TASK}/")
    out.mkdir(parents=True, exist_ok=True)
    study, pixels = out / "study", out / "cache"
    if study.exists():
        raise ConfigError(f"{study}: is there already; give another --out, or remove it")
    load_task(TASK, Path(data), pixels)  # decoding is nobody's advantage
    overread = [sys.executable, "-m", "overread"]
    steps = {
        "import": [*overread, "import", str(Path(data) / TASK), "--study", str(study)],
        "first proposals (train --first)": [*overread, "train", str(study), "--first"],
        "the rest of the run (train --resume)": [*overread, "train", str(study), "--resume"],
        **{name: _own(function, pixels) for name, function in _STEPS.items()},
    }
    found = []
    for name, command in steps.items():
        listener(name)
        found.append(_timed(name, command))
    page = _page(found)
    write_atomically(out / "time.md", page)
    return [asdict(step) for step in found], page


def all_features(cache: str) -> None:
    """Overread's features alone."""
    device = choose_device("auto")
    source = imagenet_features(device)
    assert source is not None
    source.compute(_task(cache).pixels, device=device, precision="fp32", on_progress=lambda share: None)


def cleanlab_workflow(cache: str) -> None:
    """The same encoder's last layer by torch, cross-validated logistic regression, `find_label_issues`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    task, device = _task(cache), choose_device("auto")
    weights = imagenet_weights()
    assert weights is not None
    backbone = load_backbone(IMAGENET_BACKBONE, weights)
    features = backbone_features(task.pixels, backbone, device=device, precision="fp32")
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    confident_learning_of(cross_val_predict(head, features, task.true, cv=NUM_FOLDS, method="predict_proba"), task.true)


def fine_tuning(cache: str) -> None:
    """The narrow network trained on the labels, fold by fold, and cleanlab on its out-of-fold probabilities."""
    task, device = _task(cache), choose_device("auto")
    settings = network_settings("overread", task, device)
    data = TrainingData(
        pixels=load_pixels(task.pixels, size_px=settings.model.image_size_px, device=device),
        given=task.true,
        is_trained=np.ones(len(task.true), dtype=bool),
        num_classes=len(task.classes),
    )
    probs = np.empty((len(task.true), len(task.classes)), dtype=np.float32)
    for held_out in np.array_split(np.random.default_rng(0).permutation(len(task.true)), NUM_FOLDS):
        probs[held_out] = trial_probs(data, settings, held_out, seed=0, on_progress=lambda share: None)
    confident_learning_of(probs, task.true)


_STEPS: dict[str, Callable[[str], None]] = {
    "the features alone": all_features,
    "cleanlab: features by torch, logistic regression": cleanlab_workflow,
    f"cleanlab: the narrow network, {NUM_FOLDS}-fold": fine_tuning,
}


def _task(cache: str) -> Task:
    return load_task(TASK, Path(os.environ["OVERREAD_DATA"]), Path(cache))


def _own(function: Callable[[str], None], cache: Path) -> list[str]:
    code = f"from {__name__} import {function.__name__} as step; step({str(cache)!r})"
    return [sys.executable, "-c", code]


def _timed(name: str, command: list[str]) -> StepTime:
    before, start_s = os.times(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s, after = time.perf_counter() - start_s, os.times()
    if done.returncode:
        raise OverreadError(f"{name}: failed; {done.stderr.strip()[-500:]}")
    processor_s = sum(getattr(after, part) - getattr(before, part) for part in ("children_user", "children_system"))
    return StepTime(name, round(wall_s, 1), round(processor_s, 1))


def _page(steps: list[StepTime]) -> str:
    first = steps[1]
    rows = [
        [step.name, f"{step.wall_s:.1f}", f"{step.processor_s:.1f}", f"{step.wall_s / first.wall_s:.2f}"]
        for step in steps
    ]
    head = f"{TASK}; {device_name(choose_device('auto'))}; {versions()}; commit {commit_name()}."
    table = markdown(["step", "seconds", "seconds of processor", "of the first proposals' time"], rows)
    return f"# Time\n\n{head}\n\n{table}\n"
