#!/bin/sh
# Runs a command in a bare Debian 13: Python 3.13, a C++ compiler, git, make, no more.
# DEBIAN_SUITE=bookworm makes it a Debian 12, which has Python 3.11.
#
#     sudo sh scripts/debian13.sh DIRECTORY COMMAND [ARGUMENT...]
#
# The system is made in DIRECTORY by debootstrap where it is not there yet. Inside, the
# repository lies in /source, read-only, and the working directory is /root. All mounts
# are of this process and end with it. DEBIAN_MIRROR names a mirror; else it is the one
# of this system's apt.
set -eu
root=$1
shift
suite=${DEBIAN_SUITE:-trixie}
repository=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "$0: $1" >&2
    exit 2
}
[ "$(id -u)" = 0 ] || fail "Making a system in a directory needs root. In a container of
a Debian 13 image, clone the repository and run make there instead."
if [ "$(cat "$root/made" 2>/dev/null)" != "$suite" ]; then
    command -v debootstrap >/dev/null ||
        fail "debootstrap is missing. Install it: apt-get install debootstrap"
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' \
        'Identifier: Packages' 'Origin: Debian' | head -n 1)}
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    debootstrap --variant=minbase \
        --include=python3,python3-venv,python3-dev,g++,make,git,ca-certificates,procps \
        "$suite" "$root" $mirror >"$root.log" 2>&1 ||
        fail "debootstrap failed; see $root.log. DEBIAN_MIRROR names another mirror."
    echo "$suite" >"$root/made"
fi
# How this machine reaches PyPI: names, certificates, pip's settings.
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt \
    /etc/pip.conf /etc/xdg/pip "${HOME:-/root}/.config/pip" "${HOME:-/root}/.pip"; do
    if [ -e "$file" ]; then
        to=$root$(echo "$file" | sed "s#^${HOME:-/root}/#/root/#")
        mkdir -p "$(dirname "$to")"
        cp -rL -T "$file" "$to"
    fi
done
mkdir -p "$root/source" "$root/data"
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV MAKEFLAGS MFLAGS MAKELEVEL
data=${TFCOMMENTARIES_DATA_DIR:-}
[ -z "$data" ] || TFCOMMENTARIES_DATA_DIR=/data
export root repository data
exec unshare --mount sh -euc '
    mount --make-rprivate /
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount --bind "$repository" "$root/source"
    mount -o remount,bind,ro "$root/source"
    if [ -n "$data" ]; then
        mount --bind "$data" "$root/data"
        mount -o remount,bind,ro "$root/data"
    fi
    exec chroot "$root" /usr/bin/env HOME=/root LANG=C.UTF-8 TMPDIR=/tmp \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c '\''cd /root && exec "$@"'\'' sh "$@"' sh "$@"
