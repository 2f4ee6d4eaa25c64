"""The page in a real Chromium: draw a box, track, scrub, correct, save; the saved boxes are the command's."""

import os
import shutil
import threading
import time

import numpy as np
import pytest

from spectrack.annotations.text import read_boxes
from spectrack.cli import main
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence
from spectrack.live.recording import record_live
from spectrack.recording import record
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.sources.given import GivenSource
from spectrack.trackers.base import Estimate, Tracker
from spectrack.trackers.loading import load_tracker
from spectrack.viewer import watched
from spectrack.viewer.opened import Item, Opened, open_places
from spectrack.viewer.serving import serving_beside
from spectrack.viewer.viewing import Saving, Viewing
from spectrack.viewer.watched import WatchedSource, WatchedTrack
from tests.fixtures.viewers import serving, small_clip, view_of


class Sinking(Tracker):
    name = "<i>sinking"

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box, self.index = np.asarray(box, float), 0

    def update(self, frame):
        self.index += 1
        self.box = self.box + np.array([0, 1.0, 0, 0])
        return Estimate(self.box, 1 / self.index, lost=self.index >= 8)


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'"

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")


@pytest.fixture
def clip(tmp_path):
    write_sequence(small_clip(), tmp_path / "clip", format="npy")
    return tmp_path / "clip"


@pytest.fixture(scope="module")
def browser():
    options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    playwright.expect.set_options(timeout=60_000)
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


def open_page(browser, address, complaints, place="frame 0 (1 of 12)"):
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}") or dialog.dismiss())
    page.goto(address)
    playwright.expect(page.locator("#place")).to_have_text(place)
    return page


class Stage:
    """Where the pixels of the frame, 80 x 64, lie on the screen while the picture fits its canvas."""

    def __init__(self, page):
        self.page = page
        area = page.locator("#stage").bounding_box()
        self.scale = min(area["width"] / 80, area["height"] / 64)
        self.x = area["x"] + (area["width"] - 80 * self.scale) / 2
        self.y = area["y"] + (area["height"] - 64 * self.scale) / 2

    def to(self, x, y):
        self.page.mouse.move(self.x + x * self.scale, self.y + y * self.scale)

    def drag(self, x0, y0, x1, y1):
        self.to(x0, y0)
        self.page.mouse.down()
        self.to((x0 + x1) / 2, (y0 + y1) / 2)
        self.to(x1, y1)
        self.page.mouse.up()

    def shows(self, x, y, picture):
        """Wait until the canvas has a picture's colour at a pixel, which a busy machine takes a while to draw."""
        deadline = time.monotonic() + 15
        while (seen := self.colour(x, y)) != (wanted := picture[y, x].tolist()) and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        assert seen == wanted

    def colour(self, x, y):
        """R, G, B of the canvas in the middle of a pixel of the frame."""
        where = [(x + 0.5) * self.scale, (y + 0.5) * self.scale, self.scale]
        return self.page.evaluate(
            """([x, y]) => {
                const canvas = document.getElementById("stage"), share = canvas.width / canvas.clientWidth;
                const left = (canvas.clientWidth - Math.min(canvas.clientWidth, canvas.clientHeight * 80 / 64)) / 2;
                const top = (canvas.clientHeight - Math.min(canvas.clientHeight, canvas.clientWidth * 64 / 80)) / 2;
                const at = [(left + x) * share, (top + y) * share];
                return [...canvas.getContext("2d").getImageData(at[0], at[1], 1, 1).data].slice(0, 3);
            }""",
            where[:2],
        )


def drawn_box(page):
    return [float(page.locator(f"#box-{name}").input_value()) for name in "xywh"]


