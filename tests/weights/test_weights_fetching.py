"""Fetching weights from files and from a server on this machine: nothing appears without the right checksum."""

import hashlib
import http.server
import threading
import urllib.error

import pytest

from spectrack.errors import ConfigError, WeightsError
from spectrack.weights import fetching
from spectrack.weights.fetching import fetch_pinned, fetch_weights
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
            if self.path.startswith("/to/"):
                self.send_response(302)
                self.send_header("Location", self.path.removeprefix("/to/"))
                self.end_headers()
                return
            asked = self.headers.get("Range") if self.path == "/resumed.bin" else None
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            breaks = self.path == "/broken.bin" or (self.path == "/resumed.bin" and not asked)
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(CONTENT) * (2 if self.path == "/broken.bin" else 1) - start))
            self.end_headers()
            self.wfile.write(CONTENT[start : 3000 if breaks and self.path == "/resumed.bin" else None])

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


@pytest.mark.parametrize("url", ["ftp://host/file", "http://host/file", "mine.safetensors", "javascript:alert(1)", ""])
def test_other_addresses_are_refused(url):
    with refuses(ConfigError, "https://", "file://", repr(url)):
        fetch_weights(url, sha256=DIGEST)


@pytest.mark.parametrize(
    ("url", "error"),
    [("http://host/file", ConfigError), ("ftp://host/file", ConfigError), ("file:///etc/passwd", WeightsError)],
)
def test_no_server_sends_on_to_where_one_would_not_have_gone(server, url, error):
    with refuses(error, url):
        fetch_weights(f"{server}/to/{url}", sha256=DIGEST)
    assert fetch_weights(f"{server}/to/{server}/there.bin", sha256=DIGEST).read_bytes() == CONTENT


def test_what_is_too_large_is_refused_and_not_kept(server, file_url, monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "LARGEST_BYTES", len(CONTENT) - 1)
    for url in (f"{server}/a.bin", file_url):
        with refuses(WeightsError, f"{len(CONTENT) - 1} bytes", len(CONTENT), url):
            fetch_weights(url, sha256=DIGEST, out=tmp_path / "file.bin")
    assert not (tmp_path / "file.bin").exists()
    assert not list(cache_folder().glob("*.part"))


def test_a_download_that_broke_off_goes_on_where_it_ended(server):
    with refuses(WeightsError, f"{len(CONTENT)} bytes", "3000"):
        fetch_weights(f"{server}/resumed.bin", sha256=DIGEST)
    seen = []
    path = fetch_weights(f"{server}/resumed.bin", sha256=DIGEST, on_progress=lambda *step: seen.append(step))
    assert path.read_bytes() == CONTENT
    assert seen[0][0] > 3000
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert not list(cache_folder().glob(".*.part"))


def test_the_checksum_may_stand_in_the_address(file_url, tmp_path):
    assert fetch_weights(f"{file_url}#sha256={DIGEST}", out=tmp_path / "file.bin").read_bytes() == CONTENT
    with refuses(ConfigError, "#sha256=DIGITS", "'md5=00'", "mine.safetensors"):
        fetch_weights(f"{file_url}#md5=00")


def test_an_address_with_its_checksum_is_kept_under_both(file_url, tmp_path):
    path = fetch_pinned(f"{file_url}#sha256={DIGEST}")
    assert path == cache_folder() / f"mine-{DIGEST[:12]}.safetensors"
    (tmp_path / "source" / "mine.safetensors").write_bytes(b"something else")
    assert fetch_pinned(f"{file_url}#sha256={DIGEST}").read_bytes() == CONTENT
    other = hashlib.sha256(b"something else").hexdigest()
    assert fetch_pinned(f"{file_url}#sha256={other}").read_bytes() == b"something else"
    with refuses(ConfigError, "SHA-256", "mine.safetensors"):
        fetch_pinned(file_url)


def test_offline_it_is_said_what_to_put_where(monkeypatch):
    def unreachable(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", unreachable)
    place = cache_folder() / f"mine-{DIGEST[:12]}.pth"
    address = f"https://example.org/mine.pth#sha256={DIGEST}"
    with refuses(WeightsError, "https://example.org/mine.pth", "Name or service not known", place):
        fetch_pinned(address)
    place.write_bytes(CONTENT)
    assert fetch_pinned(address) == place


def test_without_a_home_a_file_goes_where_it_is_asked_to(file_url, monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(fetching, "cache_folder", homeless)
    assert fetch_weights(file_url, sha256=DIGEST, out=tmp_path / "file.bin").read_bytes() == CONTENT


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
