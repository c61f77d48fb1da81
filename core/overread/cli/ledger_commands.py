"""Commands that keep the ledger safe: verify, back up, restore, adopt."""

from pathlib import Path
from typing import Annotated

import typer

from overread.cli.arguments import Json, Overwrite, StudyPath, require_folder
from overread.cli.terminal import print_result
from overread.errors import ConfigError


def verify(
    study: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY", help="Folder of the study; or of an export with manifest.json.", show_default=False
        ),
    ],
    against: Annotated[
        Path | None, typer.Option(help="An earlier export or backup; checks that no row recorded in it is missing.")
    ] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Accept an intact ledger as it is if ledger.json is lost."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every row of the review ledger; report the first that was changed, removed, inserted or moved. Of an export
    with manifest.json, name the files that differ from it."""
    from overread.files import is_study
    from overread.pipeline.verification import check_against, verify_study
    from overread.review.exports.bundle import is_bundle, verify_bundle
    from overread.studies.study import open_study

    if is_bundle(study) and not is_study(study):
        if against or trust:
            raise ConfigError("--against and --trust are for a study's ledger, and this folder is an export; drop them")
        manifest, sha256 = verify_bundle(study)
        names = ", ".join(manifest["files"])
        lines = [f"{study}: {names} are as they were exported; manifest.json has the SHA-256 {sha256}"]
        print_result(as_json, {"files": manifest["files"], "manifest_sha256": sha256}, lines)
        return
    opened = open_study(study)
    noted = check_against(opened, against, trust=trust) if against else None
    head = verify_study(opened, trust=trust)
    lines = [f"{study}: the ledger is intact: {head.sequence} rows, head {head}"]
    if noted is not None:
        lines.append(f"{against}: was written at row {noted.sequence}, which is unchanged")
    print_result(as_json, {"num_rows": head.sequence, "head": str(head)}, lines)


def backup(
    study: StudyPath,
    to: Annotated[Path, typer.Option(help="File to write. It holds the study's key, so keep it private.")],
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write a study's verdicts, tables, key and runs into one file; the app may keep running."""
    from overread.pipeline.backup import backup_study
    from overread.pipeline.output_paths import check_output
    from overread.studies.study import open_study

    require_folder(to, option="--to")
    opened = open_study(study)
    check_output(to, opened, option="--to", overwrite=overwrite)
    num_rows = backup_study(opened, to)
    print_result(as_json, {"num_rows": num_rows}, [f"{to}: {num_rows} ledger rows; restore it with: overread restore"])


def restore(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="A file that `backup` wrote.", show_default=False)],
    study: Annotated[Path, typer.Option(help="Folder of the study: a new one, or the one to repair.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Set a damaged ledger aside, and restore intact files too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Recreate a study from a backup, or restore what is lost or damaged; newer verdicts stay."""
    from overread.files import is_study
    from overread.pipeline.backup import restore_study
    from overread.pipeline.output_paths import check_output

    if not is_study(study):
        check_output(study, option="--study")
    done = restore_study(backup, study, overwrite=overwrite)
    lines = [f"{study}: {done.num_rows} ledger rows, {done.num_added} of them restored"]
    if done.files:
        lines.append(f"files restored: {', '.join(name for name in done.files if '/' not in name)} and those of runs")
    if not (study / "pixels").is_dir():
        lines.append("note: no pixel cache; create it with `overread import SOURCE --study STUDY --update`")
    values = {"num_rows": done.num_rows, "num_added": done.num_added, "files": done.files}
    print_result(as_json, values, lines)


def adopt(study: StudyPath, as_json: Json = False) -> None:
    """Give a copied study its own ledger in the database (OVERREAD_DATABASE) that it shares with the original."""
    from overread.pipeline.backup import adopt_study
    from overread.studies.study import open_study

    head = adopt_study(open_study(study))
    line = f"{study}: now has its own ledger, with {head.sequence} rows from before it was copied"
    print_result(as_json, {"num_rows": head.sequence}, [line])
