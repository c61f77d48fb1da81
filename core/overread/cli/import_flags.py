"""The flags of `import`, in groups, and the request that they make."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overread.cli.arguments import GRADES_HELP, PROTOCOL_HELP, Ephemeral

if TYPE_CHECKING:
    from overread.sources.request import ImportRequest


@dataclass(frozen=True, slots=True)
class ReadingFlags:
    """How a source is read; what each format makes of these flags, its own module adds to their help."""

    format: Annotated[str | None, typer.Option(help="Format of the source; detected if not given.")] = None
    labels: Annotated[Path | None, typer.Option(help="Labels file; its image paths are relative to SOURCE.")] = None
    given_label: Annotated[str | None, typer.Option(help="The label to audit, if there are several.")] = None
    key: Annotated[str | None, typer.Option(help="How the labels file identifies images, if not by path.")] = None
    label_tag: Annotated[str | None, typer.Option(help="DICOM tag that holds the label.")] = None
    frames: Annotated[str, typer.Option(help="Frames of multi-frame DICOM files: middle, or all (each a sample).")] = (
        "middle"
    )
    classes: Annotated[
        str | None, typer.Option(help="Allowed labels, in order: A,B,C; or names for codes: 0=A,1=B.")
    ] = None


@dataclass(frozen=True, slots=True)
class ColumnFlags:
    """Which columns of a labels file hold what."""

    image_column: Annotated[str | None, typer.Option(help="Column with the image's path.")] = None
    label_column: Annotated[str | None, typer.Option(help="Column with the label.")] = None
    patient_column: Annotated[str | None, typer.Option(help="Column with the patient; stored as a keyed hash.")] = None
    slide_column: Annotated[str | None, typer.Option(help="Column with the slide; stored as a keyed hash.")] = None
    split_column: Annotated[str | None, typer.Option(help="Column with the split: train, val or test.")] = None
    reader_column: Annotated[
        str | None, typer.Option(help="Column with the reader, if a reader's label is a row of its own.")
    ] = None
    rater_column: Annotated[list[str] | None, typer.Option(help="Column with one rater's label; repeatable.")] = None


@dataclass(frozen=True, slots=True)
class FindingFlags:
    """How labels are read where an image has several findings, or a cell is in doubt."""

    finding: Annotated[
        str | None, typer.Option(help="Of several findings in an image, the one to audit: present or absent.")
    ] = None
    label_columns: Annotated[str | None, typer.Option(help="Columns with 0 or 1 for one class each: A,B,C.")] = None
    no_label: Annotated[
        list[str] | None, typer.Option(help="A cell that says that there is no label, such as -1.0; repeatable.")
    ] = None
    doubts: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            help="What cells in doubt (-1) become: positive, negative or own-class; or one cell's meaning, "
            "CELL=negative, where CELL may be blank; repeatable. Without it they have no label.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class FolderFlags:
    """Which files of a folder are samples, and which of its folders say what."""

    label_folder: Annotated[
        int | None, typer.Option(help="Which folder of a path is the class, counted from 1 at SOURCE.", min=1)
    ] = None
    patient_folder: Annotated[int | None, typer.Option(help="Which folder of a path is the patient.", min=1)] = None
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Follow links that lead out of SOURCE.")] = False
    keep_masks: Annotated[
        bool, typer.Option("--keep-masks", help="Import masks, overlays and thumbnails beside images, too.")
    ] = False


@dataclass(frozen=True, slots=True)
class StudyFlags:
    """What the study is to be, and whether it is made."""

    study: Annotated[
        Path | None, typer.Option(help="Folder of the study to create or update; needed unless --dry-run.")
    ] = None
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show the classes, what is left out and eight images with their labels; write nothing."
        ),
    ] = False
    name: Annotated[str | None, typer.Option(help="Name shown in the app; default: the folder's name.")] = None
    protocol: Annotated[str | None, typer.Option(help=PROTOCOL_HELP, show_default="open")] = None
    image_size: Annotated[int, typer.Option(help="Side length of the cached images, in pixels.", min=32, max=1024)] = (
        224
    )
    update: Annotated[bool, typer.Option(help="Read the source of an existing study again.")] = False
    critical_class: Annotated[
        list[str] | None,
        typer.Option(help="A class that no verdict in bulk may change, nor change to; repeatable."),
    ] = None
    grades: Annotated[bool | None, typer.Option(help=GRADES_HELP, show_default="no-grades")] = None
    shared: Annotated[
        bool, typer.Option("--shared", help="Let the umask decide who may read a new study, not only its owner.")
    ] = False
    ephemeral: Ephemeral = False


@dataclass(frozen=True, slots=True)
class AccessFlags:
    """What the import may open."""

    allow_private_urls: Annotated[
        bool,
        typer.Option(
            help="Allow URLs to this machine and its network; for other commands, set OVERREAD_ALLOW_PRIVATE_URLS=1."
        ),
    ] = False
    within: Annotated[
        list[Path] | None,
        typer.Option(
            help="Read nothing outside this folder, and quote no cells in errors; repeatable. Used by the app."
        ),
    ] = None


def request_of(
    source: Path | str,
    reading: ReadingFlags,
    columns: ColumnFlags,
    findings: FindingFlags,
    folders: FolderFlags,
    within: tuple[Path, ...],
) -> "ImportRequest":
    """What the flags ask to be read."""
    from overread.sources.request import ColumnNames, ImportRequest

    return ImportRequest(
        source=source,
        format=reading.format,
        labels=reading.labels,
        columns=ColumnNames(
            image=columns.image_column,
            label=columns.label_column,
            patient=columns.patient_column,
            slide=columns.slide_column,
            split=columns.split_column,
            reader=columns.reader_column,
            raters=tuple(columns.rater_column or ()),
        ),
        given_label=reading.given_label,
        key=reading.key,
        label_tag=reading.label_tag,
        frames=reading.frames,
        classes=tuple(part.strip() for part in reading.classes.split(",")) if reading.classes else (),
        label_columns=tuple(part.strip() for part in (findings.label_columns or "").split(",") if part.strip()),
        finding=findings.finding,
        no_labels=tuple(findings.no_label or ()),
        doubts=tuple(findings.doubts or ()),
        label_folder=folders.label_folder,
        patient_folder=folders.patient_folder,
        follow_links=folders.follow_links,
        keep_masks=folders.keep_masks,
        within=within,
    )
