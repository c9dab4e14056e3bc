"""The distribution's Docker engine, unpacked into a folder of our own on a computer that has none.

apt chooses and verifies the packages as it would for an installation, but we unpack them under `home()`. That touches
no installed package and starts no service, and deleting the folder undoes it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import CommandFailed, SetupError
from ..system import progress
from ..system.home import cache_dir, home, locked
from ..system.shell import run
from ..system.trees import tree_bytes

#: The packages that a machine needs, by Debian's names. Ubuntu calls Compose v2 docker-compose-v2.
ENGINE = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "tini-static")
#: Their dependencies from the computer's own suite, plus the tools that set up a machine's network.
HELPERS = ("runc", "iptables", "iproute2")
#: The program that makes stand-in base images.
BOOTSTRAPPER = "mmdebstrap"
#: `--progress=rawjson` came with buildx 0.13 and provenance in the metadata file with 0.14 (buildx release notes);
#: 0.17 is the first whose bake reports both.
OLDEST_BUILDX = "0.17"
#: Suites tried after the computer's own, in this order.
NEWER_SUITES = ("stable", "testing")
#: The keys that sign every Debian suite (package debian-archive-keyring).
DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
#: Libraries that the whole system depends on: unpacking a second version beside the system's would break programs.
NEVER = ("libc6", "libc-bin", "libgcc-s1", "libstdc++6")

Say = Callable[[str], None]


def tool_path() -> dict[str, str]:
    """Return variables that find the unpacked programs first, then the computer's own; {} if none are unpacked."""
    tree = engine_dir()
    if not tree.exists():
        return {}
    libraries = sorted(tree.glob("usr/lib/*-linux-gnu"))
    return {
        "PATH": f"{tree}/usr/sbin:{tree}/usr/bin:{tree}/sbin:{tree}/bin:{os.environ.get('PATH', os.defpath)}",
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "XTABLES_LIBDIR": ":".join(str(p / "xtables") for p in libraries if (p / "xtables").exists()),
    }


def plugin_dirs() -> list[Path]:
    """Return the folders that hold the unpacked CLI plugins (buildx, Compose)."""
    usr = engine_dir() / "usr"
    return [p for p in (usr / "libexec/docker/cli-plugins", usr / "lib/docker/cli-plugins") if p.exists()]


def ensure_engine(say: Say = print) -> Path:
    """Unpack the engine's packages if they're missing; return their folder.

    Raises SetupError if this isn't Debian or Ubuntu, if we aren't root, or if no suite has a new enough buildx.
    """
    with locked("packages", wait=900):
        if not engine_dir().exists():
            _check_possible()
            _unpack(say)
    return engine_dir()


def ensure_registry(say: Say = print) -> Path:
    """Unpack the distribution's registry if it's missing; return its program.

    Raises SetupError if this isn't Debian or Ubuntu, or if we aren't root.
    """
    with locked("packages", wait=900):
        if not registry_program().exists():
            _check_possible()
            say("Fetching the distribution's registry (about 5 MB) …")
            apt = _Apt(cache_dir() / "apt")
            folder, fresh = cache_dir() / "registry", cache_dir() / "registry.part"
            shutil.rmtree(fresh, ignore_errors=True)
            # The other packages that apt chooses only set up its service. The program needs only libc.
            (archive,) = [a for a in apt.download(["docker-registry"]) if a.name.startswith("docker-registry_")]
            run("dpkg-deb", "-x", str(archive), str(fresh))
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
            shutil.rmtree(apt.root)
    return registry_program()


def ensure_mirror() -> Path:
    """Unpack the server that the package mirror runs, nginx, if it's missing; return its program.

    Raises SetupError if this isn't Debian or Ubuntu, or if we aren't root.
    """
    return _ensure_tools() / "usr/sbin/nginx"


def libraries_of(program: Path) -> dict[str, str]:
    """Return the variable that makes an unpacked program in usr/sbin find the libraries that were unpacked with it."""
    return {"LD_LIBRARY_PATH": ":".join(map(str, sorted(program.parents[2].glob("usr/lib/*-linux-gnu"))))}


def _ensure_tools() -> Path:
    """Unpack what's needed where no hub answers, together: reading apt's lists takes longer than fetching both programs."""
    with locked("tools", wait=900):
        tree = cache_dir() / "tools"
        if not tree.exists():
            _check_possible()
            apt = _Apt(cache_dir() / "apt-tools")
            fresh = tree.with_name(f"{tree.name}.part")
            shutil.rmtree(fresh, ignore_errors=True)
            for archive in apt.download([BOOTSTRAPPER, "nginx"]):
                run("dpkg-deb", "-x", str(archive), str(fresh))
            fresh.rename(tree)
            shutil.rmtree(apt.root)
    return tree


