"""Signing in at a real OpenID Connect provider on this machine: its subject opens the linked account, and no other."""

import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest

from overread.review.roles import Role
from tests.app.test_serving import HOST, serving
from tests.app.test_start import free_port

pytest.importorskip("authlib")
SUBJECT = "248289761001"


@pytest.fixture(scope="module")
def provider():
    """The address of a provider at which everyone may sign in."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    address = f"http://localhost:{port}"
    end_s = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{address}/.well-known/openid-configuration", timeout=5).close()
            break
        except OSError:
            assert time.monotonic() < end_s
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def served(provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("provided")
    file = folder / "provider.toml"
    metadata = f"{provider}/.well-known/openid-configuration"
    file.write_text(
        f'server_metadata_url = "{metadata}"\nclient_id = "overread"\nclient_secret = "x"\nname = "Hospital login"\n'
    )
    with serving(folder, "--provider", file) as app:
        app.accounts.add("Dr. Roe", Role.READER, issuer=provider, subject=SUBJECT)
        app.accounts.grant("Dr. Roe", [app.study.ledger_study])
        yield app


class Browser:
    """Follows the way from the app to the provider and back, with its cookies."""

    def __init__(self, app):
        self.app, self.cookies = app, {}
        self.outside = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def open(self, path):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        status, headers, text = self.app.ask(path, Cookie=cookie)
        for line in headers.get_all("Set-Cookie") or []:
            assert "Secure" in line
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return status, headers.get("Location", ""), text

    def sign_in(self, subject, **claims):
        """The last answer, after the provider was told to sign in that subject."""
        _, path, _ = self.open("/sign-in/provider")
        _, address, _ = self.open(path)
        fields = urllib.parse.urlencode({"sub": subject} | claims).encode()

        class Stop(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        opener = urllib.request.build_opener(Stop)
        try:
            opener.open(urllib.request.Request(address, fields), timeout=30).close()
            raise AssertionError("the provider did not lead back")
        except urllib.error.HTTPError as answer:
            back = answer.headers["Location"]
            answer.close()
        assert back.startswith(f"https://{HOST}/oauth2callback?")
        self.open(back.removeprefix(f"https://{HOST}"))
        return self.open("/")


def test_the_linked_subject_opens_its_account(served):
    browser = Browser(served)
    status, path, _ = browser.sign_in(SUBJECT)
    assert (status, path) == (303, "/")
    assert set(browser.cookies) >= {"overread_session"}
    assert not any(name.startswith("_streamlit_user") for name in browser.cookies)
    sent = served.page("", browser.cookies["overread_session"])
    assert b"Dr. Roe" in sent and b"Hidden lungs" not in sent and b"New study" not in sent


def test_a_subject_without_an_account_is_refused_and_told_it_whatever_it_claims(served):
    browser = Browser(served)
    status, _, text = browser.sign_in("stranger-7", name="Dr. Owner", role="owner", groups="owner")
    assert status == 403 and "stranger-7" in text
    assert "overread_session" not in browser.cookies
    assert browser.open("/")[0] == 303


def test_a_cookie_that_this_server_did_not_sign_opens_nothing(served):
    browser = Browser(served)
    browser.cookies["_streamlit_user"] = "eyJpc3MiOiAieCIsICJzdWIiOiAiMjQ4Mjg5NzYxMDAxIn0.aaaa.bbbb"
    assert browser.open("/")[:2] == (303, "/sign-in")


def test_a_disabled_account_is_refused_at_the_provider_too(served):
    served.accounts.disable("Dr. Roe")
    assert Browser(served).sign_in(SUBJECT)[0] == 403
    served.accounts.enable("Dr. Roe")
