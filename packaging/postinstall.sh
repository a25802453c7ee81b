#!/bin/sh
# After the package is installed or upgraded: dpkg gives "configure" and the version before, rpm how many are installed
# now. The service is never started or enabled here; one that runs is restarted by an upgrade.
set -eu

upgrade=no
case "$1" in
configure) [ -z "${2:-}" ] || upgrade=yes ;;
[0-9]*) [ "$1" -lt 2 ] || upgrade=yes ;;
*) exit 0 ;;
esac

if command -v systemd-sysusers >/dev/null 2>&1; then
  systemd-sysusers dumbprobe.conf
elif ! getent passwd dumbprobe >/dev/null; then
  getent group dumbprobe >/dev/null || groupadd --system dumbprobe
  useradd --system --gid dumbprobe --home-dir /var/lib/dumbprobe --no-create-home --shell /usr/sbin/nologin dumbprobe
fi

# Before 253, systemd does not know notify-reload.
dropin=/usr/lib/systemd/system/dumbprobe.service.d/before-systemd-253.conf
version=""
if command -v systemctl >/dev/null 2>&1; then
  version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
fi
if [ -n "$version" ] && [ "$version" -lt 253 ]; then
  mkdir -p "${dropin%/*}"
  cp /usr/share/dumbprobe/before-systemd-253.conf "$dropin"
else
  rm -f "$dropin"
fi

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
  if [ "$upgrade" = yes ]; then
    systemctl try-restart dumbprobe.service || true
  fi
fi
if [ "$upgrade" = no ]; then
  echo "dumbprobe: put checks into /etc/dumbprobe/checks, then: systemctl enable --now dumbprobe"
fi
