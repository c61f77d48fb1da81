"""The reviewed labels of a study, as a table and in the formats of other programs."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from overread.errors import ConfigError
from overread.pipeline.export_manifest import export_manifest
from overread.pipeline.output_paths import check_output
from overread.pipeline.settled_labels import settled_labels
from overread.pipeline.study_ledger import chain_key, head_text, open_ledger
from overread.pipeline.verification import is_export_of
from overread.review.adjudication import has_rounds, settled_by_rounds
from overread.review.chain import LedgerRow
from overread.review.cleaned_csv import Origin, added_columns, cleaned_table, own_columns
from overread.review.exports.export_format import ExportContent
from overread.review.exports.export_registry import export_format
from overread.review.final_labels import LabelPolicy, final_labels
from overread.review.reviewed import ReviewedSample, reviewed_samples
from overread.review.roles import Action, Actor, require
from overread.studies.changed_images import CHANGED, changed_images
from overread.studies.run import Run, find_runs, open_run
from overread.studies.study import Study


@dataclass(frozen=True, slots=True)
class _Review:
    """The input of all exports."""

    samples: list[ReviewedSample]
    origin: Origin
    run: Run | None
    classes: tuple[str, ...]
    """The study's, and after them those that verdicts alone name: an update may have taken a class away."""

    @property
    def added(self) -> tuple[str, ...]:
        """As of `added_columns`."""
        return added_columns(self.origin.policy, self.classes)


def export_table(
    study: Study,
    run_name: str | None = None,
    *,
    reader: str | None = None,
    policy: LabelPolicy | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The cleaned table of a study, and the names of the columns that are not the source's own.

    A study without a finished run can be exported: its verdict columns are empty. reader: where given, only that
    reader's verdicts count. policy: which label several readers' verdicts make; None: adjudicated where a round was
    opened, else unanimous. Raises LedgerError where the ledger is damaged.
    """
    return _export_table(study, _reviewed(study, run_name, reader=reader, policy=policy, is_incremental=True))


def export_study(
    study: Study,
    out: Path,
    run_name: str | None = None,
    *,
    format: str = "csv",
    spreadsheet_safe: bool = False,
    overwrite: bool = False,
    policy: LabelPolicy | None = None,
    actor: Actor | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Write the reviewed labels; returns what `export_table` does.

    out: a file, or where the format `is_folder` a folder. format: the name of one of `export_registry.FORMATS`.
    spreadsheet_safe: of csv, the source's own cells are made harmless too. overwrite: a file that is not an earlier
    export of the study may be replaced. policy: as for `export_table`. Raises NotAllowedError, ConfigError for what the
    format cannot hold and for a path that must not be overwritten, and LedgerError where the ledger is damaged.
    """
    require(actor, Action.MANAGE)
    chosen = export_format(format)
    if spreadsheet_safe and not chosen.is_spreadsheet:
        raise ConfigError(f"--spreadsheet-safe: is for the cleaned CSV, not for format {format}; leave it out")
    is_own = is_export_of(study, out)
    for file in chosen.files(out):
        check_output(file, study, overwrite=overwrite, is_ours=lambda _: is_own)
    review = _reviewed(study, run_name, policy=policy)
    table, own_columns = _export_table(study, review)
    content = ExportContent(
        study_name=study.name,
        classes=review.classes,
        samples=review.samples,
        table=table,
        own_columns=own_columns,
        added=review.added,
        image_column=study.image_column,
        label_column=study.label_column,
        origin=review.origin,
        locate=lambda image: _image_file(study, image),
        spreadsheet_safe=spreadsheet_safe,
        history=lambda: _history(study, review.origin),
        key=chain_key(study),
        manifest=lambda: export_manifest(
            study, review.run, table, own_columns, review.origin, is_safe=spreadsheet_safe
        ),
    )
    chosen.write(content, out)
    return table, own_columns


def _reviewed(
    study: Study,
    run_name: str | None,
    *,
    reader: str | None = None,
    policy: LabelPolicy | None = None,
    is_incremental: bool = False,
) -> _Review:
    run = None
    if run_name is not None or any(run.is_finished for run in find_runs(study)):
        run = open_run(study, run_name)
    ledger = open_ledger(study)
    head = ledger.verify_chain(is_incremental=is_incremental)
    decisions = ledger.decisions(reader)
    if policy is None:
        is_adjudicated = reader is None and has_rounds(ledger)
        policy = LabelPolicy.ADJUDICATED if is_adjudicated else LabelPolicy.UNANIMOUS
    settled = {}
    if policy is LabelPolicy.DAWID_SKENE:
        settled = settled_labels(decisions)
    elif policy is LabelPolicy.ADJUDICATED and reader is None:
        settled = settled_by_rounds(ledger)
    samples = reviewed_samples(
        study.samples(),
        final_labels(decisions, policy, settled),
        scores=run.scores() if run else None,
        run=run.name if run else "",
        changed_images=_changed(study, {decision.verdict.sample_id for decision in decisions}),
        readings=ledger.readings(reader),
    )
    named = {label for each in samples for label in (each.final_label, each.proposed_label, *each.shares) if label}
    classes = (*study.classes, *sorted(named - set(study.classes)))
    return _Review(samples, Origin(head_text(study, head), policy), run, classes)


def _history(study: Study, origin: Origin) -> list[LedgerRow]:
    """The ledger's rows up to the head that is told: readers go on."""
    num_rows = int(origin.ledger_head.split(":")[1])
    return [row for row in open_ledger(study).history() if row.sequence <= num_rows]


def _changed(study: Study, decided: set[str]) -> set[str]:
    """The decided samples whose images have changed. Missing ones, on a disk that is not mounted, do not count."""
    return {key for key, state in changed_images(study, decided).items() if state == CHANGED} if decided else set()


def _export_table(study: Study, review: _Review) -> tuple[pd.DataFrame, tuple[str, ...]]:
    source = study.source_table()
    table = cleaned_table(
        source,
        review.samples,
        image_column=study.image_column,
        label_column=study.label_column,
        written_labels=study.written_labels,
        origin=review.origin,
        classes=review.classes,
    )
    return table, own_columns(tuple(source.columns), review.added)


def _image_file(study: Study, image: str) -> Path | None:
    """The local file of an image, if it is the file's only one."""
    location = study.image_location(image)
    return location.path if location.frame is None and location.path.is_file() else None
