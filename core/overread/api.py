"""The public Python functions for studies: import a source, train, export the labels.

`from overread import import_source, train, export_labels`. The commands of the same names do the same.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from overread.config import DEFAULT_PRESET
from overread.errors import ConfigError
from overread.files import is_study
from overread.pipeline.exporting import export_study
from overread.pipeline.output_paths import check_output
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.review.final_labels import label_policy
from overread.sources.registry import find_format, local_source
from overread.sources.request import COLUMN_KINDS, ColumnNames, ImportRequest
from overread.sources.source import read_source
from overread.studies.importing import StudyOptions
from overread.studies.importing import import_source as make_study
from overread.studies.run import Run
from overread.studies.study import Study, open_study
from overread.studies.unpacking import unpacked

_COLUMNS = {("rater_columns" if kind == "raters" else f"{kind}_column"): kind for kind in COLUMN_KINDS}


def import_source(
    source: Path | str | ImportRequest,
    study: Path | str,
    *,
    labels: Path | str | None = None,
    options: StudyOptions | None = None,
    **columns: str | Sequence[str],
) -> Study:
    """Make a study of labelled images: check every row, decode every image once.

    Parameters
    ----------
    source : path, URL or ImportRequest
        A folder with a folder per class, one with a labels file, an archive of either, or whatever else `overread
        import` reads. An
        ImportRequest has all its options, such as DICOM tags; then neither `labels` nor `columns` are given.
    study : path
        The folder to make.
    labels : path, optional
        The labels file, if it isn't the source or in it. The images in it are relative to the source.
    options : StudyOptions, optional
        The study's name, the side length of its cached images in pixels (224), and whether an existing study is read
        again (update).
    **columns
        Columns of the labels file, if their names are not obvious: image_column, label_column, patient_column,
        slide_column, split_column, each a name, and rater_columns, a sequence of names.

    Returns
    -------
    Study
        The new study. Faulty rows are in `study.quarantine()`, a DataFrame of row, image and reason.

    Raises
    ------
    SourceError, ManifestError
        For a source that cannot be read or understood, saying what to correct.
    StudyError
        If the study already exists, or the disk is full.
    ConfigError
        For invalid options, or a study folder inside the source.

    Example
    -------
    >>> study = import_source("scans", "data/mine", labels="labels.csv", label_column="finding")  # doctest: +SKIP
    >>> study.samples()["given_label"].value_counts()  # doctest: +SKIP
    """
    unknown = [name for name in columns if name not in _COLUMNS]
    if unknown:
        raise ConfigError(f"{unknown[0]}: is not a kind of column; choose from {', '.join(_COLUMNS)}")
    if isinstance(source, ImportRequest):
        if labels or columns:
            raise ConfigError("source: an ImportRequest names labels and columns itself; give them there")
        request = source
    else:
        request = ImportRequest(local_source(source), labels=labels, columns=_column_names(columns))
    options = options or StudyOptions()
    with unpacked(request, study, is_update=options.update, is_shared=options.is_shared) as reading:
        found = read_source(reading)
        if not is_study(Path(study)):
            form = find_format(found.format)
            # Where a single file is the source, its folder is not.
            check_output(Path(study), option="study", source_root="" if form and form.is_file else found.root)
        make_study(found, study, options)
    return open_study(study)


def train(
    study: Study | Path | str,
    *,
    preset: str = DEFAULT_PRESET,
    seed: int = 0,
    device: str = "auto",
    settings: Sequence[str] = (),
    first: bool = False,
) -> Run:
    """Train a model on a study and score every label.

    Parameters
    ----------
    study : Study or path
    preset : str
        overread, quick, or paper (the paper's method and nothing else).
    seed : int, at least 0
        The same seed on the same device gives the same scores.
    device : str
        auto, cpu or cuda.
    settings : sequence of str
        Settings to change, each SECTION.FIELD=VALUE; core/docs/settings.md lists them.
    first : bool
        Return at the first proposals, before the networks that refine them are trained.

    Returns
    -------
    Run
        The finished run. `run.scores()` is a DataFrame with a row for each sample: sample_id, given_label,
        proposed_label, label_error_probability in [0, 1], is_proposed, score_<scorer>, p_<class>, kind;
        `run.proposals()` has the proposed ones, the most probable errors first.

    Raises
    ------
    ConfigError
        For an unknown preset, device or setting, or a value out of range.
    StudyError
        If the study is already being trained, or has only one class to train on.

    Example
    -------
    >>> run = train("data/mine", settings=["refinement.min_precision=0.9"])  # doctest: +SKIP
    >>> run.proposals()[["sample_id", "given_label", "proposed_label"]]  # doctest: +SKIP
    """
    request = TrainRequest(preset=preset, seed=seed, device=device, assignments=tuple(settings), first=first)
    return train_study(_opened(study), request)


def export_labels(
    study: Study | Path | str,
    out: Path | str,
    *,
    format: str = "csv",
    run: Run | str | None = None,
    policy: str | None = None,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Write the reviewed labels of a study.

    Parameters
    ----------
    study : Study or path
    out : path
        The file to write; for the formats bundle, imagefolder and fiftyone, the folder.
    format : str
        csv (the source's own columns, the final label, and who decided it), changes, readings, bundle (these three,
        with a manifest), croissant, imagefolder, fiftyone, label-studio or cleanlab.
    run : Run or its name, optional
        The run whose proposals are named beside the verdicts. Default: the one in use; a study without a finished run
        can be exported too.
    policy : str
        Which label several readers' verdicts make: unanimous, majority, adjudicated, dawid-skene or soft. Default:
        adjudicated where a round was opened, else unanimous.
    overwrite : bool
        Whether a file that is no earlier export of the study may be replaced.

    Returns
    -------
    pandas.DataFrame
        The cleaned table, a row for each row of the source. A label that nobody decided is the given one.

    Raises
    ------
    ConfigError
        For a place that may not be written to, or what the format cannot hold.
    LedgerError
        If the verdicts were tampered with.

    Example
    -------
    >>> table = export_labels("data/mine", "cleaned.csv")  # doctest: +SKIP
    """
    out = Path(out)
    if not out.resolve().parent.is_dir():
        raise ConfigError(f"out {out}: the folder {out.resolve().parent} does not exist; create it, or choose another")
    run_name = run.name if isinstance(run, Run) else run
    table, _ = export_study(
        _opened(study),
        out,
        run_name,
        format=format,
        overwrite=overwrite,
        policy=label_policy(policy) if policy else None,
    )
    return table


def _opened(study: Study | Path | str) -> Study:
    return study if isinstance(study, Study) else open_study(study)


def _column_names(columns: dict[str, Any]) -> ColumnNames:
    fields = {_COLUMNS[name]: value for name, value in columns.items()}
    if "raters" in fields:
        fields["raters"] = (fields["raters"],) if isinstance(fields["raters"], str) else tuple(fields["raters"])
    return ColumnNames(**fields)
