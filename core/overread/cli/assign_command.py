"""The command that shares a study's samples among its readers, and tells how far they are."""

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overread.cli.arguments import Json, StudyPath
from overread.cli.audit_command import share
from overread.cli.terminal import print_result
from overread.errors import ConfigError

if TYPE_CHECKING:
    from overread.review.assignment import Assignment
    from overread.review.claims import AssignmentProgress

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def assign(
    study: StudyPath,
    readers_per_sample: Annotated[
        int | None, typer.Option(help="How many readers read each sample.", min=1, show_default="1")
    ] = None,
    overlap: Annotated[
        str | None, typer.Option(help="Share of samples that one more reader reads, by chance.", show_default="0%")
    ] = None,
    lease: Annotated[
        str | None,
        typer.Option(help="How long a reader holds samples after their last verdict: 90m, 2h.", show_default="2h"),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Samples a reader gets at a time.", min=1, show_default="20")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Draws the samples that one more reader reads.", min=0, show_default="0")
    ] = None,
    give_back: Annotated[
        str | None, typer.Option(metavar="NAME", help="End a reader's claims: others get their samples at once.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="End the assignment: every reader reads all samples.")] = False,
    as_json: Json = False,
) -> None:
    """Share a study's samples among its readers; without options, show how far they are."""
    from overread.pipeline.assigning import study_progress
    from overread.pipeline.study_ledger import open_ledger
    from overread.review import assignment as module
    from overread.review.claims import give_back as end_claims
    from overread.studies.study import open_study

    opened = open_study(study)
    ledger = open_ledger(opened)
    asked: dict[str, Any] = {
        "readers_per_sample": readers_per_sample,
        "overlap": None if overlap is None else share("--overlap", overlap),
        "lease_s": None if lease is None else seconds("--lease", lease),
        "batch": batch,
        "seed": seed,
    }
    asked = {name: value for name, value in asked.items() if value is not None}
    if off + (give_back is not None) + bool(asked) > 1:
        raise ConfigError("--off, --give-back and the options of an assignment exclude each other; give one")
    lines = []
    if off:
        module.end_assignment(ledger)
        lines = ["the assignment has ended"]
    elif give_back is not None:
        num_ended = end_claims(ledger, give_back)
        lines = [f"{give_back}: {num_ended} claims ended; other readers get these samples"]
    elif asked:
        current = module.current_assignment(ledger)
        module.assign(ledger, module.Assignment(**(asdict(current) if current else {}) | asked))
    assignment, progress = module.current_assignment(ledger), study_progress(opened, ledger)
    lines += _lines(assignment, progress)
    values = {
        "assignment": assignment and asdict(assignment),
        "progress": progress and asdict(progress),
    }
    print_result(as_json, values, lines)


def seconds(option: str, text: str) -> int:
    """2h, 90m or 600 (seconds) as seconds. Raises ConfigError for anything else."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip().lower())
    if found is None:
        raise ConfigError(f"{option} {text}: give a time such as 90m or 2h")
    return int(found[1]) * _UNITS_S[found[2] or "s"]


def _lines(assignment: "Assignment | None", progress: "AssignmentProgress | None") -> list[str]:
    if assignment is None or progress is None:
        return ["no assignment: every reader reads all samples; set one with: overread assign STUDY --overlap 20%"]
    return [
        f"readers for each sample: {assignment.readers_per_sample}, one more for {assignment.overlap:.0%} of them; "
        f"{assignment.batch} at a time, held for {assignment.lease_s / 3600:g} hours after a reader's last verdict",
        f"{progress.num_samples:,} samples: {progress.num_read_once:,} read once or more, "
        f"{progress.num_read_by_all:,} by all readers they are due for",
        f"claims: {progress.num_claimed:,} now, {progress.num_expired:,} expired",
        *(f"{each.reader}: {each.num_read:,} read, {each.num_claimed:,} claimed" for each in progress.readers),
    ]
