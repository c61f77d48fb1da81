"""A served app, stretched: addresses to listen on, messages that no page sends, an ended session in an open page, a
ticket, cookie or address that was guessed."""

import base64
import http.client
import json
import socket as sockets
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import update
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from overread.images.cache.cache_build import build_cache
from overread.review.roles import Role
from overread.review.schema import sessions
from overread_app import session
from overread_app.serving import Place
from tests.app.test_serving import HOST, PASSWORD, READER, Served, queue, serving, start, ticket_of
from tests.app.test_start import free_port

OWNER = "Dr. Owner"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("stretched")) as app:
        app.accounts.add("Dr. Second", Role.OWNER, password=PASSWORD)
        yield app


@contextmanager
def started(folder, *arguments):
    """The app while it runs; the line that it says."""
    process = start(folder, *arguments)
    try:
        yield next(line for line in process.stdout if not line.startswith("note: "))
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 8600),
        ("127.0.0.1:8501", "127.0.0.1", 8501),
        ("localhost:8501", "127.0.0.1", 8501),
        ("ward.example.org:80", "ward.example.org", 80),
        ("::1", "::1", 8600),
        ("[::1]", "::1", 8600),
        ("[::1]:8501", "::1", 8501),
    ],
)
def test_an_address_to_listen_on_is_read_with_and_without_a_port(text, address, port):
    place = Place.served(text, [HOST], port=8600)
    assert (place.address, place.port) == (address, port)


