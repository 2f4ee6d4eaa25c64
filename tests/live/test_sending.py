"""Boxes on their way: lines, a real ZeroMQ subscriber, and an MQTT broker of a few lines."""

import io
import json
import socket
import struct
import threading

import pytest

from spectrack.errors import ConfigError
from spectrack.live.sending import TOPIC, LineSender, MqttSender, ZeroMqSender, open_sender
from tests.fixtures.refusals import refuses

MESSAGES = [{"frame": 0, "box": [1.5, 2, 3, 4], "file": "ä.png"}, {"frame": 1, "box": None}]


def test_lines_are_handed_on_at_once(tmp_path):
    stream = io.StringIO()
    sender = LineSender(stream, owned=False)
    for message in MESSAGES:
        sender.send(message)
        assert json.loads(stream.getvalue().splitlines()[-1]) == message
    sender.close()
    assert not stream.closed
    written = open_sender(str(tmp_path / "boxes.jsonl"))
    written.send(MESSAGES[0])
    assert json.loads((tmp_path / "boxes.jsonl").read_text()) == MESSAGES[0]
    written.close()


def test_a_subscriber_gets_each_message():
    zmq = pytest.importorskip("zmq")
    sender = ZeroMqSender("tcp://127.0.0.1:*")
    subscriber = zmq.Context.instance().socket(zmq.SUB)
    subscriber.rcvtimeo = 5000
    subscriber.subscribe(TOPIC)
    subscriber.connect(sender.address)
    answers = subscriber.poll(1)
    while not answers:  # a subscription takes a moment to arrive
        sender.send({"hello": True})
        answers = subscriber.poll(20)
    for message in MESSAGES:
        sender.send(message)
    got = []
    while len(got) < 2:
        topic, text = subscriber.recv_multipart()
        assert topic.decode() == TOPIC
        if "hello" not in json.loads(text):
            got.append(json.loads(text))
    assert got == MESSAGES
    sender.close()
    subscriber.close(linger=0)


class Broker:
    """One client of MQTT 3.1.1: answers its CONNECT, keeps what it publishes."""

    def __init__(self, answer=0):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.published, self.packets, self._answer = [], [], answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def join(self):
        self._thread.join(5)
        self._listener.close()

    def _serve(self):
        client, _ = self._listener.accept()
        with client, client.makefile("rb") as stream:
            while head := stream.read(1):
                length = shift = 0
                while True:
                    (byte,) = stream.read(1)
                    length |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                body = stream.read(length)
                kind = head[0] >> 4
                self.packets.append((kind, body))
                if kind == 1:
                    client.sendall(bytes([0x20, 2, 0, self._answer]))
                elif kind == 3:
                    (size,) = struct.unpack(">H", body[:2])
                    self.published.append((body[2 : 2 + size].decode(), body[2 + size :].decode()))
                elif kind == 14:
                    return


def test_a_broker_gets_each_message():
    pytest.importorskip("paho.mqtt")
    broker = Broker()
    sender = MqttSender(f"mqtt://me:p%40ss@127.0.0.1:{broker.port}/lab/car")
    for message in MESSAGES:
        sender.send(message)
    sender.close()
    broker.join()
    assert [(topic, json.loads(text)) for topic, text in broker.published] == [("lab/car", one) for one in MESSAGES]
    assert b"\x00\x02me\x00\x04p@ss" in broker.packets[0][1]


def test_a_broker_that_goes_away_is_told_at_the_end(caplog):
    pytest.importorskip("paho.mqtt")
    broker = Broker()
    sender = MqttSender(f"mqtt://127.0.0.1:{broker.port}/car")
    sender._client.disconnect()
    broker.join()
    sender.send(MESSAGES[0])
    sender.close()
    assert "1 messages did not reach" in caplog.text


def test_brokers_that_refuse_or_are_not_there():
    pytest.importorskip("paho.mqtt")
    broker = Broker(answer=5)
    with refuses(ConfigError, f"127.0.0.1:{broker.port}", "Not authorized") as caught:
        MqttSender(f"mqtt://me:secret@127.0.0.1:{broker.port}/car")
    assert "secret" not in str(caught.value)
    with refuses(ConfigError, "mqtt://127.0.0.1:9/car"):
        open_sender("mqtt://127.0.0.1:9/car")
    for address in ("mqtt://host", "mqtt:///car", "mqtt://host/a/#", "mqtt://host:port/a"):
        with refuses(ConfigError, address):
            open_sender(address)


def test_places_that_are_none(tmp_path):
    (tmp_path / "there").touch()
    for place, fact in (
        (tmp_path / "there", "there already"),
        (tmp_path / "no" / "folder", "No such file"),
        ("http://u:pw@host/x", "http://host/x"),
    ):
        with refuses(ConfigError, fact):
            open_sender(str(place))


def test_an_address_that_is_taken():
    pytest.importorskip("zmq")
    sender = ZeroMqSender("tcp://127.0.0.1:*")
    with refuses(ConfigError, sender.address):
        ZeroMqSender(sender.address)
    with refuses(ConfigError, "tcp://nowhere"):
        ZeroMqSender("tcp://nowhere")
    sender.close()
