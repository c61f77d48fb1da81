"""The websocket of an open page: what its browser sends, looked at before Streamlit's server acts on it; and what the
server sends, without the path at which it is installed."""

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from overread.errors import LedgerFaultError
from overread_app.starting_theme import Message, Receive, Send

ALLOWED = ("rerun_script", "stop_script", "app_heartbeat", "backend_operation_request")
"""What a page sends. Streamlit's server would take more: to empty the caches of all sessions, to tell of the server's
files under version control, to take uploads."""

TRY_AGAIN_LATER = 1013
"""The accounts cannot be read (RFC 6455's registry of close codes)."""
SCRIPT = b"streamlit_app.py"


def checked_receive(receive: Receive, is_signed_in: Callable[[], bool]) -> Receive:
    """An ASGI `receive` that drops what no page of ours sends.

    Once the session has ended, whatever is sent only has the page drawn anew, which then says so: no callback, fragment
    or download of the page as it was comes to run.
    """

    async def receive_checked() -> Message:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            asked = _parsed(message)
            try:
                is_known = await run_in_threadpool(is_signed_in)
            except LedgerFaultError:
                return {"type": "websocket.disconnect", "code": TRY_AGAIN_LATER}  # the page connects again
            if not is_known:
                return {**message, "text": None, "bytes": _plain_rerun(asked)}
            if asked is None or asked.WhichOneof("type") in ALLOWED:
                return message

    return receive_checked


def send_without_path(send: Send) -> Send:
    """An ASGI `send` that names the pages' script, not where it is."""

    async def send_changed(message: Message) -> None:
        content = message.get("bytes")
        if message["type"] == "websocket.send" and content and SCRIPT in content:
            told = ForwardMsg()
            told.ParseFromString(content)
            if told.HasField("new_session"):
                told.new_session.main_script_path = SCRIPT.decode()
                message = {**message, "bytes": told.SerializeToString()}
        await send(message)

    return send_changed


def _parsed(message: Message) -> BackMsg | None:
    """None for what is no message of a page: Streamlit's server refuses it."""
    content: Any = message.get("bytes")
    asked = BackMsg()
    try:
        asked.ParseFromString(content or b"")
    except Exception:  # the parser's, which differs by its build
        return None
    return asked


def _plain_rerun(asked: BackMsg | None) -> bytes:
    """Keeps what the browser says of its language and theme."""
    drawn = BackMsg()
    drawn.rerun_script.query_string = ""
    if asked is not None and asked.rerun_script.HasField("context_info"):
        drawn.rerun_script.context_info.CopyFrom(asked.rerun_script.context_info)
    return drawn.SerializeToString()
