#!/usr/bin/env bash
# Installs the servers and the browser that the tests drive. Root on Debian: by apt. Anyone else is told what is missing.
set -euo pipefail
cd "$(dirname "$0")"
PATH="$PATH:/usr/sbin:/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)"

missing=()
while read -r package program; do
  if [ "$program" = - ]; then
    # Fonts have no program. Away from Debian, the system's own will do.
    command -v dpkg-query >/dev/null || continue
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  else
    command -v "$program" >/dev/null || missing+=("$package")
  fi
done < <(grep -v '^#' packages.txt)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests need what these packages bring: ${missing[*]} (Debian's names; as root, make test installs them)." >&2
  exit 1
fi

echo "Installing ${missing[*]}"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  # The tests start servers of their own; the packages must not start theirs meanwhile.
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null
