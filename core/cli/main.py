"""The commands. Each parses, calls and prints; what it needs is imported inside it, so that --help is quick."""

import errno
import signal
import sys

import typer

from core.cli.agreement import agreement
from core.cli.bench import bench
from core.cli.export import export
from core.cli.ledger import adopt, backup, restore, verify
from core.cli.run import evaluate, proposals, saliency, train
from core.cli.study import check, corrupt, demo, import_
from core.cli.terminal import print_error
from core.errors import OverreadError

app = typer.Typer(
    help="Overread: find and mend wrong labels in medical image datasets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command("import")(import_)
_COMMANDS = (check, agreement, corrupt, train, saliency, evaluate, proposals, export, bench)
for command in (*_COMMANDS, verify, backup, restore, adopt):
    app.command()(command)

_INTERRUPTED = 130
"""What typer makes of a KeyboardInterrupt."""


def main() -> None:
    """Run a command. Exit status: 0; 2, the user's mistake, with one line that says what to mend; 1, ours."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except OverreadError as error:
        print_error(str(error))
        sys.exit(2)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print_error("the disk is full; free some room and run the command again")
        sys.exit(2)
    except SystemExit as end:
        if end.code != _INTERRUPTED:
            raise
        print("stopped", file=sys.stderr)
        sys.exit(1)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
