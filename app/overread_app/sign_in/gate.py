"""ASGI middleware: only who has signed in gets past it, to a page, a websocket or a route.

Open to all are the page to sign in, the provider's way back, the scripts and styles that Streamlit brings along, and
its health check: none of them holds data. Closed to all are the server's figures, which tell that others work.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from overread.errors import LedgerFaultError, SignInError, UserError
from overread.review.accounts import Accounts
from overread.review.roles import Actor
from overread.review.sign_ins import SignIns
from overread_app.sign_in.page import OUT_PATH, PATH, PROVIDER_PATH, STATE_PATH, SignInPage
from overread_app.sign_in.page_socket import checked_receive, send_without_path
from overread_app.sign_in.provider import COOKIES, ROUTES, login_url, signed_in_subject
from overread_app.starting_theme import ACTOR, App, Message, Receive, Send
from overread_app.words.catalogue import LANGUAGE_COOKIE, LANGUAGES, Words, language_of, words_in
from overread_app.words.worded_error import reader_text

SESSION_COOKIE = "overread_session"
"""Where the browser keeps the token of its session, out of reach of scripts."""
NOT_KEPT = {"Cache-Control": "no-store"}
OPEN = "/static/"
HEALTH = "/_stcore/health"
CLOSED = ("/_stcore/metrics", "/_stcore/upload_file")
MAX_FORM_BYTES = 4096
MAX_AT_ONCE = 2
"""Passwords that are checked at the same time; each takes a tenth of a second and 64 MiB."""
MAX_WAITING = 20
"""Passwords that wait to be checked; more are refused unchecked, so that a flood of them ends."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets requests with a session pass, with their `Actor`; the others see the page to sign in, or 401."""

    app: App
    provider: str = ""
    """What the provider is called; empty for none."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _is_open(scope["path"], has_provider=bool(self.provider)):
            await self.app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        is_page = scope["type"] == "http"
        own = _OWN.get(scope["path"]) if is_page else None
        actor: Actor | None = None
        response: Response | None = None
        try:
            if own:
                response = await own(self, Request(scope, receive))
            else:
                actor = await run_in_threadpool(actor_of, asked)
        except LedgerFaultError as error:  # nobody knows who asks: the page asks again
            response = _unavailable(asked, error) if is_page else None
        if response is None:
            if actor is not None and not scope["path"].startswith(CLOSED):
                if not is_page:
                    receive = checked_receive(receive, lambda: actor_of(asked) is not None)
                    send = send_without_path(send)
                await self.app({**scope, ACTOR: actor}, receive, send)
                return
            if not is_page:
                await receive()
                await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the server answers 403
                return
            is_read = scope["method"] == "GET"
            response = await self._refused(asked, is_read=is_read) if actor is None else PlainTextResponse("", 404)
        await response(scope, receive, send)

    async def _refused(self, asked: HTTPConnection, *, is_read: bool) -> Response:
        """The answer to who has not signed in; who comes back from the provider gets a session."""
        words = _words(asked)
        if asked.url.path.startswith("/reading") or not is_read:
            return JSONResponse({"message": words("sign_in.ended")}, status_code=401, headers=NOT_KEPT)
        subject = signed_in_subject(asked.cookies) if self.provider else None
        if subject is None:
            return RedirectResponse(PATH, status_code=303, headers=NOT_KEPT)
        try:
            token = await run_in_threadpool(sign_ins().with_provider, *subject)
            response: Response = _signed_in(token)
        except UserError as error:
            response = self._page(asked, problem=_problem(error, words, subject.subject))
        for name in asked.cookies:
            if name.startswith(COOKIES):
                response.delete_cookie(name)
        return response

    async def show(self, request: Request) -> Response:
        """The page to sign in, or what its form asks for."""
        if request.method != "POST":
            return self._page(request)
        content = b""
        async for part in request.stream():
            content += part
            if len(content) > MAX_FORM_BYTES:
                return self._page(request, problem=_words(request)("sign_in.wrong"))
        fields = parse_qs(content.decode("utf-8", errors="replace"))
        name, password = (fields.get(key, [""])[0] for key in ("name", "password"))
        try:
            token = await _turns().check(name, password)
        except UserError as error:
            return self._page(request, problem=_problem(error, _words(request)), name=name)
        return _signed_in(token)

    async def lead_to_provider(self, request: Request) -> Response:
        """To Streamlit's way to the provider."""
        return RedirectResponse(login_url() if self.provider else PATH, status_code=303, headers=NOT_KEPT)

    async def tell_state(self, request: Request) -> Response:
        """204 with a session, 401 without."""
        actor = await run_in_threadpool(actor_of, request)
        return Response(status_code=204 if actor else 401, headers=NOT_KEPT)

    async def sign_out(self, request: Request) -> Response:
        """End the session, unless another site's page has led here."""
        response = RedirectResponse(PATH, status_code=303, headers=NOT_KEPT)
        if request.headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
            await run_in_threadpool(sign_ins().end, request.cookies.get(SESSION_COOKIE, ""))
            response.delete_cookie(SESSION_COOKIE)
        return response

    def _page(self, asked: HTTPConnection, *, problem: str = "", name: str = "") -> Response:
        page = SignInPage(_words(asked), provider=self.provider, problem=problem, name=name)
        return HTMLResponse(page.html(), status_code=403 if problem else 200, headers=NOT_KEPT)