def has_ipv6():
    try:
        with sockets.create_server(("::1", 0), family=sockets.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_it_listens_on_an_ipv6_address(served):
    port = free_port()
    folder = served.study.path.parent.parent
    with started(folder, served.study.path, "--serve", f"[::1]:{port}", "--allow-host", HOST) as line:
        assert f"through a proxy to [::1]:{port} " in line
        with closing(http.client.HTTPConnection("::1", port, timeout=30)) as connection:
            connection.request("GET", "/sign-in", headers={"Host": HOST})
            assert connection.getresponse().status == 200


def test_an_address_that_is_taken_or_not_ours_is_said_in_a_line(served):
    folder, port = served.study.path.parent.parent, served.port
    for address, message in (
        (f"127.0.0.1:{port}", f"port {port} is in use; stop what is using it, or choose another: --serve 127.0.0.1:"),
        ("192.0.2.7:8501", "--serve 192.0.2.7: is no address of this machine"),
    ):
        with start(folder, served.study.path, "--serve", address, "--allow-host", HOST) as process:
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 2
        assert output.startswith(f"error: {message}") and output.count("\n") == 1


def test_without_a_study_named_it_shows_those_of_its_home_and_builds_no_demo(served):
    folder, port = served.study.path.parent.parent, free_port()
    (folder / "home" / "colon").symlink_to(served.study.path)
    with started(folder, "--serve", f"127.0.0.1:{port}", "--allow-host", HOST):
        app = Served(port, served.accounts, served.study, served.hidden)
        for name in (READER, OWNER):
            sent = app.page("", app.sign_in(name))
            assert b"Colon tiles" in sent, name
            assert b"demo is incomplete" not in sent, name


def rerun(page="", **fields):
    asked = BackMsg()
    asked.rerun_script.page_name = page
    asked.rerun_script.query_string = fields.pop("query", "")
    for name, value in fields.items():
        widget = asked.rerun_script.widget_states.widgets.add()
        widget.id, widget.string_value = name, value
    return asked


def answers(socket, asked, *, until="script_finished"):
    """What is sent until a message of that type."""
    socket.send(asked.SerializeToString())
    found = []
    while not (found and found[-1].WhichOneof("type") == until):
        found.append(ForwardMsg())
        found[-1].ParseFromString(socket.recv(timeout=30))
    return found


def test_a_socket_takes_only_what_pages_send(served):
    heartbeat = BackMsg(app_heartbeat=True)
    forbidden = [BackMsg(clear_cache=True), BackMsg(set_run_on_save=True), BackMsg(load_git_info=True), BackMsg()]
    forbidden[-1].file_urls_request.file_names.append("any.zip")
    with served.socket(served.sign_in(READER)) as socket:
        answers(socket, rerun())
        for asked in forbidden:
            socket.send(asked.SerializeToString())
        kinds = {each.WhichOneof("type") for each in answers(socket, heartbeat, until="heartbeat_ack")}
        assert kinds <= {"heartbeat_ack", "session_status_changed"}
        assert any(b"Colon tiles" in each.SerializeToString() for each in answers(socket, rerun()))


def download(socket, page):
    """What a browser sends when the first download on a page that was drawn is pressed."""
    (session_id,) = {each.new_session.initialize.session_id for each in page if each.HasField("new_session")}
    buttons = (each.delta.new_element.download_button for each in page)
    asked = BackMsg()
    asked.backend_operation_request.session_id = session_id
    asked.backend_operation_request.deferred_file.file_id = next(
        each.deferred_file_id for each in buttons if each.deferred_file_id
    )
    return asked


def test_an_open_page_s_download_ends_with_the_session(served):
    token = served.sign_in(OWNER)
    with served.socket(token) as socket:
        asked = download(socket, answers(socket, rerun("export")))
        url = answers(socket, asked, until="backend_operation_response")[-1].backend_operation_response
        assert served.ask(url.deferred_file.url, token=token)[0] == 200
        served.ask("/sign-out", token=token)
        drawn = answers(socket, asked)
        assert any(b"Your session has ended" in each.SerializeToString() for each in drawn)
        assert not any(each.HasField("backend_operation_response") for each in drawn)
    assert served.ask(url.deferred_file.url, token=token)[0] == 303


def test_state_that_a_browser_makes_up_opens_nothing(served):
    made_up = {"session_made_studies": str(served.hidden.path), "session_study": str(served.hidden.path)}
    made_up |= {"session_is_owner": "true", "session_reader": "Dr. Else Somebody"}
    with served.socket(served.sign_in(READER)) as socket:
        found = [*answers(socket, rerun()), *answers(socket, rerun(**made_up)), *answers(socket, rerun())]
    drawn = b"".join(each.SerializeToString() for each in found)
    assert b"Colon tiles" in drawn
    for secret in (b"Hidden lungs", b"Dr. Else", b"New study"):
        assert secret not in drawn


def test_an_owner_s_page_tells_a_reader_whom_to_ask(served):
    token = served.sign_in(READER)
    for page in ("train", "audit", "export"):
        sent = served.page(page, token)
        assert b"Your account may not manage studies" in sent, page
        assert b"Colon tiles" in sent and b"download" not in sent.lower()


def test_a_reader_without_a_study_is_told_whom_to_ask(served):
    served.accounts.add("Dr. New", Role.READER, password=PASSWORD)
    token = served.sign_in("Dr. New")
    for page in ("", "review", "gallery", "insights"):
        sent = served.page(page, token)
        assert b"No study is open to you yet" in sent, page
        assert b"Create one" not in sent


def test_a_forged_ticket_does_not_tell_which_studies_there_are(served):
    token, own = served.sign_in(READER), ticket_of(served, served.study, READER)
    content, _, signature = own.partition(".")
    claims = json.loads(base64.urlsafe_b64decode(content))

    def forged(address):
        changed = json.dumps(claims | {"study": address}).encode()
        return f"{base64.urlsafe_b64encode(changed).decode()}.{signature}"

    hidden = queue(served, token, forged(session.study_address(served.hidden.path)))
    assert hidden[0] == 401
    assert (hidden[0], hidden[2]) == queue(served, token, forged("00000000"))[::2]


def test_the_theme_tells_nobody_from_outside_which_studies_are_grey(served):
    samples = served.hidden.samples()
    images = {each.sample_id: served.hidden.image_location(each.image) for each in samples.itertuples()}
    build_cache(served.hidden.pixels_path, images, size_px=32)
    address = f"?study={session.study_address(served.hidden.path)}"

    def is_dark(path, token=""):
        return 'data-theme="Dark"' in served.ask(f"{path}{address}", token=token)[2]

    assert is_dark("/", served.sign_in(OWNER))
    assert not is_dark("/", served.sign_in(READER))
    assert not is_dark("/static/none") and not is_dark("/_stcore/health/none")


def test_nobody_gets_the_server_s_figures(served):
    for name in (READER, OWNER):
        token = served.sign_in(name)
        assert served.ask("/_stcore/metrics", token=token)[::2] == (404, "")
        assert served.ask("/_stcore/upload_file/a/b", token=token, method="PUT", body="x")[0] == 404
    assert served.ask("/_stcore/metrics")[0] == 303


def test_an_expired_cookie_opens_nothing(served):
    token = served.sign_in(READER)
    assert served.ask("/sign-in/state", token=token)[0] == 204
    with served.accounts.engine.begin() as connection:
        connection.execute(update(sessions).values(expires_s=1.0))
    assert served.ask("/sign-in/state", token=token)[0] == 401
    assert queue(served, token, ticket_of(served, served.study, READER))[0] == 401


def test_a_proxy_that_sets_no_host_still_gets_cookies_for_tls_only(served):
    own = f"127.0.0.1:{served.port}"
    body = f"name={READER}&password={PASSWORD}"
    for origin, is_secure in (("https://reading.example.org", True), (f"http://{own}", False)):
        _, headers, _ = served.ask("/sign-in", body=body, Host=own, Origin=origin)
        assert ("Secure" in headers["Set-Cookie"]) == is_secure


def check_streamlit_refuses(served, name):
    """Its own route for uploads, with what that asks for: the session of an open page."""
    token = served.sign_in(name)
    form = b'--mark\r\nContent-Disposition: form-data; name="f"; filename="a.zip"\r\n\r\nx\r\n--mark--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=mark"}
    with served.socket(token) as socket:
        page = answers(socket, rerun())
        (session_id,) = {each.new_session.initialize.session_id for each in page if each.HasField("new_session")}
        path = f"/_stcore/upload_file/{session_id}/0"
        for method in ("PUT", "POST", "DELETE", "OPTIONS"):
            assert served.ask(path, token=token, body=form, method=method, **headers)[0] == 404, method
        assert served.ask(path, body=form, method="PUT", **headers)[0] == 401


@pytest.mark.parametrize("name", [OWNER, READER])
def test_without_the_option_nothing_takes_an_upload(served, name):
    check_streamlit_refuses(served, name)
    token = served.sign_in(name)
    headers = {"Content-Type": "application/octet-stream"}
    answer = served.ask("/reading/uploads/begin", token=token, body=b'{"size": 1000}', **headers)
    assert (answer[0], answer[2]) == (404, "Not Found")
    assert b"upload" not in served.page("", token).lower()
    assert served.ask("/reading/uploads/begin", body=b'{"size": 1000}', **headers)[0] == 401
    assert not (served.study.path.parent.parent / "home" / ".uploads").exists()
