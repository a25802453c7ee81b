#!/bin/sh
# Before the package is removed (dpkg: "remove", rpm: 0), and not before an upgrade.
set -eu

case "$1" in
remove | 0)
  if [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now dumbprobe.service || true
  fi
  ;;
esac
