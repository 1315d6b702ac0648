#!/bin/bash
# A running guest in its own namespaces, for 'status': guest.sh AGENT DIR SETUP, started as root by 'unshare'.
# DIR contains the context and the sysfs that the agent reads; SETUP prepares the guest before 'status' runs.
# Leaves the output of 'status' in the files text and json, and its exit code in code.
set -euo pipefail
agent=$1 dir=$2 setup=$3 stack=any
here=$(dirname "$0")/../../stacks
# shellcheck source=tests/stacks/private.sh
. "$here/private.sh"
# The test decides which stacks are enabled.
mkdir -p /mnt/units
mount --bind /mnt/units /etc/systemd/system
# shellcheck disable=SC2329
link() { # NAME MAC|infiniband
    if [ "$2" = infiniband ]; then
        perl "$here/infiniband.pl" "$1"
    else
        ip link add "$1" address "$2" type veth peer name "peer-$1"
        ip link set "peer-$1" up
    fi
}
# shellcheck disable=SC2329
enable() { # UNIT
    mkdir -p /etc/systemd/system/multi-user.target.wants
    ln -s "/lib/systemd/system/$1" "/etc/systemd/system/multi-user.target.wants/$1"
}
# shellcheck disable=SC2329
agent() { # COMMAND...
    "$agent" "$@" --sysfs "$dir/sys" --context "$dir/context"
}
# shellcheck disable=SC2329
networkd() {
    bus
    /lib/systemd/systemd-networkd > "$dir/stack.log" 2>&1 &
}
# shellcheck disable=SC2329
network_manager() {
    bus
    NetworkManager --debug > "$dir/stack.log" 2>&1 &
}
eval "$setup"
code=0
agent status > "$dir/text" 2> "$dir/errors" || code=$?
agent status --json > "$dir/json" || [ $? = $code ]
echo $code > "$dir/code"
