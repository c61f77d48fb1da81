"""A PostgreSQL server of one's own, on a free port of this machine; it is gone with the test."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path

START_LIMIT_S = 60.0


def find_binaries() -> Path | None:
    """The folder of initdb and postgres: the PATH's, else the newest of Debian's; None where there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(versions, key=lambda path: float(path.parent.name), default=None)


class PostgresqlServer:
    """Running from `start` to `stop`, with fsync on; can be started again on the same port."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # Not in pytest's folder, which nobody but its owner may enter: the server refuses to run as root.
        self.folder = Path(tempfile.mkdtemp(prefix="overread-postgresql-"))
        self._user = _unprivileged_user()
        if self._user is not None:
            shutil.chown(self.folder, self._user, pwd.getpwnam(self._user).pw_gid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen | None = None
        self._run("initdb", "--pgdata", self.folder / "data", "--username", "overread", "--auth", "trust", "--no-sync")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port)),
                    *("-h", "127.0.0.1", "-k", self.folder, "-c", "fsync=on", "-c", "max_connections=200"),
                ],
                **self._as_user(),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_LIMIT_S
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Its "fast" shutdown: connections are broken off, what was committed stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql://overread@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"ledger_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple]:
        import psycopg

        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _is_up(self) -> bool:
        import psycopg

        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run([self._binaries / program, *map(str, arguments)], **self._as_user(), capture_output=True)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode()}")

    def _as_user(self) -> dict:
        place = {"cwd": self.folder}
        if self._user is None:
            return place
        return place | {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": ()}


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)
