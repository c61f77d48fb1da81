"""Takes users, passwords, signatures and tokens out of the URLs in a source's cells."""

from dataclasses import replace

from core.images.credentials import remember_credentials
from core.images.remote import is_remote
from core.records import Source


def without_url_credentials(source: Source) -> Source:
    """The source as it is kept: no URL in any of its cells, nor of its own, holds a credential.

    This process still downloads by the URLs as they were given; whoever comes later needs access by the environment.
    A message says in how many rows there were some.
    """
    cells = tuple(tuple(map(_bare, row)) for row in source.cells)
    num_rows = sum(before != after for before, after in zip(source.cells, cells, strict=True))
    rows = tuple(replace(row, image=_bare(row.image)) for row in source.rows)
    messages = source.messages
    if num_rows:
        messages += (
            f"credentials were taken out of the URLs in {num_rows} rows and are kept nowhere; the pages and later "
            "updates need access by the environment (a .netrc file for https, the storage's own variables else)",
        )
    return replace(
        source,
        root=_bare(source.root),
        labels_file=_bare(source.labels_file),
        cells=cells,
        rows=rows,
        messages=messages,
    )


def _bare(cell: str) -> str:
    if not is_remote(cell.strip()):
        return cell
    bare = remember_credentials(cell.strip())
    return cell if bare == cell.strip() else bare
