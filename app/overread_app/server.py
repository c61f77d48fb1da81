"""The app's server: Streamlit's own, behind a guard that keeps other sites from requesting, framing or reading
pages."""

import base64
import hashlib
import logging
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from overread_app.starting_theme import App, Message, Receive, Send, StartingTheme, with_script
from overread_app.theme import server_settings

if TYPE_CHECKING:
    from starlette.routing import Mount

HOSTS = ("127.0.0.1", "localhost")
"""The host names under which a browser on this machine may request the app."""
_POLICY = {
    "default-src": "'self'",
    # Plotly compiles the code that draws the map; Streamlit imports a component's code from a blob.
    "script-src": "'self' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "connect-src": "'self'",
    "frame-src": "'none'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Guard:
    """ASGI middleware: answers only requests for the app's own host, from its own pages or from none.

    A request or websocket whose Host is not the app's (as in DNS rebinding), or whose Origin is another site's, another
    port of this machine included, is refused with 403. All answers carry `headers`.
    """

    def __init__(self, app: App, *, port: int, headers: dict[str, str]) -> None:
        self.app = app
        self.hosts = {f"{name}:{port}" for name in HOSTS} | (set(HOSTS) if port == 80 else set())
        self.origins = {f"http://{host}" for host in self.hosts}
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif self._is_own(scope["headers"]):
            await self.app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the server answers 403
        else:
            send = self._with_headers(send)
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Overread answers only its own pages.\n"})

    def _is_own(self, headers: list[tuple[bytes, bytes]]) -> bool:
        hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1").lower() for name, value in headers if name == b"origin"]
        return len(hosts) == 1 and hosts[0] in self.hosts and all(origin in self.origins for origin in origins)

    def _with_headers(self, send: Send) -> Send:
        names = {name for name, _ in self.headers}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in names]
                message = {**message, "headers": [*others, *self.headers]}
            await send(message)

        return send_with_headers


def security_headers(port: int, page: str = "") -> dict[str, str]:
    """The security headers of every answer: load nothing from other sites, send nothing to them, allow no framing.

    page: the HTML that Streamlit serves; only its inline scripts may run.
    """
    inline = [hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page)]
    hashes = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in inline]
    policy = {
        **_POLICY,
        "script-src": " ".join([_POLICY["script-src"], *hashes]),
        # Not every browser counts a websocket of the page's own host as 'self'.
        "connect-src": " ".join([_POLICY["connect-src"], *(f"ws://{name}:{port}" for name in HOSTS)]),
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def own_routes(base: str = "") -> "Mount":
    """The routes of reading and, below it, of the gallery, for Streamlit's server. base: its base path."""
    from starlette.routing import Mount

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        # Imported when the server runs: these modules use Streamlit's caches, which need it.
        from overread_app.routes import ROUTER

        await ROUTER(scope, receive, send)

    prefix = base.strip("/")
    return Mount(f"/{prefix}/reading" if prefix else "/reading", app=answer)


def serve(script: Path, port: int) -> None:
    """Serve the script's pages on the loopback address until SIGINT or SIGTERM."""
    import streamlit as st
    from starlette.middleware import Middleware

    path = Path(st.__file__).parent / "static" / "index.html"
    page = with_script(path.read_text(encoding="utf-8"))
    headers = security_headers(port, page)
    # The server logs its start; only warnings are of interest.
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.levelno >= logging.WARNING)
    # The server raises the signal again when it has ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = server_settings(port)
    app = st.App(
        script,
        routes=[own_routes(str(settings["server.baseUrlPath"]))],
        middleware=[Middleware(Guard, port=port, headers=headers), Middleware(StartingTheme, page=page)],
    )
    with suppress(KeyboardInterrupt):
        app.run(config=settings)
