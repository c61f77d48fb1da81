"""All checks of a study, the most severe finding first."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pandas as pd

from overread.checks.agreement import check_agreement, study_agreement
from overread.checks.borders import pixel_features
from overread.checks.class_counts import check_classes, check_quarantine
from overread.checks.class_use import check_class_use
from overread.checks.contradicted import check_contradicted_groups
from overread.checks.decoding_notes import check_decoding_notes
from overread.checks.duplicate_groups import merge_duplicate_groups
from overread.checks.exact_duplicates import check_duplicates, exact_duplicate_groups
from overread.checks.leaks import check_names, check_splits
from overread.checks.near_duplicates import near_duplicate_groups
from overread.checks.odd_images import check_odd_images
from overread.checks.replaced_images import check_changed
from overread.checks.shortcuts import check_headers, check_shortcuts, shortcut_features
from overread.checks.unknown_patients import check_unknown_patients
from overread.errors import StudyError
from overread.images.cache.pixel_cache import PixelCache, open_cache
from overread.images.file_header import FileHeader, read_headers
from overread.records import Finding
from overread.studies.changed_images import changed_images
from overread.studies.sample_groups import sample_groups, write_duplicate_groups
from overread.studies.study import Study

_SEVERITIES = ("error", "warning", "info")


def check_study(study: Study, *, on_progress: Callable[[float], None] | None = None) -> list[Finding]:
    """Problems with the data of a study, certain or possible. Messages name neither files nor patients.

    The duplicate groups that it finds are saved in the study, where trainings look for them. on_progress: called with
    the share of the work that is done.
    """
    samples = study.samples()
    headers = read_headers([study.image_location(image) for image in samples["image"]])
    named = check_names(samples)
    leaks = {finding.kind for finding in named}
    # A folder per class also orders the images by class: the folder is reported already.
    skip = [kind for kind, leak in (("name", "label_in_name"), ("order", "label_in_folder")) if leak in leaks]
    groups = sample_groups(samples)
    findings = [
        *named,
        *check_shortcuts(samples, shortcut_features(samples, headers), groups, skip=skip),
        *check_headers(samples, headers),
        *check_splits(samples),
        *check_unknown_patients(samples),
        *check_classes(samples, study.classes),
        *check_quarantine(study.quarantine()),
        *check_contradicted_groups(study),
        *check_changed(changed_images(study, with_remote=True)),
    ]
    if len(study.rater_names) > 1:
        agreement = study_agreement(samples, study.rater_names, study.classes, groups, num_resamples=0)
        findings += check_agreement(samples, agreement)
        findings += check_class_use(samples, study.rater_names, groups, study.classes)
    try:
        cache = open_cache(study.pixels_path)
    except StudyError:
        message = "the images were not checked: there is no pixel cache; import the source again with --update"
        findings.append(Finding("not_checked", "warning", len(samples), message))
    else:
        cache.verify()
        findings += check_decoding_notes(cache.rows)
        findings += _check_borders(samples, cache, headers, groups)
        findings += _check_images(study, samples, cache, headers, on_progress)
    return sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))


def _check_borders(
    samples: pd.DataFrame, cache: PixelCache, headers: list[FileHeader], groups: np.ndarray
) -> list[Finding]:
    places = {key: place for place, key in enumerate(cache.keys)}
    rows = np.flatnonzero(samples["sample_id"].isin(places))
    cached = samples.iloc[rows]
    features = pixel_features(
        cache.pixels, [places[key] for key in cached["sample_id"]], [headers[row] for row in rows]
    )
    return check_shortcuts(cached, features, groups[rows])


def _check_images(
    study: Study,
    samples: pd.DataFrame,
    cache: PixelCache,
    headers: list[FileHeader],
    on_progress: Callable[[float], None] | None,
) -> list[Finding]:
    copies = exact_duplicate_groups(cache.pixels, cache.keys)
    similar = near_duplicate_groups(cache.pixels, cache.keys, copies, on_progress=on_progress)
    with suppress(OSError):  # a study that can't be written to can be checked all the same
        write_duplicate_groups(study, cache, merge_duplicate_groups(copies, similar, num_images=len(cache.keys)))
    return [
        *check_odd_images(samples, cache.pixels, cache.keys, headers),
        *check_duplicates(samples, copies),
        *check_duplicates(
            samples, similar, kind="near_duplicate", what="are near-duplicates (rotated, cropped or edited)"
        ),
    ]
