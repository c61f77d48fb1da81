"""The served app behind nginx with TLS, as core/docs/serving.md sets it up; and behind one that drops websockets."""

import re
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from overread.pipeline.study_ledger import open_ledger
from tests.app.browser.conftest import ARGUMENTS, AT_REST, CHROMIUM, PATIENCE_MS, await_saved, decide, free_port
from tests.app.test_serving import HOST, PASSWORD, READER, serving
from tests.paths import ROOT

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextmanager
def behind_nginx(folder, port, *, passes_websockets=True):
    """The page's nginx before the app on that port; the port that it listens on."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "core/docs/serving.md").read_text(), re.DOTALL)
    listens = free_port()
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{listens} ssl"),
        ("/etc/ssl/reading.pem", str(folder / "cert.pem")),
        ("/etc/ssl/reading.key", str(folder / "key.pem")),
        ("127.0.0.1:8501", f"127.0.0.1:{port}"),
        # A browser on another port sends it along; nginx's own port is the only one on a ward's machine.
        ("$http_host", HOST),
    ):
        assert old in block
        block = block.replace(old, new)
    if not passes_websockets:
        block = "\n".join(line for line in block.splitlines() if "Upgrade" not in line and "upgrade" not in line)
    temporary = "".join(f"{name}_temp_path {folder};" for name in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi"))
    conf = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
    conf += f"http {{ access_log off; {temporary}\n{block} }}"
    (folder / "nginx.conf").write_text(conf)
    process = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        yield listens
    finally:
        process.terminate()
        process.wait(timeout=20)


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
def visiting(listens):
    """A page of a browser for which the proxy's host name is this machine."""
    from playwright.sync_api import sync_playwright

    rules = [f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{listens}", "--ignore-certificate-errors"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *rules])
        context = browser.new_context(ignore_https_errors=True)
        yield context.new_page()
        browser.close()


def sign_in(page):
    page.goto(f"https://{HOST}/")
    page.fill("[name=name]", READER)
    page.fill("[name=password]", PASSWORD)
    page.click("button")


def test_a_reader_signs_in_reads_and_signs_out_over_tls(served):
    folder, app = served
    with behind_nginx(folder, app.port) as listens, visiting(listens) as page:
        sign_in(page)
        page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
        page.get_by_role("button", name="Review").click()
        decide(page, "x")
        await_saved(page)
        assert open_ledger(app.study).decisions(READER)[0].identity == "password"
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        assert all(cookie["secure"] for cookie in cookies.values())
        assert cookies["overread_session"]["httpOnly"]
        page.goto(f"https://{HOST}/help")
        page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
        page.get_by_role("link", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for(timeout=PATIENCE_MS)
    with app.accounts.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM reader_sessions").scalar() == 0


def test_the_page_says_so_where_a_proxy_drops_websockets(served):
    folder, app = served
    with behind_nginx(folder, app.port, passes_websockets=False) as listens, visiting(listens) as page:
        sign_in(page)
        alert = page.get_by_text("A proxy on the way does not pass websockets on.")
        alert.wait_for(timeout=PATIENCE_MS)


def test_an_open_page_leads_back_to_sign_in_when_the_account_ends(served):
    folder, app = served
    with behind_nginx(folder, app.port) as listens, visiting(listens) as page:
        sign_in(page)
        page.wait_for_selector(AT_REST, timeout=PATIENCE_MS)
        app.accounts.disable(READER)
        page.reload()
        page.get_by_role("heading", name="Sign in").wait_for(timeout=PATIENCE_MS)
    app.accounts.enable(READER)
