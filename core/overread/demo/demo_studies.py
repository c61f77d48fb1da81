"""The demo: two studies of synthetic images, imported and trained like any other."""

import json
import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from overread.demo.image_sets import write_chest, write_tiles
from overread.files import is_study
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.sources.request import NO_COLUMNS, ColumnNames, ImportRequest
from overread.sources.source import read_source
from overread.studies.importing import StudyOptions, import_source
from overread.studies.run import RunState, find_runs
from overread.studies.study import Study, open_study

_STUDIES = (
    ("tiles", "Demo: colon tiles", write_tiles, NO_COLUMNS, ("cross_fitting.num_folds=0",)),
    (
        "chest",
        "Demo: chest radiographs",
        write_chest,
        ColumnNames(patient="patient"),
        ("pretrain.num_epochs=10", "cross_fitting.condition=always"),
    ),
)
"""Folder, title, what draws it, its columns, and settings. The tiles do not need networks, and the radiographs, which
look like nothing on ImageNet, do: both are known, and no trial has to find out."""


def make_demo(
    folder: Path,
    *,
    num_images: int = 600,
    seed: int = 0,
    listener: Callable[[dict[str, Any]], None] | None = None,
) -> list[Study]:
    """Make the two demo studies in `folder`, the colon tiles first; what is there already is kept.

    Each step is a line of FOLDER/progress.jsonl, {"event": "step", "message", "fraction", "elapsed_s"},
    fraction in [0, 1] of the whole, and is handed to the listener.
    """
    folder.mkdir(parents=True, exist_ok=True)
    start_s = time.monotonic()

    def tell(message: str, fraction: float) -> None:
        elapsed_s = round(time.monotonic() - start_s, 1)
        event = {"event": "step", "message": message, "fraction": round(fraction, 4), "elapsed_s": elapsed_s}
        with (folder / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
        if listener:
            listener(event)

    studies = []
    for number, (name, title, write, columns, assignments) in enumerate(_STUDIES):
        begin, share = number / len(_STUDIES), 1 / len(_STUDIES)
        source, path = folder / "source" / name, folder / name
        if not is_study(path):
            tell(f"{title}: drawing {num_images} images", begin)
            _write_whole(source, partial(write, num_images=num_images, seed=seed))
            tell(f"{title}: importing", begin + 0.08 * share)
            found = read_source(ImportRequest(source, columns=columns))
            import_source(found, path, StudyOptions(name=title, is_demo=True))
        study = open_study(path)
        runs = find_runs(study)
        if not any(run.is_finished for run in runs) or runs[-1].is_pending:
            tell(f"{title}: training", begin + 0.12 * share)

            def follow(
                event: dict[str, Any], *, title: str = title, begin: float = begin, share: float = share
            ) -> None:
                if event["event"] == "pictures":
                    tell(f"{title}: looking for duplicate images", begin + 0.12 * share)
                elif event["event"] == "features":
                    tell(f"{title}: computing image features", begin + 0.12 * share)
                elif event["event"] == "epoch":
                    done = event["num_done"] / event["num_epochs"]
                    tell(f"{title}: training, {event['phase']}", begin + (0.12 + 0.87 * done) * share)

            can_resume = bool(runs) and runs[-1].training_state in (RunState.INTERRUPTED, RunState.CANCELLED)
            changed = () if can_resume else assignments
            request = TrainRequest(seed=seed, assignments=changed, resume=can_resume)
            train_study(study, request, listener=follow)
        tell(f"{title}: ready", begin + share)
        studies.append(study)
        if len(studies) == 1:  # somebody may be reviewing it by now: what is left shall not slow the page down
            os.nice(10)
    return studies


def _write_whole(source: Path, write: Callable[[Path], None]) -> None:
    """Draw into a folder beside its place, and put it there when it is whole."""
    staging = source.with_name(f".{source.name}.making")
    for leftover in (staging, source):
        shutil.rmtree(leftover, ignore_errors=True)
    staging.mkdir(parents=True)
    write(staging)
    staging.rename(source)
