"""The manifest of an export: what it was made of, by what, and what it counts."""

import hashlib
import math
import platform
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from overread.files import file_sha256
from overread.images.remote import is_remote
from overread.pipeline.study_agreement import agreement_if_any, without_names
from overread.pipeline.study_ledger import chain_key
from overread.review.cleaned_csv import COLUMNS, Origin
from overread.review.exports.readings_csv import pseudonym
from overread.review.label_changes import table_sha256
from overread.review.reviewed import in_seconds
from overread.studies.run import Run
from overread.studies.study import Study
from overread.version import full_version

MANIFEST_VERSION = 1
PACKAGES = ("numpy", "pandas", "sqlalchemy")
"""Those that an export is computed with."""
RUN_PACKAGES = ("torch", "scikit-learn")
"""Those that a run's scores are computed with."""


def export_manifest(
    study: Study, run: Run | None, table: pd.DataFrame, own_columns: tuple[str, ...], origin: Origin, *, is_safe: bool
) -> dict[str, Any]:
    """The fields of manifest.json but `files`, whose meanings core/docs/outputs.md has.

    table, own_columns: the cleaned table and what is added in it. is_safe: as `spreadsheet_safe` of an export. Readers
    have pseudonyms; neither paths nor file names are in it. The same study gives the same, but for `exported_at`.
    """
    names = dict(zip(COLUMNS, own_columns, strict=False))
    by = {
        f"by_{name}": dict(sorted(Counter(cell or "none" for cell in table[names[name]]).items()))
        for name in ("verdict", "reader_identity")
    }
    sequence, head = origin.ledger_head.split(":")[1:]
    return {
        "manifest_version": MANIFEST_VERSION,
        "exported_at": in_seconds(datetime.now(UTC)),
        "study": {"name": study.name, "classes": list(study.classes), "protocol": str(study.protocol)},
        "source": _source(study),
        "images": _images(study.samples()),
        "run": None if run is None else _run(run),
        "ledger": {"head": origin.ledger_head, "num_rows": int(sequence), "sha256": head},
        "settings": {"policy": origin.policy.value, "spreadsheet_safe": is_safe},
        "versions": {
            "overread": full_version(),
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
            **_run_versions(run),
        },
        "counts": {
            "num_rows": len(table),
            "num_changed": int((table[names["is_changed"]] == "true").sum()),
            **by,
        },
        "agreement": _agreement(study),
    }


def _source(study: Study) -> dict[str, Any]:
    table, file = study.source_table(), study.labels_file
    is_here = bool(file) and not is_remote(file) and Path(file).is_file()
    return {
        "format": study.source_format,
        "num_rows": len(table),
        "table_sha256": table_sha256(table.columns.tolist(), table.to_numpy(dtype=object).tolist()),
        "labels_file_sha256": file_sha256(Path(file)) if is_here else None,
    }


def _images(samples: pd.DataFrame) -> dict[str, Any]:
    hashes = samples["sha256"] if "sha256" in samples else pd.Series("", index=samples.index)
    lines = "".join(f"{key} {sha256}\n" for key, sha256 in sorted(zip(samples["sample_id"], hashes, strict=True)))
    return {
        "num_images": len(samples),
        "num_hashed": int((hashes != "").sum()),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "listed_in": "samples.csv of the study, in its columns sample_id and sha256",
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "config_sha256": file_sha256(run.path / "config.json"),
        "scores_sha256": file_sha256(run.path / "scores.csv"),
        "config": run.config(),
    }


def _run_versions(run: Run | None) -> dict[str, str | None]:
    """As the run recorded them: the machine that exports may have others, or none. None where it recorded none."""
    known = {} if run is None else run.config().get("versions", {})
    return {package: known.get(package) for package in RUN_PACKAGES}


def _agreement(study: Study) -> dict[str, Any] | None:
    found = agreement_if_any(study)
    if found is None:
        return None
    return _defined(without_names(found, study.rater_names, partial(pseudonym, key=chain_key(study))).values())


def _defined(value: Any) -> Any:
    """What is not defined becomes null: JSON has no NaN."""
    match value:
        case Mapping():
            return {name: _defined(part) for name, part in value.items()}
        case list() | tuple():
            return [_defined(part) for part in value]
        case float() if not math.isfinite(value):
            return None
    return value
