#!/bin/bash
# Prints the kernel's IPv6 settings of eth0 after the agent has written files for initscripts: settings.sh AGENT ROOT
# Started as root by 'unshare'. The agent reads ROOT/sys and ROOT/context.
set -euo pipefail
agent=$1 root=$2 stack=ifcfg-initscripts
# shellcheck source=tests/stacks/private.sh
. "$(dirname "$0")/private.sh"

ip link add eth0 address 02:00:0a:00:00:05 type veth peer name peer0
"$agent" apply --backend $stack --sysfs "$root/sys" --context "$root/context" > /dev/null
# The file has the same settings, for when the device is created again.
sed -n 's|^net/ipv6/conf/eth0/\([a-z0-9_]*\) = .*|\1|p' /etc/sysctl.d/90-one-sriov-eth0.conf | while read -r key; do
    echo "$key $(cat "/proc/sys/net/ipv6/conf/eth0/$key")"
done
