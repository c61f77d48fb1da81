"""Where a command may write: never into a study or its source, and over existing files only if asked."""

from collections.abc import Callable
from pathlib import Path

from overread.errors import ConfigError
from overread.files import is_study
from overread.images.remote import is_remote
from overread.studies.study import Study


def check_output(
    out: Path,
    study: Study | None = None,
    *,
    option: str = "--out",
    source_root: str = "",
    overwrite: bool = False,
    is_ours: Callable[[Path], bool] = lambda path: False,
) -> None:
    """Raises ConfigError where nothing may be written to `out`.

    That is inside a study, or inside the source of `study` (`source_root`, where there is no study yet); over its
    labels file; and over an existing file, unless it `is_ours` (an earlier output of the same study) or `overwrite` is
    given. Links are followed.
    """
    place = out.resolve()
    for folder in (place, *place.parents):
        if is_study(folder):
            raise ConfigError(f"{option} {out}: is inside the study {folder}; choose a path outside it")
    if study is not None:
        labels_file = study.labels_file
        if labels_file and not is_remote(labels_file) and place == Path(labels_file).resolve():
            raise ConfigError(f"{option} {out}: is the file that the study's labels came from; choose another one")
        source_root = study.source_root
    if source_root and not is_remote(source_root) and place.is_relative_to(Path(source_root).resolve()):
        raise ConfigError(
            f"{option} {out}: is inside {source_root}, where the study's images come from; choose a path outside it"
        )
    if out.is_file() and not overwrite and not is_ours(out):
        raise ConfigError(
            f"{option} {out}: already exists and is not an earlier export of this study; pass --overwrite to replace it"
        )
