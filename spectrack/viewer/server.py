"""The web application: pages, pictures, spectra, tracks and events of one `Shown`, behind a secret address.

Whoever does not know the token in the address gets nothing, nor does a page of another origin: every answer forbids
being framed, guessed at or cached, and the page may load nothing but its own files.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spectrack.errors import InputError, SpectrackError
from spectrack.signs import visible
from spectrack.viewer.live import sentence
from spectrack.viewer.shown import Shown

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_LONGEST_BODY = 64 * 1024
_BEAT_S = 0.04
_SILENCE_S = 5.0
_ROWS_AT_ONCE = 500


class Attendance:
    """How many pages are listening, and since when none is.

    Attributes:
        listening: pages that are open.
        left_at: when the last one went (`time.monotonic`); None before the first came and while one is there.
        closing: the viewer ends, so pages are let go.
    """

    def __init__(self) -> None:
        self.listening, self.closing = 0, False
        self.left_at: float | None = None

    def come(self) -> None:
        """A page listens."""
        self.listening += 1
        self.left_at = None

    def leave(self) -> None:
        """A page has gone."""
        self.listening -= 1
        if self.listening == 0:
            self.left_at = time.monotonic()


def make_app(viewing: Shown, token: str, attendance: Attendance | None = None) -> Starlette:
    """The application, whose page is at ``/TOKEN/``.

    Args:
        viewing: what it shows.
        token: the secret in the address.
        attendance: told of pages that come and go.
    """
    pages = _Pages(viewing, attendance or Attendance())
    routes = [
        Route("/", pages.page),
        Route("/static/{name}", pages.static),
        Route("/about", pages.answering(lambda request: viewing.about())),
        Route("/sequences/{number:int}", pages.answering(lambda request: viewing.describe(_number(request)))),
        Route("/sequences/{number:int}/frames/{frame:int}", pages.picture),
        Route("/sequences/{number:int}/spectrum", pages.answering(pages.spectrum)),
        Route("/sequences/{number:int}/importance/{run:int}", pages.answering(pages.importance)),
        Route("/maps/{frame:int}/{name}", pages.answering(pages.map)),
        Route("/events", pages.events),
        Route("/track", pages.acting(lambda wanted: viewing.start(wanted)), methods=["POST"]),
        Route("/stop", pages.acting(lambda wanted: viewing.live.stop()), methods=["POST"]),
        Route("/save", pages.acting(pages.save), methods=["POST"]),
    ]
    return Starlette(
        routes=[Mount(f"/{token}", routes=routes)],
        middleware=[
            Middleware(_WithHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )


class _Pages:
    """The end points."""

    def __init__(self, viewing: Shown, attendance: Attendance) -> None:
        self._viewing, self._attendance = viewing, attendance
        # Pictures of more frames at a time than there are cores would only come later, all of them.
        self._drawing = asyncio.Semaphore(2)

    async def page(self, request: Request) -> Response:
        """The page itself."""
        return _file("index.html")

    async def static(self, request: Request) -> Response:
        """One of its files."""
        return _file(request.path_params["name"])

    def answering(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """An end point that answers with JSON, or with a sentence about what is wrong."""

        async def respond(request: Request) -> Response:
            return await _told(lambda: answer(request))

        return respond

    def acting(self, act: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
        """An end point that takes a JSON object and does something."""

        async def respond(request: Request) -> Response:
            wanted = await _body(request)
            return await _told(lambda: act(wanted) or {})

        return respond

    async def picture(self, request: Request) -> Response:
        """A frame as rows of R, G, B, A bytes."""
        rule = request.query_params.get("rule", "thirds")
        try:
            footage = await run_in_threadpool(self._viewing.footage, _number(request))
            async with self._drawing:
                data = await run_in_threadpool(footage.picture, request.path_params["frame"], rule)
        except (SpectrackError, OSError) as error:
            return _fault(error)
        return Response(data, media_type="application/octet-stream")

    def spectrum(self, request: Request) -> Any:
        """Counts at ``at=x,y`` or in ``at=x,y,w,h`` of ``frame=i``."""
        try:
            frame = int(request.query_params["frame"])
            where = [float(part) for part in request.query_params["at"].split(",")]
        except (KeyError, ValueError) as error:
            raise InputError(f"expected frame=i and at=x,y or at=x,y,w,h, found {error}; give both") from error
        if len(where) not in (2, 4) or not all(abs(value) < 1e9 for value in where):
            found = request.query_params["at"]
            raise InputError(f"expected at=x,y of a pixel or at=x,y,w,h of a box, in pixels, found {found}; correct it")
        return self._viewing.spectrum(_number(request), frame, where)

    def importance(self, request: Request) -> Any:
        """Importance of bands by one run."""
        return self._viewing.importance(_number(request), request.path_params["run"])

    def map(self, request: Request) -> Any:
        """A map of the live track's evidence; null where there is none."""
        found = self._viewing.live.map_of(request.path_params["frame"], request.path_params["name"])
        return None if found is None else found.to_json()

    def save(self, wanted: dict[str, Any]) -> Any:
        """Save the live track."""
        self._viewing.save(str(wanted.get("name") or ""), overlay=bool(wanted.get("overlay")))
        return self._viewing.live.status()

    async def events(self, request: Request) -> Response:
        """Everything about the live track as it happens, as server-sent events."""
        return StreamingResponse(self._tell(), media_type="text/event-stream")

    async def _tell(self) -> AsyncIterator[str]:
        live, attendance = self._viewing.live, self._attendance
        attendance.come()
        try:
            beginnings, changes, sent, quiet_since, is_last = -1, -1, 0, time.monotonic(), False
            while not is_last:
                is_last, said = attendance.closing, []
                if live.beginnings != beginnings:
                    # A page that has just come knows nothing; others keep the rows before a correction.
                    sent = min(sent, live.kept) if beginnings >= 0 else 0
                    beginnings = live.beginnings
                    said.append(_event("begin", {"kept": sent, **live.status()}))
                changed, news = live.changes, live.news(sent, _ROWS_AT_ONCE)
                if news is not None:
                    said.append(_event("rows", news))
                    sent = news["first"] + len(news["rows"])
                # The last rows come before the word that they were the last.
                if changed != changes and (news is None or len(news["rows"]) < _ROWS_AT_ONCE):
                    changes = changed
                    said.append(_event("status", live.status()))
                if said:
                    quiet_since = time.monotonic()
                    yield "".join(said)
                elif time.monotonic() - quiet_since > _SILENCE_S:
                    quiet_since = time.monotonic()
                    yield ": still here\n\n"
                await asyncio.sleep(0 if is_last else _BEAT_S)
        finally:
            attendance.leave()


