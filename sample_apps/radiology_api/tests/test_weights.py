import subprocess
import sys

import numpy as np
import pytest

import make_weights
from radiassist.model import FINDINGS, Model, WeightsError
from radiassist.preprocessing import FEATURES
from radiassist.triage import triage


def test_the_generator_and_the_model_agree_on_the_width():
    assert (FEATURES, len(FINDINGS)) == (make_weights.FEATURES, make_weights.FINDINGS)


@pytest.mark.parametrize("megabytes", [1, 1.5, 7])
def test_the_size_is_what_was_asked_for(tmp_path, megabytes):
    size = make_weights.write_weights(tmp_path / "w.npy", megabytes)
    assert 0 <= megabytes * 1_000_000 - size < 256
    assert size == (tmp_path / "w.npy").stat().st_size
    assert [p.name for p in tmp_path.iterdir()] == ["w.npy"]


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make_weights.write_weights(tmp_path / name, 1, seed)
    first, again, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == again != other


def test_the_command_takes_its_size_from_the_environment(tmp_path):
    out = tmp_path / "models" / "w.npy"
    command = [sys.executable, make_weights.__file__, "--out", out]
    subprocess.run(command, env={"LAYERLAB_WEIGHTS_MB": "2"}, check=True)
    assert 1_999_744 < out.stat().st_size <= 2_000_000
    refused = subprocess.run([*command, "--megabytes", "0.5"], check=False, capture_output=True, text=True)
    assert refused.returncode == 2 and "at least 1 megabyte" in refused.stderr


def test_other_weights_have_another_version(tmp_path):
    make_weights.write_weights(tmp_path / "a.npy", 1, seed=0)
    make_weights.write_weights(tmp_path / "b.npy", 1, seed=1)
    assert Model.load(tmp_path / "a.npy").version != Model.load(tmp_path / "b.npy").version


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\x93NUMPY\x01\x00"])
def test_a_file_that_holds_no_weights_is_named(tmp_path, content):
    (tmp_path / "chest.npy").write_bytes(content)
    with pytest.raises(WeightsError, match=r"chest\.npy"):
        Model.load(tmp_path / "chest.npy")


def test_weights_of_another_shape_are_named(tmp_path):
    np.save(tmp_path / "chest.npy", np.zeros((4, 4), np.float32))
    with pytest.raises(WeightsError, match="rows of 64"):
        Model.load(tmp_path / "chest.npy")


def test_weights_fewer_than_the_neighbours_are_enough():
    bank = np.random.default_rng(0).standard_normal((3, 64), dtype=np.float32)
    assert Model(bank, "tiny").probabilities(bank[0, :FEATURES]).keys() == set(FINDINGS)


def test_triage_reads_the_dangerous_first():
    calm = dict.fromkeys(FINDINGS, 0.5)
    assert triage(calm)[0] == "routine"
    assert triage(calm | {"mass": 0.76}) == ("soon", "mass at 76%")
    assert triage(calm | {"mass": 0.99, "pneumothorax": 0.8})[0] == "urgent"
