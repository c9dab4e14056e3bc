#!/bin/sh
# Limits what the processes in control group $1 may take together: $2 per cent of the computer's processes, $3 of its memory.
# Prints what can't be limited here, a word a line. The group is made if need be.
group=$1 root=/sys/fs/cgroup
limit() { # $1: the controller; $2: the limit; $3, $4: the file for it in version 1 and 2 of control groups
	if [ -e $root/$1/cgroup.procs ]; then
		place=$root/$1/$group file=$3
	elif [ -e $root/cgroup.controllers ]; then
		place=$root/$group file=$4
		echo +$1 >$root/cgroup.subtree_control
	else
		return 1
	fi
	mkdir -p $place || return
	# Version 1, before Linux 5.11: only then do the processes of groups inside this one count.
	[ ! -e $place/memory.use_hierarchy ] || echo 1 >$place/memory.use_hierarchy
	[ -e $place/$file ] && echo $2 >$place/$file
}
processes=$(sort -n /proc/sys/kernel/pid_max /proc/sys/kernel/threads-max | head -n 1)
memory=$(awk '/^MemTotal:/ {print $2}' /proc/meminfo) # kB
{ limit pids $((processes * $2 / 100)) pids.max pids.max; } 2>/dev/null || echo processes
{ limit memory $((memory * 1024 / 100 * $3)) memory.limit_in_bytes memory.max; } 2>/dev/null || echo memory
