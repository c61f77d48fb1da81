"""Running commands as `overread` does, in this process, and the study that they are tried on."""

import csv
import io
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.cli.main import main
from overread.studies.study import Study, open_study

CLASSES = ("cat", "dog", "eel")
NUM_IMAGES = 72
SECRETS = ("Mustermann", "doe-4711", "labels-of-the-clinic")
"""Parts of file names, patients' names and the labels file's name: none may stand where only ids belong."""
TINY = tuple(
    part
    for assignment in (
        "model.precision=fp32",
        "pretrain.num_epochs=1",
        "warmup.num_epochs=2",
        "cross_fitting.num_epochs=2",
        "refinement.features=simclr",
        "refinement.num_repeats=1",
        "refinement.max_rounds=1",
        "refinement.strengths=0.003,0.03",
        "rounds.num_epochs=1,2",
        "rounds.first_stages=1",
        "rounds.later_stages=1,2",
    )
    for part in ("--set", assignment)
)
"""A training of six epochs under `quick`, and of six more for the folds under `overread`."""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


def run_command(*arguments: object) -> Ended:
    """`overread ARGUMENTS` in this process."""
    out, err = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["overread", *map(str, arguments)])
            main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        signal.signal(signal.SIGTERM, handler)
    return Ended(status, out.getvalue(), err.getvalue())


def write_source(folder: Path) -> Path:
    """Pictures of stripes, their direction and brightness telling the class, so that one epoch sees it; one file that
    is none; labels in a CSV beside them."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40]
    (folder / "scans").mkdir(parents=True)
    rows = [("scan", "finding", "patient", "split", "remark")]
    for i in range(NUM_IMAGES):
        label = i % len(CLASSES)
        wave = np.sin(2 * np.pi * (y, x, x + y)[label] / 9 + rng.uniform(0, 6)) + rng.normal(0, 0.1, (40, 40))
        image = f"scans/doe-4711_{i:03d}.png"
        Image.fromarray((67 + 60 * label + 60 * wave).clip(0, 255).astype(np.uint8)).save(folder / image)
        split = "test" if i >= 60 else "train"
        rows.append((image, CLASSES[label], f"Mustermann {i // 2}", split, f" no {i}, =A1 "))
    rows.append(("scans/broken.png", "cat", "Mustermann 99", "train", ""))
    (folder / "scans" / "broken.png").write_text("no picture")
    with (folder / "labels-of-the-clinic.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def import_arguments(source: Path, study: Path) -> tuple[object, ...]:
    """What imports `write_source`'s folder."""
    columns = ("--image-column", "scan", "--label-column", "finding")
    labels = source / "labels-of-the-clinic.csv"
    return ("import", source, "--study", study, "--labels", labels, *columns, "--image-size", 32)


def import_source(folder: Path) -> Study:
    """folder/study, imported from folder/source, which is written unless it is there."""
    source = folder / "source"
    if not source.exists():
        write_source(source)
    assert run_command(*import_arguments(source, folder / "study")).status == 0
    return open_study(folder / "study")
