"""Tells the images of a folder from what lies beside them: masks, overlays, thumbnails, annotations and notes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from overread.sources.folder_names import printable, word_set

_MASKS = "masks and overlays"
_THUMBNAILS = "thumbnails"
_ANNOTATIONS = "annotation files"
_NOTES = "notes, tables and system files"
_SINGULAR = {
    _MASKS: "mask or overlay",
    _THUMBNAILS: "thumbnail",
    _ANNOTATIONS: "annotation file",
    _NOTES: "note, table or system file",
}

_MARKS = {
    _MASKS: (
        "mask msk seg segm segmentation segmented overlay annotation annotated gt groundtruth ground_truth roi contour "
        "contours outline lesion heatmap superpixels bbox boundary"
    ),
    _THUMBNAILS: "thumb thumbnail tn",
}
"""By kind: what ends the name of a file beside the image that it belongs to (`scan_mask.png`, `scan_mask_1.png`)."""
_MARKED = {
    kind: re.compile(rf"(.+?)[ _.-]+(?:{'|'.join(words.split())})s?(?:[ _-]?\d+)?", re.IGNORECASE)
    for kind, words in _MARKS.items()
}
_FOLDERS = {
    **dict.fromkeys(
        word_set(
            "mask seg segmentation segmentationclas segmentationobject overlay annotation gt groundtruth ground_truth "
            "roi label labelstr labelst"
        ),
        _MASKS,
    ),
    **dict.fromkeys(word_set("thumb thumbnail"), _THUMBNAILS),
}
"""Names of folders, without a plural's s, and the kind of what is in them if images of the same names lie beside."""
_IMAGE_FOLDERS = word_set(
    "image images img imgs original originals scan scans raw data picture pictures jpegimages imagestr imagests full "
    "x-ray x-rays xray xrays cxr"
)
_ANNOTATION_SUFFIXES = frozenset((".xml", ".json", ".txt", ".csv", ".geojson", ".yaml", ".yml"))
_NOTE_SUFFIXES = word_set(
    ".txt .md .rst .pdf .doc .docx .odt .rtf .xls .xlsx .ods .ppt .pptx .csv .tsv .json .jsonl .geojson .parquet .xml "
    ".yaml .yml .toml .htm .html .url .lnk .ini .cfg .log .tex .bib .py .ipynb .sh .bat .db .md5 .sha256"
)
_NOTE_NAMES = word_set("readme license licence copying changelog md5sums sha256sums dicomdir")


def without_sidecars(files: Iterable[str], *, keep_masks: bool = False) -> tuple[list[str], dict[str, list[str]]]:
    """The files that may be images, in their order, and the others by kind.

    files: POSIX paths from one folder. A mask, overlay or thumbnail is left out only if its image is among the files:
    beside it (`scan_mask.png` beside `scan.jpg`), or, of the same name, beside the folder `masks` that it is in.
    keep_masks: whether these count as images.
    """
    files = list(files)
    images = [file for file in files if not _is_note(file)]
    stems = {_stem(file) for file in images}
    kinds = [""] * len(images) if keep_masks else _kinds(images, stems)
    left_out: dict[str, list[str]] = defaultdict(list)
    for file, kind in zip(images, kinds, strict=True):
        left_out[kind].append(file)
    found = left_out.pop("", [])
    for file in filter(_is_note, files):
        left_out[_ANNOTATIONS if _is_annotation(file, stems) else _NOTES].append(file)
    return found, dict(left_out)


def is_named_as_sidecar(file: str) -> bool:
    """Whether a file, or a folder around it, is named as those of masks, overlays and thumbnails are."""
    return _sidecar_folder(file) is not None or any(marked.fullmatch(_stem(file)) for marked in _MARKED.values())


def sidecar_message(left_out: Mapping[str, Sequence[str]]) -> str:
    """What was left out, with an example of each kind; empty if nothing was. left_out: as `without_sidecars` has it."""
    if not left_out:
        return ""
    counts = []
    for kind, files in left_out.items():
        what = kind if len(files) > 1 else _SINGULAR[kind]
        counts.append(f"{len(files)} {what} ({printable(files[0])}{', ...' if len(files) > 1 else ''})")
    is_choice = _MASKS in left_out or _THUMBNAILS in left_out
    return f"left out: {', '.join(counts)}" + ("; --keep-masks imports masks and thumbnails too" if is_choice else "")


def _is_note(file: str) -> bool:
    name = file.rpartition("/")[2]
    return _suffix(name) in _NOTE_SUFFIXES or name.lower() in _NOTE_NAMES


def _is_annotation(file: str, stems: set[str]) -> bool:
    return _suffix(file) in _ANNOTATION_SUFFIXES and _stem(file) in stems


def _kinds(images: Sequence[str], stems: set[str]) -> list[str]:
    """For each file the kind of sidecar that it is; empty for an image."""
    counterparts = _Counterparts(images)
    return [_kind_by_name(file, stems) or counterparts.kind(file) for file in images]


def _kind_by_name(file: str, stems: set[str]) -> str:
    folder, _, name = _stem(file).rpartition("/")
    for kind, marked in _MARKED.items():
        match = marked.fullmatch(name)
        if match and (f"{folder}/{match[1]}" if folder else match[1]) in stems:
            return kind
    return ""


class _Counterparts:
    """The images beside folders such as `masks`, by name."""

    def __init__(self, images: Sequence[str]) -> None:
        self._names: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        """By the folder around `masks`: the paths from there, without suffix and a folder such as `images`."""
        around = {place[0] for file in images if (place := _sidecar_folder(file)) is not None}
        for file in images if around else ():
            parts = _stem(file).split("/")
            if _sidecar_folder(file) is None:
                for depth in range(len(parts)):
                    above, below = "/".join(parts[:depth]), parts[depth:]
                    if above in around and (len(below) == 1 or below[0].lower() in _IMAGE_FOLDERS):
                        self._names[above].add(tuple(below[-1:] if len(below) == 1 else below[1:]))

    def kind(self, file: str) -> str:
        place = _sidecar_folder(file)
        if place is None:
            return ""
        above, folder, below = place
        names = self._names[above]
        kind = _folder_kind(folder)
        *inner, name = below
        match = _MARKED[kind].fullmatch(name)
        bare = match[1] if match else name
        return kind if {(*inner, name), (*inner, bare), (bare,)} & names else ""


def _sidecar_folder(file: str) -> tuple[str, str, list[str]] | None:
    """The folder around one such as `masks`, that folder's name, and the rest of the path, without suffix."""
    parts = _stem(file).split("/")
    for depth, part in enumerate(parts[:-1]):
        if _folder_kind(part):
            return "/".join(parts[:depth]), part, parts[depth + 1 :]
    return None


def _folder_kind(folder: str) -> str:
    """The kind of what is in a folder such as `masks` or `lung masks`; empty for another name."""
    name = folder.lower().replace(" ", "_").replace("-", "_").removesuffix("s")
    return _FOLDERS.get(name, "") or (_MASKS if name.endswith("_mask") else "")


def _stem(file: str) -> str:
    """The path without its suffix."""
    folder, mark, name = file.rpartition("/")
    return f"{folder}{mark}{name.rpartition('.')[0] or name}"


def _suffix(file: str) -> str:
    return file[len(_stem(file)) :].lower()
