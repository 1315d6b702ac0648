#!/bin/bash
# A stand-in for one-context: what it does to the files of a guest, in its order, without any network stack.
# Usage: one-context.sh STEP...; run by 'unshare' in namespaces of its own, on a guest below $GUEST.
# A STEP is what one-contextd is called with (local, online, network, local:reconfigure, all:force), or
# 'old:COMMAND', a release before 6.2 that runs each file once, or 'context:FILE', another context.
# After each step the files of the guest are kept below $GUEST/steps/<number>.
set -euo pipefail

mount --make-rprivate /
for directory in etc run var/lib usr/local/sbin; do
    mkdir -p "$GUEST/$directory"
    mount --bind "$GUEST/$directory" "/$directory"
done
mount --bind "$GUEST/sys" /sys
cp "$AGENT" /usr/local/sbin/one-sriov-agent
rm -rf "$GUEST/steps"
runtime=/run/one-context
mkdir -p "$runtime" /etc/one-context.d/loc-10-network.d
cp "$HOOK" /etc/one-context.d/loc-11-one-sriov
context=$GUEST/context.sh

# shellcheck source=tests/companion/network.sh
. "$(dirname "$0")/network.sh"

run() { # TYPE COMMAND
    local saved=$runtime/context.sh.$1 script
    if [ "$2" != force ] && cmp -s "$context" "$saved"; then return; fi
    cp "$context" "$saved"
    [ "$1" != network ] || return 0
    network "$1" "$2" "$saved"
    find /etc/one-context.d -maxdepth 1 -type f -name 'loc-*' ! -name loc-10-network | LC_ALL=C sort | while read -r script; do
        MOUNT_DIR=/nowhere RUNTIME_DIR=$runtime CONTEXT_FILE=$saved "$script" "$1" "$2" < /dev/null
    done
}

mkdir -p /etc/network/interfaces.d /etc/systemd/network /etc/NetworkManager/{conf.d,system-connections} /etc/netplan \
    /etc/sysconfig/network-scripts
: > /etc/one-context.d/loc-10-network
step=0
for what in "$@"; do
    type=${what%%:*} command=
    [ "$type" = "$what" ] || command=${what#*:}
    case $type in
    context) context=$GUEST/$command ;;
    all) for type in local online network; do run "$type" "$command"; done ;;
    old)
        cp "$context" "$runtime/context.sh"
        network local "$command" "$context"
        CONTEXT_FILE=$runtime/context.sh /etc/one-context.d/loc-11-one-sriov ${command:+"$command"} < /dev/null
        ;;
    *) run "$type" "$command" ;;
    esac
    step=$((step + 1))
    mkdir -p "$GUEST/steps"
    cp -a /etc "$GUEST/steps/$step"
done
