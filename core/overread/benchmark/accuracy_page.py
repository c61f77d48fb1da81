"""The tables of accuracy as a Markdown page, from the lines that were measured."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from overread.benchmark.accuracy_figures import figures
from overread.benchmark.accuracy_rows import OWN, SAME, Row, table_rows
from overread.benchmark.budgets import BUDGETS, TABLES
from overread.benchmark.markdown_tables import load, markdown, spread
from overread.benchmark.printed_numbers import PRINTED
from overread.benchmark.saved_lines import Line
from overread.benchmark.starts import FEATURES, MOCO, NONE, SIMCLR
from overread.benchmark.trainers.trainers import TRAINERS
from overread.config import PAPER, override_settings
from overread.files import write_atomically

NUM_SEEDS = 3
OURS = ("overread", "overread_probe")
"""Our default's rows."""
TITLES = {
    "table1": "Table 1: CIFAR",
    "table2": "Table 2: medical images",
    "ablation": "Ablation: the paper's loop without each of its parts",
    "speed": "Speed",
}
STARTS = {NONE: "drawn", SIMCLR: "SimCLR", MOCO: "MoCo v2", FEATURES: "ImageNet features"}
_ROW = ["method", "start", "recipe", "part"]
_CELL = ["table", "budget", "task", "noise", "seed", *_ROW]
_INTRO = (
    "Accuracy on test images whose labels are true, by the last epoch, of networks trained on noisy labels. Test "
    "images are of patients, slides or source pictures that are never trained on. All methods of a table have the "
    "same encoder, images, augmentation and recipe, but the linear probes and Overread also see features of an "
    "encoder trained on ImageNet; `own` in the column recipe is that of a method's paper. Nothing is chosen on test "
    "labels. A method marked * is told the true share of wrong labels, as its paper has it. MentorNet PD is its "
    "predefined curriculum, not the learned one. The row that stands for Overread's default is the linear probe on "
    "judged labels, a run's first step; on a CPU networks follow only where a trial shows that they help. Made by "
    "`overread bench table1`, `table2`, `ablation` or `speed` from the lines of accuracy.jsonl."
)
_IDN = (
    "With two classes (chest_xray) instance-dependent noise (idn) has one target left and is symmetric noise with a "
    "random rate; `boundary` flips labels where a reference model is unsure."
)
_READING = (
    "A number in brackets behind a value says from how many seeds it is, where three are planned. Seconds are of "
    "training and prediction, without pretraining or features. Warm-ups and ramps are as long as in a method's paper, "
    "but at most a third of all epochs; JoCoR's weight of agreement in such short trainings was chosen on a made "
    "task."
)
_DIVIDEMIX = (
    "DivideMix has a weight of 0 for the loss without labels in these short trainings. Its paper chooses that weight "
    "from 0, 25, 50 and 150 on a validation set. With 25, its networks lost a class here: on training labels alone "
    "(chest_xray, idn30, seed 0, SimCLR), 79 to 88 % of the labels of either class are believed after the warm-up, and "
    "at the end at most 4 % of those of one class; with 0, 69 to 85 % of both. Why ELR+ falls in some cells was not "
    "looked into."
)
_PRINTED = (
    "What papers print, on their own images, noise and networks, which are larger and see all images. A row above "
    "neither reaches nor misses them:"
)


_CIFAR = (
    "CIFAR's images were stored as JPEG, by 5.8 of 255 from the originals on the mean; what papers print is of the "
    "originals."
)


def accuracy_page(lines: Sequence[Line]) -> str:
    """The page: a section for each table that has lines, and for every table of the budget cpu if that has any. Of a
    cell that was measured again the last line counts."""
    return accuracy_files(lines)["accuracy.md"]


def accuracy_files(lines: Sequence[Line]) -> dict[str, str]:
    """The page and its figures, by name."""
    parts = ["# Accuracy of training on noisy labels", _INTRO, _IDN, _READING]
    newest = newest_lines(lines)
    drawn = figures(newest)
    for budget in BUDGETS:
        for table in TABLES:
            found = [line for line in newest if (line["budget"], line["table"]) == (budget, table)]
            if found or any(line["budget"] == budget == "cpu" for line in newest):
                parts += _section(table, budget, pd.DataFrame(found))
                parts += [f"![{name}](figures/{name}.svg)" for name in drawn if name.startswith(f"{table}-{budget}-")]
    page = "\n\n".join(parts) + "\n"
    return {"accuracy.md": page} | {f"figures/{name}.svg": image for name, image in drawn.items()}


