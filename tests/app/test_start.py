"""The real server, started as a user starts it: what it listens on, what it asks for, what it lets a page say."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from overread_app.serving import Place
from overread_app.start import main
from overread_app.theme import server_settings
from tests.app.made_study import write_study
from tests.paths import ROOT

LISTENING = "0A"
"""The state of a listening socket in /proc/net/tcp."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server on a study of its own, from a folder that isn't the project's, for a user without any settings."""
    folder = tmp_path_factory.mktemp("server")
    study = write_study(folder)
    port = free_port()
    with start(folder, str(study.path), "--port", str(port), "--no-browser") as process:
        lines = [process.stdout.readline()]
        yield process, port, lines
        process.terminate()
        process.wait(timeout=20)


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (folder / "elsewhere").mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        cwd=folder / "elsewhere",
        env={**environment, "HOME": str(home), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_it_says_where_it_is_and_asks_for_nothing(server):
    _, port, lines = server
    (line,) = lines
    assert re.fullmatch(
        rf"Overread is running at http://127\.0\.0\.1:{port}/\?owner=[\w-]{{22}} \(press Ctrl\+C to stop it\)\n", line
    )


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's table of sockets")
def test_it_listens_on_this_machine_s_own_address_alone(server):
    _, port, _ = server
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        path = Path(table)
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == LISTENING and int(number, 16) == port:
                addresses.add(address)
    assert addresses == {"0100007F"}  # 127.0.0.1, its bytes reversed


def test_it_serves_the_page_and_leaves_no_settings_behind(server, tmp_path_factory):
    process, port, _ = server
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        page = answer.read().decode()
    assert "<html" in page
    home = Path(f"/proc/{process.pid}/environ")
    if home.exists():
        variables = dict(item.split("=", 1) for item in home.read_text().split("\0") if "=" in item)
        assert not (Path(variables["HOME"]) / ".streamlit").exists()


def answer_to(port, target, **headers):
    """The status and the headers of the answer to a request that may say anything of where it comes from."""
    given = {"Host": f"127.0.0.1:{port}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = f"GET {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items())
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"{request}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head and (received := connection.recv(4096)):
            head += received
    first, *lines = head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(first.split()[1]), {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


WEBSOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.mark.parametrize(
    ("host", "origin", "is_own"),
    [
        ("127.0.0.1:PORT", "http://127.0.0.1:PORT", True),
        ("localhost:PORT", "http://localhost:PORT", True),
        ("LOCALHOST:PORT", "http://LOCALHOST:PORT", True),
        ("127.0.0.1:PORT", None, True),  # no browser: these always name their origin
        ("evil.example", "http://evil.example", False),
        ("evil.example:PORT", "http://evil.example:PORT", False),
        ("127.0.0.1:PORT", "http://evil.example", False),
        ("127.0.0.1:PORT", "http://localhost:9999", False),
        ("127.0.0.1:PORT", "http://127.0.0.1:9999", False),
        ("127.0.0.1:PORT", "http://127.0.0.1", False),
        ("127.0.0.1:PORT", "https://127.0.0.1:PORT", False),
        ("127.0.0.1:PORT", "http://127.0.0.1:PORT.evil.example", False),
        ("127.0.0.1:PORT", "null", False),
        ("127.0.0.1", "http://127.0.0.1", False),
    ],
)
def test_only_the_app_s_own_pages_get_a_connection_or_an_answer(server, host, origin, is_own):
    _, port, _ = server
    named = {"Host": host, **({"Origin": origin} if origin else {})}
    named = {name: value.replace("PORT", str(port)) for name, value in named.items()}
    assert answer_to(port, "/_stcore/stream", **named, **WEBSOCKET)[0] == (101 if is_own else 403)
    assert answer_to(port, "/", **named)[0] == (200 if is_own else 403)


@pytest.mark.parametrize(
    "target", ["/", "/review", "/_stcore/health", "/media/none.png", "/static/none.js", "/reading/image/none"]
)
def test_every_answer_forbids_framing_guessing_and_loading_from_elsewhere(server, target):
    _, port, _ = server
    for origin in (f"http://127.0.0.1:{port}", "http://evil.example"):
        _, headers = answer_to(port, target, Origin=origin)
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert (policy["frame-ancestors"], policy["default-src"]) == ("'none'", "'self'")
        sources = {source for name in policy for source in policy[name].split() if not source.startswith("'")}
        assert sources == {"data:", "blob:", f"ws://127.0.0.1:{port}", f"ws://localhost:{port}"}
        assert "'unsafe-inline'" not in policy["script-src"]


def test_the_routes_of_reading_are_there_and_ask_for_a_ticket(server):
    _, port, _ = server
    assert answer_to(port, "/reading/image/none")[0] == 401
    assert answer_to(port, "/reading/queue")[0] == 405  # a POST


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_peace_when_it_is_told_to_after_less_than_five_seconds_of_work(tmp_path, number):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with start(tmp_path, str(write_study(tmp_path).path), "--port", str(free_port()), "--no-browser") as process:
        process.stdout.readline()
        process.send_signal(number)
        output, _ = process.communicate(timeout=120)
    assert (process.returncode, output) == (0, "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The processor's time: the clock's depends on what else the machine is doing.
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 5


def test_a_taken_port_is_said_in_one_line_with_status_2(server, tmp_path):
    _, port, _ = server
    study = write_study(tmp_path)
    with start(tmp_path, str(study.path), "--port", str(port), "--no-browser") as process:
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert output == f"error: port {port} is in use; stop what is using it, or choose another: --port {port + 1}\n"


def test_a_folder_that_is_no_study_is_said_in_one_line_with_status_2(tmp_path, monkeypatch, capsys):
    for step in ("_serve", "_announce"):  # which it must not reach
        monkeypatch.setattr(f"overread_app.start.{step}", lambda *_: None)
    folder = tmp_path / "\x1b[2Jnone"
    folder.mkdir()
    assert main([str(folder), "--no-browser"]) == 2
    output = "".join(capsys.readouterr())
    assert len(output.splitlines()) == 1
    assert "holds no study" in output
    assert r"\x1b[2Jnone" in output and "\x1b" not in output


def test_a_start_imports_neither_torch_nor_the_tables():
    code = (
        "import sys, overread_app.start; "
        "print([m for m in ('torch', 'pandas', 'numpy', 'streamlit') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output == "[]\n"


def test_the_pages_never_import_torch():
    code = (
        "import sys, overread_app.session, overread_app.components.charts, overread_app.components.study_form\n"
        "import overread.pipeline, overread.config\n"
        "print('torch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert output.stdout == "False\n"


def test_every_setting_is_one_that_streamlit_knows_and_shows_nothing_to_outside():
    from streamlit import config

    settings = server_settings(Place(port=1234))
    assert set(settings) <= set(config.get_config_options())
    wanted = {
        "server.address": "127.0.0.1",
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        "server.enableXsrfProtection": True,
    }
    assert {name: settings[name] for name in wanted} == wanted
    assert not any(re.search("https?:", str(value)) for value in settings.values())
