"""The format `bundle`: the cleaned CSV, its changes and the readings in one folder, with a manifest of all of them."""

import json
from pathlib import Path
from typing import Any

from overread.errors import ConfigError
from overread.files import file_sha256, write_atomically
from overread.review.exports import changes_csv, plain_csv, readings_csv
from overread.review.exports.export_format import ExportContent, ExportFormat
from overread.review.exports.whole_folder import whole_folder

MANIFEST = "manifest.json"
FILES = {"cleaned.csv": plain_csv.FORMAT, "changes.csv": changes_csv.FORMAT, "readings.csv": readings_csv.FORMAT}
"""The other files of the folder, and what they hold."""


def _write(content: ExportContent, out: Path) -> None:
    with whole_folder(out) as folder:
        for name, format in FILES.items():
            format.write(content, folder / name)
        written = {name: folder / name for name in FILES}
        files = {
            name: {"sha256": file_sha256(path), "num_bytes": path.stat().st_size} for name, path in written.items()
        }
        manifest = content.manifest() | {"files": files}
        text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(folder / MANIFEST, text + "\n")


def is_bundle(folder: Path) -> bool:
    """Whether a folder has a manifest."""
    return (folder / MANIFEST).is_file()


def verify_bundle(folder: Path) -> tuple[dict[str, Any], str]:
    """The manifest of a folder, and its own SHA-256, after each file was compared with it.

    Raises ConfigError that names every file which differs or is missing, or for a manifest that is none.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        known = {name: file["sha256"] for name, file in manifest["files"].items()}
        if not set(FILES) <= set(known):
            raise ValueError("lists too few files")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path}: is no manifest of an export ({type(error).__name__}); export again") from error
    faults = []
    for name, sha256 in known.items():
        if Path(name).name != name or not (folder / name).is_file():
            faults.append(f"{name} is missing")
        elif file_sha256(folder / name) != sha256:
            faults.append(f"{name} differs")
    if faults:
        raise ConfigError(f"{folder}: is not as it was exported: {', '.join(faults)}")
    return manifest, file_sha256(path)


FORMAT = ExportFormat(
    name="bundle",
    title="Everything",
    write=_write,
    explanation="The cleaned CSV, its changes and the readings, with a manifest of hashes, settings, agreement and "
    "counts.",
    names_readers=True,
    is_spreadsheet=True,
)
