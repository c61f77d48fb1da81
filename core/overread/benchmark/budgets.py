"""How much is trained for the tables of accuracy: in two minutes, in hours on a CPU, or in full on a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from overread.benchmark.trainers.training_problem import Recipe

TABLES = ("table1", "table2", "ablation", "speed")
CLINICAL = ("idn20", "idn30", "boundary20", "boundary30")
_READERS = ("reader_a", "reader_b")
_CIFAR10 = ("idn20", "idn30", "aggregate", "rater_1", "worst")

Tasks = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Budget:
    """What all methods of a table share."""

    encoder: str
    image_size_px: int
    """Of the network's input, at most."""
    cache_px: int
    """Of the pixel cache, but for CIFAR."""
    num_trained: int | None
    """Training images of a task, chosen by a hash; None: all."""
    num_test: int | None
    recipe: Recipe
    num_pretrain_epochs: int
    tasks: Tasks
    """By table: tasks, and their noises."""
    starts: tuple[str, ...] = ("none", "simclr")
    """What the networks start from: drawn weights, or pretrained ones."""
    has_own_recipes: bool = False
    """Whether each peer is also trained with its paper's own recipe."""
    cell_limit: str = ""
    """How long a cell is meant to take at most, in words."""
    overrides: tuple[str, ...] = ()
    """Settings of the paper's own loop, as SECTION.FIELD=VALUE."""
    table_recipes: Mapping[str, Recipe] = field(default_factory=dict)
    """By table: another recipe than `recipe`, for all of its methods."""

    def of_table(self, table: str) -> "Budget":
        """The same with the table's recipe."""
        return replace(self, recipe=self.table_recipes.get(table, self.recipe))


_SMOKE_TASKS: Tasks = {
    "table1": {"demo_tiles": ("reader_a",)},
    "table2": {"demo_tiles": ("idn20", "boundary20")},
    "ablation": {"demo_tiles": ("idn20",)},
    "speed": {"demo_tiles": ("idn20",)},
}
_TASKS: Tasks = {
    "table1": {"cifar10": _CIFAR10, "cifar100": ("idn20", "idn30")},
    "table2": {
        "chest_xray": CLINICAL,
        "lung_histology": CLINICAL,
        "chaoyang": _READERS,
        "chaoyang_slides": _READERS,
    },
    "ablation": {"chest_xray": ("idn20", "boundary20")},
    "speed": {"chest_xray": ("idn20",)},
}
_GPU = Budget(
    encoder="resnet18",
    image_size_px=224,
    cache_px=224,
    num_trained=None,
    num_test=None,
    recipe=Recipe(num_epochs=30, batch_size=128),
    num_pretrain_epochs=30,
    tasks=_TASKS,
    has_own_recipes=True,
    # What is usual for CIFAR: more epochs of SGD.
    table_recipes={"table1": Recipe(60, 128, "sgd", learning_rate=0.05, weight_decay=5e-4)},
    cell_limit="8 minutes on one GPU of the H100's class",
)
BUDGETS = {
    "smoke": Budget(
        encoder="narrow",
        image_size_px=32,
        cache_px=128,
        num_trained=96,
        num_test=48,
        recipe=Recipe(num_epochs=4, batch_size=32),
        num_pretrain_epochs=1,
        tasks=_SMOKE_TASKS,
        starts=("simclr",),
        cell_limit="2 minutes for all cells",
        overrides=(
            "pretrain.batch_size=32",
            "warmup.num_epochs=1",
            "warmup.batch_size=32",
            "rounds.num_epochs=1,1",
            "rounds.first_stages=1",
            "rounds.later_stages=1",
            "cross_fitting.num_epochs=1",
        ),
    ),
    "cpu": Budget(
        encoder="narrow",
        image_size_px=32,
        cache_px=128,
        num_trained=600,
        num_test=600,
        recipe=Recipe(num_epochs=24, batch_size=64),
        num_pretrain_epochs=20,
        tasks=_TASKS,
        cell_limit="15 minutes on 2 cores",
        overrides=("pretrain.batch_size=128", "warmup.batch_size=64"),
    ),
    "gpu": _GPU,
    "gpu_resnet34": replace(_GPU, encoder="resnet34"),
}
"""By name. Those for a GPU have never run: see core/docs/results/gpu.md."""
DETECTION_TASKS = {
    "smoke": ("demo_tiles",),
    "cpu": ("chest_xray", "lung_histology", "cifar10n", "demo_tiles"),
    "gpu": ("chest_xray", "lung_histology", "chaoyang", "cifar10n_all", "demo_tiles"),
}
"""By budget: the tasks of `bench detection`."""
