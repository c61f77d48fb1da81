"""The command that opens rounds for what readers dispute, and tells how far they have come."""

from collections import Counter
from typing import Annotated

import typer

from overread.cli.arguments import Json, StudyPath
from overread.cli.terminal import print_result


def adjudicate(
    study: StudyPath,
    opens: Annotated[
        str | None,
        typer.Option(
            "--open",
            help="second: readers see each other's labels without names, and look again; adjudication: an adjudicator "
            "decides. For all that is disputed now.",
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="Your name, for the record.")] = "owner",
    as_json: Json = False,
) -> None:
    """Tell how many samples readers dispute, and open rounds in which they are settled."""
    from overread.errors import ConfigError
    from overread.pipeline.study_ledger import open_ledger
    from overread.review.adjudication import disputes, open_round
    from overread.review.disputes import DisputeState, Round
    from overread.studies.study import open_study

    if opens is not None and opens not in list(Round):
        raise ConfigError(f"--open {opens}: unknown value; choose from {', '.join(Round)}")
    ledger = open_ledger(open_study(study))
    lines = []
    if opens is not None:
        lines.append(f"{open_round(ledger, Round(opens), by)} samples are in the round now: {opens}")
    counts = Counter(dispute.state for dispute in disputes(ledger).values())
    lines += [f"{counts[state]} {state}" for state in DisputeState if counts[state]] or ["readers dispute nothing"]
    print_result(as_json, {state.name.lower(): counts[state] for state in DisputeState}, lines)
