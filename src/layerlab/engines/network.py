"""The network of a machine in a private process: one bridge, its firewall rules and an address range of the computer.

dockerd itself gets `--iptables=false`, because its own rules go into chains that every dockerd on a computer shares. All
our rules carry the name of the machine's bridge, so we can always ask the computer what's there; there's no list to lose.
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

from ..errors import CommandFailed, MachineError
from ..system.home import home_id, locked, run_dir
from ..system.shell import run, succeeds
from . import packages

#: Machines take their networks from this part of 10/8, which routers and VPNs seldom use: room for 64 at a time.
RANGE = ipaddress.IPv4Network("10.214.0.0/16")
PREFIX = 22
#: A machine's containers get the first quarter of its network; its Compose networks get the second half, 16 of this size.
CONTAINERS_PREFIX, COMPOSE_PREFIX = 24, 27
#: Where stand-ins look for packages: an address on this computer's own loopback interface, and a port of it where nobody listens.
#: It's in images that all homes and machines of a computer share. A machine's rules lead it to its home's mirror (mirror.py).
MIRROR, MIRROR_PORT = RANGE.broadcast_address - 1, 80
#: Prefix of the names of machines' bridges.
BRIDGES = "ll-"
#: The rule, while forwarding is on only for machines, against forwarding anything else.
NOT_OURS = (
    "FORWARD", "!", "-s", f"{RANGE}", "!", "-d", f"{RANGE}",
    "-m", "comment", "--comment", "layerlab forwarding", "-j", "DROP",
)  # fmt: skip
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
INTERFACES, LOOPBACK = Path("/sys/class/net"), "lo"
CONTROL_GROUPS = Path("/sys/fs/cgroup")


def bridge_name(machine: str) -> str:
    """Return the name of a machine's bridge, firewall rules and control group, within Linux's limit of 15 characters."""
    return BRIDGES + hashlib.sha256(f"{home_id()}/{machine}".encode()).hexdigest()[:8]


def _hardware_address(bridge: str) -> str:
    """Return a fixed hardware address for a bridge.

    A bridge that was given none takes the lowest address among its containers. When that container ends, the bridge
    changes its address, and for up to a minute the other containers send outgoing packets to the old one: name lookups
    fail (Linux, net/bridge/br_stp_if.c, br_stp_recalculate_bridge_id; Docker gives its own bridges an address, too).
    The first byte marks an address that no manufacturer assigned: locally administered, one receiver (IEEE 802).
    """
    return "02:4c:" + bytes.fromhex(bridge.removeprefix(BRIDGES)).hex(":")


def make(machine: str, mirror_port: int = 0) -> tuple[str, ipaddress.IPv4Network]:
    """Give a machine a bridge and a network with a way out, and with one to the package mirror if that has a port.

    Returns two settings for its dockerd: the bridge's name and the range for Compose networks.
    Raises MachineError if every network is taken, CommandFailed if `ip` or `iptables` fails.
    """
    bridge, tools = bridge_name(machine), packages.tool_path()
    with _sharing():
        network = _free_network()
        run("ip", "link", "add", bridge, "address", _hardware_address(bridge), "type", "bridge", env=tools)
        run("ip", "address", "add", f"{network[1]}/{CONTAINERS_PREFIX}", "dev", bridge, env=tools)
        run("ip", "link", "set", bridge, "up", env=tools)
        _open_forwarding()
        if mirror_port and not any(address == MIRROR for _, address in _addresses()):
            run("ip", "address", "add", f"{MIRROR}/32", "dev", LOOPBACK, env=tools)
    for table, *rule in [
        *_rules(bridge, network),
        *(_mirror_rules(bridge, network, mirror_port) if mirror_port else []),
    ]:
        run("iptables", "--wait", "-t", table, "-I", *rule, env=tools)
    return bridge, list(network.subnets())[1]


def remove(machine: str) -> int:
    """Remove what `make` and the machine's dockerd have made, and return the number of pieces removed.

    The last machine to go restores the computer's forwarding. Raises MachineError if the rules can't be removed.
    """
    if os.geteuid() != 0:
        return 0  # then we never made any
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
            networks |= _networks_in(rule)
            pieces += succeeds(["iptables", "--wait", "-t", table, "-D", *rule], env=tools)
    with _sharing():
        # A lost bridge leaves its rules behind. Another machine may have its network by now: then leave that alone.
        networks -= {_network_of(a) for i, a in _addresses() if i.startswith(BRIDGES) and i != bridge}
        # The machine's bridge, and those that dockerd made for Compose networks in the machine's range.
        inside = {interface for interface, address in _addresses() if any(address in network for network in networks)}
        for interface in sorted({bridge} | inside):
            if (INTERFACES / interface / "bridge").exists():
                pieces += succeeds(["ip", "link", "delete", interface], env=tools)
    # os.walk skips groups that vanish meanwhile, as those of ending containers do; a glob would raise.
    for place in [os.path.join(parent, bridge) for parent, names, _ in os.walk(CONTROL_GROUPS) if bridge in names]:
        for group, _, _ in os.walk(place, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(group)
                pieces += 1
    _let_go()
    if there and problem:
        raise MachineError(
            f"the firewall rules of machine {machine!r} may still be there (comment: layerlab {bridge})\n{problem}",
            "install iptables and run `layerlab clean`; a reboot removes them, too",
        )
    return pieces


def _let_go() -> None:
    """Give back what all machines of a computer share, if this was the last one."""
    if not _forwarding_was().exists():
        return
    with _sharing():
        if _forwarding_was().exists() and not any(INTERFACES.glob(f"{BRIDGES}*")):
            _close_forwarding()
            if any(address == MIRROR for _, address in _addresses()):
                succeeds(["ip", "address", "delete", f"{MIRROR}/32", "dev", LOOPBACK], env=packages.tool_path())


@contextlib.contextmanager
def mirror_led_to(machine: str, port: int) -> Iterator[None]:
    """During a `with`, let the machine's builds find another port of the mirror where they look for packages."""
    bridge, tools = bridge_name(machine), packages.tool_path()
    networks = [_network_of(address) for interface, address in _addresses() if interface == bridge]
    rules = [rule for network in networks for rule in _mirror_rules(bridge, network, port) if rule[1] == "PREROUTING"]
    for table, *rule in rules:
        run("iptables", "--wait", "-t", table, "-I", *rule, env=tools)
    try:
        yield
    finally:
        for table, *rule in rules:
            succeeds(["iptables", "--wait", "-t", table, "-D", *rule], env=tools)


