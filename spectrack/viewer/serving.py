"""Serving the page: a socket on the loopback address, a secret in the address, an end when nobody looks any more."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from spectrack.errors import ConfigError, MissingExtraError
from spectrack.viewer.options import ViewOptions

if TYPE_CHECKING:
    from spectrack.viewer.shown import Shown

HOST = "127.0.0.1"

ABANDONED_S, ABANDONED_UNSAVED_S, DONE_S = 60.0, 600.0, 5.0
"""So long after the last page was closed the viewer ends; later with a track that nobody saved, sooner when the one
that it was opened for is.
"""

_CHECK_S = 0.25
_PATIENCE_S = 10.0


def serve(viewing: Shown, options: ViewOptions, on_ready: Callable[[str], None]) -> None:
    """Serve the page until every page has been closed for a minute, or the process is told to end.

    Args:
        viewing: what it shows.
        options: port, browser, whether to stay.
        on_ready: told the address.

    Raises:
        MissingExtraError: the packages of the extra ``viewer`` are not installed.
        ConfigError: the port is taken.
    """
    check_extra()
    import uvicorn

    from spectrack.viewer.server import Attendance, make_app

    attendance, token = Attendance(), secrets.token_urlsafe(24)
    with _listening(options.port) as listener:
        address = f"http://{HOST}:{listener.getsockname()[1]}/{token}/"
        config = uvicorn.Config(
            make_app(viewing, token, attendance),
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        # Ctrl-C is the ordinary end of a viewer; uvicorn would raise it again afterwards.
        server.capture_signals = lambda: _ending_on_signals(server)  # type: ignore[method-assign]

        async def run() -> None:
            watch = asyncio.create_task(_watch(server, attendance, viewing, stay=options.stay))
            on_ready(address)
            if options.browser and has_display():
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            try:
                await server.serve(sockets=[listener])
            finally:
                watch.cancel()

        try:
            asyncio.run(run())
        finally:
            viewing.close()


@contextmanager
def serving_beside(viewing: Shown, on_ready: Callable[[str], None]) -> Iterator[None]:
    """Serve the page from a thread of its own while the block goes on, whether anybody looks or not.

    Args:
        viewing: what it shows.
        on_ready: told the address, before the block begins.

    Raises:
        MissingExtraError: see `serve`.
    """
    check_extra()
    ready = threading.Event()

    def tell(address: str) -> None:
        on_ready(address)
        ready.set()

    thread = threading.Thread(target=serve, args=(viewing, ViewOptions(stay=True), tell), daemon=True, name="page")
    thread.start()
    ready.wait(_PATIENCE_S)
    try:
        yield
    finally:
        viewing.closing.set()
        thread.join(_PATIENCE_S)


def check_extra() -> None:
    """Refuse where the packages that serve the page are missing.

    Raises:
        MissingExtraError: one of them is.
    """
    if not has_extra():
        raise MissingExtraError(
            "expected the packages starlette and uvicorn for the viewer, found none; pip install 'spectrack[viewer]'"
        )


def has_extra() -> bool:
    """Whether the packages that serve the page are installed."""
    return all(find_spec(name) is not None for name in ("starlette", "uvicorn"))


def has_display() -> bool:
    """Whether a browser can show itself to somebody here."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    if not 0 <= port < 65536:
        raise ConfigError(f"expected a port from 0 to 65535, found {port}; 0 takes any that is free")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()  # a browser that is quicker than the server waits
        except OSError as error:
            raise ConfigError(
                f"expected to listen on port {port}, found: {error.strerror}; name another with --port, or leave it out"
            ) from error
        yield listener


async def _watch(server: Any, attendance: Any, viewing: Shown, *, stay: bool) -> None:
    """End the server when nobody has looked for a while, and let pages go when it ends."""
    while True:
        if attendance.left_at is not None and not stay:
            usual = DONE_S if viewing.is_done else ABANDONED_S
            patience = ABANDONED_UNSAVED_S if viewing.live.is_unsaved else usual
            server.should_exit |= time.monotonic() - attendance.left_at > patience
        server.should_exit |= viewing.closing.is_set()
        attendance.closing = server.should_exit
        await asyncio.sleep(_CHECK_S)


@contextmanager
def _ending_on_signals(server: Any) -> Iterator[None]:
    former: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                former[number] = signal.signal(number, server.handle_exit)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