def test_a_box_is_drawn_tracked_corrected_and_saved(browser, clip, tmp_path):
    def open_clip():
        sequence = open_sequence(clip)
        sequence.name = HOSTILE
        return sequence

    viewing, complaints = view_of(open_clip, folder=tmp_path / "runs"), []
    expect = playwright.expect
    with serving(viewing) as server:
        page = open_page(browser, server.address, complaints)
        expect(page.locator("h1")).to_have_text("<img src=x onerror=alert(1)>\\u202e\"'")
        stage, status = Stage(page), page.locator("#status")

        # A box by mouse, and its spectrum.
        stage.drag(20.2, 15.3, 36.1, 29.7)
        box = drawn_box(page)
        assert np.abs(np.array(box) - (20.2, 15.3, 15.9, 14.4)).max() < 0.2
        expect(page.locator("#spectrum-words")).to_contain_text("mean of the box")

        # Track, live.
        page.select_option("#tracker", "cf")
        page.click("#track")
        expect(status).to_have_text("Tracked to the end, 12 of 12 frames")
        expect(page.locator("#place")).to_have_text("frame 11 (12 of 12)")
        expect(page.locator("#map option")).to_have_count(4)

        # Scrub, and see the frame's own pixels.
        page.keyboard.press("Home")
        expect(page.locator("#place")).to_have_text("frame 0 (1 of 12)")
        page.locator("#scrub").fill("7")
        expect(page.locator("#place")).to_have_text("frame 7 (8 of 12)")
        page.wait_for_timeout(300)
        assert stage.colour(70, 60) == open_sequence(clip).false_colour(7)[60, 70].tolist()
        page.select_option("#mode", "single")
        page.wait_for_timeout(300)
        assert stage.colour(70, 60) == open_sequence(clip).false_colour(7, "triple(8,8,8)")[60, 70].tolist()

        # Save: the command's own boxes.
        page.locator("#save-name").fill("mine")
        page.click("#save")
        expect(status).to_contain_text("Saved in")
        words = ["track", clip, "--tracker", "cf", "--box", ",".join(map(str, box)), "--out", tmp_path / "wanted"]
        assert main([str(word) for word in words]) == 0
        assert (tmp_path / "runs/mine/boxes.txt").read_bytes() == (tmp_path / "wanted/boxes.txt").read_bytes()

        # Correct a frame by keyboard alone, and go on from there; the frames before stay.
        page.locator("#stage").focus()
        for key in ("b", *["Shift+ArrowRight"] * 2, "Shift+ArrowDown", "Enter"):
            page.keyboard.press(key)
        expect(page.locator("#track")).to_have_text("Go on from frame 7")
        corrected = drawn_box(page)
        assert corrected[2:] == [21, 11]
        page.keyboard.press("t")
        expect(status).to_have_text("Tracked to the end, 12 of 12 frames")

        # A page that is loaded again, and a second one, know all of it.
        page.on("dialog", lambda dialog: complaints.clear())  # it asks whether to leave with a track not saved
        other = open_page(browser, server.address, complaints)
        expect(other.locator("#status")).to_have_text("Tracked to the end, 12 of 12 frames")
        other.locator("#save-name").fill("corrected")
        other.click("#save")
        expect(status).to_contain_text("corrected")
        boxes, first = read_boxes(tmp_path / "runs/corrected/boxes.txt"), read_boxes(tmp_path / "wanted/boxes.txt")
        assert (boxes[:7] == first[:7]).all()
        assert boxes[7].tolist() == corrected
        page.reload()
        expect(page.locator("#status")).to_contain_text("corrected")
        assert complaints == []


def test_runs_are_shown_over_time_and_a_click_jumps_there(browser, clip, tmp_path):
    sequence = open_sequence(clip)
    told = {"command": "track", "sequence": str(clip)}
    record(sequence, Sinking(), tmp_path / "<b>one", settings=told)
    viewing, complaints = Viewing(open_places([tmp_path / "<b>one"]), Saving(tmp_path / "runs")), []
    expect = playwright.expect
    with serving(viewing) as server:
        page = open_page(browser, server.address, complaints)
        expect(page.locator("#legend bdi")).to_have_text(["truth", "<i>sinking", "the track made here"])
        lines = page.locator(".timeline canvas")
        expect(lines).to_have_count(2)
        area = lines.first.bounding_box()
        page.mouse.click(area["x"] + area["width"] - 9, area["y"] + 20)
        expect(page.locator("#place")).to_have_text("frame 11 (12 of 12)")
        lines.last.focus()
        page.keyboard.press("ArrowLeft")
        expect(lines.last).to_have_attribute("aria-valuenow", "10")
        page.keyboard.press("l")  # lost from frame 8 on: the next time is the first again
        expect(page.locator("#place")).to_have_text("frame 8 (9 of 12)")
        page.locator("#legend input").nth(1).uncheck()
        expect(lines).to_have_count(0)
        assert complaints == []


