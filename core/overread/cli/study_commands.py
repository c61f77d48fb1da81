"""Commands that make studies: from a source, from code, from another study; and what is wrong with one's data."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from overread.cli.arguments import Ephemeral, Json, Seed, StudyPath
from overread.cli.terminal import print_result, progress_bar, warn_of_stopped_update


def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to make the two demo studies in.", show_default="demo in OVERREAD_HOME, else in ./data"
        ),
    ] = None,
    num_images: Annotated[int, typer.Option(help="Images of each study.", min=40)] = 600,
    seed: Seed = 0,
    ephemeral: Ephemeral = False,
    as_json: Json = False,
) -> None:
    """Draw, import and train the demo studies; what is there already is kept."""
    from overread.demo.demo_studies import make_demo
    from overread.home import home_folder
    from overread.pipeline.output_paths import check_output

    out = out or home_folder() / "demo"
    check_output(out)
    with progress_bar(as_json) as show:
        studies = make_demo(out, num_images=num_images, seed=seed, listener=lambda e: show(e["fraction"], e["message"]))
    lines = [f"{study.name}: {study.path}" for study in studies]
    print_result(as_json, {"studies": [str(study.path) for study in studies]}, [*lines, "review them: python -m app"])


def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder per class; one with a labels file, or the file, or its URL; CIFAR's batches; MedMNIST's "
            ".npz file, or medmnist:NAME to fetch it."
        ),
    ],
    study: Annotated[Path, typer.Option(help="Folder of the study to make.")],
    source_format: Annotated[
        str | None,
        typer.Option("--format", help="How to read it, if not as found: csv, folder, fiftyone, label-studio ..."),
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Labels file, paths relative to SOURCE; or CIFAR-N's.")] = None,
    image_column: Annotated[str | None, typer.Option(help="Column of the image's path.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of the label; of CIFAR-100, coarse_labels.")] = None,
    patient_column: Annotated[str | None, typer.Option(help="Column of the patient; stored as a keyed hash.")] = None,
    slide_column: Annotated[str | None, typer.Option(help="Column of the slide; stored as a keyed hash.")] = None,
    split_column: Annotated[str | None, typer.Option(help="Column of the split: train, val or test.")] = None,
    rater_column: Annotated[
        list[str] | None, typer.Option(help="Column of one rater's label; may be repeated.")
    ] = None,
    given_label: Annotated[
        str | None, typer.Option(help="The label to audit: of Chaoyang label_A ..., of CIFAR-N aggre_label ...")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Of DICOM files: the tag by which the labels file names them, or name.")
    ] = None,
    label_tag: Annotated[
        str | None,
        typer.Option(help="Of DICOM files without a labels file: the tag that holds the labels, or its (gggg,eeee)."),
    ] = None,
    frames: Annotated[
        str, typer.Option(help="Of DICOM files with several frames: middle, or all of them, each a sample.")
    ] = "middle",
    classes: Annotated[str | None, typer.Option(help="The labels allowed, in order: A,B,C; or 0=A,1=B.")] = None,
    name: Annotated[str | None, typer.Option(help="The study's name on pages; the folder's if not given.")] = None,
    image_size: Annotated[int, typer.Option(help="Side of the cached images in px.", min=32, max=1024)] = 224,
    update: Annotated[bool, typer.Option(help="Read the source of an existing study again.")] = False,
    allow_private_urls: Annotated[
        bool,
        typer.Option(
            help="Let URLs lead to this machine and its network; for other commands: OVERREAD_ALLOW_PRIVATE_URLS=1."
        ),
    ] = False,
    within: Annotated[
        list[Path] | None,
        typer.Option(
            help="Read nothing outside of this folder, and quote no cell in errors; may be repeated. Pages give it."
        ),
    ] = None,
    ephemeral: Ephemeral = False,
    shared: Annotated[
        bool, typer.Option("--shared", help="Let the umask say who may read a new study, not its owner alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a study of labelled images: check every row, decode every image once."""
    from overread.files import is_study
    from overread.images.addresses import ALLOW_VARIABLE
    from overread.pipeline.output_paths import check_output
    from overread.sources.arrays.medmnist_release import local_source
    from overread.sources.import_roots import check_below
    from overread.sources.label_classes import listed
    from overread.sources.source import read_source
    from overread.studies.importing import import_source
    from overread.studies.study import open_study

    if allow_private_urls:
        os.environ[ALLOW_VARIABLE] = "1"
    with progress_bar(as_json) as show:
        place = local_source(
            source, lambda done, total: show(done / total, f"fetched {done / 1e6:.0f} of {total / 1e6:.0f} MB")
        )
    with _in_public(is_asked=bool(within)):
        if within:
            fetched = [] if place == source else [Path(place)]
            check_below(Path(place), labels, [*within, *fetched])
        found = read_source(
            place,
            format=source_format,
            labels=labels,
            image_column=image_column,
            label_column=label_column,
            patient_column=patient_column,
            slide_column=slide_column,
            split_column=split_column,
            rater_columns=rater_column or (),
            given_label=given_label,
            key=key,
            label_tag=label_tag,
            frames=frames,
            classes=[part.strip() for part in classes.split(",")] if classes else None,
        )
    if not is_study(study):
        # The folder of an array file is not the source; the file is.
        check_output(study, option="--study", source_root="" if found.format == "medmnist" else found.root)
    with progress_bar(as_json) as show, _in_public(is_asked=bool(within)):
        summary = import_source(
            found,
            study,
            name=name,
            image_size_px=image_size,
            update=update,
            is_shared=shared,
            on_progress=lambda done, total: show(done / max(total, 1), f"decoded {done} of {total} images"),
        )
    quarantined = f"; {summary.num_quarantined} rows in {study / 'quarantine.csv'}" if summary.num_quarantined else ""
    line = f"{study}: {summary.num_samples} samples of {listed(summary.classes)}{quarantined}"
    warn_of_stopped_update(open_study(study))
    print_result(as_json, asdict(summary), [*(f"note: {message}" for message in summary.messages), line])