def write_accuracy_page(lines: Sequence[Line], folder: Path) -> str:
    """Write the page and its figures into the folder; returns the page."""
    made = accuracy_files(lines)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        write_atomically(folder / name, content)
    return made["accuracy.md"]


def newest_lines(lines: Sequence[Line]) -> list[Line]:
    """One line for each cell, the last, whatever its code."""
    return list({tuple(line[name] for name in _CELL): line for line in lines}.values())


def planned_rows(table: str, budget: str) -> list[Row]:
    """The rows that a table has when it is whole."""
    of_budget = BUDGETS[budget]
    return table_rows(table, of_budget, override_settings(PAPER, of_budget.overrides))


def missing_cells(table: str, budget: str, found: pd.DataFrame) -> list[str]:
    """What is not measured yet, in words: for every task, its noises with how many cells they lack of NUM_SEEDS seeds
    and all rows."""
    rows = planned_rows(table, budget)
    wanted = {(row.method, row.start, row.recipe, row.part, seed) for row in rows for seed in range(NUM_SEEDS)}
    missing = []
    for task, noises in BUDGETS[budget].tasks[table].items():
        lacks = {}
        for noise in noises:
            here = found[(found["task"] == task) & (found["noise"] == noise)]
            lacks[noise] = len(wanted - set(here[[*_ROW, "seed"]].itertuples(index=False, name=None)))
        if all(lack == len(wanted) for lack in lacks.values()):
            missing.append(f"{task}: all")
        elif any(lacks.values()):
            told = [f"{noise} {lack} of {len(wanted)}" for noise, lack in lacks.items() if lack]
            missing.append(f"{task}: {', '.join(told)}")
    return missing


def _section(table: str, budget: str, found: pd.DataFrame) -> list[str]:
    if not len(found):
        tasks = BUDGETS[budget].tasks[table]
        return [
            f"## {TITLES[table]}, budget {budget}",
            f"**Nothing is measured yet** of {len(planned_rows(table, budget))} rows on {', '.join(tasks)}.",
            *_printed(table),
        ]
    devices, commits, torches = (", ".join(found[name].unique()) for name in ("device", "commit", "torch"))
    seeds = ", ".join(map(str, sorted(found["seed"].unique())))
    of = BUDGETS[budget].of_table(table)
    images = "all images" if of.num_trained is None else f"at most {of.num_trained} images trained on"
    hours = found["seconds"].sum() / 3600
    head = (
        f"{len(found):,} trainings, {hours:.1f} hours. {devices}{load(found)}; torch {torches}; commit {commits}; "
        f"seeds {seeds}. Encoder {of.encoder}, {of.image_size_px} px, {images}, {of.recipe.num_epochs} epochs, SimCLR "
        f"{of.num_pretrain_epochs} epochs. Mean ± standard deviation."
    )
    missing = missing_cells(table, budget, found)
    parts = [f"## {TITLES[table]}, budget {budget}", head]
    if missing:
        parts.append(f"**Not measured yet:** {'; '.join(missing)}.")
    for task in found["task"].unique():
        of_task = found[found["task"] == task]
        largest = of_task["majority"].dropna()
        about = f"### {task}"
        if len(largest):
            tested, trained = of_task["num_test"].max(), of_task["num_trained"].max()
            about += (
                f"\n\n{trained:.0f} images trained on, {tested:.0f} tested; the largest class is "
                f"{largest.iloc[0]:.1%} of the test images."
            )
        parts += [about, _GRIDS.get(table, _accuracies)(of_task)]
        if table not in _GRIDS and (ranks := _ranks(of_task)):
            parts.append(ranks)
    if table not in _GRIDS and len(set(found["task"])) > 1 and (ranks := _ranks(found)):
        parts += ["### Over all tasks", ranks]
    if (table, budget) == ("table2", "cpu"):
        parts.append(_DIVIDEMIX)
    return [*parts, *_printed(table)]


