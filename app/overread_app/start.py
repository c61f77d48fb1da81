"""Starts the review app, on this machine only."""

import argparse
import json
import os
import secrets
import socket
import sys
import threading
import time
import webbrowser
from pathlib import Path

from overread.review.places import EPHEMERAL_VARIABLE, is_temporary
from overread_app.processes import (
    DATA_PATH,
    OWNER_VARIABLE,
    STUDIES_VARIABLE,
    is_demo_complete,
    start_demo,
)
from overread_app.readable_roots import ROOTS_VARIABLE, default_roots

ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8501


def main(arguments: list[str] | None = None) -> int:
    """Run the server until it is stopped. Returns 0, or 2 where the user must decide something."""
    parser = argparse.ArgumentParser(prog="overread app", description="Start the review app, for this machine only.")
    parser.add_argument("studies", nargs="*", metavar="STUDY", type=Path, help="a study's folder (default: the demo)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"port on {ADDRESS} (default: {DEFAULT_PORT})")
    parser.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="DIR",
        type=Path,
        help="a folder that the form for new studies may read; repeatable (default: the data folders, and the sources "
        "of the named studies)",
    )
    parser.add_argument(
        "--ephemeral",
        action="store_true",
        help="allow verdicts in a temporary folder, where they will be lost",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    options = parser.parse_args(arguments)

    paths = [path.expanduser().resolve() for path in options.studies]
    if options.ephemeral or (not paths and is_temporary(DATA_PATH)):
        os.environ[EPHEMERAL_VARIABLE] = "1"
        print("note: verdicts may be saved in a temporary folder; they are lost when the system empties it")
    opened = []
    if paths:
        from overread.errors import UserError
        from overread.pipeline.study_ledger import check_ledger_persistent, open_ledger
        from overread.studies.study import open_study

        try:
            for path in paths:
                study = open_study(path)
                open_ledger(study).verify_chain(is_incremental=True)
                check_ledger_persistent(study)
                opened += [study.path, Path(study.source_root)]
        except UserError as error:
            return _refuse(str(error))
    roots = [root.expanduser().resolve() for root in options.root]
    if missing := next((root for root in roots if not root.is_dir()), None):
        return _refuse(f"--root {missing}: no such folder")
    if not 1 <= options.port <= 65535:
        return _refuse(f"--port {options.port}: a port must be a number from 1 to 65535")
    if not _is_free(options.port):
        return _refuse(
            f"port {options.port} is in use; stop what is using it, or choose another: --port {options.port + 1}"
        )

    # The pages run in this process and read from its environment what to show.
    os.environ[STUDIES_VARIABLE] = json.dumps([str(path) for path in paths]) if paths else ""
    os.environ[ROOTS_VARIABLE] = json.dumps([str(root) for root in (*(roots or default_roots()), *opened)])
    owner = os.environ.setdefault(OWNER_VARIABLE, secrets.token_urlsafe(16))
    # Kept in a variable: Python warns about a process that nobody holds when it ends.
    demo = None if paths or is_demo_complete() else start_demo()
    url = f"http://{ADDRESS}:{options.port}/?owner={owner}"
    threading.Thread(target=_announce, args=(url, options.port, not options.no_browser), daemon=True).start()
    _serve(options.port)
    if demo is not None and demo.poll() is None:
        print("The demo is still being built in the background. It continues, and will be there at the next start.")
    return 0


def _serve(port: int) -> None:
    from overread_app.server import serve

    serve(Path(__file__).with_name("streamlit_app.py"), port)


def _announce(url: str, port: int, opens_browser: bool) -> None:
    while _is_free(port):
        time.sleep(0.05)
    print(f"Overread is running at {url} (press Ctrl+C to stop it)", flush=True)
    has_screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if opens_browser and has_screen:
        webbrowser.open(url)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) != 0


def _refuse(message: str) -> int:
    from overread.cli.terminal import print_error

    print_error(message)
    return 2