_OWN: dict[str, Callable[[Gate, Request], Awaitable[Response]]] = {
    PATH: Gate.show,
    PROVIDER_PATH: Gate.lead_to_provider,
    STATE_PATH: Gate.tell_state,
    OUT_PATH: Gate.sign_out,
}


class Turns:
    """Checks passwords, few at once, and not in the threads that answer who has signed in."""

    def __init__(self) -> None:
        self.limiter = CapacityLimiter(MAX_AT_ONCE)
        self.num = 0

    async def check(self, name: str, password: str) -> str:
        """`SignIns.with_password`. Raises UserError where too many wait."""
        if self.num >= MAX_AT_ONCE + MAX_WAITING:
            raise UserError("too many people are signing in; try again shortly")
        self.num += 1
        try:
            return await to_thread.run_sync(sign_ins().with_password, name, password, limiter=self.limiter)
        finally:
            self.num -= 1


@cache
def _turns() -> Turns:
    return Turns()


def sign_ins() -> SignIns:
    """Where sessions begin and end."""
    return SignIns(Accounts.open())


def actor_of(asked: HTTPConnection) -> Actor | None:
    """Who makes a request, by their account as it is now."""
    return sign_ins().actor(asked.cookies.get(SESSION_COOKIE, ""))


def _unavailable(asked: HTTPConnection, error: LedgerFaultError) -> Response:
    """The answer while the accounts cannot be read."""
    words = _words(asked)
    message = reader_text(error, words) or words("error.busy")
    return JSONResponse({"message": message}, status_code=503, headers=NOT_KEPT)


def _is_open(path: str, *, has_provider: bool) -> bool:
    return path.startswith(OPEN) or path == HEALTH or (has_provider and path in ROUTES)


def _signed_in(token: str) -> Response:
    response = RedirectResponse("/", status_code=303, headers=NOT_KEPT)
    response.set_cookie(SESSION_COOKIE, token, httponly=True, samesite="lax")  # ends with the browser
    return response


def _problem(error: UserError, words: Words, subject: str = "") -> str:
    """What is said of a refused sign-in, in the reader's language where the catalogue has it."""
    if subject and isinstance(error, SignInError):
        return words("sign_in.unknown", subject=subject)
    if isinstance(error, SignInError) and error.wait_s:
        return words("sign_in.wait", number=error.wait_s)
    return words("sign_in.wrong") if isinstance(error, SignInError) else words("sign_in.failed")


def _words(asked: HTTPConnection) -> Words:
    chosen = asked.cookies.get(LANGUAGE_COOKIE, "")
    return words_in(chosen if chosen in LANGUAGES else language_of(asked.headers.get("accept-language")))