def _printed(table: str) -> list[str]:
    """What papers print for a table, and what sets its images apart from theirs."""
    if table not in PRINTED:
        return []
    rows = [[each.method, each.task, each.noise, each.percent, each.source] for each in PRINTED[table]]
    about = [_CIFAR] if table == "table1" else []
    return [*about, _PRINTED, markdown(["method", "images", "noise", "accuracy, %", "source"], rows)]


def _accuracies(found: pd.DataFrame) -> str:
    """A row for each method, start and recipe; a column for each noise, in per cent, and the mean of those noises that
    every row of the table has."""
    noises = list(found["noise"].unique())
    shown, complete = [], []
    groups = found.groupby(_ROW, sort=False)
    for noise in noises:
        if found[found["noise"] == noise].groupby(_ROW)["accuracy"].count().shape[0] == len(groups):
            complete.append(noise)
    for (method, start, recipe, _), rows in groups:
        of_noise = rows.groupby("noise")["accuracy"].agg(["mean", "std", "count"])
        cells = [_percent(of_noise.loc[noise]) if noise in of_noise.index else "" for noise in noises]
        mean = of_noise.loc[complete, "mean"].mean() if complete else float("nan")
        cost = [spread(rows["seconds"].mean(), float("nan"), 1), spread(rows["peak_mb"].mean(), float("nan"), 0)]
        shown.append([_title(method), STARTS[start], "" if recipe == SAME else OWN, *cells, _share(mean), *cost])
    return markdown(["method", "start", "recipe", *noises, "mean", "seconds", "MB"], shown)


def _ranks(found: pd.DataFrame) -> str:
    """Where each row that is ours stands, in words, by the mean over the noises and seeds that every row has, each task
    counting as much as another; empty if there are none."""
    cells = found.pivot_table(index=["method", "start", "recipe"], columns=["task", "noise", "seed"], values="accuracy")
    shared = cells.dropna(axis=1)
    means = shared.T.groupby(level="task").mean().mean()
    if means.isna().all() or not set(OURS) & set(found["method"]):
        return ""
    ranks = means.rank(ascending=False, method="min")
    told = [
        f"{_title(row[0])} ({STARTS[row[1]]}) is number {ranks[row]:.0f} with {100 * means[row]:.2f}"
        for row in means.index
        if row[0] in OURS
    ]
    first = means.idxmax()
    return (
        f"Of {len(means)} rows, by the mean over the noises and seeds that all have ({shared.shape[1]} in all): "
        f"{'; '.join(told)}. The first is {_title(first[0])} ({STARTS[first[1]]}) with {100 * means[first]:.2f}."
    )


def _parts(found: pd.DataFrame) -> str:
    """The ablation: for each noise the accuracy, in per cent, and the average precision of finding wrong labels."""
    noises = list(found["noise"].unique())
    shown = []
    for (_, _, _, part), rows in found.groupby(_ROW, sort=False):
        cells = []
        for noise in noises:
            here = rows[rows["noise"] == noise]
            cells += [_percent(here["accuracy"].agg(["mean", "std", "count"])) if len(here) else ""]
            cells += [spread(here["average_precision"].mean(), here["average_precision"].std(), 3)]
        shown.append([part, *cells, spread(rows["seconds"].mean(), float("nan"), 1)])
    header = [name for noise in noises for name in (noise, f"{noise}, wrong labels found")]
    return markdown(["part", *header, "seconds"], shown)


def _speeds(found: pd.DataFrame) -> str:
    rows = []
    for method, of in found.groupby("method", sort=False):
        mean = of[["images_per_s", "seconds", "peak_mb"]].astype(float).mean()
        rows.append([_title(method), *(f"{mean[name]:.{d}f}" for name, d in (("images_per_s", 0), ("seconds", 1)))])
        rows[-1].append(f"{mean['peak_mb']:.0f}")
    return markdown(["method", "images a second", "seconds of a training", "MB"], rows)


_GRIDS = {"ablation": _parts, "speed": _speeds}


def _title(method: str) -> str:
    known = TRAINERS.get(method)
    return f"{known.title}{' *' if known.is_told_noise_rate else ''}" if known else method


def _percent(of: pd.Series) -> str:
    if not of["count"]:
        return "diverged"
    few = "" if of["count"] >= NUM_SEEDS else f" ({of['count']:.0f})"
    return spread(100 * of["mean"], 100 * of["std"], 2) + few


def _share(value: float) -> str:
    return "-" if pd.isna(value) else f"**{100 * value:.2f}**"
