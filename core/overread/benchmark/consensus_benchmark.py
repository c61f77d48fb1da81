"""`bench consensus`: the paper's loop, stage by stage and with one thing changed at a time, beside the consensus of
models that never saw the labels."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread.benchmark.cells import make_cell, noises_of
from overread.benchmark.consensus_cells import METHODS, ConsensusCell, ConsensusMeasurement
from overread.benchmark.detection_benchmark import commit_name, device_name
from overread.benchmark.markdown_tables import markdown, versions
from overread.benchmark.saved_lines import SavedLines
from overread.benchmark.task_duplicates import load_duplicate_groups
from overread.benchmark.task_features import Listener, load_features
from overread.benchmark.tasks import TASKS, Task, load_task
from overread.detection.linked_groups import linked_groups
from overread.errors import ConfigError
from overread.files import write_atomically
from overread.training.device import choose_device


@dataclass(frozen=True)
class ConsensusPlan:
    """What to measure."""

    tasks: Sequence[str]
    noises: Sequence[str] | None = None
    """Names of `cells`; None: those that a task has by default."""
    seeds: Sequence[int] = (0,)
    num_images: int = 600
    """Images of each task, drawn once for all; fewer where it has fewer."""
    image_size_px: int = 48
    """Of the networks' input."""
    methods: Sequence[str] = METHODS
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in self.tasks:
            if name not in TASKS:
                raise ConfigError(f"--tasks {name}: unknown value; choose from {', '.join(TASKS)}")
        for name in self.methods:
            if name not in METHODS:
                raise ConfigError(f"--methods {name}: unknown value; choose from {', '.join(METHODS)}")
        if self.num_images < 2:
            raise ConfigError(f"--images {self.num_images}: must be at least 2")
        if not 32 <= self.image_size_px <= 128:
            raise ConfigError(f"--image-size {self.image_size_px}: must be from 32 to 128")


def run_consensus(
    plan: ConsensusPlan, out: Path, *, cache: Path, listener: Listener
) -> tuple[list[dict[str, Any]], str]:
    """The plan's results, each written to OUT/consensus.jsonl as soon as it is there and not measured again, and the
    page OUT/consensus.md on all that stand there. Raises UserErrors."""
    data = os.environ.get("OVERREAD_DATA")
    device = choose_device(plan.device)
    saved = SavedLines(out / "consensus.jsonl", _key)
    stamp = {"device": device_name(device), "commit": commit_name()}
    found = []
    for name in plan.tasks:
        listener(f"{name}: reading")
        task = load_task(name, Path(data) if data else None, cache)
        for noise in noises_of(task, plan.noises):
            for seed in plan.seeds:
                measurement = None
                for method in plan.methods:
                    cell = {"task": name, "noise": noise, "seed": seed, "image_size_px": plan.image_size_px}
                    cell |= {"num_images": min(plan.num_images, len(task.true)), "method": method}
                    if cell not in saved:
                        listener(" ".join(map(str, cell.values())))
                        measurement = measurement or ConsensusMeasurement(
                            _cell(task, noise, seed, plan, cache, listener),
                            image_size_px=plan.image_size_px,
                            device=device,
                            listener=listener,
                        )
                        saved.add(cell | {"rounds": measurement.measure(method)} | stamp)
                    found.append(saved.of(cell))
    page = consensus_page(saved.all())
    write_atomically(out / "consensus.md", page)
    return found, page


def consensus_page(results: Sequence[dict[str, Any]]) -> str:
    """The results as a Markdown page: a table for each cell, a row for each method and round."""
    devices, commits = (", ".join(dict.fromkeys(line[name] for line in results)) for name in ("device", "commit"))
    parts = ["# Consensus", f"{devices}; {versions()}; commit {commits}."]
    cells = dict.fromkeys(_key(line)[:-1] for line in results)
    for task, noise, seed, size_px, num_images in cells:
        rows = [
            _cells_of(line["method"], each)
            for line in results
            if _key(line)[:-1] == (task, noise, seed, size_px, num_images)
            for each in line["rounds"]
        ]
        first = next(line for line in results if _key(line)[:-1] == (task, noise, seed, size_px, num_images))
        num_errors = first["rounds"][0]["num_errors"]
        parts.append(f"## {task}, {noise}, seed {seed}: {num_images} images at {size_px} px, {num_errors} labels wrong")
        parts.append(markdown(_HEADER, rows))
    return "\n\n".join(parts) + "\n"


_HEADER = (
    *("method", "round", "epochs", "reliable", "by class", "wrong labels learnt", "wrong labels found", "misled"),
    *("consensus", "of them not the true class", "proposed", "precision", "recall"),
)


def _cells_of(method: str, row: dict[str, Any]) -> list[str]:
    def at_stages(name: str) -> str:
        return ", ".join(str(stage[name]) for stage in row["stages"]) or "-"

    by_class = ", ".join("/".join(map(str, stage["by_class"])) for stage in row["stages"]) or "-"
    names = ("num_reliable", "num_learnt", "num_found", "num_misled")
    reliable, *others = (at_stages(name) for name in names)
    precision = "-" if row["precision"] is None else f"{row['precision']:.3f}"
    return [
        *(method, row["round"] or "-", at_stages("epoch"), reliable, by_class, *others),
        *(str(row[name]) for name in ("num_consensus", "num_wrong_consensus", "num_proposed")),
        *(precision, f"{row['recall']:.3f}"),
    ]


def _cell(task: Task, noise: str, seed: int, plan: ConsensusPlan, cache: Path, listener: Listener) -> ConsensusCell:
    made = make_cell(task, noise, seed)
    places = np.sort(np.random.default_rng(0).permutation(len(made.rows))[: plan.num_images])
    rows = made.rows[places]
    duplicates = load_duplicate_groups(task, cache)
    features = load_features("pretrained", task, seed, cache, device=plan.device, listener=listener)
    return ConsensusCell(
        pixels=np.ascontiguousarray(task.pixels[rows]),
        features=features[rows],
        true=made.true[places],
        given=made.given[places],
        groups=linked_groups([made.groups, duplicates[made.rows]])[places],
        duplicate_groups=duplicates[rows],
        num_classes=made.num_classes,
        seed=seed,
    )


def _key(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[name] for name in ("task", "noise", "seed", "image_size_px", "num_images", "method"))
