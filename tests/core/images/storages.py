"""Storages on this machine that know what they were asked: an S3 server, and a web server."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from overread.images import addresses
from overread.images.remote import _file_system

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


class _Requests(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def serve_s3(monkeypatch: Any) -> Iterator[tuple[Any, list[str]]]:
    """A client of an empty S3 server, which the environment names, and the requests that reach the server."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": address, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    _file_system.cache_clear()
    requests = _Requests()
    logger = logging.getLogger("werkzeug")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(requests)
    try:
        client = boto3.client("s3", endpoint_url=address)
        client.create_bucket(Bucket="hospital")
        yield client, requests.lines
    finally:
        logger.removeHandler(requests)
        logger.setLevel(level)
        _file_system.cache_clear()
        server.stop()


@contextmanager
def serve_folder(
    folder: Path,
    answer: Callable[[SimpleHTTPRequestHandler], bool] = lambda handler: False,
    *,
    is_allowed: bool = True,
) -> Iterator[tuple[str, list[str]]]:
    """The URL of a web server of a folder, and the requests that reach it. answer: may answer one in its own way.
    is_allowed: whether, as long as it runs, the environment allows servers of this machine to be asked."""
    lines: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if not answer(self):
                super().do_GET()

        def do_HEAD(self) -> None:
            if not answer(self):
                super().do_HEAD()

        def log_message(self, text: str, *values: Any) -> None:
            lines.append(text % values)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(addresses.ALLOW_VARIABLE, "1" if is_allowed else "0")
                yield "http://{}:{}".format(*server.server_address), lines
        finally:
            server.shutdown()
            thread.join()
