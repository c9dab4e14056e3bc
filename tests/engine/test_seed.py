"""New machines reach the files of the seed's images by links: what one does to them must stay its own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from layerlab import Machine
from layerlab.engines import seed as seeds
from layerlab.engines.images import BASES
from layerlab.engines.seed import SEED_NAME, WRITTEN_ONCE
from layerlab.system.home import cache_dir, machine_dir

SPOIL = "rm /etc/os-release; chmod -R 777 /usr/local; echo x >>/etc/passwd; touch /usr/bin/*"


def state(folder: Path) -> dict[str, tuple]:
    """Mode, owner, time and content of every file."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            info = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
            found[str(path.relative_to(folder))] = (info.st_mode, info.st_uid, info.st_gid, info.st_mtime_ns, content)
    return found


def test_what_a_machine_does_to_its_base_images_leaves_the_seed_as_it_was(private, lab_home):
    with Machine.start("spoiler") as machine:
        seed = cache_dir() / SEED_NAME
        before = state(seed)
        base = machine.named_contexts().get(BASES[0], BASES[0]).removeprefix("docker-image://")
        machine.docker("run", "--rm", base, "sh", "-c", SPOIL)
        machine.docker("run", "--name", "spoilt", base, "sh", "-c", SPOIL)
        machine.docker("commit", "spoilt", "spoilt")
        machine.reset()
        machine.docker("image", "rm", "--force", base)
        machine.docker("builder", "prune", "--all", "--force")
        assert state(seed) == before
    assert state(seed) == before


def test_only_what_is_written_once_is_shared(private, lab_home):
    with Machine.start("sharer") as machine:
        data, seed = machine_dir(machine.name) / "data", (cache_dir() / SEED_NAME).resolve()
        links = {path: path.readlink() for path in data.rglob("*") if path.is_symlink()}
        shared = {str(path.relative_to(data)): path.resolve() for path in links if path.resolve().is_relative_to(seed)}
        assert shared == {f"{folder}/{p.name}": p for folder in WRITTEN_ONCE for p in (seed / folder).iterdir()}
        assert {name.rpartition("/")[0] for name in shared} == set(WRITTEN_ONCE), (
            "nothing to share: starting takes long"
        )
        own = [p for p in data.rglob("*") if p.is_file() and not any(q in links for q in (p, *p.parents))]
        assert all(path.stat().st_nlink == 1 for path in own)


def test_special_files_of_the_seed_are_not_read(tmp_path):
    """dockerd keeps a node of the disk there: reading it would read the disk; a named pipe stands for it."""
    for folder in WRITTEN_ONCE:
        (tmp_path / "seed" / folder).mkdir(parents=True)
    (tmp_path / "seed" / WRITTEN_ONCE[0] / "blob").write_text("content")
    (tmp_path / "seed" / "state.db").write_text("state")
    os.mkfifo(tmp_path / "seed" / "device")
    seeds.link(tmp_path / "seed", tmp_path / "data")
    assert (tmp_path / "data" / WRITTEN_ONCE[0] / "blob").readlink() == tmp_path / "seed" / WRITTEN_ONCE[0] / "blob"
    assert (tmp_path / "data" / "state.db").read_text() == "state"
    assert not (tmp_path / "data" / "device").exists()
