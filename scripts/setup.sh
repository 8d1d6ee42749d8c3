#!/usr/bin/env bash
# Makes a checkout ready to build, test and run the demo. Safe to call at any time: with nothing to do it takes
# some hundredths of a second. npm packages are required; the kernel tools are not (without them the kernel
# suites are reported as skipped).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where an ordinary user's PATH does not look, but where Debian keeps these tools.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

stamp=node_modules/.nodeplane-setup
# As test/cluster/cache.ts has it.
cache=${NODEPLANE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nodeplane}

main() {
  check_node
  npm_is_ready && [[ -z $(missing_tools) ]] && nginx_is_ready && return
  take_turn
  npm_is_ready || install_npm_packages
  [[ -z $(missing_tools) ]] || install_tools
  nginx_is_ready || fetch_nginx
}

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

check_node() {
  command -v node >/dev/null || fail 'node is not in PATH. nodeplane needs Node.js 20.19 or newer: https://nodejs.org/en/download'
  local version major minor
  version=$(node --version)
  IFS=. read -r major minor _ <<<"${version#v}"
  ((major > 20 || (major == 20 && minor >= 19))) ||
    fail "Node.js $version is too old: nodeplane needs 20.19 or newer (found $(command -v node))."
}

# One setup at a time in this checkout. The lock is on the directory, so nothing is left behind.
take_turn() {
  command -v flock >/dev/null || return 0
  exec 9<.
  flock -n 9 && return
  say 'another setup is at work in this checkout; waiting for it'
  flock 9
}

fingerprint() {
  cat package.json package-lock.json .npmrc | cksum
  node --version
}

npm_is_ready() { [[ -f $stamp && $(<"$stamp") == "$(fingerprint)" ]]; }

install_npm_packages() {
  local version log
  command -v npm >/dev/null || fail 'npm is not in PATH. It comes with Node.js; on Debian it is the package "npm".'
  version=$(npm --version)
  ((${version%%.*} >= 9)) || fail "npm $version is too old for this lockfile: 9 or newer is needed (npm install --global npm@10)."
  say 'npm packages: installing what package-lock.json names (npm ci)'
  log=$(mktemp)
  if ! npm ci --ignore-scripts --no-audit --no-fund --prefer-offline >"$log" 2>&1 9<&-; then
    cat "$log" >&2
    rm -f "$log"
    fail 'npm ci failed (above). It needs the npm registry once; behind a proxy set HTTPS_PROXY, for a mirror "npm config set registry URL".'
  fi
  rm -f "$log"
  fingerprint >"$stamp"
}

# Lines of "tool package", the package as Debian calls it.
missing_tools() {
  has iptables-legacy-restore || has xtables-legacy-multi || echo 'iptables-legacy-restore iptables'
  has xtables-nft-multi || echo 'xtables-nft-multi iptables'
  has nft || echo 'nft nftables'
  has conntrack || echo 'conntrack conntrack'
  has ip || echo 'ip iproute2'
  has unshare || echo 'unshare util-linux'
  has nsenter || echo 'nsenter util-linux'
  has openssl || echo 'openssl openssl'
  # What the tests against a real control plane fetch Go and its modules with.
  has curl || echo 'curl curl'
  has go || has unzip || echo 'unzip unzip'
  [[ -s /etc/ssl/certs/ca-certificates.crt || -d /etc/pki ]] || echo 'ca-certificates ca-certificates'
}

has() { command -v "$1" >/dev/null; }

install_tools() {
  local tools packages
  tools=$(missing_tools | cut -d' ' -f1 | paste -sd' ' -)
  read -ra packages <<<"$(missing_tools | cut -d' ' -f2 | sort -u | paste -sd' ' -)"
  if [[ -n ${NODEPLANE_SETUP_NO_PACKAGES:-} ]]; then
    advise "$tools"
  elif as_root true 2>/dev/null && has apt-get; then
    say "kernel tools: $tools missing; installing ${packages[*]} (apt-get)"
    apt_install "${packages[@]}" || advise "$tools"
  else
    advise "$tools"
  fi
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

apt_install() {
  apt_get install --yes --no-install-recommends "$@" && return
  say 'kernel tools: the package lists may be old or missing; fetching them (apt-get update)'
  apt_get update && apt_get install --yes --no-install-recommends "$@" && return
  tail -n 20 <<<"$apt_output" >&2
  return 1
}

apt_get() {
  apt_output=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" 2>&1 9<&-)
}

nginx_is_ready() { has nginx || [[ -x $cache/nginx/usr/sbin/nginx ]]; }

# For a cluster test. The package is unpacked, not installed: installed, it would start a daemon.
fetch_nginx() {
  [[ -z ${NODEPLANE_SETUP_NO_PACKAGES:-} ]] && has apt-get && has dpkg-deb || return 0
  say 'nginx: fetching the package for a cluster test; it is unpacked, not installed'
  local scratch
  mkdir -p "$cache"
  scratch=$(mktemp -d "$cache/nginx-XXXXXX")
  if (cd "$scratch" && download nginx && dpkg-deb --extract nginx_*.deb root && [[ -x root/usr/sbin/nginx ]]); then
    rm -rf "$cache/nginx"
    mv "$scratch/root" "$cache/nginx"
  else
    say 'nginx: could not be fetched; its cluster test will be skipped'
  fi
  rm -rf "$scratch"
}

download() {
  apt-get -qq download "$1" 2>/dev/null 9<&- || { apt_get update && apt-get -qq download "$1" 9<&-; }
}

advise() {
  say "kernel tools: $1 not found, and not installed by this script. Kernel tests will be skipped. To have them:"
  say '  Debian, Ubuntu  sudo apt-get install iptables nftables conntrack iproute2 util-linux openssl curl unzip'
  say '  Fedora, RHEL    sudo dnf install iptables-legacy iptables-nft nftables conntrack-tools iproute util-linux openssl curl unzip'
  say '  Alpine          sudo apk add iptables iptables-legacy nftables conntrack-tools iproute2 util-linux openssl curl unzip'
  say '  Arch            sudo pacman -S --needed iptables nftables conntrack-tools iproute2 util-linux openssl curl unzip'
}

main
