"""New machines share the files of the seed's images (hard links): what one does to them must stay its own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from layerlab import Machine
from layerlab.engines import seed as seeds
from layerlab.engines.seed import WRITTEN_ONCE
from layerlab.home import cache_dir, machine_dir
from layerlab.images import BASES

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
        seed = cache_dir() / "seed"
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


def test_only_files_that_nobody_writes_to_are_shared(private, lab_home):
    with Machine.start("sharer") as machine:
        data, seed = machine_dir(machine.name) / "data", cache_dir() / "seed"
        shared = [
            str(path.relative_to(data))
            for path in data.rglob("*")
            if path.is_file() and not path.is_symlink() and (twin := seed / path.relative_to(data)).exists()
            and twin.stat().st_ino == path.stat().st_ino
        ]  # fmt: skip
    assert shared, "no file is shared: starting takes ten times as long"
    assert all(name.startswith(WRITTEN_ONCE) for name in shared)


def test_where_links_cannot_be_made_the_seed_is_copied(tmp_path, monkeypatch):
    (tmp_path / "seed" / WRITTEN_ONCE[0]).mkdir(parents=True)
    (tmp_path / "seed" / WRITTEN_ONCE[0] / "blob").write_text("content")
    (tmp_path / "seed" / "state.db").write_text("state")
    monkeypatch.setattr(seeds, "succeeds", lambda *_, **__: False)
    seeds.copy(tmp_path / "seed", tmp_path / "copy")
    assert (tmp_path / "copy" / WRITTEN_ONCE[0] / "blob").stat().st_nlink == 1
    assert (tmp_path / "copy" / "state.db").read_text() == "state"
