#!/bin/sh
# Runs a command with TMPDIR on a temporary file system made for tests: an ext4 in a sparse file that never waits for the disk.
#
# An engine flushes its work to the disk dozens of times in a build (fsync), to survive a power cut. Tests don't need that:
# without it, a small build with an image takes 1.5 s instead of 3 (2 cores, 2026-11-27).
# Also, ext4 without a journal, which some virtual machines have, doesn't reuse the inode of a deleted file for up to six
# minutes, and each new file checks all of those inodes one by one (Linux, fs/ext4/ialloc.c, recently_deleted). Tests delete
# whole machines all the time, so a third of all processor time went there (perf, 2026-11-21).
# If such a file system can't be made, TMPDIR stays as it is.
set -u
place=${TMPDIR:-/tmp}
# No barriers, no ordering, and a journal that's rarely written; freed blocks are given back.
options=loop,noatime,discard,nobarrier,data=writeback,commit=300

quick() {
	[ "$(id -u)" = 0 ] || return 1
	# All free space except a reserve. The file takes up only what's in use, because freed blocks are given back.
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
# Some tests run as another user, who has to get to the disk, but not to what's under it.
chmod 711 "$folder"
chmod 600 "$folder/image"
chmod 1777 "$folder/disk"
TMPDIR=$folder/disk "$@"
