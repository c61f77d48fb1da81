"""Many passwords at once, before the gate alone: those that wait are few, and keep nobody from reading."""

import asyncio
import threading

from overread.errors import SignInError
from overread_app.sign_in import gate
from overread_app.sign_in.page import PATH, STATE_PATH

BODY = b"name=nobody&password=wrong"


async def answer(app, method, path, body=b""):
    """Status and text of an answer."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()


class BlockedSignIns:
    """Checks no password before it is let go."""

    def __init__(self):
        self.is_free, self.num_checked = threading.Event(), 0

    def with_password(self, name, password):
        self.num_checked += 1
        assert self.is_free.wait(timeout=30)
        raise SignInError("wrong")

    def actor(self, token):
        return None


def test_a_flood_of_passwords_is_refused_unchecked_and_keeps_nobody_from_reading(monkeypatch):
    blocked = BlockedSignIns()
    monkeypatch.setattr(gate, "sign_ins", lambda: blocked)
    gate._turns.cache_clear()

    async def flood():
        app = gate.Gate(None)
        num_refused = 60 - gate.MAX_AT_ONCE - gate.MAX_WAITING
        guesses = [asyncio.create_task(answer(app, "POST", PATH, BODY)) for _ in range(60)]
        state = await asyncio.wait_for(answer(app, "GET", STATE_PATH), timeout=20)
        refused, _ = await asyncio.wait(guesses, timeout=0.2)
        assert state[0] == 401
        assert blocked.num_checked == gate.MAX_AT_ONCE
        assert len(refused) == num_refused
        assert all("Try again shortly" in guess.result()[1] for guess in refused)
        blocked.is_free.set()
        told = await asyncio.gather(*guesses)
        assert sum("password is wrong" in text for _, text in told) == gate.MAX_AT_ONCE + gate.MAX_WAITING

    asyncio.run(flood())
    gate._turns.cache_clear()
