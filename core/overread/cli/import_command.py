"""The command that creates a study from a source."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from overread.cli.arguments import Json
from overread.cli.flags import with_flags
from overread.cli.import_flags import (
    AccessFlags,
    ColumnFlags,
    FindingFlags,
    FolderFlags,
    ReadingFlags,
    StudyFlags,
    request_of,
)
from overread.cli.preview_table import preview_lines
from overread.cli.terminal import print_result, progress_bar, tell_state

if TYPE_CHECKING:
    from overread.records import Source
    from overread.studies.importing import StudyOptions


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
    from overread.studies.unpacking import unpacked

    study = options.study
    if study is None and not options.dry_run:
        raise ConfigError("--study is missing; give the folder of the study to create, or --dry-run to only look")
    if access.allow_private_urls:
        os.environ[ALLOW_VARIABLE] = "1"
    with progress_bar(as_json) as show:
        place = local_source(source, _in_megabytes(show, "fetched"))
    fetched = () if place == source else (Path(place),)
    within = (*access.within, *fetched) if access.within else ()
    study_options = StudyOptions(
        name=options.name,
        image_size_px=options.image_size,
        update=options.update,
        protocol=options.protocol,
        is_shared=options.shared,
        critical_classes=None if options.critical_class is None else tuple(options.critical_class),
        asks_grades=options.grades,
    )
    request = request_of(place, reading, columns, findings, folders, within)
    with ExitStack() as stack:
        with _refusals(as_json=as_json, is_public=bool(access.within)):
            with progress_bar(as_json) as show:
                unpacking = unpacked(
                    request,
                    None if options.dry_run else study,
                    is_update=options.update,
                    is_shared=options.shared,
                    on_progress=_in_megabytes(show, "unpacked"),
                )
                request = stack.enter_context(unpacking)
            found = read_source(request)
        if study is not None:
            _check_study(found, study)
        with _refusals(as_json=as_json, is_public=bool(access.within)):
            if options.dry_run:
                _show_preview(found, study, study_options, as_json=as_json, is_public=bool(access.within))
            elif study is not None:
                _make_study(found, study, study_options, as_json=as_json)


def _in_megabytes(show: Callable[[float, str], None], what: str) -> Callable[[int, int], None]:
    """Shows progress in bytes on a progress bar. what: what is done with them."""
    return lambda done, total: show(done / max(total, 1), f"{what} {done / 1e6:.0f} of {total / 1e6:.0f} MB")


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
