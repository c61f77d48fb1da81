"""The served app behind nginx or caddy with TLS, as core/docs/serving.md sets them up; and behind an nginx that drops
websockets."""

import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from socket import create_connection

import pytest

from overread.pipeline.study_ledger import open_ledger
from tests.app.browser.conftest import ARGUMENTS, AT_REST, CHROMIUM, PATIENCE_MS, await_saved, decide, free_port
from tests.app.test_serving import HOST, PASSWORD, READER, serving
from tests.paths import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CADDY = shutil.which("caddy")


def documented(language, *changes):
    """The one block of that language in the documentation, with these texts changed."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "core/docs/serving.md").read_text(), re.DOTALL)
    for old, new in changes:
        assert old in block
        block = block.replace(old, new)
    return block


def own_files(folder, port):
    """Changes for this test's certificate and app."""
    return [
        ("/etc/ssl/reading.pem", str(folder / "cert.pem")),
        ("/etc/ssl/reading.key", str(folder / "key.pem")),
        ("127.0.0.1:8501", f"127.0.0.1:{port}"),
    ]


@contextmanager
def running(listens, *command, **options):
    """A proxy, once it listens on that port."""
    process = subprocess.Popen(command, **options)
    end_s = time.monotonic() + 20
    while True:
        try:
            create_connection(("127.0.0.1", listens)).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < end_s
            time.sleep(0.05)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def behind_caddy(folder, port):
    """The page's caddy before the app on that port; the port that it listens on."""
    listens = free_port()
    site = documented("caddy", *own_files(folder, port), (HOST, f"https://{HOST}:{listens}"))
    # Two services that a ward's machine may have, and a test must not.
    (folder / "Caddyfile").write_text(f"{{\n admin off\n auto_https off\n}}\n{site}")
    homes = {name: str(folder) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    command = [CADDY, "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    with running(listens, *command, env=os.environ | homes, stderr=subprocess.DEVNULL):
        yield listens


@contextmanager
def behind_nginx(folder, port, *, passes_websockets=True):
    """The page's nginx before the app on that port; the port that it listens on."""
    listens = free_port()
    # A browser on another port sends it along; nginx's own port is the only one on a ward's machine.
    own = [("listen 443 ssl", f"listen 127.0.0.1:{listens} ssl"), ("$http_host", HOST)]
    block = documented("nginx", *own_files(folder, port), *own)
    if not passes_websockets:
        block = "\n".join(line for line in block.splitlines() if "Upgrade" not in line and "upgrade" not in line)
    temporary = "".join(f"{name}_temp_path {folder};" for name in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi"))
    conf = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
    conf += f"http {{ access_log off; {temporary}\n{block} }}"
    (folder / "nginx.conf").write_text(conf)
    with running(listens, NGINX, "-c", folder / "nginx.conf", "-e", folder / "error.log"):
        yield listens


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    if NGINX is None:
        pytest.skip("nginx is not installed on this machine")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    folder = tmp_path_factory.mktemp("proxied")
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
    paths = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run([*openssl, *paths], check=True, capture_output=True)
    with serving(folder) as app:
        yield folder, app


@contextmanager
def visiting(playwright, listens):
    """A page of a browser for which the proxy's host name is this machine."""
    rules = [f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{listens}", "--ignore-certificate-errors"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *rules])
    context = browser.new_context(ignore_https_errors=True)
    yield context.new_page()
    browser.close()


def sign_in(page):
    page.goto(f"https://{HOST}/")
    page.fill("[name=name]", READER)
    page.fill("[name=password]", PASSWORD)
    page.click("button")


@pytest.mark.parametrize("proxy", [behind_nginx, behind_caddy])
def test_a_reader_signs_in_reads_and_signs_out_over_tls(served, playwright, proxy):
    if proxy is behind_caddy and CADDY is None:
        pytest.skip("caddy is not installed on this machine")
    folder, app = served
    with proxy(folder, app.port) as listens, visiting(playwright, listens) as page:
        sign_in(page)
        page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
        page.get_by_role("button", name="Review").click()
        decide(page, "x")
        await_saved(page)
        assert open_ledger(app.study).decisions(READER)[-1].identity == "password"
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        assert all(cookie["secure"] for cookie in cookies.values())
        assert cookies["overread_session"]["httpOnly"]
        page.goto(f"https://{HOST}/help")
        page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
        page.get_by_role("link", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for(timeout=PATIENCE_MS)
    with app.accounts.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM reader_sessions").scalar() == 0


def test_the_page_says_so_where_a_proxy_drops_websockets(served, playwright):
    folder, app = served
    with behind_nginx(folder, app.port, passes_websockets=False) as listens, visiting(playwright, listens) as page:
        sign_in(page)
        alert = page.get_by_text("A proxy on the way does not pass websockets on.")
        alert.wait_for(timeout=PATIENCE_MS)


def test_an_open_page_leads_back_to_sign_in_when_the_account_ends(served, playwright):
    folder, app = served
    with behind_nginx(folder, app.port) as listens, visiting(playwright, listens) as page:
        sign_in(page)
        page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
        app.accounts.disable(READER)
        page.reload()
        page.get_by_role("heading", name="Sign in").wait_for(timeout=PATIENCE_MS)
    app.accounts.enable(READER)