@contextmanager
def _in_public(*, is_asked: bool) -> Iterator[None]:
    """Let errors of the user say in public what they say, where that is asked for."""
    from overread.errors import UserError

    try:
        yield
    except UserError as error:
        if not is_asked:
            raise
        raise type(error)(error.public) from None


def check(study: StudyPath, as_json: Json = False) -> None:
    """Say what is wrong with the data itself: duplicates, leaks, labels that can be read off, raters who differ."""
    from overread.checks.report import check_study
    from overread.studies.study import open_study

    opened = open_study(study)
    warn_of_stopped_update(opened)
    with progress_bar(as_json) as show:
        findings = check_study(opened, on_progress=lambda fraction: show(fraction, "looking at every image"))
    lines = [f"{finding.severity:8}{finding.message}" for finding in findings] or ["nothing found"]
    print_result(as_json, {"findings": [asdict(finding) for finding in findings]}, lines)


def corrupt(
    study: StudyPath,
    noise: Annotated[str, typer.Option(help="symmetric, pair, idn or boundary.")],
    rate: Annotated[float, typer.Option(help="Mean share of labels to change, in (0, 1).")],
    out: Annotated[Path, typer.Option(help="Folder of the new study.")],
    truth: Annotated[Path, typer.Option(help="CSV to write the true labels to.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """For experiments: make a new study with wrong labels, and put the true ones into a file of their own."""
    from overread.benchmark.corrupt import corrupt_study
    from overread.pipeline.output_paths import check_output
    from overread.studies.study import open_study, read_text_table

    opened = open_study(study)
    for place, option in ((out, "--out"), (truth, "--truth")):
        check_output(place, opened, option=option)
    new = corrupt_study(opened, noise=noise, rate=rate, seed=seed, out=out, truth=truth)
    labels = read_text_table(truth)["true_label"].to_numpy()
    num_changed = int((labels != new.samples()["given_label"].to_numpy()).sum())
    line = f"{out}: {num_changed} of {len(labels)} labels changed; the true ones are in {truth}"
    print_result(as_json, {"num_samples": len(labels), "num_changed": num_changed}, [line])
