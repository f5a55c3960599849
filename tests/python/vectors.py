"""The files of protocol/vectors.

Owns their form and the way from MessagePack to the JSON they are written in. Must not know the protocol.
"""

import json
import pathlib
import uuid

FOLDER = pathlib.Path(__file__).parents[2] / "protocol" / "vectors"


def files():
    """The names of all files."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def lines(name):
    """The lines of a file."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


def as_json(value):
    """A decoded value as the files write it: bytes, which are always an id, as a UUID."""
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value))
    if isinstance(value, dict):
        return {name: as_json(field) for name, field in value.items()}
    if isinstance(value, list):
        return [as_json(element) for element in value]
    return value
