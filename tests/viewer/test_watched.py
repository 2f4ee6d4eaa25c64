"""A source that is looked at while it is tracked: what pages are told, what is kept, and that nobody is waited for."""

import json
import threading
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from spectrack.errors import InputError, StoppedError
from spectrack.live.recording import record_live
from spectrack.sequences.frames import ArrayFrame
from spectrack.sequences.memory import MemorySequence
from spectrack.sources.base import Glimpse
from spectrack.sources.given import GivenSource
from spectrack.viewer import watched as watched_module
from spectrack.viewer.server import make_app
from spectrack.viewer.serving import serving_beside
from spectrack.viewer.watched import NewestFrames, WatchedSource, WatchedTrack
from tests.fixtures.refusals import check_sentence, refuses
from tests.fixtures.viewers import TOKEN, small_clip, wait_for
from tests.live.trackers import Mover

BOX = (2, 3, 6, 5)
CUBES = np.random.default_rng(0).integers(1, 1000, (12, 16, 24, 16), np.uint16)


class Started:
    """A track in a source in a thread of its own, and its page's questions."""

    def __init__(self, cubes=CUBES, given=None, tracker=None, **more):
        self.source, self.stopped = GivenSource(cubes), threading.Event()
        self.track = WatchedTrack("camera", self.stopped, given)
        self.shown = WatchedSource("cf", self.track)
        self.client = TestClient(make_app(self.shown, TOKEN), base_url=f"http://127.0.0.1/{TOKEN}")
        self.result = []
        self._arguments = (self.source, tracker or Mover(), None, self.track.find)
        self._more = more | {"is_over": self.stopped.is_set, "on_estimate": lambda found, _: self.track.take(found)}
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            self.result.append(record_live(*self._arguments, **self._more))
        except (InputError, StoppedError) as error:
            self.result.append(error)

    def waits(self):
        wait_for(lambda: self.track.phase == "waiting")

    def post(self, path, **values):
        return self.client.post(path, json=values)

    def finish(self):
        self.thread.join(30)
        self.track.end()
        return self.result[0]


def test_rows_pictures_and_spectra_are_those_of_the_frames():
    started = Started(given=lambda glimpse: BOX)
    assert started.finish().tracked == 12
    told = started.client.get("sequences/0").json()
    assert (told["frames"], told["width"], told["bands"], told["rules"]) == (12, 24, 16, ["thirds", "pca3"])
    news = started.track.news(0, 100)
    assert (news["first"], news["gone"]) == (0, 0)
    assert [row["box"][0] for row in news["rows"]] == list(range(2, 14))
    assert [(row["frame"], row["dropped"], row["lost"]) for row in news["rows"][3:5]] == [(3, 0, True), (4, 0, False)]
    assert started.track.news(9, 2)["rows"] == news["rows"][9:11]
    assert started.track.news(12, 2) is None
    data = started.client.get("sequences/0/frames/7", params={"rule": "triple(3,3,3)"}).content
    picture = np.frombuffer(data, np.uint8).reshape(16, 24, 4)[..., :3]
    assert (picture == MemorySequence(CUBES).false_colour(7, "triple(3,3,3)")).all()
    values = started.client.get("sequences/0/spectrum?frame=7&at=4,5").json()["values"]
    assert values == CUBES[7][5, 4].tolist()
    assert started.track.status()["phase"] == "done"


def test_the_first_box_is_drawn_in_a_frame_that_waits():
    started = Started()
    started.waits()
    assert started.client.get("sequences/0").json()["frames"] == 1
    time.sleep(0.05)
    assert started.track.news(0, 9) is None  # nothing is tracked before
    assert started.post("track", sequence=0, frame=0, box=None).status_code == 200  # not to be seen: another frame
    wait_for(lambda: started.track.status()["frames"] == 2)
    started.waits()
    assert started.post("track", sequence=0, frame=1, box=BOX, tracker="cf", profile=None).status_code == 200
    count = started.finish()
    assert (count.first, count.tracked, count.dropped) == (1, 11, 0)
    assert started.track.status()["start"] == 1
    assert started.track.news(0, 1)["rows"][0]["frame"] == 1


@pytest.mark.parametrize(
    ("wanted", "facts"),
    [
        ({"sequence": 0, "frame": 1, "box": BOX}, ("frame 0", "found one in 1")),
        ({"sequence": 0, "frame": 0, "box": (30, 3, 6, 5)}, ("24 x 16",)),
        ({"sequence": 0, "frame": 0, "box": (1, 2, 3)}, ("x,y,w,h",)),
        ({"sequence": 1, "frame": 0, "box": BOX}, ("found 1",)),
        ({"sequence": 0, "frame": 0}, ("'box'",)),
    ],
)
def test_boxes_that_mean_nothing_are_refused_and_the_tracker_waits_on(wanted, facts):
    started = Started()
    started.waits()
    answer = started.post("track", **wanted)
    assert answer.status_code == 400
    check_sentence(answer.json()["error"], *facts)
    assert started.track.phase == "waiting"
    assert started.post("stop").status_code == 200
    assert isinstance(started.finish(), StoppedError)


def test_what_a_source_does_not_do_is_refused():
    started = Started(given=lambda glimpse: BOX)
    started.finish()
    for answer, fact in (
        (started.post("track", sequence=0, frame=11, box=BOX), "waits"),
        (started.post("save", name="mine"), "--out"),
        (started.client.get("sequences/0/importance/0"), "found none"),
        (started.client.get("sequences/0/frames/12"), "0 to 11"),
    ):
        assert answer.status_code == 400
        check_sentence(answer.json()["error"], fact)


