#!/usr/bin/env bash
# Process 1 of the labs' User-Mode Linux guest: the host's file system read-only, a system bus,
# bluetoothd, then the story (words of the kernel's command line: OUT, PYTHON, STORY, SEARCH,
# ARGS with commas); then power off.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t securityfs security /sys/kernel/security
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib/bluetooth
ip link set lo up
mkdir -p /run/out /run/dbus /run/tmp
export TMPDIR=/run/tmp # /tmp stays the host's, where the checkout may lie
mount -t hostfs none /run/out -o "$OUT"
exec >/run/out/guest.log 2>&1

dbus-daemon --system --nofork --nopidfile &
for _ in $(seq 100); do
  [ -S /run/dbus/system_bus_socket ] && break
  sleep 0.05
done
for daemon in /usr/libexec/bluetooth/bluetoothd /usr/lib/bluetooth/bluetoothd; do
  [ -x "$daemon" ] && break
done
"$daemon" -n &
IFS=, read -r -a arguments <<<"$ARGS"
PYTHONPATH="$SEARCH" "$PYTHON" "$STORY" /run/out/result.json "${arguments[@]}"
echo "story ended with $?"
sync
echo o >/proc/sysrq-trigger
sleep 5
