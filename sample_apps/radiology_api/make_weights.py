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
from pathlib import Path

import numpy as np

FEATURES = 56  # numbers describing one image, as radiassist.preprocessing computes them
FINDINGS = 8  # votes of one reference image, one a finding of radiassist.model.FINDINGS
HEADER_BYTES = 128  # of an .npy file
CHUNK_ROWS = 65_536
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
    random = np.random.default_rng(seed)
    try:
        with partial.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, rows, CHUNK_ROWS):
                chunk = random.standard_normal((min(CHUNK_ROWS, rows - start), width), dtype=np.float32)
                file.write(chunk.astype("<f4", copy=False).data)
        partial.replace(path)  # a reader sees the whole file or none
    finally:
        partial.unlink(missing_ok=True)
    return path.stat().st_size


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
