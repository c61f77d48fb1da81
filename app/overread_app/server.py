"""The app's server: Streamlit's own, behind a guard that keeps other sites from requesting, framing or reading
pages."""

import base64
import hashlib
import logging
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overread_app.serving import Place, Provider
from overread_app.starting_theme import App, Message, Receive, Send, StartingTheme, with_scripts
from overread_app.theme import server_settings

if TYPE_CHECKING:
    from starlette.routing import Mount

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
    "frame-ancestors": "'none'",
}
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


OTHER_HOST = "Overread does not answer under this host name. Start it with --allow-host and the name."
OTHER_ORIGIN = "Overread answers only its own pages, and other machines only over https."


class Guard:
    """ASGI middleware: answers only requests for the app's own hosts, from its own pages or from none.

    A request or websocket whose Host is not the app's (as in DNS rebinding), or whose Origin is another site's, another
    port of this machine included, is refused with 403. All answers carry `headers`; and where other machines reach the
    app, cookies are for TLS only.
    """

    def __init__(self, app: App, *, place: Place, headers: dict[str, str]) -> None:
        self.app = app
        self.place = place
        self.hosts, self.origins = place.hosts, place.origins
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        is_host = len(hosts) == 1 and hosts[0] in self.hosts
        # This machine's own browser alone may do without TLS. (A proxy that sets no Host sends this machine's name.)
        is_own = self.place.own_hosts.issuperset(hosts) and self.place.own_origins.issuperset(origins)
        is_secure = self.place.is_served and not is_own
        send = self._with_headers(send, is_secure=is_secure)
        if is_host and all(origin in self.origins for origin in origins):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the server answers 403
        else:
            reason = OTHER_ORIGIN if is_host else OTHER_HOST
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": f"{reason}\n".encode()})

    def _with_headers(self, send: Send, *, is_secure: bool) -> Send:
        names = {name for name, _ in self.headers}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [
                    (name, _secure(value) if is_secure and name.lower() == b"set-cookie" else value)
                    for name, value in message.get("headers", ())
                    if name.lower() not in names
                ]
                message = {**message, "headers": [*others, *self.headers]}
            await send(message)

        return send_with_headers


def _values(scope: Message, name: bytes) -> list[str]:
    return [value.decode("latin-1").lower() for key, value in scope["headers"] if key == name]


def _secure(cookie: bytes) -> bytes:
    return cookie if b"; secure" in cookie.lower() else cookie + b"; Secure"


def security_headers(place: Place, page: str = "") -> dict[str, str]:
    """The security headers of every answer: load nothing from other sites, send nothing to them, allow no framing.

    page: the HTML that Streamlit serves; only its inline scripts may run.
    """
    inline = [hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page)]
    hashes = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in inline]
    policy = {
        **_POLICY,
        "script-src": " ".join([_POLICY["script-src"], *hashes]),
        # Not every browser counts a websocket of the page's own host as 'self'.
        "connect-src": " ".join([_POLICY["connect-src"], *place.sockets]),
        "form-action": "'self'" if place.is_served else "'none'",  # to sign in
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # With no-referrer, a browser hides the origin of the form to sign in even from us.
        "Referrer-Policy": "same-origin" if place.is_served else "no-referrer",
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


def serve(script: Path, place: Place, provider: Provider | None = None) -> None:
    """Serve the script's pages at a place until SIGINT or SIGTERM. provider: where people may sign in too."""
    import streamlit as st
    from starlette.middleware import Middleware

    path = Path(st.__file__).parent / "static" / "index.html"
    page = with_scripts(path.read_text(encoding="utf-8"), is_served=place.is_served)
    # The server logs its start; only warnings are of interest.
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.levelno >= logging.WARNING)
    # The server raises the signal again when it has ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = server_settings(place)
    middleware = [Middleware(Guard, place=place, headers=security_headers(place, page))]
    login: dict[str, Any] = {}
    if place.is_served:
        from overread_app.sign_in.gate import Gate
        from overread_app.sign_in.provider import login_secrets

        middleware.append(Middleware(Gate, provider=provider.name if provider else ""))
        login = login_secrets(place, provider) if provider else {}
    app = st.App(
        script,
        secrets=login or None,
        routes=[own_routes(str(settings["server.baseUrlPath"]))],
        middleware=[*middleware, Middleware(StartingTheme, page=page)],
    )
    with suppress(KeyboardInterrupt):
        app.run(config=settings)
