#!/bin/sh
# After the package was removed (dpkg: "remove", then perhaps "purge"; rpm: 0). The account stays: files may be its own.
set -eu

case "$1" in
remove | purge | 0)
  rm -f /usr/lib/systemd/system/dumbprobe.service.d/before-systemd-253.conf
  rmdir /usr/lib/systemd/system/dumbprobe.service.d 2>/dev/null || true
  ;;
esac
if [ "$1" = purge ]; then
  rm -rf /var/lib/dumbprobe
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
fi
