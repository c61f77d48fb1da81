"""The routes by which an owner's browser sends a dataset, in pieces, straight to the disk.

Streamlit's own route for uploads, which keeps them in memory, stays closed (sign_in/gate.py). To everybody but an
owner, and where uploads are off, it is as if there were no such routes.
"""

import json
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from overread.errors import UploadError
from overread.studies.uploads import PIECE_BYTES, Uploads
from overread_app.boundary import error_text
from overread_app.reading.packets import Json
from overread_app.sign_in.gate import NOT_KEPT
from overread_app.starting_theme import ACTOR, Message, Receive, Send
from overread_app.uploads.desk import uploads_of

_DISK_FULL = 507
_CONTENT_TYPE = "application/octet-stream"
_NOWHERE = Router()


async def answer(scope: Message, receive: Receive, send: Send) -> None:
    """ASGI: the routes for an owner, where uploads are on; else the answer of a path that is none."""
    is_there = uploads_of(scope.get(ACTOR)) is not None
    await (_ROUTER if is_there else _NOWHERE)(scope, receive, send)


def begin(uploads: Uploads, request: Request, content: bytes) -> Json:
    """Announce an archive of some size; its id, and how much is taken at once."""
    try:
        size_bytes = int(json.loads(content)["size"])
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise UploadError("The size is missing.") from error
    return {"id": uploads.begin(size_bytes), "piece": PIECE_BYTES}


def append(uploads: Uploads, request: Request, content: bytes) -> Json:
    """Write a piece; how many bytes are there."""
    start = request.query_params.get("start", "")
    if not (start.isascii() and start.isdecimal() and len(start) < 20):
        raise UploadError("The place of a piece is missing.")
    return {"received": uploads.append(request.path_params["id"], int(start), content)}


def finish(uploads: Uploads, request: Request, content: bytes) -> Json:
    """Keep an upload that is complete."""
    return {"id": uploads.finish(request.path_params["id"]).id}


def remove(uploads: Uploads, request: Request, content: bytes) -> Json:
    """Give an upload up."""
    uploads.remove(request.path_params["id"])
    return {}


def _answering(handler: Callable[[Uploads, Request, bytes], Json]) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        # No other site's page can send this type without the browser's asking first.
        if request.headers.get("content-type", "") != _CONTENT_TYPE:
            return JSONResponse({"message": "The type of the content is wrong."}, status_code=415, headers=NOT_KEPT)
        try:
            content = await _body(request)
            uploads = uploads_of(request.scope.get(ACTOR))
            if uploads is None:  # the answer to others is _NOWHERE's
                raise UploadError("Uploads are off.")
            told = await run_in_threadpool(handler, uploads, request, content)
            return JSONResponse(told, headers=NOT_KEPT)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it; a piece that did not all come is not written
        except Exception as error:
            is_final = getattr(error, "is_final", False)
            status = 422 if is_final else _DISK_FULL if isinstance(error, UploadError) else 500
            answer = {"message": error_text(error), "isFinal": is_final}
            return JSONResponse(answer, status_code=status, headers=NOT_KEPT)

    return respond


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > PIECE_BYTES:
            raise UploadError("A piece is too large.")
    return bytes(content)


_ROUTER = Router(
    [
        Route("/begin", _answering(begin), methods=["POST"]),
        Route("/{id}/piece", _answering(append), methods=["POST"]),
        Route("/{id}/finish", _answering(finish), methods=["POST"]),
        Route("/{id}/remove", _answering(remove), methods=["POST"]),
    ]
)
