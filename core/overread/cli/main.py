"""The commands. Each one parses, calls and prints; imports are inside the commands, so that --help is fast."""

import errno
import os
import runpy
import signal
import sys
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from overread.cli.adjudicate_command import adjudicate
from overread.cli.agreement_command import agreement
from overread.cli.apply_command import apply
from overread.cli.assign_command import assign
from overread.cli.audit_command import audit, report
from overread.cli.bench_command import bench
from overread.cli.export_command import ExportCommand, export
from overread.cli.import_command import ImportCommand, import_
from overread.cli.ledger_commands import adopt, backup, restore, verify
from overread.cli.reader_commands import reader_app
from overread.cli.run_commands import TrainCommand, estimate, evaluate, proposals, saliency, train
from overread.cli.study_commands import check, configure, corrupt, demo
from overread.cli.terminal import print_error
from overread.errors import ConfigError, OverreadError

app = typer.Typer(
    help="Overread: find and fix wrong labels in medical image datasets.",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _overread(
    is_version_asked: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.")] = False,
) -> None:
    if is_version_asked:
        from overread.version import full_version

        print(f"overread {full_version()}")
        raise typer.Exit


@app.command(
    "app", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def _start_app(context: typer.Context) -> None:
    """Start the review app: overread app [STUDY ...]; see overread app --help."""
    if find_spec("streamlit") is None or find_spec("overread_app") is None:
        raise ConfigError('the review app is not installed; install it with: pip install "overread[app]"')
    sys.argv = ["overread app", *context.args]
    runpy.run_module("overread_app", run_name="__main__")


app.command()(demo)
app.command("import", cls=ImportCommand)(import_)
_COMMANDS = (
    check,
    configure,
    agreement,
    adjudicate,
    assign,
    audit,
    report,
    corrupt,
    train,
    estimate,
    saliency,
    evaluate,
    proposals,
    export,
    apply,
)
_HELP: dict[Any, type[TyperCommand]] = {train: TrainCommand, export: ExportCommand}
for command in _COMMANDS:
    app.command(cls=_HELP.get(command))(command)
app.add_typer(bench, name="bench")
for command in (verify, backup, restore, adopt):
    app.command()(command)

app.add_typer(reader_app, name="reader")

_INTERRUPTED = 130
"""What typer makes of a KeyboardInterrupt."""


def main() -> None:
    """Run a command. Exit status: 0; 2, the user's mistake, with one line that says what to mend; 1, ours."""
    _limit_threads()
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except OverreadError as error:
        print_error(str(error))
        sys.exit(2)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print_error("the disk is full; free some space and run the command again")
        sys.exit(2)
    except SystemExit as end:
        if end.code != _INTERRUPTED:
            raise
        print("stopped", file=sys.stderr)
        sys.exit(1)


def _limit_threads() -> None:
    # Before a command loads OpenMP. A training's threads wait for each other thousands of times an epoch. If they spin
    # while they wait and share a core with anything else, that takes ten times as long (core/docs/results/
    # experiments.md); if they sleep, it does not. One core is left to the page.
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, num_cores - 1)))


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
