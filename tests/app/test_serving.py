"""A served app, tried from outside: by nobody, by a reader who looks for more than is theirs, and by an owner."""

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.parse
from contextlib import closing, contextmanager
from socket import create_connection

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.review.accounts import Accounts
from overread.review.roles import Role
from overread_app import session
from overread_app.start import main
from tests.app.made_study import write_study
from tests.app.test_start import free_port
from tests.app.verdicts import verdicts
from tests.core.review.quick_passwords import use_quick_passwords
from tests.paths import ROOT

PASSWORD = "correct horse battery"
HOST = "reading.example.org"
READER, OTHER = "Dr. Doe", "Dr. Else Somebody"
NOTE = "zimtstern"


class Served:
    """The app, served: what it answers to a browser behind the proxy."""

    def __init__(self, port, accounts, study, hidden):
        self.port, self.accounts, self.study, self.hidden = port, accounts, study, hidden

    def ask(self, path, *, token="", body=None, method=None, **headers):
        """Status, headers and text of an answer."""
        headers = {"Host": HOST, "Origin": f"https://{HOST}", "Cookie": f"overread_session={token}"} | headers
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method or ("GET" if body is None else "POST"), path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")

    def sign_in(self, name, password=PASSWORD):
        """The session's token; empty where it is refused."""
        fields = urllib.parse.urlencode({"name": name, "password": password})
        status, headers, _ = self.ask("/sign-in", body=fields)
        cookie = headers.get("Set-Cookie", "")
        assert (status == 303) == bool(cookie)
        assert not cookie or {"HttpOnly", "Secure", "SameSite=lax"} <= set(cookie.split("; "))
        return cookie.partition(";")[0].partition("=")[2]

    def socket(self, token="", origin=f"https://{HOST}"):
        from websockets.datastructures import Headers

        headers = Headers({"Cookie": f"overread_session={token}"})
        return connect(
            f"ws://{HOST}/_stcore/stream",
            sock=create_connection(("127.0.0.1", self.port)),
            origin=origin,
            additional_headers=headers,
            subprotocols=["streamlit"],
            max_size=None,
            proxy=None,
        )

    def page(self, name, token, query=""):
        """All that the websocket sends while a page is drawn, as bytes."""
        asked = BackMsg()
        asked.rerun_script.page_name = name
        asked.rerun_script.query_string = query
        sent = b""
        with self.socket(token) as socket:
            socket.send(asked.SerializeToString())
            while True:
                content = socket.recv(timeout=60)
                sent += content
                message = ForwardMsg()
                message.ParseFromString(content)
                if message.WhichOneof("type") == "script_finished":
                    return sent