def test_a_source_is_looked_at_while_it_is_tracked(browser, tmp_path, monkeypatch):
    """The first box is drawn on the page, a frame is held, a page is closed and another comes, Stop ends the source."""
    monkeypatch.setattr(watched, "MOST_FRAMES", 20)
    cubes, more = np.stack(list(small_clip())), threading.Semaphore(12)

    def camera():
        for index in range(1000):
            while not more.acquire(timeout=0.05):
                if stopped.is_set():
                    return
            yield cubes[min(index, 11)]

    stopped, complaints = threading.Event(), []
    source = GivenSource(camera(), name=HOSTILE)
    track, ready, found = WatchedTrack(HOSTILE, stopped), [], []

    def run():
        found.append(
            record_live(
                source,
                load_tracker("cf"),
                tmp_path / "run",
                track.find,
                is_over=stopped.is_set,
                on_estimate=lambda one, _: track.take(one),
            )
        )
        track.end()

    expect = playwright.expect
    with serving_beside(WatchedSource("cf", track), ready.append):
        thread = threading.Timer(0.7, run)  # the page is there before the first frame, and goes on when it comes
        thread.start()
        page = open_page(browser, ready[0], complaints, "the frame to start in")
        status = page.locator("#status")
        expect(status).to_have_text("The tracker waits for the first box")
        page.click("#another")
        expect(page.locator("#scrub")).to_have_attribute("max", "1")
        stage = Stage(page)
        stage.shows(70, 60, false_colours(cubes, 1)[1])
        stage.drag(20.2, 15.3, 36.1, 29.7)
        box = drawn_box(page)
        expect(page.locator("#spectrum-words")).to_contain_text("mean of the box")
        page.click("#track")
        expect(status).to_contain_text("tracked, 0 dropped")
        expect(page.locator("#place")).to_have_text("frame 11 of the source")
        expect(page.locator("#live-facts")).to_contain_text("latency")
        expect(page.locator("#track")).to_be_disabled()
        page.select_option("#map", "mask")
        more.release(1)  # map and spectrum come along with the frame
        expect(page.locator("#place")).to_have_text("frame 12 of the source")
        expect(page.locator("#map-about")).to_contain_text("bright")
        expect(page.locator("#spectrum-words")).to_contain_text("mean of the track's box")
        page.locator("#play").focus()
        page.keyboard.press("Home")
        expect(page.locator("#place")).to_have_text("before the first box")
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        expect(page.locator("#place")).to_have_text("frame 4 of the source")
        stage.shows(70, 60, false_colours(cubes, 1)[4])
        more.release(29)  # the frame that is held is kept no longer, and stays as it is looked at
        expect(page.locator("#scrub")).to_have_attribute("max", "41")
        expect(page.locator("#scrub")).to_have_attribute("min", "22")
        expect(page.locator("#place")).to_have_text("frame 4 of the source")
        expect(page.locator("#live-facts")).to_contain_text("latency")
        stage.shows(70, 60, false_colours(cubes, 1)[4])
        page.keyboard.press(" ")
        expect(page.locator("#place")).to_have_text("frame 41 of the source")
        page.close()
        page = open_page(browser, ready[0], complaints, "frame 41 of the source")
        more.release(5)
        expect(page.locator("#place")).to_have_text("frame 46 of the source")
        page.click("#stop")
        expect(page.locator("#status")).to_have_text("Stopped: 46 frames tracked, 0 dropped")
        thread.join(30)
    page.wait_for_timeout(500)
    assert page.locator("#fault").is_hidden()
    assert complaints == []
    boxes = read_boxes(tmp_path / "run/boxes.txt")
    assert found[0].reason == "stopped"
    assert boxes[1].tolist() == box
    assert found[0].tracked == len(boxes) - 1 == 46


def test_a_source_is_stopped_on_the_page_before_a_frame_has_come(browser):
    track, ready, complaints = WatchedTrack("camera", stopped := threading.Event()), [], []
    with serving_beside(WatchedSource("cf", track), ready.append):
        page = open_page(browser, ready[0], complaints, "–")
        playwright.expect(page.locator("#facts")).to_contain_text("no frame has come")
        playwright.expect(page.locator("#track")).to_be_disabled()
        page.click("#stop")
        assert stopped.wait(30)
        track.end()
        playwright.expect(page.locator("#fault")).to_have_text("Stopped before a frame came.")
        playwright.expect(page.locator("#stop")).to_be_disabled()
        page.wait_for_timeout(300)
    assert complaints == []


