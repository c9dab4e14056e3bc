#!/bin/sh
# The first process of a machine in a container. $1 is the machine's name, $2 the home's id, $3 seed.py's WRITTEN_ONCE,
# $4 and $5 are the shares for limit.sh, and the rest are more options for dockerd (confining.py).
set -e
name=$1 home=$2 written_once=$3 processes=$4 memory=$5
shift 5
# cgroup v2: a group with children can't hold processes itself, so move ours into a child before dockerd makes more
# (as Docker's own docker-in-docker image does).
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
	mkdir -p /sys/fs/cgroup/init
	xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || :
	sed -e 's/ / +/g' -e 's/^/+/' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control || :
fi
sh /layerlab/limit.sh layerlab "$processes" "$memory" >/layerlab/unlimited
mount --make-rshared / || :
# A new machine starts from the seed: base images unpacked, nothing else cached. Entries that are written once (seed.py)
# become links into the seed's volume: containerd and overlayfs follow them, and deleting an image deletes the links.
data=/var/lib/docker
if [ -e /layerlab/renew ]; then # all data here is old now (renew in container.py)
	old=$(mktemp -d $data/old-XXXXXX)
	for entry in $data/*; do
		case $entry in $data/old-*) ;; *) mv "$entry" "$old" ;; esac
	done
	rm /layerlab/renew
fi
if [ "$(df -Pk $data | tail -n 1 | awk '{print $4}')" -lt 1000000 ]; then # seed.py's ROOM
	rm -rf $data/old-*
else
	(nice -n 19 rm -rf $data/old-* &)
fi
if [ ! -e $data/layerlab-started ] && [ -d /seed/containerd ]; then
	for folder in $written_once; do mount -t tmpfs -o mode=700 tmpfs "/seed/$folder"; done # so that cp finds nothing there
	cp -af /seed/. $data/
	for folder in $written_once; do
		umount "/seed/$folder"
		ln -sf "/seed/$folder"/* "$data/$folder"
	done
	rm -f $data/engine-id # or every machine would have the seed's id
fi
touch $data/layerlab-started
rm -f /var/run/docker.pid /run/docker/containerd/containerd.pid
exec dockerd --label "layerlab.machine=$name" --label "layerlab.home=$home" \
	--feature containerd-snapshotter=true --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /layerlab "$@" \
	--host unix:///var/run/docker.sock --host tcp://0.0.0.0:2376 \
	--tlsverify --tlscacert /layerlab/ca.pem --tlscert /layerlab/cert.pem --tlskey /layerlab/key.pem
