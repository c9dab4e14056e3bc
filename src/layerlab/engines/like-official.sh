#!/bin/sh
# Makes a fresh Debian (Ubuntu) root file system like Docker's official python:X-slim image. It runs inside that file system,
# as root, with Debian's python3 and python3-venv installed. $1 is the suite, $2 the mirror. If /tmp/authorities.crt is there, it
# holds the certificates that this computer trusts.
# Sources: debuerreotype's debuerreotype-minimizing-config and debuerreotype-slimify, which make Docker's debian images;
# the Dockerfiles of docker-library/python. docs/stand-ins.md tells what is alike and what isn't.
set -eu
suite=$1 mirror=$2
python=$(python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
lib=/usr/local/lib/$python
export DEBIAN_FRONTEND=noninteractive

# -- Python: Debian's, moved to /usr/local. It takes its prefix from where its library lies. ------------------------------
cp "/usr/bin/$python" "/usr/local/bin/$python"
mkdir -p "$lib/site-packages" "/usr/local/include/$python"
# -L: some files are links to /etc and /usr/share, which go with Debian's packages. -p: what Debian compiled stays valid.
cp -RLp "/usr/lib/$python/." "$lib"
rm -f "$lib/EXTERNALLY-MANAGED" "$lib/sitecustomize.py"

# From two packages we only take files. The C headers: Debian keeps pyconfig.h apart, for several architectures. And
# wheel, which the official images have as long as they have setuptools; then pip makes wheels of packages that come as source.
wheel=
[ ! -e "$lib/distutils" ] || wheel=python3-wheel-whl # until 3.11
fetched=$(mktemp -d)
cd "$fetched"
apt-get -o APT::Sandbox::User=root download "lib$python-dev" $wheel
for package in ./*.deb; do dpkg-deb -x "$package" .; done
cp -R "usr/include/$python/." usr/include/*/"$python/." "/usr/local/include/$python"
cd /

# What Debian changed: packages go to site-packages again, and ensurepip works. Each of these must match, or we stop.
change() { # a sed script, a file
	cp "$2" "$2.before"
	sed -i -e "$1" "$2"
	! cmp -s "$2" "$2.before" || { echo "like-official.sh: $2 isn't as expected" >&2 && exit 1; }
	rm "$2.before"
}
sysconfig=$lib/sysconfig.py
[ -e "$sysconfig" ] || sysconfig=$lib/sysconfig/__init__.py
change "s/prefix_scheme = 'posix_local'/prefix_scheme = 'posix_prefix'/" "$sysconfig"
change '/^    _ensurepip_is_disabled_in_debian_for_system()/d' "$lib/ensurepip/__init__.py"
for file in "$lib"/_sysconfigdata_*.py; do
	change "s,/usr/\(include\|lib\)/$python,/usr/local/\1/$python,g; s,prefix': '/usr',prefix': '/usr/local',
s,'BINDIR': '/usr/bin','BINDIR': '/usr/local/bin',; s,/usr/share/python-wheels,$lib/ensurepip/_bundled," "$file"
done
if [ -e "$lib/distutils" ]; then # until 3.11
	change '/^def is_virtual_environment/,/return/s/return .*/return True/' "$lib/distutils/sysconfig.py"
fi
mkdir -p "$lib/ensurepip/_bundled"
cp /usr/share/python-wheels/*.whl "$lib/ensurepip/_bundled"
# The module site is frozen into the program, with Debian's folders. One of them is empty, so a .pth file there can put
# things right, in every mode of starting Python that reads site-packages at all.
mkdir -p /usr/local/lib/python3/dist-packages
echo 'import _official_layout' >/usr/local/lib/python3/dist-packages/official-layout.pth
cat >"$lib/_official_layout.py" <<'PYTHON'
"""Make site-packages what it is in Docker's official image. LayerLab's stand-in has this file, the official image doesn't."""

import site
import sys


def getsitepackages(prefixes=None):
    version = "python%d.%d" % sys.version_info[:2]
    return [f"{prefix}/lib/{version}/site-packages" for prefix in dict.fromkeys(prefixes or site.PREFIXES) if prefix]


site.getsitepackages = getsitepackages
sys.path.remove("/usr/local/lib/python3/dist-packages")
site.addsitedir(getsitepackages(["/usr/local"])[0])
PYTHON

# Debian's own Python goes; the libraries that ours needs stay (as the official Dockerfile finds them).
find /usr/local -type f \( -name '*.so' -o -name "$python" \) -exec ldd '{}' ';' |
	awk '/=>/ { so = $(NF-1); gsub("^/(usr/)?", "", so); printf "*%s\n", so }' | sort -u |
	xargs -rt dpkg-query --search 2>/dev/null | awk 'sub(":$", "", $1) { print $1 }' | sort -u |
	xargs -r apt-mark manual >/dev/null
dpkg-query --show --showformat='${Package}\n' | grep -E '^(lib)?python3' |
	xargs apt-get purge --yes --auto-remove -o APT::AutoRemove::RecommendsImportant=false
ln -s "$python" /usr/local/bin/python3
"$python" -m ensurepip --default-pip
[ -z "$wheel" ] || "$python" -m pip install --no-index --find-links "$fetched/usr/share/python-wheels" wheel
rm -r "$fetched"
ln -s python3 /usr/local/bin/python
# As there, packages have no byte code: the first step that runs pip writes pip's into its layer. Debian compiled the library;
# this compiles what we changed, and ignores files that are no Python, such as lib2to3's test data.
find "$lib/site-packages" -name '*.pyc' -delete
"$python" -m compileall -q -x site-packages "$lib" >/dev/null || :
[ ! -e /usr/bin/python3 ] # nothing else may bring Debian's back

# -- Certificates: where update-ca-certificates finds them again, when a step of somebody's runs it -------------------------
if [ -e /tmp/authorities.crt ]; then
	python3 - <<'PYTHON'
import pathlib, re

def certificates(path):
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", pathlib.Path(path).read_text(errors="replace"), re.S)

debian = set(certificates("/etc/ssl/certs/ca-certificates.crt"))
for number, text in enumerate(c for c in certificates("/tmp/authorities.crt") if c not in debian):
    pathlib.Path(f"/usr/local/share/ca-certificates/this-computer-{number}.crt").write_text(text + "\n")
PYTHON
	rm /tmp/authorities.crt
	update-ca-certificates
fi

# -- apt and dpkg ----------------------------------------------------------------------------------------------------------
cd /etc/apt/apt.conf.d
clean='"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true";'
cat >docker-clean <<END
DPkg::Post-Invoke { $clean };
APT::Update::Post-Invoke { $clean };

Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
END
echo 'Apt::AutoRemove::SuggestsImportant "false";' >docker-autoremove-suggests
echo 'Acquire::GzipIndexes "true";' >docker-gzip-indexes
echo 'Acquire::Languages "none";' >docker-no-languages
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/docker-apt-speedup
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d # packages start no services
chmod 755 /usr/sbin/policy-rc.d
mkdir -p /usr/share/man/man1 /usr/share/man/man2 /usr/share/man/man3 /usr/share/man/man4 /usr/share/man/man5 \
	/usr/share/man/man6 /usr/share/man/man7 /usr/share/man/man8 # some packages' scripts write there
rm -f /etc/apt/sources.list
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$mirror" "$suite" >/etc/apt/sources.list.d/debian.sources
rm -f /var/cache/apt/*.bin # which docker-clean keeps apt from finding
