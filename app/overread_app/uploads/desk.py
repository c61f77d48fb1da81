"""What this server takes from browsers: nothing, unless it was started with `--uploads`, and then from owners alone."""

import subprocess
import threading
from pathlib import Path

from overread.errors import NotAllowedError
from overread.review.roles import Actor
from overread.studies.uploads import FOLDER, Uploads
from overread_app import processes
from overread_app.serving import Place


def uploads_path() -> Path:
    """Where they lie: beside the studies."""
    return processes.DATA_PATH / FOLDER


def uploads_of(actor: Actor | None) -> Uploads | None:
    """The uploads, for who makes a request; None where uploads are off, and for everybody but an owner."""
    place = Place.current()
    if actor is None or place is None or not place.max_upload_bytes:
        return None
    try:
        return Uploads(uploads_path(), place.max_upload_bytes, actor)
    except NotAllowedError:
        return None


def is_uploaded(path: Path) -> bool:
    """Whether a path is that of an upload."""
    return path.is_relative_to(uploads_path())


def remove_after(uploads: Uploads, source: str, process: "subprocess.Popen[bytes]") -> None:
    """Remove the upload that an import reads as its source, once that has made a study: then it holds the images
    itself. Nobody's page need wait for it."""
    upload = next((each for each in uploads.waiting() if str(each.path) == source), None)
    if upload is None:
        return

    def wait() -> None:
        if process.wait() == 0:
            uploads.remove(upload.id)

    threading.Thread(target=wait, daemon=True).start()
