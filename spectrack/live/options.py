"""What can be chosen about tracking in a source; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from spectrack.sources.options import WAITING


@dataclass(frozen=True)
class LiveOptions:
    """Where frames come from while they are tracked, and where boxes go.

    Attributes:
        source: Track what comes in place of a SEQUENCE: a camera's number, an address such as rtsp://..., a folder that
            another program still writes frames to, a video file, or - for raw frames on standard input.
        send: Where each box is sent at once, as a line of JSON: - for standard output (the default), a new file,
            tcp://*:5556 for subscribers by ZeroMQ, mqtt://HOST/TOPIC; several with commas.
        policy: What becomes of frames that come faster than they are tracked: latest drops all but the newest (cameras,
            addresses), all lets the source wait (the others).
        waiting: So many frames wait at most under the policy all.
    """

    source: str | None = None
    send: tuple[str, ...] = ()
    policy: str | None = None
    waiting: int = WAITING