def ensure_bootstrapper() -> dict[str, str]:
    """Unpack the program that makes root file systems if it's missing; return variables that find it.

    It doesn't need the engine, so it can work while the engine is fetched. Raises SetupError if this isn't Debian or
    Ubuntu, or if we aren't root.
    """
    tools = tool_path()
    path = tools.get("PATH") or os.environ.get("PATH", os.defpath)
    if shutil.which(BOOTSTRAPPER, path=path):
        return tools
    return {**tools, "PATH": f"{_ensure_tools()}/usr/bin:{path}"}


def registry_program() -> Path:
    """Return the path where `ensure_registry` puts the registry's program. Creates no folder."""
    return home() / "cache" / "registry" / "usr/bin/docker-registry"


def engine_dir() -> Path:
    """Return the folder for the engine's packages, unpacked yet or not. Creates no folder."""
    return home() / "cache" / "engine"


def can_unpack() -> bool:
    """Tell whether we can use this computer's packages: that takes root on Debian or Ubuntu."""
    return sys.platform == "linux" and os.geteuid() == 0 and _has_apt()


def _has_apt() -> bool:
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def _check_possible() -> None:
    if os.geteuid() != 0:
        raise SetupError(
            "there is no Docker engine here and LayerLab can't run one, because you are not root",
            "install Docker Engine with buildx and Compose from your distribution or Docker's site, and join the group "
            "`docker`; or run the same command as root",
        )
    if not _has_apt():
        raise SetupError(
            "there is no Docker engine here, and this is neither Debian nor Ubuntu, so LayerLab cannot install one",
            "install Docker Engine 25 or newer with the buildx (0.17+) and Compose v2 plugins, start it, and try again",
        )


def _unpack(say: Say) -> None:
    say("No Docker engine on this computer: fetching the distribution's engine, buildx and Compose (about 90 MB) …")
    apt = _Apt(cache_dir() / "apt")
    suite = apt.suite_for("docker-buildx", OLDEST_BUILDX)
    of_suite = f"/{suite}" if suite else ""
    compose = "docker-compose-v2" if apt.knows("docker-compose-v2") else "docker-compose"
    wanted = [compose if name == "docker-compose" else name for name in ENGINE if apt.knows(name)]
    archives = apt.download([name + of_suite for name in wanted] + list(HELPERS))
    fresh = engine_dir().with_name("engine.part")
    shutil.rmtree(fresh, ignore_errors=True)
    for archive in archives:
        run("dpkg-deb", "-x", str(archive), str(fresh))
    # On an installed system, the alternatives mechanism makes these links.
    for name in ("iptables", "ip6tables"):
        link = fresh / "usr/sbin" / name
        if (link.parent / "xtables-nft-multi").exists() and not link.exists():
            link.symlink_to("xtables-nft-multi")
    fresh.rename(engine_dir())
    shutil.rmtree(apt.root)
    say(
        f"Engine unpacked: {len(archives)} packages of Debian's {suite}. Your installed packages are untouched."
        if suite
        else f"Engine unpacked: {len(archives)} packages. Your installed packages are untouched."
    )


#: The lists of packages take at least this much room, bytes: one suite's are 50 MB, and packages come on top.
LIST_BYTES = 100_000_000


