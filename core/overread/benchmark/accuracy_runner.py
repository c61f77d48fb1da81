"""`bench table1`, `table2`, `ablation` and `speed`: training methods on noisy labels, one cell at a time."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from overread.benchmark.accuracy_cells import SplitTaskCells
from overread.benchmark.accuracy_page import write_accuracy_page
from overread.benchmark.accuracy_rows import table_rows
from overread.benchmark.budgets import BUDGETS, TABLES
from overread.benchmark.cells import MADE
from overread.benchmark.detection_benchmark import commit_name, device_name
from overread.benchmark.saved_lines import Line, SavedLines
from overread.benchmark.split_tasks import SPLIT_TASKS, has_images, load_split_task
from overread.benchmark.tasks import HUMAN_LABELS
from overread.errors import ConfigError
from overread.training.device import choose_device, told_if_out_of_memory

CELL = ("table", "budget", "task", "noise", "seed", "method", "start", "recipe", "part")
DIGESTS = ("configuration", "data", "code")


@dataclass(frozen=True)
class AccuracyPlan:
    """What to measure."""

    table: str
    budget: str
    seeds: Sequence[int] = (0, 1, 2)
    tasks: Sequence[str] | None = None
    """Names of SPLIT_TASKS; None: the table's, as far as their images are there."""
    noises: Sequence[str] | None = None
    """None: the table's."""
    methods: Sequence[str] | None = None
    """Names of TRAINERS; None: all."""
    device: str = "auto"

    def __post_init__(self) -> None:
        for flag, names, known in (
            ("bench", [self.table], TABLES),
            ("--budget", [self.budget], BUDGETS),
            ("--tasks", self.tasks or (), SPLIT_TASKS),
            ("--noise", self.noises or (), (*MADE, *HUMAN_LABELS)),
        ):
            for name in names:
                if name not in known:
                    raise ConfigError(f"{flag} {name}: unknown value; choose from {', '.join(known)}")


def run_accuracy(
    plan: AccuracyPlan, out: Path, *, cache: Path, listener: Callable[[float, str], None]
) -> tuple[list[Line], str]:
    """The plan's lines, each appended to OUT/accuracy.jsonl as soon as it is measured and not measured again while its
    configuration, data and code are the same, and the page OUT/accuracy.md on all that stand there.

    cache: the folder of pixels, features and pretrained weights. Raises UserErrors.
    """
    data = Path(os.environ["OVERREAD_DATA"]) if os.environ.get("OVERREAD_DATA") else None
    budget, device = BUDGETS[plan.budget].of_table(plan.table), choose_device(plan.device)
    saved = SavedLines(out / "accuracy.jsonl", line_key)
    stamp = {"device": device_name(device), "commit": commit_name(), "torch": metadata.version("torch")}
    found: list[Line] = []
    steps = _steps(plan, data)
    for number, (name, noises) in enumerate(steps):

        def tell(message: str, share: float = number / len(steps)) -> None:
            listener(share, message)

        tell(f"{name}: reading")
        split = load_split_task(name, data, cache, size_px=budget.cache_px).part(budget.num_trained, budget.num_test)
        with told_if_out_of_memory():
            cells = SplitTaskCells(split, budget, cache=cache, device=device, listener=tell)
            rows = table_rows(plan.table, budget, cells.settings, plan.methods)
            for seed in plan.seeds:
                for noise in noises:
                    given = split.noisy_labels(noise, seed)
                    for row in rows:
                        cell = _cell(plan, name, noise, seed) | asdict(row) | cells.key(row, seed, given)
                        del cell["assignments"]
                        if cell not in saved:
                            tell(" ".join(str(cell[part]) for part in CELL))
                            measure = cells.measure_speed if plan.table == "speed" else cells.measure
                            measured = measure(row, seed, given)
                            saved.add(cell | measured | stamp | {"load": round(os.getloadavg()[0], 1)})
                        found.append(saved.of(cell))
    return found, write_accuracy_page(saved.all(), out)


def line_key(line: Line) -> tuple[Any, ...]:
    """What a result depends on."""
    return tuple(line[name] for name in (*CELL, *DIGESTS))


def _cell(plan: AccuracyPlan, task: str, noise: str, seed: int) -> Line:
    return {"table": plan.table, "budget": plan.budget, "task": task, "noise": noise, "seed": seed}


def _steps(plan: AccuracyPlan, data: Path | None) -> list[tuple[str, list[str]]]:
    """Tasks with their noises; those whose images are not there are left out unless they are asked for."""
    of_table = BUDGETS[plan.budget].tasks[plan.table]
    names = list(plan.tasks) if plan.tasks else [name for name in of_table if has_images(name, data)]
    if not names:
        raise ConfigError(
            f"bench {plan.table} --budget {plan.budget} needs the images of one of {', '.join(of_table)}: set "
            "OVERREAD_DATA to the folder that holds theirs"
        )
    return [(name, list(plan.noises or of_table.get(name) or next(iter(of_table.values())))) for name in names]
