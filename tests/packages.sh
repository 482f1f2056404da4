#!/usr/bin/env bash
# Installs the servers and the browser that the tests drive. Root on Debian: by apt. Anyone else is told what is missing.
set -euo pipefail
cd "$(dirname "$0")"
beside=/usr/local/lib/daeris-tests  # as tests/lab/proc.py has it
PATH="$PATH:$beside/usr/sbin:/usr/sbin:/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)"

missing=() unpacked=()
while read -r package program how; do
  if [ "$program" = - ]; then
    # Fonts have no program. Away from Debian, the system's own will do.
    command -v dpkg-query >/dev/null || continue
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  elif ! command -v "$program" >/dev/null; then
    if [ "$how" = unpacked ]; then unpacked+=("$package"); else missing+=("$package"); fi
  fi
done < <(grep -v '^#' packages.txt)
[ ${#missing[@]} -gt 0 ] || [ ${#unpacked[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests need what these packages bring: ${missing[*]} ${unpacked[*]} (Debian's names; as root, make test installs them)." >&2
  exit 1
fi

echo "Installing ${missing[*]} ${unpacked[*]}"
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
get=(apt-get -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300)
[ ${#missing[@]} -eq 0 ] || "${get[@]}" install "${missing[@]}" </dev/null
for package in "${unpacked[@]}"; do
  folder=$(mktemp -d)
  (cd "$folder" && apt-get download -qq -o APT::Sandbox::User=root "$package")
  libraries=$(dpkg-deb -f "$folder"/*.deb Depends | tr ',' '\n' | grep '^ *lib' | paste -sd,)
  "${get[@]}" satisfy "$libraries" </dev/null
  mkdir -p "$beside"
  dpkg -x "$folder"/*.deb "$beside"
  rm -r "$folder"
done
# Exim gives its rights up for those of this account, which is compiled into it.
if [[ "${unpacked[*]}" == *exim4* ]] && ! getent passwd Debian-exim >/dev/null; then
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --badname Debian-exim
fi
