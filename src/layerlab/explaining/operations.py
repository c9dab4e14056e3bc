"""What each step of a build asked the engine to do, in a form for comparing two builds.

It comes from a successful build's provenance: the LLB definition (BuildKit solver/pb/ops.proto as JSON), cut into steps by
the Dockerfile lines it names. A failed build has none; then `plan` reads the Dockerfile's text instead, for both builds.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import RecordError
from ..record.build import Build
from ..record.provenance import details
from ..record.step import Step

#: Fields that name other operations, or aren't part of BuildKit's cache key (solver/llbsolver/ops/exec.go, CacheMap).
_NOT_OWN = {"input", "secondaryInput", "output", "proxyEnv", "proxy_env", "removeMountStubsRecursive"}
#: Kinds of mount by pb.MountType.
_MOUNTS = {0: "bind", 1: "secret", 2: "ssh", 3: "cache", 4: "tmpfs"}
_NETWORK = {0: "default", 1: "host", 2: "none"}
_SECURITY = {0: "sandbox", 1: "insecure"}


@dataclasses.dataclass(frozen=True)
class Source:
    """Files that no step of the build made.

    Attributes:
        kind: "context" (a local folder), "image", "http", "git", or "other".
        name: the name of the context or image, or the address.
        digest: the image's digest ("sha256:…"), or what tells one version of a fetched file or repository from another; ""
            if unknown.
        layers: digests of an image's layers, if the provenance has them.
        vertex: of an image without a known digest, what fetches it: the same means the same image, another means nothing.
    """

    kind: str
    name: str
    digest: str = ""
    layers: tuple[str, ...] = ()
    vertex: str = ""


#: Where files come from: the step with this index, a Source, or nothing (FROM scratch).
Origin = int | Source | None


@dataclasses.dataclass(frozen=True)
class Reading:
    """Files that a step takes by COPY, ADD or a bind mount, not from the result it builds on.

    Attributes:
        of: where they come from; None for a stage without files.
        copy: the arguments of the LLB copy action, or {"src": selector} for a mount.
        mounted: whether it takes them by a mount.
    """

    of: Origin
    copy: Mapping[str, Any]
    mounted: bool = False


@dataclasses.dataclass(frozen=True)
class Operation:
    """One step as BuildKit's cache sees it.

    Attributes:
        facts: its own definition, flat: "command", "shell", "env NAME", "cwd", "user", "mount /target", "copy 1 dest", …
        base: what it builds on; None also for a COPY --link.
        readings: the files it takes from elsewhere.
    """

    facts: Mapping[str, str]
    base: Origin
    readings: tuple[Reading, ...] = ()


def operations(build: Build) -> tuple[Operation | None, ...]:
    """Return the operation of each of `build.steps`; None if the provenance has none (FROM, a step that wasn't reached)."""
    with _as_buildkit_writes_it():
        return _Reader(build).read()


def cache_mounts(build: Build, step: Step) -> dict[str, str]:
    """Return the cache mounts of a RUN step: target → id, as `layerlab.machine.mounts.mounts` gives it."""
    with _as_buildkit_writes_it():
        reader = _Reader(build)
        last = reader.last_of_step.get(build.steps.index(step))
        found = (reader._own(last).get("exec") or {}).get("mounts") or () if last else ()
        return {m["dest"]: m["cacheOpt"]["ID"] for m in found if m.get("cacheOpt")}


@contextlib.contextmanager
def _as_buildkit_writes_it() -> Iterator[None]:
    """Raise RecordError if what's read meanwhile has another shape: only a record that was changed by hand has."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RecordError(
            f"the provenance in the record isn't as BuildKit writes it ({type(error).__name__}: {error})",
            "build again: the record was damaged or changed by hand",
        ) from None


class _Reader:
    def __init__(self, build: Build) -> None:
        self.build = build
        config = build.provenance.get("buildConfig") or {}
        self.ops = {op["id"]: op for op in config.get("llbDefinition") or ()}
        mapping = config.get("digestMapping") or {}
        self.layers = details(build.provenance).get("layers") or {}
        self.materials = dict(_materials(build.provenance))
        # Two steps may be one operation (the same WORKDIR twice in a row): a step that builds on it builds on both.
        self.last_of_step = {
            i: mapping[s.digest]
            for i, s in enumerate(build.steps)
            if s.instruction != "FROM" and mapping.get(s.digest) in self.ops
        }
        self.step_of: dict[str, int] = {}
        for index, op in self.last_of_step.items():
            self.step_of.setdefault(op, index)

    def read(self) -> tuple[Operation | None, ...]:
        count = range(len(self.build.steps))
        return tuple(self._operation(self.last_of_step[i]) if i in self.last_of_step else None for i in count)

    def _operation(self, last: str) -> Operation:
        op = self._own(last)
        if "merge" not in op:
            return self._single(last)
        # COPY --link copies onto nothing, then merges with what is below; only the copy has a key of its own.
        base, copied = self._inputs(last)[0], self._inputs(last)[-1]
        inner = self._single(copied)
        return dataclasses.replace(inner, facts={**inner.facts, "link": "true"}, base=self._origin(base))

    def _single(self, op_id: str) -> Operation:
        own = self._own(op_id)
        if "exec" in own:
            return self._exec(op_id, own["exec"])
        if "file" in own:
            return self._file(op_id, own["file"])
        return Operation(
            {"operation": _text(own)}, None, tuple(Reading(self._origin(i), {}) for i in self._inputs(op_id))
        )

    def _exec(self, op_id: str, run: Mapping[str, Any]) -> Operation:
        inputs = self._inputs(op_id)
        meta = dict(run.get("meta") or {})
        facts: dict[str, str] = {}
        readings: list[Reading] = []
        base: Origin = None
        args = meta.pop("args", [])
        # In the shell form, the command is the last argument, after those of the shell (BuildKit dispatchRun).
        shell_form = len(args) > 1 and re.fullmatch(r"-\w*c|/c|-Command", args[-2])
        facts["command"] = args[-1] if shell_form else json.dumps(args)
        facts["shell"] = json.dumps(args[:-1]) if shell_form else ""
        # BuildKit itself sets this variable for an ssh mount (client/llb, AddSSHSocket).
        sockets = {f"SSH_AUTH_SOCK={m['dest']}" for m in run.get("mounts") or () if m.get("SSHOpt")}
        env = [e for e in meta.pop("env", []) if e not in sockets]
        for assignment in env:
            name, _, value = assignment.partition("=")
            facts[f"env {name}"] = value
        facts["env order"] = " ".join(a.partition("=")[0] for a in env)
        facts["cwd"], facts["user"] = meta.pop("cwd", "/"), meta.pop("user", "")
        facts["network"] = _NETWORK.get(run.get("network", 0), "other")
        facts["security"] = _SECURITY.get(run.get("security", 0), "other")
        for mount in run.get("mounts") or ():
            number = mount.get("input", 0)
            at = inputs[number] if 0 <= number < len(inputs) else ""
            if mount["dest"] == "/":
                base = self._origin(at) if at else None
                continue
            script = self._inline(at) if at else None
            if script is not None:  # RUN <<EOF with a #! line: the script is mounted as a file
                facts["command"] = script
                continue
            facts[f"mount {mount['dest']}"] = _mount_text(mount) + self._made_with(at)
            if at:
                readings.append(Reading(self._origin(at), {"src": mount.get("selector", "/")}, mounted=True))
        for secret in run.get("secretenv") or ():
            facts[f"secret in {secret.get('name')}"] = secret.get("ID", "")
        if hosts := meta.pop("extraHosts", []):  # the address does not count
            facts["option --add-host"] = ", ".join(host.get("Host", "") for host in hosts)
        facts |= {f"option {key}": _text(value) for key, value in meta.items() if key not in _NOT_OWN}
        facts |= self._platform(op_id)
        return Operation(facts, base, tuple(readings))

    def _made_with(self, op_id: str) -> str:
        """Return the owner and mode of a cache mount's folder.

        An operation without a line makes the folder (dockerfile2llb, convert_runmount.go).
        """
        if not op_id or op_id in self.step_of:
            return ""
        words = []
        for action in (self._own(op_id).get("file") or {}).get("actions") or ():
            folder = action["Action"].get("mkdir") or {}
            for name, option in (("user", "uid"), ("group", "gid")):
                who = ((folder.get("owner") or {}).get(name) or {}).get("User") or {}
                words += [f"{option}={who['byId']}"] if "byId" in who else []
            words += [f"mode={folder['mode']:04o}"] if folder.get("mode") else []
        return "".join(f",{word}" for word in words)

    def _file(self, op_id: str, file: Mapping[str, Any]) -> Operation:
        inputs = self._inputs(op_id)
        facts: dict[str, str] = {}
        readings: list[Reading] = []
        base: Origin = None
        for number, action in enumerate(file.get("actions") or (), 1):
            ((kind, arguments),) = action["Action"].items()
            first, second = action.get("input", 0), action.get("secondaryInput", -1)
            if number == 1 and 0 <= first < len(inputs):
                base = self._origin(inputs[first])
            if kind != "copy":
                facts |= {f"{kind} {number} {k}": _text(v) for k, v in arguments.items() if k not in _NOT_OWN}
                continue
            facts |= {f"copy {number} {k}": _text(v) for k, v in arguments.items() if k not in _NOT_OWN}
            source = inputs[second] if 0 <= second < len(inputs) else ""
            inline = self._inline(source) if source else None
            if inline is not None:  # COPY <<EOF
                facts[f"copy {number} text"] = inline
            elif source:
                origin = self._origin(source)
                facts[f"copy {number} from"] = _origin_text(origin)
                facts |= self._git_options(source)
                readings.append(Reading(origin, arguments))
        return Operation(facts, base, tuple(readings))

    def _origin(self, op_id: str) -> Origin:
        """Return the step or Source that an operation's result belongs to; operations without a line are passed through."""
        if op_id in self.step_of:
            return self.step_of[op_id]
        own = self._own(op_id)
        if "source" in own:
            return self._source(op_id, own["source"])
        inputs = self._inputs(op_id)
        return self._origin(inputs[0]) if inputs else None

    def _source(self, op_id: str, source: Mapping[str, Any]) -> Source:
        scheme, _, name = source["identifier"].partition("://")
        attributes = source.get("attrs") or {}
        if scheme == "local":
            return Source("context", name)
        if scheme == "docker-image":
            short = _short_image(name)
            chain = (self.layers.get(f"{op_id}:0") or [[]])[0]
            digest = name.partition("@")[2] or self.materials.get(short, "")
            return Source("image", short, digest, tuple(layer["digest"] for layer in chain))
        if scheme in ("http", "https"):
            digest = attributes.get("http.checksum") or self.materials.get(source["identifier"], "")
            return Source("http", source["identifier"], digest)
        if scheme == "git":
            found = (self.materials.get(uri, "") for uri in (source["identifier"], name))
            return Source("git", name, next(filter(None, found), ""))
        return Source("other", source["identifier"])

    def _git_options(self, op_id: str) -> dict[str, str]:
        attributes = (self._own(op_id).get("source") or {}).get("attrs") or {}
        kept = attributes.get("git.keepgitdir")
        return {"option --keep-git-dir": kept} if kept else {}

    def _inline(self, op_id: str) -> str | None:
        """Return a heredoc's text if the operation only makes a file of it; else None."""
        actions = (self._own(op_id).get("file") or {}).get("actions") or ()
        if self._inputs(op_id) or not actions or any("mkfile" not in a["Action"] for a in actions):
            return None
        data = (a["Action"]["mkfile"].get("data") or "" for a in actions)
        return "\n".join(base64.b64decode(d).decode(errors="replace") for d in data)

    def _own(self, op_id: str) -> Mapping[str, Any]:
        return (self.ops.get(op_id) or {}).get("op", {}).get("Op") or {}

    def _inputs(self, op_id: str) -> list[str]:
        return [i.partition(":")[0] for i in self.ops[op_id].get("inputs") or ()]

    def _platform(self, op_id: str) -> dict[str, str]:
        platform = self.ops[op_id]["op"].get("platform") or {}
        return {"platform": "/".join(platform[k] for k in ("OS", "Architecture", "Variant") if platform.get(k))}


def _materials(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (name, digest) of everything the build fetched: images by name, others by address."""
    for material in provenance.get("materials") or ():
        digest = next((f"{name}:{value}" for name, value in (material.get("digest") or {}).items()), "")
        uri = material.get("uri", "")
        if image := re.fullmatch(r"pkg:docker/([^@?]+)(?:@([^?]+))?(?:\?.*)?", uri):
            name = urllib.parse.unquote(image[1])
            tag = urllib.parse.unquote(image[2] or "latest")
            yield _short_image(f"{name}:{tag}"), digest
        else:
            yield uri, digest


def _short_image(name: str) -> str:
    name = name.partition("@")[0].removeprefix("docker.io/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _origin_text(origin: Origin) -> str:
    if isinstance(origin, Source):
        return origin.kind if origin.kind == "context" and origin.name == "context" else f"{origin.kind} {origin.name}"
    return "" if origin is None else "stage"


def _mount_text(mount: Mapping[str, Any]) -> str:
    kind = _MOUNTS.get(mount.get("mountType", 0), "other")
    words = [f"type={kind}"]
    if cache := _counting(mount):
        words += [f"id={cache['ID']}", "sharing=shared"]
    elif kind == "cache":
        words.append("id or sharing of its own")
    if mount.get("selector"):
        words.append(f"source={mount['selector']}")
    for name in ("secretOpt", "SSHOpt", "TmpfsOpt"):
        words += [f"{key.lower()}={value}" for key, value in sorted((mount.get(name) or {}).items())]
    if kind == "bind" and not mount.get("readonly"):
        words.append("rw")
    if kind != "bind" and mount.get("readonly"):
        words.append("ro")
    return ",".join(words)


def _counting(mount: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a cache mount's options if id and sharing are part of the cache key: only if both have their defaults.

    (BuildKit solver/llbsolver/ops/exec.go, checkShouldClearCacheOpts; the id begins with the namespace and "/".)
    """
    cache = mount.get("cacheOpt") or {}
    default = mount["dest"] in (cache.get("ID"), cache.get("ID", "").partition("/")[2])
    return cache if default and not cache.get("sharing") else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
