"""Real images for `bench audit`: what the product itself says of them where its noise model fails."""

import os
from collections.abc import Callable
from pathlib import Path

from overread.benchmark.audit_cells import Population
from overread.benchmark.cells import make_cell
from overread.benchmark.ours import overread
from overread.benchmark.problem import Problem
from overread.benchmark.task_duplicates import load_duplicate_groups
from overread.benchmark.task_features import load_features
from overread.benchmark.tasks import load_task
from overread.errors import ConfigError, SourceError

REAL = {
    "one-sided": ("chest_xray", "missed30"),
    "one batch": ("chest_xray", "batch"),
    "swapped site": ("chest_xray", "swapped_site"),
    "rare class": ("cifar10n", "rare"),
}
"""By the name in the tables: the task, and the regime of `regimes.REGIMES`."""
_SEED = 0


def real_population(name: str, cache: Path, listener: Callable[[str], None]) -> Population | None:
    """The labels of one of REAL, with the probabilities and proposals of the overread preset's detector on ImageNet
    features; the same each time. None where its images or the weights are not there."""
    task_name, regime = REAL[name]
    data = os.environ.get("OVERREAD_DATA")
    try:
        task = load_task(task_name, Path(data) if data else None, cache)
        features = load_features("pretrained", task, _SEED, cache, device="cpu", listener=listener)
    except (ConfigError, SourceError):
        return None
    cell = make_cell(task, regime, _SEED)
    listener(f"{name}: judging {len(cell.rows):,} labels")
    found = overread(
        Problem(
            features[cell.rows],
            cell.given,
            cell.groups,
            cell.num_classes,
            _SEED,
            task.pixels[cell.rows],
            load_duplicate_groups(task, cache)[cell.rows],
        )
    )
    # The proposals are the surest labels, so that their number says which.
    return Population(found.scores.clip(1e-6, 1 - 1e-6), cell.true != cell.given, int(found.is_proposed.sum()))
