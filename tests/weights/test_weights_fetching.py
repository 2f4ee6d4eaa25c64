"""Fetching weights from files and from a server on this machine: nothing appears without the right checksum."""

import hashlib
import http.server
import threading

import pytest

from spectrack.errors import ConfigError, WeightsError
from spectrack.weights.fetching import fetch_weights
from spectrack.weights.index import cache_folder
from tests.fixtures.refusals import refuses

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def file_url(tmp_path):
    path = tmp_path / "source" / "mine.safetensors"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path.as_uri()


@pytest.fixture
def server():
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/gone.bin":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT) * (2 if self.path == "/broken.bin" else 1)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_file_is_fetched_into_the_cache(file_url):
    path = fetch_weights(file_url, sha256=DIGEST)
    assert path == cache_folder() / "mine.safetensors"
    assert path.read_bytes() == CONTENT


def test_a_server_is_asked_and_progress_told(server, tmp_path):
    seen = []
    path = fetch_weights(f"{server}/a%20b.bin", sha256=DIGEST.upper(), on_progress=lambda *step: seen.append(step))
    assert path.name == "a b.bin"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_wrong_checksum_leaves_nothing(file_url, tmp_path):
    with refuses(WeightsError, "0" * 64, DIGEST, "mine.safetensors"):
        fetch_weights(file_url, sha256="0" * 64, out=tmp_path / "new" / "file.bin")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("digest", ["", "abc", "g" * 64, DIGEST + "0"])
def test_without_a_checksum_nothing_is_fetched(file_url, digest):
    with refuses(ConfigError, "SHA-256", "mine.safetensors", repr(digest)):
        fetch_weights(file_url, sha256=digest)
    assert not cache_folder().exists()


@pytest.mark.parametrize("url", ["ftp://host/file", "mine.safetensors", "javascript:alert(1)", ""])
def test_other_addresses_are_refused(url):
    with refuses(ConfigError, "https://", "http://", "file://", repr(url)):
        fetch_weights(url, sha256=DIGEST)


def test_an_address_without_a_file_name(server):
    with refuses(ConfigError, f"'{server}/'", "--out"):
        fetch_weights(f"{server}/", sha256=DIGEST)


def test_a_missing_file_and_an_absent_server(server, tmp_path):
    with refuses(WeightsError, "gone.bin", "Not Found"):
        fetch_weights(f"{server}/gone.bin", sha256=DIGEST)
    with refuses(WeightsError, "http://127.0.0.1:9/file.bin"):
        fetch_weights("http://127.0.0.1:9/file.bin", sha256=DIGEST)
    with refuses(WeightsError, "absent.bin"):
        fetch_weights((tmp_path / "absent.bin").as_uri(), sha256=DIGEST)


def test_a_broken_connection_is_told_from_a_wrong_checksum(server, tmp_path):
    with refuses(WeightsError, "14000 bytes", "broken.bin"):
        fetch_weights(f"{server}/broken.bin", sha256=DIGEST, out=tmp_path / "file.bin")
    assert not (tmp_path / "file.bin").exists()


def test_what_is_there_already_is_not_fetched_again(file_url, tmp_path):
    fetch_weights(file_url, sha256=DIGEST)
    (tmp_path / "source" / "mine.safetensors").unlink()
    assert fetch_weights(file_url, sha256=DIGEST).read_bytes() == CONTENT


def test_another_file_is_replaced_only_when_allowed(file_url, tmp_path):
    target, other = tmp_path / "file.bin", tmp_path / "other.bin"
    other.write_bytes(b"something else")
    fetch_weights(other.as_uri(), sha256=hashlib.sha256(b"something else").hexdigest(), out=target)
    with refuses(ConfigError, "file.bin", "--overwrite"):
        fetch_weights(file_url, sha256=DIGEST, out=target)
    assert target.read_bytes() == b"something else"
    fetch_weights(file_url, sha256=DIGEST, out=target, overwrite=True)
    assert target.read_bytes() == CONTENT
    with refuses(ConfigError, "other.bin"):  # nobody fetched that one
        fetch_weights(file_url, sha256=DIGEST, out=other, overwrite=True)
    assert other.read_bytes() == b"something else"
