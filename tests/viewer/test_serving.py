"""Serving: who listens is told everything, and nothing goes on when nobody does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

from spectrack.cli import main
from spectrack.errors import ConfigError, MissingExtraError
from spectrack.runs.entries import SequenceEntry
from spectrack.runs.reading import read_run
from spectrack.runs.runner import run
from spectrack.sequences.writers import write_sequence
from spectrack.trackers.loading import load_tracker
from spectrack.viewer import live as live_module
from spectrack.viewer import serving as server_module
from spectrack.viewer.opened import open_places
from spectrack.viewer.options import ViewOptions
from spectrack.viewer.serving import serve
from spectrack.viewer.viewing import Saving, Viewing
from tests.fixtures.refusals import refuses
from tests.fixtures.viewers import serving, small_clip, view_of, wait_for


class Listener:
    """A page that listens to events."""

    def __init__(self, address):
        self._answer = urllib.request.urlopen(f"{address}events", timeout=60)
        self.rows = []

    def until(self, phase):
        """Listen until the track is in a phase; the rows are put together as the page does it."""
        while True:
            name = self._answer.readline().decode().removeprefix("event: ").strip()
            if not name or name.startswith(":"):
                continue
            told = json.loads(self._answer.readline().decode().removeprefix("data: "))
            if name == "begin":
                self.rows = self.rows[: told["kept"]]
            elif name == "rows":
                self.rows[told["first"] :] = told["rows"]
            elif told["phase"] == phase:
                return self.rows

    def close(self):
        self._answer.close()


def post(address, path, **values):
    request = urllib.request.Request(
        address + path, json.dumps(values).encode(), {"content-type": "application/json"}, method="POST"
    )
    return json.load(urllib.request.urlopen(request, timeout=60))


def track(address, frame=0, box=(20, 20, 12, 10)):
    post(address, "track", sequence=0, frame=frame, box=box, tracker="cf")


def test_pages_that_come_early_late_and_again_are_told_the_same(tmp_path):
    viewing = view_of(small_clip, folder=tmp_path)
    with serving(viewing) as server:
        early = Listener(server.address)
        early.until("none")
        track(server.address)
        late = Listener(server.address)
        rows = early.until("done")
        assert len(rows) == 12
        assert late.until("done") == rows
        late.close()
        track(server.address, frame=6, box=(30, 20, 12, 10))
        corrected = early.until("done")
        assert corrected[:6] == rows[:6]
        assert corrected[6]["box"] == [30, 20, 12, 10]
        again = Listener(server.address)
        assert again.until("done") == corrected


def test_it_ends_by_itself_when_the_last_page_has_been_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "ABANDONED_S", 0.2)
    with serving(view_of(small_clip, folder=tmp_path)) as server:
        one, other = Listener(server.address), Listener(server.address)
        one.close()
        time.sleep(0.6)
        assert server.thread.is_alive()
        other.close()
        server.thread.join(30)
        assert not server.thread.is_alive()


def test_it_waits_for_the_first_page_and_longer_for_a_track_that_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "ABANDONED_S", 0.05)
    viewing = view_of(small_clip, folder=tmp_path / "runs")
    with serving(viewing) as server:
        time.sleep(0.6)
        assert server.thread.is_alive()
        track(server.address)
        page = Listener(server.address)
        page.until("done")
        page.close()
        time.sleep(0.6)
        assert server.thread.is_alive()
        viewing.save("kept", overlay=False)
        server.thread.join(30)
        assert not server.thread.is_alive()


def test_a_page_closed_while_a_tracker_works_leaves_neither_a_thread_nor_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "ABANDONED_S", 0.1)
    monkeypatch.setattr(server_module, "ABANDONED_UNSAVED_S", 0.4)
    viewing = view_of(small_clip, folder=tmp_path / "runs")
    with serving(viewing) as server:
        page = Listener(server.address)
        track(server.address)
        wait_for(lambda: viewing.live.rows_from(0, 1))
        page.close()
        server.thread.join(30)
        assert not server.thread.is_alive()
    assert not viewing.live.is_busy
    assert "tracking" not in {thread.name for thread in threading.enumerate()}
    assert list(tmp_path.iterdir()) == []


def test_a_track_is_saved_whole_when_the_server_ends_meanwhile(tmp_path, monkeypatch):
    """Ctrl-C while it is written: the folder is there with all of it, or not at all, and nothing lies beside it."""
    viewing, begun, end = view_of(small_clip, folder=tmp_path / "runs"), threading.Event(), threading.Event()
    write = live_module.write_followed

    def slow(*words, **more):
        begun.set()
        assert end.wait(60)
        return write(*words, **more)

    monkeypatch.setattr(live_module, "write_followed", slow)
    with serving(viewing) as server:
        track(server.address)
        wait_for(lambda: not viewing.live.is_busy)
        saving = threading.Thread(target=lambda: suppress_all(post, server.address, "save", name="mine"))
        saving.start()
        assert begun.wait(60)
        viewing.closing.set()
        time.sleep(0.3)
        end.set()
        saving.join(60)
        server.thread.join(60)
    assert [folder.name for folder in (tmp_path / "runs").iterdir()] == ["mine"]
    assert len(read_run(tmp_path / "runs/mine").sequences["small"].boxes) == 12
    assert viewing.live.saved_to


def test_a_run_that_is_deleted_while_it_is_looked_at_is_shown_on_without_what_lay_in_it(tmp_path):
    run([SequenceEntry("a", small_clip)], lambda: load_tracker("cf"), tmp_path / "bench" / "cf")
    viewing = Viewing(open_places([tmp_path / "bench"]), Saving(tmp_path / "runs"))
    with serving(viewing) as server:
        before = json.load(urllib.request.urlopen(f"{server.address}sequences/0", timeout=60))
        shutil.rmtree(tmp_path / "bench")
        assert json.load(urllib.request.urlopen(f"{server.address}sequences/0", timeout=60)) == before
        told = json.load(urllib.request.urlopen(f"{server.address}sequences/0/importance/0", timeout=60))
        assert told == {"rows": None}
        assert json.load(urllib.request.urlopen(f"{server.address}about", timeout=60))["runs"]
    assert not (tmp_path / "bench").exists()


def suppress_all(act, *words, **more):
    with suppress(Exception):
        act(*words, **more)


def test_a_tracker_at_work_is_stopped_when_the_server_ends(tmp_path):
    viewing = view_of(lambda: small_clip(12), folder=tmp_path)
    with serving(viewing) as server:
        track(server.address)
        wait_for(lambda: viewing.live.rows_from(0, 1))
    assert not viewing.live.is_busy
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_refused(tmp_path):
    with serving(view_of(small_clip, folder=tmp_path)) as server:
        port = int(server.address.split(":")[2].split("/")[0])
        with refuses(ConfigError, str(port), "--port"):
            serve(view_of(small_clip, folder=tmp_path), ViewOptions(port, browser=False), lambda address: None)


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports_that_are_none_are_refused(tmp_path, port):
    with refuses(ConfigError, str(port)):
        serve(view_of(small_clip, folder=tmp_path), ViewOptions(port, browser=False), lambda address: None)


def test_without_the_extra_the_commands_say_which_to_install(tmp_path, monkeypatch, command_refuses):
    write_sequence(small_clip(2), tmp_path / "clip", format="npy")
    monkeypatch.setattr(server_module, "find_spec", lambda name: None)
    with refuses(MissingExtraError, "'spectrack[viewer]'"):
        server_module.check_extra()
    command_refuses(["view", tmp_path / "clip"], "'spectrack[viewer]'")
    command_refuses(["track", tmp_path / "clip", "--view", "--out", tmp_path / "out"], "'spectrack[viewer]'")


def test_no_box_and_no_display_names_the_three_ways(tmp_path, command_refuses):
    clip = small_clip(2)
    clip.truth = None
    write_sequence(clip, tmp_path / "clip", format="npy")
    words = ["track", tmp_path / "clip", "--out", tmp_path / "out"]
    command_refuses(words, "--box x,y,w,h", "--box-from FILE", "--view")
    command_refuses([*words, "--view", "--point", "3,4"], "--view", "found both")


def test_no_box_opens_the_page_where_somebody_can_draw_one(tmp_path, monkeypatch, capsys):
    """The page's part is played by requests; what is saved is printed as `track` prints it."""
    clip = small_clip()
    clip.truth = None
    write_sequence(clip, tmp_path / "clip", format="npy")
    monkeypatch.setattr(server_module, "has_display", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    asked = []

    def draw_and_save(viewing, options, on_ready):
        asked.append(viewing.about())
        viewing.start({"sequence": 0, "frame": 0, "box": [20, 20, 12, 10], "tracker": "cf"})
        wait_for(lambda: not viewing.live.is_busy)
        viewing.save("ignored", overlay=False)

    monkeypatch.setattr(server_module, "serve", draw_and_save)
    assert main(["track", str(tmp_path / "clip"), "--tracker", "cf", "--out", str(tmp_path / "out/mine")]) == 0
    assert asked[0]["name"] == "mine"
    assert [tracker["name"] for tracker in asked[0]["trackers"]] == ["cf"]
    assert "12 frames" in capsys.readouterr().out
    summary = json.loads((tmp_path / "out/mine/summary.json").read_text())
    assert (summary["settings"]["command"], summary["settings"]["box"]) == ("track", "20,20,12,10")
    monkeypatch.setattr(server_module, "serve", lambda viewing, options, on_ready: None)
    assert main(["track", str(tmp_path / "clip"), "--view", "--out", str(tmp_path / "other")]) == 2
    assert "press Save" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_the_command_prints_its_address_and_ends_on_a_signal_with_nothing_left(tmp_path):
    write_sequence(small_clip(4), tmp_path / "clip", format="npy")
    words = [sys.executable, "-m", "spectrack", "view", "clip", "--no-browser"]
    # What a shell starts in the background ignores this signal, tests among it, and a child inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        address = process.stdout.readline().split()[-1]
        assert "Ctrl-C" in process.stdout.readline()
        assert b"<title>spectrack view</title>" in urllib.request.urlopen(address, timeout=60).read()
        track(address)
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(address.rsplit("/", 2)[0] + "/", timeout=60)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, complaints) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]
