"""Arguments that commands share, and their checks."""

import os
from pathlib import Path
from typing import Annotated

import typer

from overread.errors import ConfigError

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.", show_default=False)]
RunName = Annotated[str | None, typer.Option("--run", help="Name of a finished run; default: the newest.")]
Seed = Annotated[int, typer.Option(help="Random seed.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
PROTOCOL_HELP = (
    "What readers see first: open, the image with both labels and the evidence; or blind, the image alone, until their "
    "own label is locked."
)

GRADES_HELP = (
    "Whether readers may grade the wrong labels that they find: missed by few or many readers, and whether it matters."
)


def _allow_temporary(is_ephemeral: bool) -> bool:
    from overread.review.places import EPHEMERAL_VARIABLE

    if is_ephemeral:
        os.environ[EPHEMERAL_VARIABLE] = "1"
    return is_ephemeral


Ephemeral = Annotated[
    bool,
    typer.Option(
        "--ephemeral",
        callback=_allow_temporary,
        help="Allow verdicts in a temporary folder, where they will be lost.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Overwrite a file that is not an earlier export of this study.")
]


def require_folder(out: Path, *, is_file: bool = True, option: str = "--out") -> None:
    if not out.resolve().parent.is_dir():
        raise ConfigError(
            f"{option} {out}: the folder {out.resolve().parent} does not exist; create it, or choose another"
        )
    if is_file and out.is_dir():
        raise ConfigError(f"{option} {out}: this is a folder; give the name of a file")
