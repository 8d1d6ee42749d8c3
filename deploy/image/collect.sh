#!/usr/bin/env bash
# collect.sh DIRECTORY: copies Node and the programs that nodeplane runs, each with the libraries that it links, and nothing else: no
# shell, no package manager. What scanners need to know (which packages of which version) goes to var/lib/dpkg/status.d, as in distroless.
set -euo pipefail

root=$1
libraries=/usr/lib/$(uname -m)-linux-gnu

programs=(
  /usr/local/bin/node
  /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi # rules; the first is xtables-monitor too
  /usr/sbin/conntrack                                        # stale UDP flows
  /usr/sbin/nfacct                                           # two counters that kube-proxy has too
  /usr/bin/ip                                                # addresses of the node
  /usr/bin/setpriv /usr/bin/stdbuf                           # how xtables-monitor is run
  /usr/bin/env                                               # the first line of nodeplane.mjs
)
opened=("$libraries"/xtables/*.so /usr/libexec/coreutils/libstdbuf.so) # by name, at run time
data=(/etc/protocols /etc/services /etc/os-release /etc/nsswitch.conf /etc/iproute2)

main() {
  lay_out
  local file
  for file in "${programs[@]}" "${opened[@]}"; do
    take "$file"
    for library in $(linked "$file"); do take "$library"; done
  done
  for file in "${data[@]}"; do [[ ! -e $file ]] || cp -aL --parents "$file" "$root"; done
  printf 'root:x:0:0:root:/:/usr/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\n' >"$root/etc/group"
  ln -s ../../lib/nodeplane/nodeplane.mjs "$root/usr/local/bin/nodeplane"
  name_iptables
  list_packages
}

# Debian's /bin, /sbin and /lib* are links into /usr; file names of libraries come by either way.
lay_out() {
  mkdir -p "$root"/{etc,proc,sys,dev,run,tmp,usr/{bin,sbin,lib,lib64,local/bin,lib/nodeplane},var/lib/dpkg/status.d}
  chmod 1777 "$root/tmp"
  local name
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
  ln -s /run "$root/var/run"
}

# A file, and the one that it is a link to, under the names that they have.
take() {
  local name=$1 from
  from=$(readlink -f "$name")
  install -D --mode="$(stat -c %a "$from")" "$from" "$(inside "$from")"
  [[ $(inside "$name") == "$(inside "$from")" ]] || cp -af "$from" "$(inside "$name")"
  printf '%s\n' "$from" >>/tmp/taken
}

inside() {
  local name=$1
  [[ $name == /usr/* ]] || name=/usr$name
  printf '%s%s' "$root" "$name"
}

linked() { ldd "$1" | grep -o '/[^ ]*' | sort -u; }

# The names that people type in `kubectl debug`, and their scripts call.
name_iptables() {
  local prefix program
  for prefix in iptables ip6tables; do
    for program in '' -save -restore; do
      ln -s xtables-nft-multi "$root/usr/sbin/$prefix-nft$program"
      ln -s xtables-legacy-multi "$root/usr/sbin/$prefix-legacy$program"
    done
  done
}

list_packages() {
  local package
  sort -u /tmp/taken | while read -r file; do owner "$file"; done | sort -u | while read -r package; do
    dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
    install -D --mode=644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
  done
}

# dpkg knows a file by the name that its package has it under: /lib/… or /usr/lib/…. Node belongs to none.
owner() { { dpkg --search "$1" || dpkg --search "${1#/usr}" || true; } 2>/dev/null | head -1 | cut -d: -f1; }

main
