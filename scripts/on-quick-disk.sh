#!/bin/sh
# Runs a command with TMPDIR on a file system made for tests, for as long as it runs: an ext4 in a sparse file that never waits
# for the disk.
#
# An engine has what it does written to the disk dozens of times in a build (fsync), so that it survives a power cut. Nothing of
# the tests has to: without that a small build with an image takes 1.5 s where it took 3 (2 cores, 2026-11-27).
# And on ext4 without a journal, as some virtual machines have it, the inode of a file that was deleted is not used again for
# up to six minutes, and each new file looks at all of those one by one (Linux, fs/ext4/ialloc.c, recently_deleted). Tests
# delete whole machines all the time: a third of all processor time went there (perf, 2026-11-21).
# Where such a file system can't be had, TMPDIR stays what it is.
set -u
place=${TMPDIR:-/tmp}
# Neither barriers nor order nor a journal that's written every few seconds; freed blocks are given back.
options=loop,noatime,discard,nobarrier,data=writeback,commit=300

quick() {
	[ "$(id -u)" = 0 ] || return 1
	# What is free, but for some reserve; as freed blocks are given back, it only takes what is in use.
	room=$(($(df --output=avail --block-size=1G "$place" | tail -n 1) - 5))
	[ "$room" -ge 15 ] || return 1
	folder=$(mktemp -d "$place/quick-disk-XXXXXX")
	truncate --size "${room}G" "$folder/image" && mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1 "$folder/image" &&
		mkdir "$folder/disk" && mount -o "$options" "$folder/image" "$folder/disk" && return 0
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
