"""Reads a labels CSV from a URL, with its images next to it."""

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from overread.errors import ImageError, SourceError
from overread.images.credentials import bare_url, remember_credentials
from overread.images.location import split_frame
from overread.images.remote import is_remote, is_web, missing_package, protocol_of
from overread.images.remote_file import open_remote
from overread.records import Source
from overread.sources.csv_table import read_table
from overread.sources.image_paths import normal_path
from overread.sources.request import ColumnNames


def read_remote_table(url: str, columns: ColumnNames) -> Source:
    """The CSV at a URL of object storage or a web server; images in it are relative to the folder that it is in.

    Credentials in the URL are used for it, and its user name and password for the images beside it; none is kept.
    Raises SourceError if it cannot be downloaded, and what `read_table` raises.
    """
    bare = bare_url(url)
    if package := missing_package(protocol_of(url)):
        raise SourceError(f"{bare}: needs the package {package}, which is not installed; pip install {package}")
    parts = urlsplit(bare)
    name = PurePosixPath(parts.path).name
    if not name or parts.path.endswith("/"):
        raise SourceError(f"{bare}: names no file; give the URL of the labels CSV, beside its images")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        try:
            with open_remote(url) as file:
                path.write_bytes(file.read())
        except ImageError as error:
            raise SourceError(f"{bare}: {error}; check the URL, and the credentials in the environment") from None
        source = read_table(path, Path(folder), columns)
    root = parts._replace(path=parts.path.rpartition("/")[0], query="", fragment="").geturl()
    _remember_user(source, root, urlsplit(url).netloc)
    return replace(source, root=root, labels_file=bare)


def _remember_user(source: Source, root: str, netloc: str) -> None:
    """Have the images beside the labels file downloaded with the user name and password of its URL."""
    parts = urlsplit(root)
    if netloc == parts.netloc or not is_web(root):
        return
    folder = parts._replace(netloc=netloc).geturl()
    for row in source.rows:
        if not is_remote(row.image.strip()):
            name = split_frame(normal_path(row.image))[0]
            remember_credentials(f"{root}/{name}", f"{folder}/{name}")
