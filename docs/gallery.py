"""Runs the commands of gallery.md in an empty folder and makes its pictures, by ``python docs/gallery.py``.

Pages are photographed in the Chromium that is installed. Some minutes on two cores.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "gallery.md"

FILES = {
    "demo.jpg": "demo_output/filmstrip.png",
    "gallery/success.png": "demo_output/success.png",
    "gallery/found.jpg": "runs/found/map.png",
    "gallery/overlay.jpg": "runs/rolling/overlay.mp4",
    "gallery/report.jpg": "report/report.html",
}
"""Picture of the page to the file that a command wrote; the others are of the viewer."""

WIDEST_PX, JPEG_QUALITY = 1150, 80

_STEP = re.compile(r"^```sh\n(.*?)^```$|^!\[[^\]]*\]\(([^)]+)\)$", re.MULTILINE | re.DOTALL)


def steps(page: str) -> Iterator[tuple[str, str]]:
    """The page's commands and pictures in order: ``("command", text)`` and ``("picture", path)``."""
    for found in _STEP.finditer(page):
        yield from (("command", line) for line in (found[1] or "").splitlines())
        if found[2]:
            yield "picture", found[2]


@contextlib.contextmanager
def chromium(**how: Any) -> Iterator[Any]:
    """A page of the browser."""
    from playwright.sync_api import sync_playwright

    place = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1150, "height": 800}, **how)
        browser.close()


def photograph_viewer(command: str, picture: Path) -> None:
    """What `spectrack view` shows; without a place a box is drawn and tracked first."""
    server = subprocess.Popen([*words_of(command), "--no-browser"], stdout=subprocess.PIPE, text=True)
    live = command == "spectrack view"
    try:
        address = server.stdout.readline().split()[-1]
        with chromium(color_scheme="dark" if live else "light") as page:
            page.goto(address)
            page.locator("#place", has_text="(1 of").wait_for()
            if live:
                told = page.evaluate("fetch('sequences/0').then(answer => answer.json())")
                for name, value in zip("xywh", told["truth"]["boxes"][0], strict=True):
                    page.locator(f"#box-{name}").fill(f"{value:.1f}")
                    page.locator(f"#box-{name}").press("Tab")
                page.click("#track")
                page.locator("#status", has_text="Tracked to the end").wait_for(timeout=600_000)
                page.select_option("#map", "chance")
            page.locator("#scrub").fill("24")
            page.locator("#stage").hover(position={"x": 400, "y": 250})
            page.wait_for_timeout(2000)
            page.screenshot(path=picture)
    finally:
        server.terminate()
        server.wait(60)


def source_of(file: Path, folder: Path) -> Path:
    """A written file as a picture: a page's first screen, a frame of a video."""
    picture = folder / "picture.png"
    if file.suffix == ".html":
        with chromium() as page:
            page.goto(file.resolve().as_uri())
            page.screenshot(path=picture)
        return picture
    if file.suffix == ".mp4":
        with av.open(file) as video:
            frames = list(video.decode(video=0))
        frames[len(frames) * 3 // 4].to_image().save(picture)
        return picture
    return file


def keep(source: Path, picture: str) -> None:
    """Store a picture of the page, no wider than a page."""
    image = cv2.imread(str(source))
    scale = min(1.0, WIDEST_PX / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    target = DOCS / picture
    target.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(target), small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if target.suffix == ".jpg" else [])


def words_of(command: str) -> list[str]:
    """A command of the page as this Python runs it."""
    return [sys.executable, "-m", *shlex.split(command)]


def main() -> None:
    """Run the page."""
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        folder, viewed = Path(place), ""
        environment = os.environ | {"PYTHONPATH": str(DOCS.parent)}
        os.environ.update(environment)
        for kind, text in steps(PAGE.read_text(encoding="utf-8")):
            if kind == "command" and text.startswith("spectrack view"):
                viewed = text
            elif kind == "command":
                subprocess.run(words_of(text), check=True)
            elif text in FILES:
                keep(source_of(folder / FILES[text], folder), text)
            else:
                photograph_viewer(viewed, folder / "viewer.png")
                keep(folder / "viewer.png", text)


if __name__ == "__main__":
    main()
