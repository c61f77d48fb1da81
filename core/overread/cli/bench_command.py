"""`overread bench`: its benchmarks, each a command of its own. Those that train are in the files beside."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from overread.cli.arguments import Json
from overread.cli.bench_accuracy_commands import TABLE_COMMANDS
from overread.cli.bench_detection_commands import consensus, detection, encoders
from overread.cli.bench_flags import OUT, Out, checked, parse_numbers
from overread.cli.flags import with_flags
from overread.cli.terminal import print_result, progress_bar

bench = typer.Typer(help="Run a benchmark; existing results are kept.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class SaveFlags:
    """Of `bench save`."""

    processes: Annotated[str, typer.Option(help="Numbers of processes, separated by commas.")] = "1,4,20"
    seconds: Annotated[float, typer.Option(help="Seconds to measure each number of processes.")] = 10.0
    pause: Annotated[float, typer.Option(help="Mean seconds between two verdicts of a process.", min=0.0)] = 0.0
    database: Annotated[str | None, typer.Option(help="A database URL; default: SQLite in --out.")] = None


def audit(
    studies: Annotated[int, typer.Option(help="Simulated studies of each cell.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Random seed.", min=0)] = 0,
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """Whether an audit's statements hold, in simulated studies and of real images (those that `OVERREAD_DATA` has)."""
    from overread.benchmark.audit_tables import run_audit

    checked(out)
    with progress_bar(as_json) as show:
        rows, page = run_audit(out, num_studies=studies, seed=seed, listener=show)
    print_result(as_json, {"results": rows}, page.splitlines())


def probabilities(out: Out = OUT, as_json: Json = False) -> None:
    """Label errors by released probabilities of networks."""
    from overread.benchmark.released_probs import run_probabilities

    checked(out)
    found, page = run_probabilities(out)
    print_result(as_json, {"results": found, "tables": str(out / "probabilities.md")}, page.splitlines())


def time(out: Out = OUT, as_json: Json = False) -> None:
    """A run beside other workflows."""
    from overread.benchmark.run_time import run_times

    checked(out)
    with progress_bar(as_json) as show:
        found, page = run_times(out, listener=lambda message: show(0, message))
    print_result(as_json, {"results": found, "tables": str(out / "time.md")}, page.splitlines())


@with_flags
def save(flags: SaveFlags, out: Out = OUT, as_json: Json = False) -> None:
    """How long saving a verdict takes with many readers at once."""
    from overread.benchmark.saving import measure_saving, saving_lines

    checked(out)
    numbers = parse_numbers("--processes", flags.processes)
    times = measure_saving(
        out, num_processes=numbers, seconds=flags.seconds, pause_s=flags.pause, database=flags.database
    )
    print_result(as_json, {"results": [asdict(row) for row in times]}, saving_lines(times))


def read(
    rows: Annotated[int, typer.Option(help="Verdicts in the ledger, of three readers.", min=3)] = 100_000,
    database: Annotated[str | None, typer.Option(help="A database URL; default: SQLite in --out.")] = None,
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """How long reading the decisions of a large ledger takes, and an answer in a round."""
    from overread.benchmark.reading import measure_reading, reading_lines

    checked(out)
    times = measure_reading(out, num_rows=rows, database=database)
    print_result(as_json, {"results": [asdict(row) for row in times]}, reading_lines(times))


_COMMANDS: tuple[Callable[..., None], ...] = (
    detection,
    *TABLE_COMMANDS,
    audit,
    consensus,
    encoders,
    probabilities,
    time,
    save,
    read,
)
for command in _COMMANDS:
    bench.command()(command)
