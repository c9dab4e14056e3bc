#!/bin/sh
# First process of a machine in a container. $1 is the machine's name, $2 the home's id.
set -e
# cgroup v2: a group with children may hold no process itself, so move ours into one before dockerd makes children
# (as Docker's own docker-in-docker image does).
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
	mkdir -p /sys/fs/cgroup/init
	xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || :
	sed -e 's/ / +/g' -e 's/^/+/' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control || :
fi
mount --make-rshared / || :
# A new machine starts from the seed: base images unpacked, nothing else cached.
if [ ! -e /var/lib/docker/layerlab-started ] && [ -d /seed/containerd ]; then
	cp -a /seed/. /var/lib/docker/
	rm -f /var/lib/docker/engine-id # or every machine would say it is the seed
fi
touch /var/lib/docker/layerlab-started
rm -f /var/run/docker.pid /run/docker/containerd/containerd.pid
exec dockerd --label "layerlab.machine=$1" --label "layerlab.home=$2" \
	--feature containerd-snapshotter=true \
	--host unix:///var/run/docker.sock --host tcp://0.0.0.0:2376 \
	--tlsverify --tlscacert /layerlab/ca.pem --tlscert /layerlab/cert.pem --tlskey /layerlab/key.pem