def false_colours(cubes, first):
    """Frames in false colour, with the white level of one."""
    clip = MemorySequence(np.concatenate([cubes[first:], cubes[:first]]), wavelengths_nm=None)
    return [clip.false_colour((index - first) % len(cubes), "thirds") for index in range(len(cubes))]


def test_play_keeps_the_clip_s_rate_on_a_screen_of_another_and_makes_up_for_no_delay(browser, tmp_path):
    """Screens of 60 and 75 pictures a second; the 3 s after 4 s nothing is there to be shown."""
    complaints = []
    with serving(view_of(small_clip, folder=tmp_path)) as server:
        page = open_page(browser, server.address, complaints)
        shown = page.evaluate(
            """async () => {
                const { dueAfter } = await import("./static/player.js");
                const shownAt = (rate, hertz) => {
                    const times = [];
                    for (let due = 1000 / rate, now = 0; now <= 10_000; now += 1000 / hertz) {
                        if (now < due || (now > 4000 && now < 7000)) continue;
                        times.push(now);
                        due = dueAfter(due, now, 1000 / rate);
                    }
                    return times;
                };
                return [[25, 60], [25, 75], [24, 60], [100, 60]].map(([rate, hertz]) => shownAt(rate, hertz));
            }"""
        )
    for times, (rate, hertz) in zip(map(np.array, shown), [(25, 60), (25, 75), (24, 60), (100, 60)], strict=True):
        pace = min(rate, hertz)
        assert abs((times <= 4000).sum() - 4 * pace) <= 1
        assert abs((times > 7010).sum() - 3 * pace) <= 1
        assert np.diff(times).min() > 1000 / pace - 1000 / hertz - 1e-6
    assert complaints == []


def test_hostile_names_are_text_wherever_they_stand(browser, tmp_path):
    """Of sequences in the list, of runs, of attributes and remarks, of the folder and of what is saved."""
    marked = "<script>window.hurt=1</script>\u202e\u200f\"'`&amp;</select>"
    clip = small_clip()
    clip.name, clip.attributes, clip.faults = f"{HOSTILE}/b".replace("/", "|"), (marked,), (f"note {marked}",)
    runs = {}
    for name in (f"<img src=x onerror=window.hurt=1>{marked}", "plain"):
        tracked = {
            label: TrackedSequence(label, clip.truth, clip.truth, np.ones(12), np.zeros(12, bool))
            for label in (clip.name, "other")
        }
        runs[name] = TrackedRun(tmp_path, name, tracked)
    items = tuple(Item(label, lambda: clip, runs) for label in (clip.name, "other"))
    folder = tmp_path / "<b>\u202eruns"
    viewing, complaints = Viewing(Opened(items, runs), Saving(folder)), []
    expect = playwright.expect
    with serving(viewing) as server:
        page = open_page(browser, server.address, complaints)
        expect(page.locator("#legend bdi")).to_have_count(4)
        Stage(page).drag(20, 15, 36, 30)
        page.select_option("#tracker", "cf")
        page.click("#track")
        expect(page.locator("#status")).to_contain_text("Tracked to the end")
        page.locator("#save-name").fill("<i>mine\u202e'")
        page.click("#save")
        expect(page.locator("#status")).to_contain_text("Saved in")
        expect(page.locator("#status")).to_contain_text("<i>mine\\u202e'")
        text = page.evaluate("document.documentElement.outerHTML")
        assert not set("\u202e\u200f") & set(page.locator("body").inner_text())
        assert "<script>window" not in text
        assert page.evaluate("document.querySelectorAll('body script, body b, body i, body img').length") == 0
        assert page.evaluate("window.hurt") is None
        # A window of 1280 pixels at 400 %: nothing has to be scrolled sideways to, however long a name is.
        page.set_viewport_size({"width": 320, "height": 256})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert complaints == []
    assert [place.name for place in folder.iterdir()] == ["<i>mine\u202e'"]
