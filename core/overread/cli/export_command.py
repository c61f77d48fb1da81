"""The command that writes the reviewed labels."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from overread.cli.arguments import Json, Overwrite, RunName, StudyPath, require_folder
from overread.cli.terminal import print_result, tell_state


class ExportCommand(TyperCommand):
    """`export`, whose help takes the formats from their registry."""

    def format_help(self, *arguments: Any) -> None:
        from overread.review.exports.export_registry import FORMATS

        options = (parameter for parameter in self.params if isinstance(parameter, TyperOption))
        for parameter in options:
            if parameter.name == "out":
                folders = " and ".join(form.name for form in FORMATS if form.is_folder)
                parameter.help = f"File to write; for {folders}, a folder."
            elif parameter.name == "export_format":
                parameter.help = f"{', '.join(form.name for form in FORMATS)}."
        super().format_help(*arguments)


def export(
    study: StudyPath,
    out: Annotated[Path, typer.Option(help="The file or folder to write.")],
    run: RunName = None,
    export_format: Annotated[str, typer.Option("--format", help="What to write.")] = "csv",
    spreadsheet_safe: Annotated[bool, typer.Option(help="Also neutralise formulas in the source's own cells.")] = False,
    policy: Annotated[
        str | None,
        typer.Option(
            help="What counts where readers differ: unanimous, majority, adjudicated, dawid-skene or soft; default: "
            "adjudicated where a round was opened, else unanimous."
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write the cleaned CSV (the source's columns, the final label, who decided it), or labels for other tools."""
    from overread.pipeline.exporting import export_study
    from overread.review.exports import export_registry
    from overread.review.final_labels import DISPUTED, label_policy
    from overread.review.reviewed import OUTDATED
    from overread.studies.study import open_study

    form = export_registry.export_format(export_format)
    require_folder(out, is_file=not form.is_folder)
    opened = open_study(study)
    tell_state(opened)
    table, own = export_study(
        opened,
        out,
        run,
        format=export_format,
        spreadsheet_safe=spreadsheet_safe,
        overwrite=overwrite,
        policy=label_policy(policy) if policy else None,
    )
    changed, verdict = own[1], own[2]
    counts = {
        "num_rows": len(table),
        "num_changed": int((table[changed] == "true").sum()),
        "num_decided": int((~table[verdict].isin(["", "quarantined"])).sum()),
    }
    line = f"{out}: {counts['num_rows']} rows, {counts['num_decided']} decided, {counts['num_changed']} labels changed"
    names = ", ".join(f"{place}={name}" for place, name in enumerate(opened.classes))
    lines = [line, f"its labels are numbers: {names}"] if form.has_codes else [line]
    num_outdated = int((table[verdict] == OUTDATED).sum())
    if num_outdated:
        lines.insert(0, f"note: {num_outdated} verdicts are outdated, as the label or the image has changed since")
    num_disputed = int((table[verdict] == DISPUTED).sum())
    if num_disputed:
        lines.append(f"readers differ on {num_disputed} of {len(table)} rows: the given label is kept; see --policy")
    print_result(as_json, counts, lines)
