#!/bin/sh
# Installs a browser, Debian's Chromium, for the browser tests and for static pictures of charts.
set -e
for name in chromium chromium-browser google-chrome; do
	if command -v $name >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "Installing Chromium for the browser tests ..."
	log=$(mktemp)
	# Wait up to ten minutes if something else is being installed (unattended upgrades, on a new computer).
	if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
		-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 chromium fonts-dejavu-core; } >"$log" 2>&1; then
		rm -f "$log"
		exit 0
	fi
	tail -n 20 "$log" >&2
	rm -f "$log"
	exit 1
fi
echo "The browser tests need Chromium. Install it with your system's package manager, then run this again." >&2
exit 1
