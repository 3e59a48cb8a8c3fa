#!/bin/bash
# Makes of virtme-ng's machine what the tests need, and runs their command in the repository.
# Usage, as root of the virtual machine: guest.sh FILE, in which is, quoted for a shell: KERNEL REPOSITORY COMMAND...
set -eu
eval "set -- $(<"$1")"
kernel=$1 repository=$2
shift 2

# virtme-ng passes output and exit status on through ports with names. Where there is no udev, nobody has named them.
if [[ ! -e /dev/virtio-ports ]]; then
  mkdir /dev/virtio-ports
  for port in /sys/class/virtio-ports/*; do
    until [[ -e $port/name ]]; do sleep 0.1; done  # which comes after the port, in a message of its own
    ln -s "../${port##*/}" "/dev/virtio-ports/$(<"$port/name")"
  done
  [[ -c /dev/virtio-ports/virtme.stdout ]]
  exec >/dev/virtio-ports/virtme.stdout 2>&1
fi

# virtme-ng's root asks the host for the same bytes again and again. One that keeps them halves the time of every import.
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /mnt
for place in proc sys dev run; do
  mount --no-mtab --move "/$place" "/mnt/$place"
done
cd /mnt
pivot_root . mnt
umount --lazy /mnt

# erofs by way of loop: Linux 6.1 cannot mount it straight from a file.
modprobe --dirname "$kernel" --all overlay erofs loop ext4

# What is written goes to memory: by way of a disk where tests write, as it does on other machines; and over the
# repository, into which Python and its tools write what they have compiled.
mkdir -p /run/tests/{upper,work}
truncate --size 1G /run/tests/disk
mkfs.ext4 -q /run/tests/disk
mount -o loop /run/tests/disk /var/tmp
mount -t overlay -o "lowerdir=$repository,upperdir=/run/tests/upper,workdir=/run/tests/work" overlay "$repository"
export TMPDIR=/var/tmp

cd "$repository"
echo "guest.sh: ready" >/dev/kmsg  # run.py shows it if nothing comes after it
echo 2 >/proc/sys/kernel/printk  # each letter of a report of an OOM kill takes the time of a system call
exec "$@"