def test_stop_ends_the_source_as_ctrl_c_does():
    def camera():
        while True:
            yield CUBES[0]
            time.sleep(0.005)

    started = Started(camera(), given=lambda glimpse: BOX)
    wait_for(lambda: started.track.news(0, 1))
    started.post("stop")
    count = started.finish()
    assert count.reason == "stopped"
    assert count.tracked > 0
    assert started.track.status()["phase"] == "stopped"


def test_only_the_newest_frames_are_kept(monkeypatch):
    monkeypatch.setattr(watched_module, "MOST_FRAMES", 4)
    started = Started(given=lambda glimpse: BOX)
    started.finish()
    assert started.client.get("sequences/0").json()["most"] == 4
    news = started.track.news(3, 100)
    assert (news["first"], news["gone"], len(news["rows"])) == (8, 8, 4)
    assert news["rows"][-1]["frame"] == 11
    assert started.client.get("sequences/0/frames/8").status_code == 200
    answer = started.client.get("sequences/0/frames/7")
    assert answer.status_code == 400
    check_sentence(answer.json()["error"], "from 8 on", "found 7")


def test_large_frames_are_kept_in_so_much_memory_and_two_at_least(monkeypatch):
    glimpse = Glimpse(GivenSource(CUBES), ArrayFrame(CUBES[0]))
    assert NewestFrames(glimpse).most == 500
    monkeypatch.setattr(watched_module, "MOST_BYTES", 7 * CUBES[0].nbytes + 1)
    frames = NewestFrames(glimpse)
    assert frames.most == 7
    for cube in CUBES[1:]:
        frames.add(ArrayFrame(cube))
    assert (frames[5] == CUBES[5]).all()
    with refuses(InputError, "from 5 on"):
        frames[4]
    monkeypatch.setattr(watched_module, "MOST_BYTES", 1)
    assert NewestFrames(glimpse).most == 2


def test_a_reader_who_stops_reading_does_not_hold_the_tracker_up():
    """A page asks for everything and takes nothing; another has closed; the source goes on to its end."""
    import socket

    cubes = np.stack(list(small_clip()))
    ready, go = [], threading.Event()

    def camera():
        yield cubes[0]
        go.wait(30)
        for index in range(300):
            yield cubes[index % 12]

    source, stopped = GivenSource(camera()), threading.Event()
    track = WatchedTrack("camera", stopped, lambda glimpse: (20, 20, 12, 10))
    with serving_beside(WatchedSource("cf", track), ready.append):
        port, token = ready[0].split(":")[2].split("/")[:2]
        held = socket.create_connection(("127.0.0.1", int(port)))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        held.sendall(f"GET /{token}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        gone = socket.create_connection(("127.0.0.1", int(port)))
        gone.sendall(f"GET /{token}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        gone.recv(100)
        gone.close()
        go.set()
        count = record_live(source, Mover(), None, track.find, on_estimate=lambda found, _: track.take(found))
        track.end()
        held.close()
    assert count.tracked == 301


def test_a_page_is_told_the_end_before_the_server_goes():
    import urllib.request

    source, stopped, ready = GivenSource(CUBES), threading.Event(), []
    track = WatchedTrack("camera", stopped, lambda glimpse: BOX)
    with serving_beside(WatchedSource("cf", track), ready.append):
        answer = urllib.request.urlopen(f"{ready[0]}events", timeout=30)
        record_live(source, Mover(), None, track.find, on_estimate=lambda found, _: track.take(found))
        track.end("the cable is out")
    said = answer.read().decode().split("event: ")[1:]
    events = [(part.split("\n")[0], json.loads(part.split("data: ")[1])) for part in said]
    assert sum(len(told["rows"]) for name, told in events if name == "rows") == 12
    name, last = events[-1]
    assert (name, last["phase"], last["message"]) == ("status", "failed", "the cable is out")


def test_the_white_level_follows_the_frame_to_start_in():
    source = GivenSource(CUBES)
    dark, bright = (Glimpse(source, ArrayFrame(np.full((16, 24, 16), value, np.uint16))) for value in (1, 1000))
    frames = NewestFrames(dark)
    frames.add(bright.frame(0))
    frames.colour_by(bright)
    assert frames.false_colour(0).max() < 20
    assert frames.false_colour(1).max() > 200


def test_a_page_before_the_first_frame_is_told_so_and_asks_again(monkeypatch):
    monkeypatch.setattr(watched_module, "_PATIENCE_S", 0.01)
    track = WatchedTrack("camera/", threading.Event(), lambda glimpse: BOX)
    client = TestClient(make_app(WatchedSource("cf", track), TOKEN), base_url=f"http://127.0.0.1/{TOKEN}")
    assert client.get("about").json()["sequences"] == ["camera/"]
    told = client.get("sequences/0").json()
    assert (told["waits"], told["frames"], told["name"]) == (True, 0, "camera/")
    answer = client.get("sequences/0/frames/0")
    assert answer.status_code == 400
    check_sentence(answer.json()["error"], "camera/", "none yet")
    record_live(GivenSource(CUBES), Mover(), None, track.find)
    assert client.get("sequences/0").json()["frames"] == 1


@pytest.mark.parametrize(("fault", "told"), [("", "Stopped before"), ("no such camera", "no such camera")])
def test_a_page_of_a_source_that_never_gave_a_frame_is_told_why(fault, told):
    track = WatchedTrack("camera/", stopped := threading.Event())
    if not fault:
        stopped.set()
    track.end(fault)
    client = TestClient(make_app(WatchedSource("cf", track), TOKEN), base_url=f"http://127.0.0.1/{TOKEN}")
    answer = client.get("sequences/0").json()
    assert not answer["waits"]
    assert told in answer["fault"]
    assert (answer["rules"], answer["truth"], answer["tracks"]) == ([], None, {})
