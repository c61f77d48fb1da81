import socket
from http.server import BaseHTTPRequestHandler

import pytest

from overread.errors import ImageError
from overread.images import addresses
from overread.images.addresses import is_public
from overread.images.remote import _file_system
from overread.images.remote_file import open_remote
from overread.images.remote_listing import look_up
from tests.core.images.storages import serve_folder

REFUSED = r"^its server has no public address; allow that with --allow-private-urls, or by OVERREAD_ALLOW_PRIVATE_URLS="


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.3",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",  # RFC 6598, shared by a provider's customers
        "169.254.169.254",
        "192.0.2.1",  # RFC 5737, documentation
        "198.18.0.1",  # RFC 2544, benchmarks
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::169.254.169.254",  # RFC 6052, NAT64
        "64:ff9b:1::a00:1",  # RFC 8215, local NAT64
        "2002:7f00:1::",  # RFC 3056, 6to4 of 127.0.0.1
        "2002:a00:1::1",
        "2001:0:808:808::1",  # RFC 4380, Teredo
        "2001:db8::1",  # RFC 3849, documentation
        "3fff::1",  # RFC 9637, documentation
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "no address",
    ],
)
def test_an_address_of_a_network_of_one_s_own_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"],
)
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "LOCALHOST.", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1"),
        *("[::1]", "[::ffff:127.0.0.1]", "0"),
    ],
)
def test_no_spelling_of_this_machine_reaches_its_server(tmp_path, host):
    (tmp_path / "a").write_bytes(b"secret")
    with serve_folder(tmp_path, is_allowed=False) as (url, requests):
        place = f"http://{host}:{url.rpartition(':')[2]}/a"
        with pytest.raises(ImageError):
            open_remote(place)
        assert look_up([place])[place].fault
        assert requests == []


def test_a_server_of_this_machine_is_refused_until_it_is_allowed(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"content")
    with serve_folder(tmp_path, is_allowed=False) as (url, requests):
        with pytest.raises(ImageError, match=REFUSED):
            open_remote(f"{url}/a")
        assert look_up([f"{url}/a"])[f"{url}/a"].fault.startswith("its server has no public address")
        assert requests == []
        monkeypatch.setenv(addresses.ALLOW_VARIABLE, "1")
        with open_remote(f"{url}/a") as file:
            assert file.read() == b"content"
        monkeypatch.setenv(addresses.ALLOW_VARIABLE, "")
        with pytest.raises(ImageError, match=REFUSED):
            open_remote(f"{url}/a")


def resolved_to(monkeypatch, *answers):
    """Make the name server answer for example.org with these addresses, one after the other, the last for ever."""
    real, left = socket.getaddrinfo, list(answers)

    def getaddrinfo(host, port, *arguments, **options):
        if host == "example.org":
            host = left.pop(0) if len(left) > 1 else left[0]
        return real(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def as_public(monkeypatch):
    """Take this machine's address 127.0.0.1 for a public one, and no other of its addresses."""
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")


def test_a_name_that_is_resolved_anew_to_a_private_address_is_refused(tmp_path, monkeypatch):
    as_public(monkeypatch)
    resolved_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    (tmp_path / "a").write_bytes(b"content")
    with serve_folder(tmp_path, is_allowed=False) as (url, _):
        place = f"http://example.org:{url.rpartition(':')[2]}/a"
        with open_remote(place) as file:
            assert file.read() == b"content"
        _file_system.cache_clear()  # and with it the address that the name had
        with pytest.raises(ImageError, match=REFUSED):
            open_remote(place)


def redirecting(target):
    def answer(handler):
        if handler.path == "/away":
            handler.send_response(302)
            handler.send_header("Location", target(handler))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        return handler.path == "/away"

    return answer


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost.", "[::ffff:127.0.0.1]", "0x7f000002"])
def test_a_redirect_to_a_private_address_is_not_followed(tmp_path, monkeypatch, host):
    as_public(monkeypatch)
    if host == "localhost.":
        resolve = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda name, *rest, **options: resolve("127.0.0.3", *rest, **options)
        )
    (tmp_path / "there").write_bytes(b"secret")
    answer = redirecting(lambda handler: f"http://{host}:{handler.server.server_port}/there")
    with serve_folder(tmp_path, answer, is_allowed=False) as (url, requests):
        with pytest.raises(ImageError, match=REFUSED):
            open_remote(f"{url}/away")
        assert look_up([f"{url}/away"])[f"{url}/away"].fault.startswith("its server has no public address")
        assert not [line for line in requests if "there" in line]


def test_a_redirect_to_a_public_address_is_followed_but_not_for_ever(tmp_path, monkeypatch):
    as_public(monkeypatch)
    (tmp_path / "there").write_bytes(b"content")
    with (
        serve_folder(tmp_path, redirecting(lambda _: "/there"), is_allowed=False) as (url, _),
        open_remote(f"{url}/away") as file,
    ):
        assert file.read() == b"content"
    with serve_folder(tmp_path, redirecting(lambda _: "/away"), is_allowed=False) as (url, requests):
        assert look_up([f"{url}/away"])[f"{url}/away"].fault == "it cannot be downloaded"
        assert len(requests) == 10  # five by HEAD, five by GET


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://1.1.1.1/a", "gopher://1.1.1.1/a", "data:,a"])
def test_a_redirect_to_another_scheme_is_not_followed(tmp_path, target):
    with (
        serve_folder(tmp_path, redirecting(lambda _: target)) as (url, _),
        pytest.raises(ImageError, match=r"^it cannot be downloaded$"),
    ):
        open_remote(f"{url}/away")


def test_a_proxy_may_stand_anywhere_and_is_not_asked_for_private_names(tmp_path, monkeypatch):
    def answer(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "7")
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(b"content")
        return True

    with serve_folder(tmp_path, answer, is_allowed=False) as (url, requests):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        resolved_to(monkeypatch, "10.0.0.1")
        for host in ("1.1.1.1", "only-the-proxy-knows.invalid"):
            with open_remote(f"http://{host}/a") as file:
                assert file.read() == b"content"
        assert len(requests) == 2
        for host in ("10.0.0.1", "2852039166", "localhost", "metadata.google.internal", "example.org", "[::1]"):
            with pytest.raises(ImageError, match=REFUSED):
                open_remote(f"http://{host}/a")
        assert len(requests) == 2
