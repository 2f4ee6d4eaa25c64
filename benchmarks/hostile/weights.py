"""Weights files with lying headers, odd metadata, cut or damaged; pickles and text under their name."""

from __future__ import annotations

import json
import pickle
import struct
from functools import cache
from pathlib import Path

import numpy as np
import torch
from damage import VALUES, damaged, odd_values, pick

import spectrack
from hostile.judging import Kind, Trial, demand
from spectrack.methods.siamban.method import METHOD
from spectrack.networks.backbones.compact import CompactConfig
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.tables import to_table
from spectrack.weights.files import read_metadata, read_weights, save_weights

WILD = (
    '"x"',
    "-1",
    "0",
    "1e308",
    "[]",
    "{}",
    "null",
    "true",
    "[1, 2]",
    "[9007199254740993, 1]",
    "[-1, 4]",
    '"F99"',
    '{"a": {}}',
)


@cache
def tiny():
    """A small valid file of siamban's, as bytes."""
    import tempfile

    config = SiameseConfig(CompactConfig(widths=(8, 8, 8), dilations=(1,)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.safetensors"
        described = {"method": METHOD.name, "profile": "compact", "config": to_table(config)}
        save_weights(path, SiameseNetwork(config).state_dict(), described)
        return path.read_bytes()


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """One file and reading it, its metadata, a tracker of it, or importing it."""
    path = folder / pick(rng, ("a.safetensors", "a.safetensors", "a.pth", "a.pt", "a"))
    path.write_bytes(
        pick(rng, (cut_or_damaged, other_header, other_header, other_metadata, other_metadata, foreign))(rng)
    )
    choice = rng.random()
    if choice < 0.4:
        return lambda: finite(*read_weights(path))
    if choice < 0.6:
        return lambda: read_metadata(path)
    if choice < 0.8:
        return lambda: spectrack.load_tracker("siamban", weights=path)
    return lambda: spectrack.import_checkpoint(path)


def finite(state, metadata):
    demand(
        state and all(torch.isfinite(tensor.float()).all() for tensor in state.values()), "values that are not finite"
    )
    demand(isinstance(metadata.method, str), "no method")


def parts(data):
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header, body, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def cut_or_damaged(rng):
    data = tiny()
    if rng.random() < 0.3:
        return data[: int(rng.integers(0, len(data)))]
    return damaged(data, rng, head=pick(rng, (8, 300, 3000, None)))


def other_header(rng):
    """Offsets, shapes and types that lie; a length that lies."""
    header, body = parts(tiny())
    if rng.random() < 0.2:
        return joined(header, body, int(pick(rng, (0, 1, 7, 2**31, 2**63, 2**64 - 1, 100_000_000, len(body)))))
    for _ in range(rng.integers(1, 4)):
        entry = header[pick(rng, [name for name in header if name != "__metadata__"])]
        key = pick(rng, ("dtype", "shape", "data_offsets"))
        odd = pick(rng, ("F16", "BF16", "I64", "F8_E4M3", "BOOL", "U8")) if key == "dtype" else None
        entry[key] = json.loads(pick(rng, WILD)) if odd is None or rng.random() < 0.3 else odd
    if rng.random() < 0.2:
        header["../x\x1b[2J"] = header.pop(pick(rng, [name for name in header if name != "__metadata__"]))
    return joined(header, body)


def other_metadata(rng):
    """Metadata of other types and values, some of them deep."""
    header, body = parts(tiny())
    values = json.loads(header["__metadata__"]["spectrack"])
    for _ in range(rng.integers(1, 3)):
        place = values
        while True:
            key = pick(rng, list(place))
            if not isinstance(place[key], dict) or not place[key] or rng.random() < 0.2:
                break
            place = place[key]
        place[key if rng.random() < 0.9 else "unknown\x1b"] = json.loads(pick(rng, WILD))
    text = json.dumps(values)
    if rng.random() < 0.3:
        text = odd_values(text.encode(), rng).decode("utf-8", "replace")
    if rng.random() < 0.05:
        text = pick(rng, ("[" * 100_000, '{"a":' * 50_000, "", "null", "9" * 5000, pick(rng, VALUES).decode()))
    header["__metadata__"]["spectrack"] = text
    return joined(header, body)


class Harm:
    """What a pickle could run."""

    def __reduce__(self):
        return (Path.touch, (Path("harm-was-done"),))


def foreign(rng):
    import io

    buffer = io.BytesIO()
    content = pick(rng, (Harm(), {"state_dict": Harm()}, {"a": torch.ones(2)}, [1, 2], {"model": {"x": 1}}))
    if rng.random() < 0.5:
        torch.save(content, buffer)
        return damaged(buffer.getvalue(), rng) if rng.random() < 0.5 else buffer.getvalue()
    return pickle.dumps(content) if not isinstance(content, dict) else json.dumps({"a": 1}).encode()


WEIGHTS = Kind(make, 4200, tiny)
