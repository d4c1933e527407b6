"""Whatever clients send, the router answers with a status of its protocol, and goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairos_cli.router.http_site import Limits
from tests.router.live import CPU, Backend, Live, live, query

GOOD = json.dumps(query(2)).encode()
#: What there may be: answered, the client's mistake in one of its forms, or nothing for a connection that was closed.
EXPECTED = {200, 400, 404, 405, 408, 413, 431}


@pytest.fixture(scope="module")
def proxy() -> Iterator[Live]:
    """A router that runs in another thread."""
    loop, found, ready, done = asyncio.new_event_loop(), [], threading.Event(), asyncio.Event()

    async def run() -> None:
        async with live((CPU, Backend()), limits=Limits(body_bytes=100_000, idle_s=0.3, body_s=0.2)) as running:
            found.append(running)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(20)
    yield found[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


def sent(port: int, content: bytes) -> bytes:
    """Send bytes, say that no more follow, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            connection.sendall(content)
            parts = []
            while part := connection.recv(65_536):
                parts.append(part)
        except ConnectionError:
            return b""
        return b"".join(parts)


def status_of(answer: bytes) -> int | None:
    return int(answer.split(b" ", 2)[1]) if answer else None


def posted(path: bytes, headers: bytes, body: bytes) -> bytes:
    fixed = b"Host: x\r\nConnection: close\r\nContent-Length: %d\r\n" % len(body)
    return b"POST %s HTTP/1.1\r\n%s%s\r\n%s" % (path, fixed, headers, body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
tensors = st.fixed_dictionaries(
    {}, optional={"name": json_values, "shape": json_values | st.lists(st.integers(-1, 1001)), "data": json_values}
)
bodies = st.one_of(
    st.binary(max_size=200),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"inputs": st.lists(tensors, max_size=2)}).map(lambda value: json.dumps(value).encode()),
    st.builds(lambda at, byte: GOOD[:at] + byte + GOOD[at + 1 :], st.integers(0, len(GOOD)), st.binary(max_size=2)),
)
lengths = st.none() | st.integers(-5, 300).map(str) | st.text("0123456789x ", max_size=25)


@settings(max_examples=150, deadline=None)
@given(body=bodies, length=lengths)
def test_any_body_is_answered_or_refused(proxy: Live, body: bytes, length: str | None) -> None:
    """A body of whatever bytes, with whatever length of its JSON object, gets an answer or a client's error."""
    header = b"" if length is None else b"Inference-Header-Content-Length: %s\r\n" % length.encode()
    answer = sent(proxy.router.port, posted(b"/v2/models/rm2/infer", header, body))

    assert status_of(answer) in EXPECTED | {500}
    if status_of(answer) == 500:  # the test's server cannot read it: its own answer, which is passed on
        assert b"defect" not in answer


@settings(max_examples=100, deadline=None)
@given(line=st.binary(max_size=60), headers=st.binary(max_size=100))
def test_any_bytes_end_in_an_answer_or_a_closed_connection(proxy: Live, line: bytes, headers: bytes) -> None:
    """Bytes that are hardly HTTP get 400 or the like, or the connection is closed when its time is over."""
    answer = sent(proxy.router.port, line + b"\r\n" + headers + b"\r\n\r\n")

    assert status_of(answer) in EXPECTED | {None}


@settings(max_examples=60, deadline=None)
@given(path=st.text(st.characters(codec="ascii", min_codepoint=33), max_size=40))
def test_any_path_is_answered(proxy: Live, path: str) -> None:
    """A path of whatever characters is answered, and reaches no server's inference."""
    answer = sent(proxy.router.port, b"GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())

    assert status_of(answer) in EXPECTED


def test_after_all_that_queries_are_served(proxy: Live) -> None:
    """The router has found no defect in itself, and its server is in use."""
    assert 200 == status_of(sent(proxy.router.port, posted(b"/v2/models/rm2/infer", b"", GOOD)))
    assert [] == [line for line in proxy.journal if line["event"] == "defect"]
