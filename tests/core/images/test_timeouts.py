"""Servers that never come to an end."""

import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest

from overread.errors import ImageError
from overread.images import downloads, timeouts
from overread.images.downloads import Downloads
from overread.images.remote_file import open_remote
from overread.images.remote_listing import look_up
from overread.images.timeouts import seconds_for
from tests.core.images.storages import serve_folder


def test_a_file_may_take_the_longer_the_larger_it_is_and_no_file_for_ever():
    assert seconds_for(0) == 60
    assert seconds_for(2_000_000) == 160
    assert seconds_for(10**12) == 7200


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr(timeouts, "GRACE_S", 0.5)
    monkeypatch.setattr(timeouts, "LOOK_UP_S", 0.5)
    monkeypatch.setattr("overread.images.remote_listing.LOOK_UP_S", 0.5)


def drip(over, part, handler):
    """Sends the head, or the body, a byte at a time until the test is over."""
    if part == "body":
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        if handler.command == "HEAD":
            return True
    else:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    try:
        while not over.wait(0.05):
            handler.wfile.write(b"a")
            handler.wfile.flush()
    except OSError:
        pass
    handler.close_connection = True
    return True


@contextmanager
def dripping(folder, part):
    over = threading.Event()
    with serve_folder(folder, partial(drip, over, part)) as served:
        try:
            yield served
        finally:
            over.set()


@contextmanager
def at_most(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_drips_is_given_up(tmp_path, part):
    with (
        dripping(tmp_path, part) as (url, requests),
        at_most(5),
        pytest.raises(ImageError, match=r"^its server is too slow$"),
    ):
        open_remote(f"{url}/a")
    assert len(requests) <= 1  # it is not tried again


@pytest.mark.usefixtures("hurry")
def test_a_server_that_drips_is_looked_up_once(tmp_path):
    with dripping(tmp_path, "head") as (url, _), at_most(10):
        places = [f"{url}/{number}" for number in range(200)]
        assert {found.fault for found in look_up(places).values()} == {"its server is too slow"}


def test_a_slow_server_that_keeps_to_the_rate_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(timeouts, "GRACE_S", 0.5)

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "150000")
        handler.end_headers()
        for _ in range(15):
            time.sleep(0.1)
            handler.wfile.write(bytes(10_000))
        return True

    with serve_folder(tmp_path, answer) as (url, _), open_remote(f"{url}/a") as file:
        assert len(file.read()) == 150_000


@pytest.mark.usefixtures("hurry")
def test_frames_of_a_slow_file_are_waited_for_once_and_a_slow_server_not_for_each_file(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "_MAX_SLOW", 2)
    with dripping(tmp_path, "body") as (url, _), at_most(5):
        places = [f"{url}/scan"] * 20 + [f"{url}/{number}" for number in range(20)]
        files = Downloads(places)
        for place in places:
            with pytest.raises(ImageError, match=r"^its server is too slow$"), files.local(place):
                pass


def test_a_download_ends_when_it_is_stopped(tmp_path):
    stop = threading.Event()
    with dripping(tmp_path, "body") as (url, _), at_most(5):
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(ImageError, match=r"^its download was stopped$"):
            open_remote(f"{url}/a", stop=stop)
