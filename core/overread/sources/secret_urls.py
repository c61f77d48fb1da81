"""Removes user names, passwords, signatures and tokens from the URLs in a source's cells."""

import re
from dataclasses import replace

from overread.images.credentials import bare_url, remember_credentials
from overread.images.location import split_frame
from overread.images.remote import is_web
from overread.records import Source, SourceRow

_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>\\]+")


def without_url_credentials(source: Source) -> Source:
    """The source as it is stored: no URL in its cells holds credentials.

    This process still downloads by the URLs as written; later ones take credentials from the environment. The sample
    id of an image is that of its URL without credentials. A message says in how many rows there were some.
    """
    place = source.columns.index(source.image_column)
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    num_changed = 0
    for row, own in zip(source.rows, source.cells, strict=True):
        image = _bare_image(row.image)
        bare = tuple(_bare_image(cell) if i == place else _bare_text(cell) for i, cell in enumerate(own))
        if image != row.image and is_web(image.strip()):
            remember_credentials(split_frame(image.strip())[0], split_frame(row.image.strip())[0])
        is_changed = image != row.image or bare != own
        num_changed += is_changed
        rows.append(replace(row, image=image) if is_changed else row)
        cells.append(bare if is_changed else own)
    if not num_changed:
        return source
    message = (
        f"credentials were taken out of the URLs in {num_changed} rows and are kept nowhere; the pages and later "
        "updates need access by the environment (a .netrc file for https, the storage's own variables else)"
    )
    return replace(source, rows=tuple(rows), cells=tuple(cells), messages=(*source.messages, message))


def _bare_text(text: str) -> str:
    return _IN_TEXT.sub(lambda found: bare_url(found[0]), text) if "://" in text else text


def _bare_image(cell: str) -> str:
    """For a cell that is one URL, which may contain spaces."""
    if "://" not in cell:
        return cell
    text = _bare_text(cell)
    start = len(text) - len(text.lstrip())
    return text[:start] + bare_url(text[start:])
