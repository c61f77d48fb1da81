"""Reads a labels CSV that is behind a URL, beside its images."""

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from core.datasets.table import read_table
from core.errors import ImageError, SourceError
from core.images.credentials import remember_credentials
from core.images.remote import missing_package, open_remote, protocol_of
from core.records import Source


def read_remote_table(url: str, **columns: Any) -> Source:
    """The CSV at a URL of object storage or of a web server; images in it are relative to the folder that it is in.

    columns: as for `read_table`. Raises SourceError where it cannot be had, and what `read_table` raises.
    """
    if package := missing_package(protocol_of(url)):
        raise SourceError(f"{url}: needs the package {package}, which is not installed; pip install {package}")
    url = remember_credentials(url)
    parts = urlsplit(url)
    name = PurePosixPath(parts.path).name
    if not name or parts.path.endswith("/"):
        raise SourceError(f"{url}: names no file; give the URL of the labels CSV, beside its images")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        try:
            with open_remote(url) as file:
                path.write_bytes(file.read())
        except ImageError as error:
            raise SourceError(f"{url}: {error}; check the URL, and the credentials in the environment") from None
        source = read_table(path, Path(folder), **columns)
    root = parts._replace(path=parts.path.rpartition("/")[0], query="", fragment="").geturl()
    return replace(source, root=root, labels_file=url)
