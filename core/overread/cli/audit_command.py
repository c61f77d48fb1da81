"""The commands that prove how many labels are wrong, and report it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from overread.cli.arguments import Json, Overwrite, RunName, StudyPath, require_folder
from overread.cli.terminal import print_result
from overread.errors import ConfigError

KEEP_PROTOCOL_HELP = (
    "Leave what readers see first as it is. Without it, they label each image alone first until the audit ends: else "
    "the model's view tells them which images it did not propose."
)


def audit(
    study: StudyPath,
    max_wrong: Annotated[
        str | None, typer.Option(help="Share of labels that may still be wrong.", show_default="2%")
    ] = None,
    confidence: Annotated[
        str | None, typer.Option(help="Of the statement, in samples of any size.", show_default="95%")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the draw.", min=0, show_default="0")] = None,
    min_precision: Annotated[
        str | None, typer.Option(help="Ask instead: at least this share of the run's proposals are wrong labels.")
    ] = None,
    by_class: Annotated[bool, typer.Option("--by-class", help="Sample each class for itself; takes more.")] = False,
    run: RunName = None,
    keep_protocol: Annotated[bool, typer.Option("--keep-protocol", help=KEEP_PROTOCOL_HELP)] = False,
    new: Annotated[bool, typer.Option("--new", help="Set the open audit aside, and draw another one.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Set the open audit aside.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Only say what is proved now.")] = False,
    as_json: Json = False,
) -> None:
    """Prove how many labels are still wrong: draw a sample for readers, then say what their verdicts prove."""
    from overread.audit.design import AuditQuestion
    from overread.audit.wording import proposal_line, question_words, reading_words, statement_lines
    from overread.pipeline.audit_steering import end_audit, extend_sample
    from overread.pipeline.audit_store import load_audit, sample_words
    from overread.pipeline.audit_study import audit_now, open_audit
    from overread.studies.study import open_study

    opened = open_study(study)
    asked: dict[str, Any] = {
        name: value
        for name, value in {
            "max_wrong": None if max_wrong is None else share("--max-wrong", max_wrong),
            "min_precision": None if min_precision is None else share("--min-precision", min_precision),
            "confidence": None if confidence is None else share("--confidence", confidence),
            "by_class": by_class or None,
            "seed": seed,
        }.items()
        if value is not None
    }
    current = load_audit(opened)
    if current is None and (status or end):
        raise ConfigError(f"{study}: no audit is open; open one with `overread audit {study}`")
    if end:
        end_audit(opened)
        protocol = open_study(study).protocol
        print_result(as_json, {"protocol": protocol}, [f"{study}: the audit is set aside; protocol {protocol}"])
        return
    if current is not None and not new:
        differing = [name for name, value in asked.items() if getattr(current.question, name) != value]
        if differing or (run is not None and run != current.run) or (keep_protocol and current.makes_blind):
            raise ConfigError(
                f"{study}: an audit is open with seed {current.question.seed}, to prove that "
                f"{question_words(current.question)}; leave the options out to see what it proves, or draw another "
                "sample with --new"
            )
    lines = []
    if current is None or new:
        current = open_audit(opened, AuditQuestion(**asked), run, reads_blind=not keep_protocol)
        lines = [
            f"drew a sample of {current.num_labels:,} labels, of {current.num_clusters:,} patients, slides or single "
            f"images, with seed {current.question.seed}",
            f"it will take about {current.num_planned:,} verdicts, which the queue of the Review page begins with: "
            f"{sample_words(current)}",
        ]
        if current.makes_blind:
            lines.append("until the audit ends (--end), readers label each image alone first")
    elif not status and (more := extend_sample(opened)):
        lines = [f"the sample was read and is not enough: {more:,} more images are in the queue now"]
    now = audit_now(opened)
    assert now is not None
    lines += statement_lines(now.statement, now.audit.question)
    lines += [proposal_line(now.proposals, now.audit.question)] if now.audit.run else []
    if now.statement.num_read:
        lines.append(reading_words(now.num_blind, now.num_open, has_model=bool(now.audit.run)))
    print_result(as_json, asdict(now), lines)


def report(
    study: StudyPath,
    out: Annotated[
        Path | None,
        typer.Option(
            help="HTML or PDF file to write, by its suffix.",
            show_default="report.html in the study's folder, and report.pdf with the extra `pdf`",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write the report on a study's audit: what is proved, how, by whom, and what journals ask of it."""
    from overread.pipeline.audit_report import own_reports, write_report
    from overread.pipeline.output_paths import check_output
    from overread.studies.study import open_study

    opened = open_study(study)
    if out is not None:
        require_folder(out)
        check_output(out, opened, overwrite=overwrite)
    outs = own_reports(opened) if out is None else [out]
    now = write_report(opened, *outs)
    lines = [f"{path}: the report at ledger row {now.head}" for path in outs]
    print_result(as_json, asdict(now) | {"reports": [str(path) for path in outs]}, lines)


def share(option: str, text: str) -> float:
    """2% or 0.02 as 0.02. Raises ConfigError for anything else."""
    try:
        number = float(text.strip().rstrip("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError as error:
        raise ConfigError(f"{option} {text}: give a share such as 2% or 0.02") from error
    return round(number, 12)
