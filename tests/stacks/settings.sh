#!/bin/bash
# Prints the IPv6 settings that the kernel has for eth0 once the agent has written for initscripts: settings.sh AGENT ROOT
# Run by 'unshare', as root. sys and context of ROOT are what the agent sees.
set -euo pipefail
agent=$1 root=$2 stack=ifcfg-initscripts
# shellcheck source=tests/stacks/private.sh
. "$(dirname "$0")/private.sh"

ip link add eth0 address 02:00:0a:00:00:05 type veth peer name peer0
"$agent" apply --backend $stack --sysfs "$root/sys" --context "$root/context" > /dev/null
# The file has the same settings, for the case that the device is created again.
sed -n 's|^net/ipv6/conf/eth0/\([a-z0-9_]*\) = .*|\1|p' /etc/sysctl.d/90-one-sriov-eth0.conf | while read -r key; do
    echo "$key $(cat "/proc/sys/net/ipv6/conf/eth0/$key")"
done
