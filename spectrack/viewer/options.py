"""What can be chosen about the viewer; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ViewOptions:
    """How the page is served.

    Attributes:
        port: Port on this machine's loopback address; 0 for any that is free.
        browser: Whether the page is opened in the browser where there is a display; its address is printed anyway.
        stay: Go on when every page has been closed; by default the viewer ends a minute later.
    """

    port: int = 0
    browser: bool = True
    stay: bool = False
