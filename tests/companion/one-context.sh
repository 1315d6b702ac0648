#!/bin/bash
# A stand-in for one-context: does to a guest what one-context does, in the same order, without any network stack but ifupdown.
# Usage: one-context.sh STEP..., started by 'unshare' in its own namespaces, for the guest in $GUEST.
# A STEP is what one-contextd is called with (local, online, network, local:reconfigure, all:force), 'old:COMMAND' (a release
# before 6.2, which runs each file once), 'context:FILE' (another context), 'postinst' (an upgrade of the package), or
# 'networking' (ifupdown's service). $RELEASE is the release of one-context.
# $LINKS are the guest's real devices: NAME=MAC.
# After each step, the guest's files are saved in $GUEST/steps/<number>, and the kernel's state in $GUEST/kernel/<number>.
set -euo pipefail
: "${LINKS:=}" "${RELEASE:=7.2}"

here=$(dirname "$0")
mount --make-rprivate /
# netplan finds its library with this file.
mkdir -p "$GUEST/etc"
cp /etc/ld.so.cache "$GUEST/etc/"
for directory in etc run var/lib usr/local/sbin; do
    mkdir -p "$GUEST/$directory"
    mount --bind "$GUEST/$directory" "/$directory"
done
mount --bind "$GUEST/sys" /sys
cp "$AGENT" /usr/local/sbin/one-sriov-agent
rm -rf "$GUEST/steps" "$GUEST/kernel"
runtime=/run/one-context
mkdir -p "$runtime" /run/network "$GUEST/kernel" /etc/one-context.d/loc-10-network.d
cp "$HOOK" /etc/one-context.d/loc-11-one-sriov
context=$GUEST/context.sh
for link in $LINKS; do
    ip link add "${link%%=*}" address "${link#*=}" type veth peer name "peer-${link%%=*}"
    ip link set "peer-${link%%=*}" up
done

# shellcheck source=tests/companion/network.sh
. "$here/network.sh"

run() { # TYPE COMMAND
    local saved=$runtime/context.sh.$1 script
    if [ "$2" != force ] && cmp -s "$context" "$saved"; then return; fi
    cp "$context" "$saved"
    [ "$1" != network ] || return 0
    background=
    network "$1" "$2" "$saved"
    pci "$1" "$saved"
    find /etc/one-context.d -maxdepth 1 -type f -name 'loc-*' ! -name loc-10-network | LC_ALL=C sort | while read -r script; do
        MOUNT_DIR=/nowhere RUNTIME_DIR=$runtime CONTEXT_FILE=$saved "$script" "$1" "$2" < /dev/null
    done
    if [ -n "$background" ]; then netplan generate 2> /dev/null; fi
}

mkdir -p /etc/network/{interfaces.d,if-pre-up.d,if-up.d,if-down.d,if-post-down.d} /etc/systemd/network /etc/NetworkManager/{conf.d,system-connections} /etc/netplan \
    /etc/sysconfig/network-scripts
[ -e /etc/network/interfaces ] || printf 'auto lo\niface lo inet loopback\n' > /etc/network/interfaces
cp "$here/releases/$RELEASE.sh" /etc/one-context.d/loc-10-network
touch /etc/one-context.d/loc-10-network.d/{functions,netcfg-{bsd,interfaces,netplan,networkd,nm,scripts}}
step=0
for what in "$@"; do
    type=${what%%:*} command=
    [ "$type" = "$what" ] || command=${what#*:}
    case $type in
    context) context=$GUEST/$command ;;
    postinst) postinst ;;
    networking) ifup -a || true ;;
    all) for type in local online network; do run "$type" "$command"; done ;;
    old)
        # Old releases have no renderers.
        rm -rf /etc/one-context.d/loc-10-network.d
        cp "$context" "$runtime/context.sh"
        old_network "$context"
        CONTEXT_FILE=$runtime/context.sh /etc/one-context.d/loc-11-one-sriov ${command:+"$command"} < /dev/null
        ;;
    *) run "$type" "$command" ;;
    esac
    step=$((step + 1))
    mkdir -p "$GUEST/steps"
    cp -a /etc "$GUEST/steps/$step"
    {
        ip -o address show scope global
        ip route show
    } > "$GUEST/kernel/$step"
done