class _Apt:
    """apt with its own folder for state, cache and sources; it uses the computer's sources and keyrings."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.rmtree(root, ignore_errors=True)  # what an interrupted run left
        for folder in ("lists/partial", "cache/archives/partial", "sources"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(root).free < LIST_BYTES:  # apt would wait for ever
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(root))
        for source in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]:
            if source.is_file() and source.suffix in (".list", ".sources"):
                shutil.copy(source, root / "sources" / source.name)
        # Newer suites may provide only packages that we ask them for by name.
        (root / "preferences").write_text(
            "".join(f"Package: *\nPin: release a={suite}\nPin-Priority: 50\n\n" for suite in NEWER_SUITES)
        )
        self._update(what="apt could not read the package lists of this computer's mirror")

    def _update(self, *options: str, what: str) -> None:
        # Don't build apt's cache of the lists yet: the next query does that, and more lists may come before it.
        with progress.shown(
            "Fetching and unpacking the lists of packages", lambda: tree_bytes(self.root / "lists"), unit="bytes"
        ):
            self._run("apt-get", *options, "-o", "pkgCacheFile::Generate=false", "update", what=what)

    def _run(self, *command: str, what: str = "") -> str:
        tool, *rest = command
        root = self.root
        options = [
            f"Dir::State::lists={root}/lists",
            f"Dir::Cache={root}/cache",
            "Dir::Etc::sourcelist=/dev/null",
            f"Dir::Etc::sourceparts={root}/sources",
            f"Dir::Etc::preferences={root}/preferences",
            "Dir::Etc::preferencesparts=/dev/null",
            "APT::Sandbox::User=root",  # our folder is closed to the user _apt
            # apt writes only into our folder, which our own lock guards. With its own locks, apt refuses to run while
            # anyone installs a package on this computer, as `make test` may do meanwhile (apt-get, dpkg/lock-frontend).
            "Debug::NoLocking=true",
            "APT::Keep-Downloaded-Packages=true",
            "Acquire::Retries=3",
            "Acquire::Languages=none",
            # Container images set these the other way round, to save space; then every query takes as long as the first.
            "Acquire::GzipIndexes=false",
            "Dir::Cache::pkgcache=pkgcache.bin",
            "Dir::Cache::srcpkgcache=srcpkgcache.bin",
        ]
        return run(
            tool, *(word for option in options for word in ("-o", option)), *rest, env={"LC_ALL": "C"}, what=what
        )

    def knows(self, package: str) -> bool:
        return bool(self._run("apt-cache", "madison", package).strip())

    def suite_for(self, package: str, oldest: str) -> str:
        """Return the first suite whose `package` is `oldest` or newer; "" is the computer's own. Raises SetupError."""
        for suite in ("", *NEWER_SUITES):
            if suite:
                self._add_suite(suite)
            for row in self._run("apt-cache", "madison", package).splitlines():
                version = row.split("|")[1].strip()
                if _at_least(version, oldest):
                    return suite
        raise SetupError(
            f"this computer's package mirror has no {package} {oldest} or newer",
            "install Docker Engine with buildx and Compose from Docker's own packages and try again",
        )

    def _add_suite(self, suite: str) -> None:
        option = f"[signed-by={DEBIAN_KEYS}] " if DEBIAN_KEYS.exists() else ""
        source = self.root / "sources" / f"{suite}.list"
        source.write_text(f"deb {option}{mirror()} {suite} main\n")
        self._update(
            *("-o", f"Dir::Etc::sourcelist={source}", "-o", "Dir::Etc::sourceparts=/dev/null"),  # only this one
            *("-o", "APT::Get::List-Cleanup=false"),
            what=f"this computer's mirror has no suite {suite!r}",
        )

    def download(self, packages: list[str]) -> list[Path]:
        """Let apt fetch `packages` and the dependencies that aren't installed. Raises SetupError."""
        install = ("apt-get", "install", "--yes", "--no-install-recommends", "--reinstall")
        archives = self.root / "cache/archives"
        try:
            needed = self._run(*install, "--print-uris", *packages)
            bytes_ = sum(int(row.split()[2]) for row in needed.splitlines() if row.startswith("'"))
            with progress.shown("Fetching packages", lambda: tree_bytes(archives), lambda: bytes_, unit="bytes"):
                self._run(*install, "--download-only", *packages)
        except CommandFailed as error:
            raise SetupError(str(error), "check the network and the disk, then try again") from None
        fetched = sorted(archives.glob("*.deb"))
        system = [a.name for a in fetched if a.name.split("_")[0] in NEVER]
        if system:
            raise SetupError(f"the engine needs a different {', '.join(system)} from the one on this computer")
        return fetched


def _at_least(version: str, oldest: str) -> bool:
    try:
        run("dpkg", "--compare-versions", version, "ge", oldest)
    except CommandFailed:
        return False
    return True


def mirror() -> str:
    """Return the address of the mirror that has this computer's suite. Raises SetupError if there is none."""
    # Ask what an update would fetch: that needs no lists from an earlier update, which a new computer doesn't have.
    rows = run("apt-get", "update", "--print-uris").splitlines()
    mirrors = [row[1:].partition("dists/")[0] for row in rows if f"/dists/{codename()}/InRelease'" in row]
    if not mirrors:
        raise SetupError(f"no package source for {codename()!r} on this computer", "add one in /etc/apt/sources.list.d")
    return mirrors[0]


def codename() -> str:
    """Return the name of this computer's suite, such as bookworm."""
    return os_release().get("VERSION_CODENAME", "")


def os_release() -> dict[str, str]:
    """Return the fields of /etc/os-release; {} if there is no such file."""
    if not Path("/etc/os-release").exists():
        return {}
    lines = Path("/etc/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