def rules_with_comment(listing: str, comment: str) -> list[list[str]]:
    """Return the rules of an `iptables -S` listing that carry `comment`, as words for `iptables -D`."""
    rules = [shlex.split(line) for line in listing.splitlines() if line.startswith("-A ")]
    return [words[1:] for words in rules if comment in words]


def _rules(bridge: str, network: ipaddress.IPv4Network) -> list[tuple[str, ...]]:
    """Return rules (table, chain, match) that let the machine's containers out and only answers in; each names the bridge.

    Each goes in front of the ones before it. DROP is needed, because many computers forward whatever no rule matches.
    """
    own, filtered = f"{network}", ("filter", "FORWARD")
    mark = ("-m", "comment", "--comment", f"layerlab {bridge}")
    return [
        ("nat", "POSTROUTING", "-s", own, "!", "-d", own, *mark, "-j", "MASQUERADE"),
        (*filtered, "-d", own, *mark, "-j", "DROP"),
        # Neighbours on one bridge, where the kernel shows bridged packets to iptables. dockerd's names for the bridges of
        # Compose networks begin with br-. A packet from another computer comes in elsewhere, whatever its source says.
        (*filtered, "-i", "br-+", "-o", "br-+", "-s", own, "-d", own, *mark, "-j", "ACCEPT"),
        (*filtered, "-i", bridge, "-o", bridge, *mark, "-j", "ACCEPT"),
        # Other machines are in RANGE: their own rules keep us out.
        (*filtered, "-s", own, "!", "-d", f"{RANGE}", *mark, "-j", "ACCEPT"),
        (*filtered, "-d", own, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", *mark, "-j", "ACCEPT"),
    ]


def _mirror_rules(bridge: str, network: ipaddress.IPv4Network, port: int) -> list[tuple[str, ...]]:
    """Return rules that lead the machine's requests for packages to `port`, and keep other computers away from it.

    A build on the host's network asks from this computer, which has no way to tell whose it is: it gets the mirror of the
    machine that started last. All mirrors of a computer have the same packages.
    """
    asked = ("-d", f"{MIRROR}", "-p", "tcp", "--dport", f"{MIRROR_PORT}")
    mark = ("-m", "comment", "--comment", f"layerlab {bridge}")
    there = ("-j", "DNAT", "--to-destination", f"{MIRROR}:{port}")
    return [
        ("nat", "PREROUTING", "-s", f"{network}", *asked, *mark, *there),
        ("nat", "OUTPUT", *asked, *mark, *there),
        # This computer asks from the address itself. A packet from elsewhere with a source in RANGE never gets its answer.
        ("filter", "INPUT", "!", "-s", f"{RANGE}", "-d", f"{MIRROR}", *mark, "-j", "DROP"),
        (
            "filter",
            "INPUT",
            "-s",
            f"{network}",
            "-d",
            f"{MIRROR}",
            "-p",
            "tcp",
            "--dport",
            f"{port}:{port + 1}",
            *mark,
            "-j",
            "ACCEPT",
        ),
    ]


def _open_forwarding() -> None:
    """Let the computer forward packets. If it didn't before, it still forwards none that aren't to or from a machine."""
    if not _forwarding_was().exists():
        _forwarding_was().write_text(FORWARDING.read_text())
        if FORWARDING.read_text().strip() == "0":
            # Docker sets the chain's policy to DROP for the same reason. A rule at its end leaves the policy as it is.
            run("iptables", "--wait", "-A", *NOT_OURS, env=packages.tool_path())
    FORWARDING.write_text("1")


def _close_forwarding() -> None:
    FORWARDING.write_text(_forwarding_was().read_text())
    succeeds(["iptables", "--wait", "-D", *NOT_OURS], env=packages.tool_path())
    _forwarding_was().unlink()


def _addresses() -> list[tuple[str, ipaddress.IPv4Address]]:
    """Return the computer's interfaces with their IPv4 addresses."""
    import psutil  # here, because a build needs none of it

    return [
        (interface, ipaddress.IPv4Address(entry.address))
        for interface, entries in psutil.net_if_addrs().items()
        for entry in entries
        if entry.family.name == "AF_INET"
    ]


def _networks_in(rule: list[str]) -> set[ipaddress.IPv4Network]:
    """Return the machine's network if the rule names it; not RANGE, which has the networks of all machines."""
    named = {ipaddress.IPv4Network(rule[i + 1]) for i, word in enumerate(rule) if word in ("-s", "-d")}
    return {network for network in named if network.prefixlen == PREFIX}


def _network_of(address: ipaddress.IPv4Address) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(f"{address}/{PREFIX}", strict=False)


def _free_network() -> ipaddress.IPv4Network:
    """Return a network of RANGE where this computer has no address. Raises MachineError if there is none."""
    taken = {_network_of(address) for _, address in _addresses()}
    free = next((network for network in RANGE.subnets(new_prefix=PREFIX) if network not in taken), None)
    if free is None:
        raise MachineError(f"all networks of {RANGE} are in use", "remove a machine: `layerlab down NAME`")
    return free


def _forwarding_was() -> Path:
    """Return the file with the value that the first machine, of any home, found in FORWARDING; the last restores it."""
    return run_dir().parent / "layerlab-ip_forward.was"


@contextlib.contextmanager
def _sharing() -> Iterator[None]:
    """Lock the computer's addresses and its forwarding, which all homes share."""
    with locked("network", folder=run_dir().parent):
        yield
