"""The options of `docker buildx build` that LayerLab hands on: one table, for the command line, for bake, and for paths.

Options are words, as in `docker_words`.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from . import docker_words

#: Returns an option's value with its paths, which start at the folder, in full.
FullPaths = Callable[[str, Path], str]


def _unchanged(value: str, folder: Path) -> str:
    return value


def _full(path: str, folder: Path) -> str:
    return os.path.normpath(folder / path) if path not in ("", "-", "*") else path


def _in_fields(*names: str) -> FullPaths:
    """Return a function for values such as `type=local,src=PATH`, where `names` are the fields with paths."""

    def full_paths(value: str, folder: Path) -> str:
        fields = docker_words.fields(value)
        if not fields.keys() & {*names}:
            return value
        full = {name: _full(given, folder) if name in names else given for name, given in fields.items()}
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([f"{name}={given}" for name, given in full.items()])
        return line.getvalue()

    return full_paths


def _in_secret(value: str, folder: Path) -> str:
    """A secret without a source is the variable of that name, or else the file (BuildKit, session/secrets/secretsprovider)."""
    fields = docker_words.fields(value)
    name = fields.get("id", "")
    if fields.keys() == {"id"} and name not in os.environ and (folder / name).is_file():
        value = f"{value},src={name}"
    return _in_fields("src", "source")(value, folder) if fields.get("type") != "env" else value


def _in_keys(value: str, folder: Path) -> str:
    name, equals, paths = value.partition("=")
    return f"{name}{equals}{','.join(_full(path, folder) for path in paths.split(','))}"


def _in_context(value: str, folder: Path) -> str:
    name, equals, place = value.partition("=")
    return f"{name}{equals}{_full(place, folder)}" if (folder / place).is_dir() else value


def _in_leave(value: str, folder: Path) -> str:
    key, equals, path = value.partition("=")
    return f"{key}{equals}{_full(path, folder)}" if key.startswith("fs") else value


@dataclasses.dataclass(frozen=True)
class BuildOption:
    """An option of a build.

    Attributes:
        name: as it's written.
        field: the field of a bake target that says the same; "" if bake has the option itself.
        help: what it's for; "" if the command line has it in a way of its own.
        flag: whether it takes no value.
        pairs: whether its value is NAME=VALUE, and the field a table of those.
        full_paths: returns a value with its paths in full.
    """

    name: str
    field: str
    help: str
    flag: bool = False
    pairs: bool = False
    full_paths: FullPaths = _unchanged


#: Those that one build can have more than once or that only the engine understands. A build has the rest by name.
OPTIONS = (
    BuildOption(
        "--secret", "secrets", "Secret that steps may mount: id=ID[,src=FILE], id=ID,env=NAME.", full_paths=_in_secret
    ),
    BuildOption("--ssh", "ssh", "SSH agent or keys that steps may use: default, ID=KEY.", full_paths=_in_keys),
    BuildOption(
        "--build-context", "contexts", "Additional context: NAME=FOLDER, an address or an image.", pairs=True,
        full_paths=_in_context,
    ),
    BuildOption("--no-cache", "", "Run every step; this empties the cache mounts that they use.", flag=True),
    BuildOption("--no-cache-filter", "no-cache-filter", "Run every step of this stage."),
    BuildOption("--pull", "", "Ask the registry for newer base images.", flag=True),
    BuildOption("--cache-from", "cache-from", "Cache to read: an image, or type=…", full_paths=_in_fields("src")),
    BuildOption("--cache-to", "cache-to", "Cache to write: an image, or type=…", full_paths=_in_fields("dest")),
    BuildOption("--platform", "platform", "Platform to build for, such as linux/arm64."),
    BuildOption("--add-host", "extra-hosts", "Name that steps can look up: NAME=ADDRESS.", pairs=True),
    BuildOption("--network", "network", "Network of the steps: default, none or host."),
    BuildOption("--label", "labels", "Label of the image: NAME=VALUE.", pairs=True),
    BuildOption("--tag", "tags", "Name of the image: NAME[:TAG]."),
    BuildOption("--load", "", "Put the image into Docker, where the builder doesn't do so anyway.", flag=True),
    BuildOption("--push", "", "Push the image to its registry.", flag=True),
    BuildOption("--target", "target", ""),
    BuildOption("--output", "output", "", full_paths=_in_fields("dest")),
    BuildOption("--env-file", "", "File of variables for Compose, instead of .env.", full_paths=_full),
    BuildOption("--profile", "", "Compose profile to switch on."),
    BuildOption(
        "--allow", "", "What a Compose or bake file may use beyond the project, as in bake: network.host, "
        "security.insecure, ssh, fs.read=PATH, fs.write=PATH, fs=PATH; or prepare, which lets layerlab.toml run its "
        "command on this computer.", full_paths=_in_leave,
    ),
)  # fmt: skip
#: Fields that bake 0.29 can't --set: it throws their values away (buildx bake/bake.go, newOverrides).
NOT_SET = ("no-cache-filter", "network")


def for_bake(target: str, words: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return words by which bake does the same to a target, and the values of fields that it can't --set.

    Words that aren't an option of `docker buildx build` stay as they are.
    """
    left, fields = list(words), dict[str, list[str]]()
    for option in OPTIONS:
        if not option.field:
            continue
        given = docker_words.values(words, option.name)
        left = docker_words.without(left, option.name)
        if option.field not in NOT_SET:
            left += [f"--set={target}.{option.field}{_setting(option, value)}" for value in given]
        elif given:
            fields[option.field] = given
    return left, fields


def _setting(option: BuildOption, value: str) -> str:
    if not option.pairs:
        return f"={value}"
    name, equals, rest = value.partition("=")
    if not equals:  # --add-host NAME:ADDRESS
        name, _, rest = value.partition(":")
    return f".{name}={rest}"
