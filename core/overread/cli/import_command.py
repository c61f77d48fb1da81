"""The command that creates a study from a source."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from overread.cli.arguments import Ephemeral, Json
from overread.cli.flags import with_flags
from overread.cli.preview_table import preview_lines
from overread.cli.terminal import print_result, progress_bar, tell_state

if TYPE_CHECKING:
    from overread.records import Source
    from overread.sources.request import ImportRequest
    from overread.studies.importing import StudyOptions


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
    image_size: Annotated[int, typer.Option(help="Side length of the cached images, in pixels.", min=32, max=1024)] = (
        224
    )
    update: Annotated[bool, typer.Option(help="Read the source of an existing study again.")] = False
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


class ImportCommand(TyperCommand):
    """`import`, whose help takes from the registry which formats there are and what each makes of a flag."""

    def format_help(self, *arguments: Any) -> None:
        from overread.sources.registry import FORMATS, options_for

        for parameter in self.params:
            assert isinstance(parameter, TyperArgument | TyperOption)
            if parameter.name == "source":
                clauses = [f"or {form.download.prefix}NAME to fetch it" for form in FORMATS if form.download]
            elif parameter.name == "format":
                clauses = ["one of " + ", ".join(form.name for form in FORMATS)]
            else:
                clauses = [f"of {option.whose}: {option.hint}" for option in options_for(parameter.name)]
            text = "; ".join(filter(None, [(parameter.help or "").rstrip("."), *clauses]))
            parameter.help = f"{text[:1].upper()}{text[1:]}."
        super().format_help(*arguments)


@with_flags
def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder with a subfolder per class or a labels file; a labels file or its URL; a folder or file in "
            "another format; or an archive of any of these (zip, tar)."
        ),
    ],
    reading: ReadingFlags,
    columns: ColumnFlags,
    findings: FindingFlags,
    folders: FolderFlags,
    options: StudyFlags,
    access: AccessFlags,
    as_json: Json = False,
) -> None:
    """Create a study from labelled images: check every row, decode every image once."""
    from overread.errors import ConfigError
    from overread.images.addresses import ALLOW_VARIABLE
    from overread.sources.registry import local_source
    from overread.sources.source import read_source
    from overread.studies.importing import StudyOptions

    study = options.study
    if study is None and not options.dry_run:
        raise ConfigError("--study is missing; give the folder of the study to create, or --dry-run to only look")
    if access.allow_private_urls:
        os.environ[ALLOW_VARIABLE] = "1"
    with progress_bar(as_json) as show:
        place = local_source(
            source, lambda done, total: show(done / total, f"fetched {done / 1e6:.0f} of {total / 1e6:.0f} MB")
        )
    fetched = () if place == source else (Path(place),)
    within = (*access.within, *fetched) if access.within else ()
    study_options = StudyOptions(
        name=options.name,
        image_size_px=options.image_size,
        update=options.update,
        is_shared=options.shared,
    )
    request = _request_of(place, reading, columns, findings, folders, within)
    with ExitStack() as stack:
        with _refusals(as_json=as_json, is_public=bool(access.within)):
            found = read_source(stack.enter_context(_unpacked(request, options, as_json=as_json)))
        if study is not None:
            _check_study(found, study)
        with _refusals(as_json=as_json, is_public=bool(access.within)):
            if options.dry_run:
                _show_preview(found, study, study_options, as_json=as_json, is_public=bool(access.within))
            elif study is not None:
                _make_study(found, study, study_options, as_json=as_json)


@contextmanager
def _unpacked(request: "ImportRequest", options: StudyFlags, *, as_json: bool) -> Iterator["ImportRequest"]:
    """The request, with an archive unpacked; a dry run does that outside of the study."""
    from overread.studies.unpacking import unpacked

    with ExitStack() as stack:
        with progress_bar(as_json) as show:
            request = stack.enter_context(
                unpacked(
                    request,
                    None if options.dry_run else options.study,
                    is_update=options.update,
                    is_shared=options.shared,
                    on_progress=lambda done, total: show(
                        done / max(total, 1), f"unpacked {done / 1e6:.0f} of {total / 1e6:.0f} MB"
                    ),
                )
            )
        yield request


def _request_of(
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


def _check_study(found: "Source", study: Path) -> None:
    from overread.files import is_study
    from overread.pipeline.output_paths import check_output
    from overread.sources.registry import find_format

    if not is_study(study):
        # Where a single file is the source, its folder is not.
        form = find_format(found.format)
        check_output(study, option="--study", source_root="" if form and form.is_file else found.root)


def _make_study(found: "Source", study: Path, options: "StudyOptions", *, as_json: bool) -> None:
    from overread.sources.label_classes import listed
    from overread.studies.importing import import_source
    from overread.studies.study import open_study

    with progress_bar(as_json) as show:
        summary = import_source(
            found,
            study,
            options,
            on_progress=lambda done, total: show(done / max(total, 1), f"decoded {done} of {total} images"),
        )
    quarantined = f"; {summary.num_quarantined} rows in {study / 'quarantine.csv'}" if summary.num_quarantined else ""
    line = f"{study}: {summary.num_samples} samples of {listed(summary.classes)}{quarantined}"
    tell_state(open_study(study))
    print_result(as_json, asdict(summary), [*(f"note: {message}" for message in summary.messages), line])


def _show_preview(
    found: "Source", study: Path | None, options: "StudyOptions", *, as_json: bool, is_public: bool
) -> None:
    from overread.studies.importing import check_study_path
    from overread.studies.preview import preview_source

    if study is not None:
        check_study_path(found, study, options)
    with progress_bar(as_json) as show:
        preview = preview_source(
            found, on_progress=lambda done, total: show(done / total, f"decoded {done} of {total} images")
        )
    values = asdict(preview)
    for image in values["shown"] if is_public else ():
        del image["image"]  # the file's name, which no page shows
    print_result(as_json, values, preview_lines(preview))


@contextmanager
def _refusals(*, as_json: bool, is_public: bool) -> Iterator[None]:
    """Print what a refused import needs to be told as JSON, and let errors say in public only what they may."""
    from overread.errors import UserError

    try:
        yield
    except UserError as error:
        if as_json and error.question:
            print_result(as_json, {"question": asdict(error.question)}, [])
        if not is_public:
            raise
        raise type(error)(error.public, question=error.question) from None
