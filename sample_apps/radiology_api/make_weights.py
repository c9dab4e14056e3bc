"""Write the weights the service needs: a bank of reference embeddings, made of seeded random numbers.

A real team would fetch such a file with Git LFS. Ours is made on the spot, so that it costs no download and weighs
what you ask for:

    python make_weights.py --megabytes 122 --seed 0

The numbers mean nothing medically. What they share with real weights is what a build sees of them: size, and bytes
that hardly compress.
"""

from __future__ import annotations

import argparse
import os
import random
from pathlib import Path

FEATURES = 56  # numbers describing one image, as radiassist.preprocessing computes them
FINDINGS = 8  # votes of one reference image, one a finding of radiassist.model.FINDINGS
HEADER_BYTES = 128  # of an .npy file
CHUNK_ROWS = 65_536
# The last byte of a little-endian float holds its sign and most of its exponent. Each random byte becomes one of
# these there, so that all numbers are finite: from 1/128 to 2, above and below 0.
LAST_BYTE = bytes((0x80 if byte & 1 else 0) | (0x3C + (byte >> 1) % 4) for byte in range(256))
DEFAULT_OUT = Path(__file__).resolve().parent / "models" / "chest.npy"


def rows_for(megabytes: float) -> int:
    """As many rows of the bank as fit into this many megabytes (of a million bytes)."""
    return (int(megabytes * 1_000_000) - HEADER_BYTES) // (4 * (FEATURES + FINDINGS))


def write_weights(path: Path, megabytes: float = 122.0, seed: int = 0) -> int:
    """Write the bank to `path`, the same bytes for the same size and seed; return the number of bytes."""
    if megabytes < 1:
        raise ValueError(f"the weights need at least 1 megabyte, not {megabytes:g}")
    rows, width = rows_for(megabytes), FEATURES + FINDINGS
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    numbers = random.Random(seed)
    try:
        with partial.open("wb") as file:
            file.write(_header(rows, width))
            for start in range(0, rows, CHUNK_ROWS):
                chunk = bytearray(numbers.randbytes(4 * width * min(CHUNK_ROWS, rows - start)))
                chunk[3::4] = chunk[3::4].translate(LAST_BYTE)
                file.write(chunk)
        partial.replace(path)  # a reader sees the whole file or none
    finally:
        partial.unlink(missing_ok=True)
    return path.stat().st_size


def _header(rows: int, width: int) -> bytes:
    """What numpy writes before the numbers: format 1.0 of .npy (NumPy's documentation, numpy.lib.format)."""
    text = repr({"descr": "<f4", "fortran_order": False, "shape": (rows, width)})
    length = HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text.encode().ljust(length - 1) + b"\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate the weights of the radiology service.")
    parser.add_argument("--megabytes", type=float, default=float(os.environ.get("LAYERLAB_WEIGHTS_MB", "122")))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    options = parser.parse_args()
    try:
        size = write_weights(options.out, options.megabytes, options.seed)
    except ValueError as error:
        parser.error(str(error))
    print(f"{options.out}: {size / 1e6:.1f} MB, seed {options.seed}")


if __name__ == "__main__":
    main()
