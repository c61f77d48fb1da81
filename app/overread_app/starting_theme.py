"""The theme that a page starts with: the reader's choice, else dark for radiographs and light for other images."""

from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from overread_app.sign_in.page import PATH, STATE_PATH
from overread_app.theme import DARK
from overread_app.words.catalogue import ENGLISH

SCRIPT = (Path(__file__).parent / "starting_theme.js").read_text(encoding="utf-8")
WATCH = (Path(__file__).parent / "connection_watch.js").read_text(encoding="utf-8")
_START = '<html lang="en">'
_HEAD = "<head>"
ACTOR = "overread.actor"
"""Under which a request carries who makes it, where people sign in (sign_in/gate.py)."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def with_scripts(page: str, *, is_served: bool = False) -> str:
    """Streamlit's page, with our scripts before any other: the one that sets its first theme; and where it is served,
    the one that says why there is no connection."""
    watch = f"<script>{WATCH}</script>" if is_served else ""
    return page.replace(_HEAD, f"{_HEAD}<script>{SCRIPT}</script>{watch}", 1)


def with_theme(page: str, *, is_dark: bool) -> str:
    """The page, with the theme of those who have chosen none."""
    told = {
        "theme": "Dark" if is_dark else "Light",
        "paper": DARK.paper,
        "sign-in-path": PATH,
        "state-path": STATE_PATH,
        "blocked": ENGLISH("sign_in.blocked"),
    }
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in told.items())
    return page.replace(_START, f'<html lang="en" {attributes}>', 1)


class StartingTheme:
    """ASGI middleware: every page is `page`, with the theme for its study, instead of Streamlit's own."""

    def __init__(self, app: App, *, page: str) -> None:
        self.app = app
        self.pages = {is_dark: with_theme(page, is_dark=is_dark).encode() for is_dark in (False, True)}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        is_page = False

        async def send_page(message: Message) -> None:
            nonlocal is_page
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                is_page = message["status"] == 200 and _is_html(headers)
                if is_page:
                    body = self.pages[await _is_dark(scope)]
                    await send({**message, "headers": _page_headers(headers, len(body))})
                    await send({"type": "http.response.body", "body": body})
                    return
            if not is_page:
                await send(message)

        await self.app(scope, receive, send_page)


async def _is_dark(scope: Message) -> bool:
    from starlette.concurrency import run_in_threadpool

    address = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("study", [""])[0]
    return await run_in_threadpool(shows_radiographs, address, scope.get(ACTOR))


def shows_radiographs(address: str, actor: Any = None) -> bool:
    """Whether the study of that address in the page's URL has grey images, as radiographs are. Without one, the study
    that the app opens first. False where that cannot be said, where it is none of the actor's, and to who has not
    signed in."""
    # Imported when the server runs: this uses Streamlit's caches, which need it.
    from overread_app import session, study_data

    if session.is_served() and actor is None:
        return False
    try:
        study = session.first_study(address, actor)
        return study is not None and study_data.load_pixels(study.pixels_path).channels == 1
    except Exception:  # the page itself says what is wrong with a study
        return False


def _is_html(headers: Any) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers)


def _page_headers(headers: Any, length: int) -> list[tuple[bytes, bytes]]:
    """Without those of Streamlit's own page: its length, its coding, and what a browser knows its copy by."""
    dropped = (b"content-length", b"content-encoding", b"etag", b"last-modified")
    return [*((name, value) for name, value in headers if name not in dropped), (b"content-length", b"%d" % length)]
