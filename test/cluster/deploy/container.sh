#!/usr/bin/env bash
# container.sh DIRECTORY PRIVILEGED CAPABILITIES PROGRAM…: runs a program in a mount namespace of its own as a container's runtime does: on a
# read-only root file system, with what DIRECTORY/mounts lists ("source target" a line), and without privileges but for CAPABILITIES
# ("+net_admin,+net_raw"). In place of an image, the root is this machine's own; DIRECTORY/skeleton has what is mounted upon.
set -euo pipefail

directory=$1 privileged=$2 capabilities=$3
shift 3
root=$directory/root

mkdir -p "$root"
mount -t overlay overlay -o "ro,lowerdir=$directory/skeleton:/" "$root"
for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; done
while read -r source target; do mount --bind "$source" "$root$target"; done <"$directory/mounts"
# kubelet's for a system-node-critical pod; on machines where root may not, the agent tells that it could not either.
echo -997 2>/dev/null >/proc/self/oom_score_adj || true

[[ $privileged == false ]] || exec chroot "$root" "$@"
for each in proc/sys sys; do
  mount --bind "$root/$each" "$root/$each"
  mount -o remount,bind,ro "$root/$each"
done
exec chroot "$root" setpriv --no-new-privs --inh-caps=-all --bounding-set="-all${capabilities:+,$capabilities}" "$@"
