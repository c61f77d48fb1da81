"""The rows of the tables of accuracy: a method, what its network starts from, its recipe, and what is changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from overread.benchmark.budgets import Budget
from overread.benchmark.consensus_cells import LOOPS
from overread.benchmark.starts import FEATURES, MOCO, NONE, SIMCLR
from overread.benchmark.trainers.trainers import TRAINERS
from overread.config import TrainSettings
from overread.errors import ConfigError

SAME, OWN = "same", "own"
"""The recipe that all methods share; that of a method's paper."""
PAPER = "paper"
_NEEDS_MORE_EPOCHS = "warm-up of 15 epochs"


@dataclass(frozen=True)
class Row:
    """One row, on every task, noise and seed."""

    method: str
    """One of TRAINERS."""
    start: str = SIMCLR
    recipe: str = SAME
    part: str = ""
    """What is changed, in words; of the ablation alone."""
    assignments: tuple[str, ...] = ()
    """The same as settings, SECTION.FIELD=VALUE."""

    def __post_init__(self) -> None:
        if self.method not in TRAINERS:
            raise ConfigError(f"--methods {self.method}: unknown value; choose from {', '.join(TRAINERS)}")


def table_rows(table: str, budget: Budget, settings: TrainSettings, methods: Sequence[str] | None = None) -> list[Row]:
    """The rows of a table. settings: of the paper's loop within the budget. methods: those to keep; None: all.
    Raises ConfigError for an unknown method."""
    names = list(methods) if methods else list(TRAINERS)
    if table == "ablation":
        return [row for row in ablation_rows(settings) if row.method in names]
    rows = []
    for name in names:
        if name in TRAINERS and not TRAINERS[name].has_network:
            rows.append(Row(name, FEATURES))
            continue
        rows += [Row(name, start) for start in (budget.starts[-1:] if table == "speed" else budget.starts)]
        if budget.has_own_recipes and table != "speed" and TRAINERS[name].own_recipe:
            rows.append(Row(name, NONE, OWN))
    return rows


def ablation_rows(settings: TrainSettings) -> list[Row]:
    """The paper's loop, the same with one part changed, and what does without it."""
    rounds, pretrain, first = settings.rounds, settings.pretrain, settings.rounds.num_epochs[0]
    # The loop fills its recipe: a longer warm-up has to take its epochs from a round.
    *kept, given_up = rounds.num_epochs
    longer = (
        f"warmup.num_epochs={settings.warmup.num_epochs + given_up}",
        f"rounds.num_epochs={','.join(map(str, kept))}",
    )
    last = (f"rounds.first_stages={first}", f"rounds.later_stages={min(rounds.num_epochs[1:], default=1)}")
    changed = {
        "pretraining for half the epochs": (f"pretrain.num_epochs={max(1, pretrain.num_epochs // 2)}",),
        "pretraining for twice the epochs": (f"pretrain.num_epochs={2 * pretrain.num_epochs}",),
        "one round": (f"rounds.num_epochs={first}",),
        "no consensus: the last stage alone": last,
        **{name: values for name, values in LOOPS.items() if values and name != _NEEDS_MORE_EPOCHS},
        "the last round's epochs in the warm-up": longer,
        "no weighting": ("rounds.weight=none",),
        "weighted by the target's confidence": ("rounds.weight=target",),
        "weighted in the final phase alone": ("rounds.weighting=final", "rounds.num_final_epochs=1"),
    }
    return [
        Row(PAPER, part="the paper's loop"),
        Row(PAPER, NONE, part="no pretraining"),
        Row(PAPER, MOCO, part="MoCo v2 in SimCLR's place"),
        *(Row(PAPER, part=name, assignments=values) for name, values in changed.items()),
        Row("cross_entropy", part="no rounds: cross-entropy"),
        Row("overread", part="cross-fitting: a network on judged labels"),
        Row("overread_probe", FEATURES, part="cross-fitting: a linear probe on judged labels"),
        Row("linear_probe", FEATURES, part="a linear probe on given labels"),
    ]
