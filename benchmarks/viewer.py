"""How fast the viewer's page plays a clip in a real Chromium: decoded, coloured, sent and drawn, every frame.

A 512 x 256 video of 16 bands, stored as .npy and as mosaic PNG, is played once from its first frame to its last: as
fast as it goes, and at 25 frames a second. No frame is left out; nothing was decoded before. Browser and server share
the cores, and the browser draws without a graphics processor.

    python benchmarks/viewer.py --out benchmarks/results/viewer.json

Frames a second are worth something on an idle machine only: the load is stored with them. Processor time a frame, over
all threads and processes, says what a frame costs whatever runs beside.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from benchmark import new_parser, write_record
from speed import VIDEOS, beside, stored_clip

from spectrack.viewer.opened import Item, Opened
from spectrack.viewer.options import ViewOptions
from spectrack.viewer.serving import serve
from spectrack.viewer.viewing import Saving, Viewing

CLIPS = ("16 bands, npy", "16 bands, mosaic PNG")
RATES = {"as fast as it goes": 1000.0, "at 25 frames/s": 25.0}

# Playwright's own waiting looks twice a second, which is no clock for two seconds of playing.
PLAYED_S = """last => new Promise((done) => {
    const place = document.getElementById("place");
    const start = performance.now();
    new MutationObserver(() => {
        if (place.textContent.startsWith(`frame ${last} `)) done((performance.now() - start) / 1000);
    }).observe(place, { childList: true });
    document.getElementById("play").click();
})"""
"""In the page: seconds from pressing Play to the last frame."""


def play(chromium, sequence, rate):
    """One pass, from pressing Play to the last frame: frames a second, milliseconds of the processor a frame."""
    sequence.fps = rate
    viewing = Viewing(Opened((Item(sequence.name, lambda: sequence),), {}), Saving(Path("runs")))
    ready, address = threading.Event(), []

    def take(where):
        address.append(where)
        ready.set()

    server = threading.Thread(target=serve, args=(viewing, ViewOptions(browser=False), take), daemon=True)
    server.start()
    ready.wait()
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address[0])
    last = len(sequence) - 1
    page.wait_for_selector("#mode option", state="attached")
    time.sleep(1)
    used = processor_seconds()
    seconds = page.evaluate(PLAYED_S, last)
    server_ms, browser_ms = (1e3 * spent / last for spent in processor_seconds() - used)
    page.close()
    viewing.closing.set()
    server.join()
    return last / seconds, server_ms, browser_ms


def processor_seconds():
    """Of the server, which is this process, and of the browser, whose processes are its children."""
    own, browser = psutil.Process().cpu_times(), 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            browser += times.user + times.system
    return np.array([own.user + own.system, browser])


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--frames", type=int, default=75)
    parser.add_argument("--repeats", type=int, default=3, help="passes; the median is told")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    return parser


def main():
    from playwright.sync_api import sync_playwright

    parser = arguments()
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver, beside() as load:
        chromium = driver.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for name in CLIPS:
            clip = stored_clip(Path(folder), *VIDEOS[name], options.frames)
            for words, rate in RATES.items():
                middle = np.median([play(chromium, clip, rate) for _ in range(options.repeats)], axis=0)
                shown, server, browser = (round(float(value), 1) for value in middle)
                spent = {"server": server, "browser": browser}
                results[f"{name}, {words}"] = {"frames_per_second": shown, "processor_ms_a_frame": spent}
                print(name, words, results[f"{name}, {words}"])
        chromium.close()
    write_record(parser, options, {"ran_beside": load, "results": results})


if __name__ == "__main__":
    main()
