"""Where boxes go while they are found: lines of JSON to a file or standard output, a ZeroMQ socket, an MQTT broker."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO
from urllib.parse import unquote, urlsplit

from spectrack.errors import ConfigError
from spectrack.extras import import_extra
from spectrack.files import naming
from spectrack.sources.videos import shown_address

_log = logging.getLogger(__name__)

TOPIC = "spectrack"
"""What messages to ZeroMQ subscribers begin with."""

STANDARD_OUTPUT = "-"

_MOST_UNSENT = 1000
"""Messages that may wait for a broker; others are dropped and counted."""

_LINGER_MS = 1000
_PATIENCE_S = 5.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Sender(Protocol):
    """Takes messages, and is closed at the end."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message at once; never waits for a receiver that is slow."""

    def close(self) -> None:
        """Send what is still waiting, for a short while, and let go."""


class LineSender:
    """A message a line.

    Args:
        stream: where lines are written; each is handed on at once.
        name: what it is called where it is full.
        owned: whether it is closed at the end.
    """

    def __init__(self, stream: TextIO, name: str = "the receiver", *, owned: bool = True) -> None:
        self._stream, self._name, self._owned = stream, name, owned

    def send(self, message: Mapping[str, Any]) -> None:
        """See `Sender.send`; a pipe that nobody empties makes it wait."""
        with naming(self._name):
            self._stream.write(as_line(message) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """See `Sender.close`."""
        if self._owned:
            with naming(self._name):
                self._stream.close()


class ZeroMqSender:
    """Messages to all who subscribe: a topic and a JSON object in two parts.

    Args:
        address: to listen at, such as ``tcp://127.0.0.1:5556`` or ``ipc:///tmp/boxes``.

    Raises:
        MissingExtraError: pyzmq is not installed.
        ConfigError: one cannot listen there.
    """

    def __init__(self, address: str) -> None:
        zmq = import_extra("zmq", "live", "pyzmq")
        self._again = zmq.Again
        self._socket: Any = zmq.Context.instance().socket(zmq.PUB)
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self._socket.close(linger=0)
            raise ConfigError(
                f"expected an address to listen at, found {address} ({error}); give for example tcp://127.0.0.1:5556"
            ) from error

    @property
    def address(self) -> str:
        """The address with the port that was taken, where it was left to the system (``tcp://127.0.0.1:*``)."""
        return str(self._socket.last_endpoint.decode())

    def send(self, message: Mapping[str, Any]) -> None:
        """See `Sender.send`; a subscriber that is slow misses messages."""
        self._socket.send_multipart([TOPIC.encode(), as_line(message).encode()])

    def close(self) -> None:
        """See `Sender.close`."""
        self._socket.close(linger=_LINGER_MS)


class MqttSender:
    """Messages to a topic of a broker, quality of service 0.

    Args:
        address: ``mqtt://[NAME:PASSWORD@]HOST[:PORT]/TOPIC``; ``mqtts://`` by TLS.

    Raises:
        MissingExtraError: paho-mqtt is not installed.
        ConfigError: no topic, or a broker that does not answer or refuses.
    """

    def __init__(self, address: str) -> None:
        mqtt = import_extra("paho.mqtt.client", "live", "paho-mqtt")
        parts, self._shown = urlsplit(address), shown_address(address)
        self._topic = unquote(parts.path.lstrip("/"))
        try:
            host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
        except ValueError:
            host, port = None, 0
        if not self._topic or not host or set(self._topic) & set("+#\0"):
            raise ConfigError(f"expected mqtt://HOST/TOPIC, found {self._shown}; name host and topic, without + and #")
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._unsent: deque[Any] = deque()
        self._lost = 0
        if parts.username is not None:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            self._client.tls_set()
        self._connect(host, port)

    def send(self, message: Mapping[str, Any]) -> None:
        """See `Sender.send`; what a broker does not take in time is dropped."""
        while self._unsent and self._unsent[0].is_published():
            self._unsent.popleft()
        if len(self._unsent) >= _MOST_UNSENT or not self._client.is_connected():
            self._lost += 1
            return
        self._unsent.append(self._client.publish(self._topic, as_line(message)))

    def close(self) -> None:
        """See `Sender.close`."""
        for info in self._unsent:
            if self._client.is_connected():
                info.wait_for_publish(_PATIENCE_S)
        self._client.disconnect()
        self._client.loop_stop()
        if self._lost:
            _log.warning("%d messages did not reach %s, whose broker was gone or slow", self._lost, self._shown)

    def _connect(self, host: str, port: int) -> None:
        import threading

        answered = threading.Event()
        refused: list[str] = []

        def answer(client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
            if reason.is_failure:
                refused.append(str(reason))
            answered.set()

        self._client.on_connect = answer
        self._client.connect_timeout = _PATIENCE_S
        try:
            self._client.connect(host, port)
        except (OSError, ValueError) as error:
            raise self._no_broker(getattr(error, "strerror", None) or str(error)) from error
        self._client.loop_start()
        if not answered.wait(_PATIENCE_S) or refused:
            self._client.disconnect()
            self._client.loop_stop()
            raise self._no_broker(refused[0] if refused else "no answer")

    def _no_broker(self, found: str) -> ConfigError:
        return ConfigError(
            f"expected an MQTT broker at {self._shown}, found: {found}; start it, or correct address, name and password"
        )


def open_sender(place: str) -> Sender:
    """Where messages go, by a word: ``-``, ``tcp://...`` and ``ipc://...``, ``mqtt://...``, or a new file.

    Raises:
        ConfigError: a file that is there, an address of another kind, or one where nothing answers.
        MissingExtraError: a package is not installed.
    """
    if place == STANDARD_OUTPUT:
        return LineSender(sys.stdout, "standard output", owned=False)
    scheme = place.partition("://")[0].lower() if "://" in place else ""
    if scheme in ("tcp", "ipc"):
        return ZeroMqSender(place)
    if scheme in _PORTS:
        return MqttSender(place)
    if scheme:
        raise ConfigError(
            f"expected tcp://, ipc:// or mqtt:// to send boxes to, found {shown_address(place)}; correct it, or name a "
            "file"
        )
    return LineSender(_new_file(Path(place)), place)


def as_line(message: Mapping[str, Any]) -> str:
    """A message as JSON on one line."""
    return json.dumps(message, allow_nan=False, separators=(", ", ": "))


def _new_file(path: Path) -> TextIO:
    """A new file, or a named pipe or device that is there, opened for lines."""
    try:
        is_stream = path.exists() and (stat.S_ISFIFO(os.stat(path).st_mode) or stat.S_ISCHR(os.stat(path).st_mode))
        return path.open("w" if is_stream else "x", encoding="utf-8", newline="\n")
    except FileExistsError as error:
        raise ConfigError(f"expected a new file to send boxes to, found {path} there already; name another") from error
    except OSError as error:
        raise ConfigError(
            f"expected a file that can be written at {path}, found: {error.strerror or error}; name another"
        ) from error
