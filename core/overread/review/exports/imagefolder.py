"""A folder per final label, as torchvision's ImageFolder reads it, with links to the source's images."""

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from overread.errors import ConfigError
from overread.review.cleaned_csv import Origin
from overread.review.exports.export_format import ExportFormat
from overread.review.exports.whole_folder import whole_folder
from overread.review.reviewed import ReviewedSample

_NO_SPLIT = "no split"
"""The folder of samples without a split, where others have one."""


def write_imagefolder(
    samples: Sequence[ReviewedSample], out: Path, *, locate: Callable[[str], Path | None], origin: Origin
) -> None:
    """Make `out` a tree LABEL/NAME, or SPLIT/LABEL/NAME where samples have splits, of symbolic links.

    locate: where the image that a sample's cell names lies; None where it is no file of its own. NAME is the image's
    own name; where two would meet, each has its sample id before its suffix. The origin goes to .overread.json, with
    the number of images by reader_identity (as in the cleaned CSV; "none" where nobody has decided). Excluded samples
    are left out. The tree appears at once, or not at all. Raises ConfigError if `out` holds anything, if a label cannot
    be the name of a folder, or if an image is no file.
    """
    included = [sample for sample in samples if sample.final_label]
    for label in {sample.final_label for sample in included}:
        if "/" in label or label.startswith(".") or len(label.encode()) > 255:
            raise ConfigError(f"the label {label!r} cannot be the name of a folder; export another format")
    folders = [_folder(sample, is_split=any(sample.split for sample in included)) for sample in included]
    names = [PurePosixPath(sample.image.strip().replace("\\", "/")).name for sample in included]
    # Some file systems take Scan.png and scan.png for one name.
    counts = Counter((folder, name.casefold()) for folder, name in zip(folders, names, strict=True))
    with whole_folder(out) as temporary:
        for sample, folder, name in zip(included, folders, names, strict=True):
            file = locate(sample.image)
            if file is None:
                raise ConfigError(
                    f"{sample.image}: is not a file that can be linked to (a frame, a URL, or missing); export "
                    "another format"
                )
            if counts[folder, name.casefold()] > 1:
                name = f"{PurePosixPath(name).stem}-{sample.sample_id}{PurePosixPath(name).suffix}"
            (temporary / folder).mkdir(parents=True, exist_ok=True)
            (temporary / folder / name).symlink_to(os.path.abspath(file))  # noqa: PTH100 (resolve would follow links)
        by_identity = Counter(sample.reader_identity or "none" for sample in included)
        about = {**origin.fields(), "by_reader_identity": dict(sorted(by_identity.items()))}
        (temporary / ".overread.json").write_text(json.dumps(about) + "\n", encoding="utf-8")


def _folder(sample: ReviewedSample, *, is_split: bool) -> str:
    split = sample.split.replace("/", "_") or _NO_SPLIT
    return f"{split}/{sample.final_label}" if is_split else sample.final_label


FORMAT = ExportFormat(
    name="imagefolder",
    title="torchvision's ImageFolder",
    write=lambda content, out: write_imagefolder(content.samples, out, locate=content.locate, origin=content.origin),
)
