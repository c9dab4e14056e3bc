"""What a machine in a private process shares with the computer: one bridge, three firewall rules and an address range.

dockerd itself gets `--iptables=false`, because its own rules are in chains that every dockerd on a computer shares. All
of ours carry the name of the machine's bridge, so what is there is asked of the computer itself: no record can get lost.
(Never give a dockerd `--bridge=none`: it deletes the host's docker0.)
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import psutil

from ..errors import CommandFailed, MachineError
from ..system.home import home_id, locked, run_dir
from ..system.shell import run, succeeds
from . import packages

#: Machines take their networks out of this range (a part of 10/8 that routers and VPNs seldom use), 64 at a time.
RANGE = ipaddress.ip_network("10.214.0.0/16")
PREFIX = 22
#: Of its network, a machine's containers get the first quarter and its Compose networks the second half, 16 of this size.
CONTAINERS_PREFIX, COMPOSE_PREFIX = 24, 27
#: How the names of machines' bridges begin.
BRIDGES = "ll-"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
INTERFACES = Path("/sys/class/net")
CONTROL_GROUPS = Path("/sys/fs/cgroup")


def bridge_name(machine: str) -> str:
    """Name of a machine's bridge, firewall rules and control group. Interface names have at most 15 characters."""
    return BRIDGES + hashlib.sha256(f"{home_id()}/{machine}".encode()).hexdigest()[:8]


def _hardware_address(bridge: str) -> str:
    """An address that a bridge keeps.

    One that was given none has the lowest of its containers' addresses. When that container ends the bridge takes another,
    and for up to a minute the others send what leaves the machine to one that nobody has: no name is found (Linux,
    net/bridge/br_stp_if.c, br_stp_recalculate_bridge_id; Docker's own bridges are given one, too).
    The first byte says that nobody sold it: locally administered, one receiver (IEEE 802).
    """
    return "02:4c:" + bytes.fromhex(bridge.removeprefix(BRIDGES)).hex(":")


def make(machine: str) -> tuple[str, ipaddress.IPv4Network]:
    """Give a machine a bridge and a network, with a way out.

    Returns what its dockerd is told: the bridge's name, and the range that Compose networks are taken from.
    Raises MachineError if every network is taken, CommandFailed.
    """
    bridge, tools = bridge_name(machine), packages.tool_path()
    with _sharing():
        network = _free_network()
        run("ip", "link", "add", bridge, "address", _hardware_address(bridge), "type", "bridge", env=tools)
        run("ip", "address", "add", f"{network[1]}/{CONTAINERS_PREFIX}", "dev", bridge, env=tools)
        run("ip", "link", "set", bridge, "up", env=tools)
        if not _forwarding_was().exists():
            _forwarding_was().write_text(FORWARDING.read_text())
        FORWARDING.write_text("1")
    for table, *rule in _rules(bridge, network):
        run("iptables", "--wait", "-t", table, "-I", *rule, env=tools)
    return bridge, list(network.subnets())[1]


def remove(machine: str) -> int:
    """Remove what `make` made for a machine, and what its dockerd made since; returns how many pieces there were.

    The last machine to go puts the computer's forwarding back. Raises MachineError if the rules could not be removed.
    """
    if os.geteuid() != 0:
        return 0  # we never made any
    bridge, tools, pieces = bridge_name(machine), packages.tool_path(), 0
    there = (INTERFACES / bridge).exists()
    networks = {_network_of(address) for interface, address in _addresses() if interface == bridge}
    problem = ""
    for table in ("nat", "filter"):
        try:
            listing = run("iptables", "--wait", "-t", table, "-S", env=tools)
        except CommandFailed as error:
            problem = str(error)
            continue
        for rule in rules_with_comment(listing, f"layerlab {bridge}"):
            networks |= {ipaddress.ip_network(rule[i + 1]) for i, word in enumerate(rule) if word in ("-s", "-d")}
            pieces += succeeds(["iptables", "--wait", "-t", table, "-D", *rule], env=tools)
    with _sharing():
        # A bridge that was lost leaves its rules; its network may be another machine's by now, and is not ours to clear.
        networks -= {_network_of(a) for i, a in _addresses() if i.startswith(BRIDGES) and i != bridge}
        # The machine's bridge, and those that dockerd made for Compose networks in the machine's range.
        inside = {interface for interface, address in _addresses() if any(address in network for network in networks)}
        for interface in sorted({bridge} | inside):
            if (INTERFACES / interface / "bridge").exists():
                pieces += succeeds(["ip", "link", "delete", interface], env=tools)
    # os.walk passes over a group that vanishes meanwhile, as those of ending containers do; a glob would raise.
    for place in [os.path.join(parent, bridge) for parent, names, _ in os.walk(CONTROL_GROUPS) if bridge in names]:
        for group, _, _ in os.walk(place, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(group)
                pieces += 1
    if _forwarding_was().exists():
        with _sharing():
            if _forwarding_was().exists() and not any(INTERFACES.glob(f"{BRIDGES}*")):
                FORWARDING.write_text(_forwarding_was().read_text())
                _forwarding_was().unlink()
    if there and problem:
        raise MachineError(
            f"the firewall rules of machine {machine!r} may still be there (comment: layerlab {bridge})\n{problem}",
            "have iptables installed and run `layerlab clean`; they are gone after a reboot, too",
        )
    return pieces


def rules_with_comment(listing: str, comment: str) -> list[list[str]]:
    """The rules of an `iptables -S` listing that carry `comment`, as words for `iptables -D`."""
    rules = [shlex.split(line) for line in listing.splitlines() if line.startswith("-A ")]
    return [words[1:] for words in rules if comment in words]


def _rules(bridge: str, network: ipaddress.IPv4Network) -> list[tuple[str, ...]]:
    """Let the machine's containers out, and the answers in: table, chain, match. Each says whose it is."""
    mark = ("-m", "comment", "--comment", f"layerlab {bridge}")
    return [
        ("nat", "POSTROUTING", "-s", f"{network}", "!", "-d", f"{network}", *mark, "-j", "MASQUERADE"),
        ("filter", "FORWARD", "-s", f"{network}", *mark, "-j", "ACCEPT"),
        ("filter", "FORWARD", "-d", f"{network}", *mark, "-j", "ACCEPT"),
    ]


def _addresses() -> list[tuple[str, ipaddress.IPv4Address]]:
    """The computer's interfaces with their addresses."""
    return [
        (interface, ipaddress.IPv4Address(entry.address))
        for interface, entries in psutil.net_if_addrs().items()
        for entry in entries
        if entry.family.name == "AF_INET"
    ]


def _network_of(address: ipaddress.IPv4Address) -> ipaddress.IPv4Network:
    return ipaddress.ip_network(f"{address}/{PREFIX}", strict=False)


def _free_network() -> ipaddress.IPv4Network:
    """A network of RANGE in which this computer has no address. Raises MachineError if there is none."""
    taken = {_network_of(address) for _, address in _addresses()}
    free = next((network for network in RANGE.subnets(new_prefix=PREFIX) if network not in taken), None)
    if free is None:
        raise MachineError(f"all networks of {RANGE} are in use", "remove a machine: `layerlab down NAME`")
    return free


def _forwarding_was() -> Path:
    """What the first machine on this computer, of whichever home, found in FORWARDING; the last to go puts it back."""
    return run_dir().parent / "layerlab-ip_forward.was"


@contextlib.contextmanager
def _sharing() -> Iterator[None]:
    """Homes share the computer's addresses and its forwarding."""
    with locked("network", folder=run_dir().parent):
        yield