def environment(folder):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OVERREAD", "STREAMLIT_"))}
    return kept | {"OVERREAD_EPHEMERAL": "1", "OVERREAD_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}


def start(folder, *arguments):
    command = [sys.executable, "-m", "app", *map(str, arguments), "--no-browser"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@contextmanager
def serving(folder, *arguments, is_home=False):
    """A served app on two studies, with an owner, and a reader who was given one of them. is_home: whether it shows all
    of its home instead of these alone."""
    (folder / "home").mkdir(exist_ok=True)
    study = write_study(folder / "one", name="Colon tiles")
    hidden = write_study(folder / "two", name="Hidden lungs", seed=1)
    accounts = Accounts.open(f"sqlite:///{folder / 'home' / 'readers.db'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERREAD_EPHEMERAL", "1")
        use_quick_passwords(patch)
        accounts.add("Dr. Owner", Role.OWNER, password=PASSWORD)
        accounts.add(READER, Role.READER, password=PASSWORD)
        accounts.grant(READER, [study.ledger_study])
        for verdict in verdicts(study, reader=OTHER, number=3, kind=VerdictKind.REJECT):
            object.__setattr__(verdict, "note", NOTE)
            open_ledger(study).record(verdict)
    named = [study.path, hidden.path]
    while is_home and named:
        path = named.pop()
        (folder / "home" / path.parent.name).symlink_to(path)
    port = free_port()
    process = start(folder, *named, "--serve", f"127.0.0.1:{port}", "--allow-host", HOST, *arguments)
    try:
        line = next(line for line in process.stdout if not line.startswith("note: "))
        assert line.startswith(f"Overread is running at https://{HOST}, through a proxy to 127.0.0.1:{port} (")
        yield Served(port, accounts, study, hidden)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("served")) as app:
        yield app


def test_nobody_gets_past_the_gate(served):
    assert served.ask("/")[0] == 303
    assert served.ask("/review", token="forged")[0] == 303
    status, _, text = served.ask("/sign-in")
    assert status == 200 and "Colon" not in text and "Hidden" not in text
    for path in ("/reading/queue", "/reading/gallery/tiles", "/_stcore/upload_file/a/b"):
        assert served.ask(path, body="{}", **{"Content-Type": "application/json"})[0] == 401
    assert served.ask("/reading/image/any?v=1")[0] == 401
    assert served.ask("/media/any.png")[0] == 303
    for token in ("", "forged"):
        with pytest.raises(InvalidStatus):
            served.socket(token)
    assert served.ask("/_stcore/health")[2] == "ok"


def test_another_host_another_site_and_http_are_refused_in_a_line(served):
    token = served.sign_in(READER)
    status, _, text = served.ask("/", token=token, Host="evil.example")
    assert (status, text.count("\n")) == (403, 1) and "--allow-host" in text
    for origin in ("https://evil.example", f"http://{HOST}", "null"):
        assert served.ask("/", token=token, Origin=origin)[0] == 403
        with pytest.raises(InvalidStatus):
            served.socket(token, origin)


def test_a_wrong_password_is_refused_and_uploads_are_off(served):
    assert served.sign_in(READER, "a wrong password") == ""
    token = served.sign_in(READER)
    assert served.ask("/_stcore/upload_file/a/b", token=token, method="PUT", body="x")[0] >= 400


@pytest.mark.parametrize("page", ["", "review", "gallery", "insights", "adjudication", "help", "train", "export"])
def test_no_page_sends_a_reader_what_others_did_or_the_server_s_paths_or_other_studies(served, page):
    token = served.sign_in(READER)
    for query in ("", f"study={session.study_address(served.hidden.path)}", "owner=guess"):
        sent = served.page(page, token, query)
        assert READER.encode() in sent
        places = (str(served.study.path.parent), str(ROOT), "Absolute path")
        for secret in (OTHER, NOTE, "Hidden lungs", *places, "secret-patient"):
            assert secret.encode() not in sent, secret


def test_the_owner_sees_the_studies_and_the_form(served):
    sent = served.page("", served.sign_in("Dr. Owner"))
    assert b"Hidden lungs" in sent and b"New study" in sent
    assert b"Download everything" in served.page("export", served.sign_in("Dr. Owner"))


def ticket_of(served, study, reader):
    """As the page of a reader of that study would have it."""
    from overread.review.queue_choice import QueueChoice
    from overread.studies.run import open_run
    from overread_app.reading.open_rooms import room_stamp
    from overread_app.reading.tickets import Ticket, expiry, sign

    run = open_run(study)
    address, stamp = session.study_address(study.path), room_stamp(study, run)
    return sign(Ticket(address, run.name, reader, QueueChoice(), expiry(), stamp=stamp), study.key())


def queue(served, token, ticket):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {ticket}"}
    return served.ask("/reading/queue", token=token, body=json.dumps({"have": [], "count": 3}), **headers)


def test_the_routes_ask_for_the_session_of_the_ticket_s_reader_and_a_study_of_theirs(served):
    token, owner = served.sign_in(READER), served.sign_in("Dr. Owner")
    own, others = (ticket_of(served, served.study, name) for name in (READER, OTHER))
    status, _, text = queue(served, token, own)
    assert status == 200 and NOTE not in text and OTHER not in text
    assert json.loads(text)["progress"]["decided"] == 0
    packet = json.loads(text)["samples"][0]
    image = f"/reading/image/{packet['id']}?v={packet['image']}"
    assert served.ask(image, token=token, Authorization=f"Bearer {own}")[0] == 200
    hidden = ticket_of(served, served.hidden, READER)
    assert queue(served, "", own)[0] == queue(served, owner, own)[0] == queue(served, token, others)[0] == 401
    assert queue(served, token, hidden)[0] == 403
    assert served.ask(image, token=token, Authorization=f"Bearer {others}")[0] == 401
    assert served.ask(image, token=token, Authorization=f"Bearer {hidden}")[0] == 403


def test_an_open_page_and_its_ticket_end_with_the_account(served):
    served.accounts.add("Dr. Leaver", Role.READER, password=PASSWORD)
    served.accounts.grant("Dr. Leaver", [served.study.ledger_study])
    token, ticket = served.sign_in("Dr. Leaver"), ticket_of(served, served.study, "Dr. Leaver")
    assert queue(served, token, ticket)[0] == 200
    with served.socket(token) as socket:
        served.accounts.disable("Dr. Leaver")
        assert queue(served, token, ticket)[0] == 401
        asked = BackMsg()
        asked.rerun_script.query_string = ""
        socket.send(asked.SerializeToString())
        sent, end_s = b"", time.monotonic() + 30
        while b"Your session has ended" not in sent and time.monotonic() < end_s:
            sent += socket.recv(timeout=30)
        assert b"Your session has ended" in sent and b"Colon tiles" not in sent
    assert served.sign_in("Dr. Leaver") == ""


def test_signing_out_ends_the_session_but_not_from_another_site(served):
    token = served.sign_in(READER)
    served.ask("/sign-out", token=token, **{"Sec-Fetch-Site": "cross-site"})
    assert served.ask("/sign-in/state", token=token)[0] == 204
    served.ask("/sign-out", token=token, **{"Sec-Fetch-Site": "same-origin"})
    assert served.ask("/sign-in/state", token=token)[0] == 401


@pytest.fixture(scope="module")
def study_alone(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--serve", "127.0.0.1"), "so nobody could sign in; make it first: overread reader add NAME --role owner"),
        (("--serve", "0.0.0.0"), "also name the host under which browsers reach it: --allow-host"),
        (("--serve", "127.0.0.1:none"), "a port must be a number"),
        (("--serve", ":8501", "--allow-host", HOST), "give an address of this machine"),
        (("--serve", "127.0.0.1", "--allow-host", "https://x"), "give a host name alone"),
        (("--allow-host", "x.org"), "belong to --serve"),
        (("--serve", "127.0.0.1", "--provider", "none.toml"), "cannot be read as TOML"),
        (("--uploads", "2GB"), "--provider and --uploads belong to --serve"),
        (("--serve", "127.0.0.1", "--uploads", "2GB"), "--uploads: leave out the folders of studies"),
    ],
)
def test_it_refuses_to_start_in_a_line(tmp_path, study_alone, monkeypatch, capsys, arguments, message):
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path / "home"))
    for step in ("_serve", "_announce"):  # which none may reach
        monkeypatch.setattr(f"overread_app.start.{step}", lambda *_: None)
    assert main([str(study_alone.path), *arguments, "--no-browser"]) == 2
    output = "".join(capsys.readouterr())
    assert output.startswith("error: ") and output.count("\n") == 1 and message in output
