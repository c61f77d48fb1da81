"""Where a URL in somebody's labels file may lead this machine: nowhere but to the public internet."""

import asyncio
import socket
import threading
import time

import pytest

from core.errors import ImageError
from core.images import addresses, remote
from core.images.addresses import ALLOW_VARIABLE, is_public
from core.images.remote import look_up, open_remote
from tests.core.images.storages import serve_folder

PRIVATE = "its address is not a public one; --allow-private-urls allows that"


@pytest.mark.parametrize(
    ("address", "is_so"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("no address", False),
    ],
)
def test_public_addresses_are_told_from_all_others(address, is_so):
    assert is_public(address) is is_so


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A web server on this machine, whose private address is not allowed; and what reaches it."""
    (tmp_path / "a.png").write_bytes(b"a secret of this machine")
    with serve_folder(tmp_path) as (url, requests):
        monkeypatch.delenv(ALLOW_VARIABLE)
        yield url, requests


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]"])
def test_this_machine_is_not_asked_however_it_is_spelt(served, host):
    url, requests = served
    place = f"http://{host}:{url.rpartition(':')[2]}/a.png"
    with pytest.raises(ImageError) as refused:
        open_remote(place)
    assert str(refused.value) in (PRIVATE, "its server cannot be reached", "it cannot be downloaded")
    assert look_up([place])[place].fault
    assert requests == []


def test_what_is_allowed_is_asked(served, monkeypatch):
    url, _ = served
    monkeypatch.setenv(ALLOW_VARIABLE, "1")
    with open_remote(f"{url}/a.png") as file:
        assert file.read() == b"a secret of this machine"


def test_a_name_that_means_this_machine_only_when_it_is_connected_to_is_refused(served, monkeypatch):
    url, requests = served
    port = int(url.rpartition(":")[2])
    answers = iter([("93.184.215.14", port), ("127.0.0.1", port)])
    real = socket.getaddrinfo

    def rebinding(host, *arguments, **options):
        if host != "rebind.example":
            return real(host, *arguments, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", next(answers, ("127.0.0.1", port)))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    next(answers)  # what a check before the connection would have seen
    with pytest.raises(ImageError, match=PRIVATE):
        open_remote(f"http://rebind.example:{port}/a.png")
    assert requests == []


def test_a_redirect_to_a_private_address_is_refused(tmp_path, monkeypatch):
    target = "http://169.254.169.254/latest/meta-data"

    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()
        return True

    # This machine stands for a public server; what it sends one on to is checked as ever.
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1" or is_public(address))
    with serve_folder(tmp_path, redirect) as (url, requests):
        monkeypatch.delenv(ALLOW_VARIABLE)
        with pytest.raises(ImageError, match=PRIVATE):
            open_remote(f"{url}/a.png")
        assert look_up([f"{url}/a.png"])[f"{url}/a.png"].fault == PRIVATE
    assert requests


def dripping(handler):
    """An answer that comes a byte at a time, and for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return True


def test_a_server_that_sends_a_byte_now_and_then_holds_nothing_up(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "_GRACE_S", 0.5)
    monkeypatch.setattr(remote, "_POLL_S", 0.05)
    with serve_folder(tmp_path, dripping) as (url, _):
        began_s = time.monotonic()
        with pytest.raises(ImageError, match="its server is too slow"):
            open_remote(f"{url}/a.png")
        assert time.monotonic() - began_s < 5


def test_a_download_ends_when_it_is_stopped(tmp_path):
    stop = threading.Event()
    with serve_folder(tmp_path, dripping) as (url, _):
        threading.Timer(0.3, stop.set).start()
        began_s = time.monotonic()
        with pytest.raises(ImageError, match="stopped"):
            open_remote(f"{url}/a.png", stop=stop)
        assert time.monotonic() - began_s < 5


def test_the_hosts_of_proxies_are_the_owners_choice(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.clinic:3128")
    assert addresses._proxies() == {"proxy.clinic"}
    assert asyncio.run(addresses._is_host_public("93.184.215.14"))
    assert not asyncio.run(addresses._is_host_public("localhost"))
