"""The command that applies an export's changes to the original table."""

from pathlib import Path
from typing import Annotated

import typer

from overread.cli.arguments import Json, require_folder
from overread.cli.terminal import print_result


def apply(
    changes: Annotated[Path, typer.Argument(metavar="CHANGES", help="What `export --format changes` wrote.")],
    original: Annotated[
        Path,
        typer.Argument(metavar="ORIGINAL", help="The labels file that the study was made of, or a study's source.csv."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The cleaned CSV to write.", show_default="cleaned.csv beside ORIGINAL")
    ] = None,
    spreadsheet_safe: Annotated[bool, typer.Option(help="Also neutralise formulas in the source's own cells.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: Json = False,
) -> None:
    """Write the cleaned CSV, as `export` does, from its changes and the original table."""
    from overread.errors import ConfigError
    from overread.pipeline.output_paths import check_output
    from overread.review.cleaned_csv import write_csv
    from overread.review.label_changes import apply_changes, read_changes
    from overread.sources.tables.table_file import read_cells

    out = out or original.parent / "cleaned.csv"
    require_folder(out)
    if out.resolve() in (changes.resolve(), original.resolve()):
        raise ConfigError(f"--out {out}: is one of the files to read; choose another one")
    check_output(out, overwrite=overwrite)
    told = read_changes(changes)
    if not original.is_file():
        raise ConfigError(f"{original}: no such file; give the labels file that the study was made of")
    found = read_cells(original)
    table, own_columns = apply_changes(told, found.header, [record for _, record in found.records])
    write_csv(table, out, own_columns=own_columns, spreadsheet_safe=spreadsheet_safe)
    num_changed = int((told["old_label"] != told["new_label"]).sum())
    values = {"num_rows": len(table), "num_changed": num_changed}
    print_result(as_json, values, [f"{out}: {len(table)} rows, {num_changed} labels changed"])
