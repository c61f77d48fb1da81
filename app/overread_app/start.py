"""Starts the review app: on this machine only, or with --serve for people who sign in."""

import argparse
import errno
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
from overread_app.serving import DEFAULT_PORT, LOOPBACK, Place, Provider


def main(arguments: list[str] | None = None) -> int:
    """Run the server until it is stopped. Returns 0, or 2 where the user must decide something."""
    parser = argparse.ArgumentParser(prog="overread app", description="Start the review app.")
    parser.add_argument("studies", nargs="*", metavar="STUDY", type=Path, help="a study's folder (default: the demo)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"port (default: {DEFAULT_PORT})")
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
    parser.add_argument(
        "--serve",
        metavar="HOST[:PORT]",
        help="listen on this address, behind a proxy with TLS, for readers who sign in (default: this machine only, "
        "without sign-in); see core/docs/serving.md",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="with --serve: a host name under which browsers reach the proxy; repeatable",
    )
    parser.add_argument(
        "--provider",
        metavar="FILE",
        type=Path,
        help="with --serve: a TOML file with an OpenID Connect provider's server_metadata_url, client_id and "
        "client_secret",
    )
    parser.add_argument(
        "--uploads",
        metavar="SIZE",
        help="with --serve: let owners send datasets through the browser, of at most this size each, such as 2GB "
        "(default: uploads are off)",
    )
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
    from overread.errors import UserError

    try:
        place, provider = _place(options)
    except UserError as error:
        return _refuse(str(error))
    if problem := _address_problem(place):
        return _refuse(problem)

    # The pages run in this process and read from its environment what to show.
    os.environ[STUDIES_VARIABLE] = json.dumps([str(path) for path in paths]) if paths else ""
    place.announce()
    from overread_app.uploads.desk import uploads_path

    uploaded = [uploads_path()] if place.max_upload_bytes else []
    os.environ[ROOTS_VARIABLE] = json.dumps([str(root) for root in (*(roots or default_roots()), *opened, *uploaded)])
    owner = os.environ.setdefault(OWNER_VARIABLE, secrets.token_urlsafe(16))
    # Kept in a variable: Python warns about a process that nobody holds when it ends.
    demo = None if paths or place.is_served or is_demo_complete() else start_demo()
    url = place.url if place.is_served else f"http://{LOOPBACK}:{place.port}/?owner={owner}"
    opens_browser = not (options.no_browser or place.is_served)
    threading.Thread(target=_announce, args=(url, place, opens_browser), daemon=True).start()
    _serve(place, provider)
    if demo is not None and demo.poll() is None:
        print("The demo is still being built in the background. It continues, and will be there at the next start.")
    return 0


def _place(options: argparse.Namespace) -> tuple[Place, Provider | None]:
    """Where to serve, and the provider. Raises ConfigError, also where nobody could sign in."""
    from overread.errors import ConfigError
    from overread.review.accounts import Accounts
    from overread.review.roles import Role

    if options.serve is None:
        if options.allow_host or options.provider or options.uploads is not None:
            raise ConfigError("--allow-host, --provider and --uploads belong to --serve; add it, or leave them out")
        return Place(port=options.port), None
    if options.uploads is not None and options.studies:
        raise ConfigError("--uploads: leave out the folders of studies, so that the app shows those that are made, too")
    place = Place.served(options.serve, options.allow_host, port=options.port, uploads=options.uploads)
    provider = Provider.read(options.provider) if options.provider else None
    accounts = Accounts.open()
    owners = [each for each in accounts.all() if each.role is Role.OWNER and not each.disabled_at]
    if provider is None and not any(each.has_password for each in owners):
        raise ConfigError(
            f"--serve {options.serve}: no owner's account in {accounts.place}, so nobody could sign in; make it first: "
            "overread reader add NAME --role owner"
        )
    return place, provider


def _address_problem(place: Place) -> str:
    """Why the server cannot listen there; empty if it can."""
    try:
        with socket.create_server((place.address, place.port), family=_family(place)):
            return ""
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = f"--serve {place.shown_address}:{place.port + 1}" if place.is_served else f"--port {place.port + 1}"
            return f"port {place.port} is in use; stop what is using it, or choose another: {other}"
        if error.errno == errno.EACCES:
            return f"port {place.port} may only be used by the system's administrator; choose one above 1023"
        return f"--serve {place.address}: is no address of this machine; give one of its own"


def _family(place: Place) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in place.address else socket.AF_INET


def _serve(place: Place, provider: Provider | None) -> None:
    from overread_app.server import serve

    serve(Path(__file__).with_name("streamlit_app.py"), place, provider)


def _announce(url: str, place: Place, opens_browser: bool) -> None:
    while not _answers(place):
        time.sleep(0.05)
    through = f", through a proxy to {place.shown_address}:{place.port}" if place.names else ""
    print(f"Overread is running at {url}{through} (press Ctrl+C to stop it)", flush=True)
    has_screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if opens_browser and has_screen:
        webbrowser.open(url)


def _answers(place: Place) -> bool:
    """Whether something listens there."""
    every = {"0.0.0.0": LOOPBACK, "::": "::1"}  # nosec B104 # compared with
    with socket.socket(_family(place)) as probe:
        probe.settimeout(1)
        try:
            return probe.connect_ex((every.get(place.address, place.address), place.port)) == 0
        except OSError:  # a name that is none
            return False


def _refuse(message: str) -> int:
    from overread.cli.terminal import print_error

    print_error(message)
    return 2
