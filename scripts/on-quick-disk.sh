#!/bin/sh
# Runs a command with TMPDIR on a file system where files can be made quickly, for as long as it runs.
#
# On ext4 without a journal, as some virtual machines have it, the inode of a file that was deleted is not used again for
# up to six minutes, and each new file looks at all of those one by one (Linux, fs/ext4/ialloc.c, recently_deleted). Tests
# delete whole machines all the time: a third of all processor time went there (perf, 2026-11-21). An ext4 with a journal, in a sparse file, does
# not have that. Where there is no such trouble, or no way round it, TMPDIR stays what it is.
set -u
place=${TMPDIR:-/tmp}
read -r device kind <<END
$(findmnt --noheadings --output SOURCE,FSTYPE --target "$place" 2>/dev/null)
END
device=${device##*/}

quick() {
	[ "$(id -u)" = 0 ] && [ "$kind" = ext4 ] && [ -d "/proc/fs/ext4/$device" ] || return 1
	for journal in "/proc/fs/jbd2/$device"-*; do [ -e "$journal" ] && return 1; done
	# What is free, but for some reserve; freed blocks are given back (discard), so it only takes what is in use.
	room=$(($(df --output=avail --block-size=1G "$place" | tail -n 1) - 5))
	[ "$room" -ge 15 ] || return 1
	folder=$(mktemp -d "$place/quick-disk-XXXXXX")
	truncate --size "${room}G" "$folder/image" && mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1 "$folder/image" &&
		mkdir "$folder/disk" && mount -o loop,noatime,discard "$folder/image" "$folder/disk" && return 0
	rm -rf "$folder"
	return 1
}

quick >/dev/null 2>&1 || exec "$@"
leave() {
	umount "$folder/disk" 2>/dev/null || umount --lazy "$folder/disk"
	rm -rf "$folder/image"
	rmdir "$folder/disk" "$folder"
}
trap leave EXIT
trap 'exit 130' INT TERM
chmod 1777 "$folder/disk"
TMPDIR=$folder/disk "$@"
