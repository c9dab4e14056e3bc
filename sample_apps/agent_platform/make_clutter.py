"""Fill backend/ with what gathers in a working copy: history, a virtual environment, caches, data, a secret.

    python make_clutter.py --megabytes 30 --seed 0

All of it is made up, the same bytes for the same size and seed. What it shares with the real thing is what a build
sees of it: where it lies, how many files it is and how many bytes, most of which hardly compress. The secret opens
nothing. There is no `refs` in the `.git`, so that no git takes it for a repository.
"""

from __future__ import annotations

import argparse
import os
import random
from pathlib import Path

BACKEND = Path(__file__).resolve().parent / "backend"
#: What `.env` says: a key that a search in an image finds again.
SECRET = "AMAS_PARTNER_KEY=made-up-7d1f0c52-opens-nothing"
#: Who has how much of the bytes. What is left over lies in the small files.
SHARES = {
    ".git/objects/pack/pack-3f1c.pack": 0.40,
    ".venv/lib/python3.11/site-packages/numeric/core.so": 0.25,
    "data/raw/embeddings.bin": 0.20,
    "data/raw/events.jsonl": 0.10,
    "logs/agents.log": 0.04,
}
CHUNK_BYTES = 1 << 20


def small_files(rng: random.Random) -> dict[str, bytes]:
    """The many small files by path, with what is in them."""
    files = {
        ".env": f"AMAS_WORKERS=3\n{SECRET}\n".encode(),
        ".git/HEAD": b"ref: refs/heads/main\n",
        ".git/config": b"[core]\n\tbare = false\n",
        ".git/index": rng.randbytes(4096),
        ".venv/pyvenv.cfg": b"version = 3.11.2\n",
        ".mypy_cache/CACHEDIR.TAG": b"Signature: 8a477f597d28d172789f06886806bc55\n",
        ".pytest_cache/v/cache/lastfailed": b"{}\n",
    }
    for number in range(60):
        files[f".git/objects/{number:02x}/{rng.randbytes(19).hex()}"] = rng.randbytes(300)
        files[f".venv/lib/python3.11/site-packages/package_{number:02}/__init__.py"] = b"# a package\n" * 40
        files[f".venv/lib/python3.11/site-packages/package_{number:02}/__pycache__/__init__.cpython-311.pyc"] = (
            rng.randbytes(500)
        )
    for module in ("main", "amas/planner", "amas/platform", "amas/knowledge", "amas/agents/writer"):
        folder, _, name = module.rpartition("/")
        files[f"{folder}/__pycache__/{name}.cpython-311.pyc".lstrip("/")] = rng.randbytes(2000)
    return files


def write_clutter(folder: Path, megabytes: float = 30.0, seed: int = 0) -> int:
    """Write it into `folder`; return how many bytes. Raises ValueError for less than a megabyte (a million bytes)."""
    if megabytes < 1:
        raise ValueError(f"the clutter needs at least 1 megabyte, not {megabytes:g}")
    rng = random.Random(seed)
    files = small_files(rng)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    total = sum(map(len, files.values()))
    for path, share in SHARES.items():
        left = size = int(megabytes * 1_000_000 * share)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("wb") as file:
            while left:
                left -= file.write(rng.randbytes(min(left, CHUNK_BYTES)))
        total += size
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill backend/ with what gathers in a working copy.")
    parser.add_argument("--megabytes", type=float, default=float(os.environ.get("LAYERLAB_CLUTTER_MB", "30")))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=BACKEND)
    options = parser.parse_args()
    try:
        size = write_clutter(options.out, options.megabytes, options.seed)
    except ValueError as error:
        parser.error(str(error))
    print(f"{size / 1e6:.1f} MB of clutter, seed {options.seed}")


if __name__ == "__main__":
    main()