class _WithHeaders:
    """Adds `HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _number(request: Request) -> int:
    return int(request.path_params["number"])


def _file(name: str) -> Response:
    kind = _KINDS.get(name[name.rfind(".") :])
    found = files("spectrack.viewer") / "static" / name
    if kind is None or "/" in name or "\\" in name or not found.is_file():
        raise HTTPException(404)
    return Response(found.read_bytes(), media_type=kind)


async def _body(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415)
    received = b""
    async for part in request.stream():
        received += part
        if len(received) > _LONGEST_BODY:
            raise HTTPException(413)
    try:
        found = json.loads(received)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HTTPException(400)
    return found


async def _told(answer: Callable[[], Any]) -> Response:
    try:
        return JSONResponse(await run_in_threadpool(answer))
    except (SpectrackError, OSError) as error:
        return _fault(error)


def _fault(error: Exception, status: int = 400) -> Response:
    return JSONResponse({"error": visible(sentence(error))}, status_code=status)


def _event(name: str, values: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(values, allow_nan=False)}\n\n"


async def _refuse(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    text = "expected the whole address that `spectrack view` printed, found another; copy it once more\n"
    return PlainTextResponse(
        text if status == 404 else f"expected a request of the viewer's page, found {status}\n", status
    )


async def _fail(request: Request, error: Exception) -> Response:
    return _fault(error, 500)
