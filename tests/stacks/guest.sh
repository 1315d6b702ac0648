#!/bin/bash
# A guest in its own namespaces, from its boot on. The agent runs as on a running machine, a real network stack reads the
# files, and the kernel's state is recorded. Started as root by 'unshare'.
# Usage: guest.sh STACK BACKEND AGENT STAGE...
# The first STAGE is the boot; at the others the network stack runs already. Each STAGE is a directory with:
#   sys, context   what the agent reads
#   links          links to add before the agent runs (NAME=MAC, NAME=infiniband)
#   until          the state to wait for (see 'await')
#   hears-router   exists if router advertisements must be waited for
#   background     exists if 'netplan apply' runs at the same time as the agent
# The results are apply, again, kernel, udev and foreign, which shows changes of other programs' files and must be empty.
set -euo pipefail
stack=$1 backend=$2 agent=$3
shift 3
here=$(dirname "$0")

# Change nothing on this machine.
# shellcheck source=tests/stacks/private.sh
. "$here/private.sh"
: > /run/dns
# The other ends of the links.
ip netns add others

links=0
add_link() { # NAME=MAC|infiniband|dhcp:MAC|router:MAC|dhcp6:MAC
    local name=${1%%=*} value=${1#*=} mac
    case $value in
    dhcp:* | router:* | dhcp6:*) mac=${value#*:} ;;
    *) mac=$value ;;
    esac
    if [ "$value" = infiniband ]; then
        perl "$here/infiniband.pl" "$name"
        return
    fi
    ip link add "$name" address "$mac" type veth peer name "peer$links" netns others
    # The router needs a known link-local address.
    [[ $value != router:* && $value != dhcp6:* ]] || ip -n others link set "peer$links" addrgenmode none
    ip -n others link set "peer$links" up
    if [[ $value = router:* || $value = dhcp6:* ]]; then
        local range=2001:db8:99::,ra-only
        [[ $value = router:* ]] || range=2001:db8:99::50,2001:db8:99::50,64
        ip -n others address add fe80::1/64 dev "peer$links" nodad
        ip -n others address add 2001:db8:99::1/64 dev "peer$links" nodad
        ip netns exec others dnsmasq --port=0 --interface="peer$links" --bind-interfaces --enable-ra \
            --ra-param="peer$links,4" --log-facility="$log/router.log" --pid-file=/run/router.pid \
            --dhcp-leasefile=/run/router.leases --dhcp-range=$range --conf-file=/dev/null
    fi
    if [[ $value = dhcp:* ]]; then
        ip -n others address add 10.99.0.1/24 dev "peer$links"
        ip netns exec others dnsmasq --port=0 --interface="peer$links" --bind-interfaces --log-dhcp \
            --log-facility="$log/dhcp.log" --pid-file=/run/dnsmasq.pid --dhcp-leasefile=/run/dnsmasq.leases \
            --dhcp-range=10.99.0.50,10.99.0.50,255.255.255.0 --dhcp-option=6,10.99.0.53 --conf-file=/dev/null
    fi
    links=$((links + 1))
}

# Whether the kernel has the state that a file describes, without leftovers of the previous state. Its lines:
# address DEVICE ADDRESS, count DEVICE NUMBER-OF-ADDRESSES, route DESTINATION [via GATEWAY] dev DEVICE [metric NUMBER]
holds() {
    local what a b
    while read -r what a b; do
        case $what in
        address) [[ $(ip -o address show dev "$a" -tentative) = *" $b "* ]] ;;
        count) [ "$(ip -o address show dev "$a" scope global | wc -l)" = "$b" ] ;;
        route) has_route "$a" "$b" ;;
        esac || return 1
    done < "$1"
}

has_route() { # DESTINATION 'WORD VALUE ...'
    local line key value rest
    while read -r line; do
        rest=$2
        while [ -n "$rest" ]; do
            read -r key value rest <<< "$rest"
            [[ "$line " = *" $key $value "* ]] || continue 2
        done
        return 0
    done < <(ip route show "$1"; ip -6 route show "$1")
    return 1
}

# Waits for a state: checks it again after each event of the kernel.
await() {
    local poke=0
    coproc monitor { exec timeout 60 ip monitor address route link; }
    # The monitor misses events until it listens: poke it until it reports one.
    until read -r -t 0.1 _ <&"${monitor[0]}"; do
        poke=$((poke + 1))
        ip link set dev lo alias "$poke"
    done
    until holds "$1"; do
        read -r _ <&"${monitor[0]}" || {
            echo "it never came to:" && cat "$1" && ip address && ip route && ip -6 route
            exit 1
        } >&2
    done
    # shellcheck disable=SC2154
    kill "$monitor_PID"
    wait "$monitor_PID" || true
}

start() {
    case $stack in
    *networkd)
        bus
        /lib/systemd/systemd-networkd > "$log/stack.log" 2>&1 &
        ;;
    keyfile | netplan-nm | ifcfg-nm)
        bus
        NetworkManager --debug > "$log/stack.log" 2>&1 &
        nm-online -s -q -t 30
        ;;
    interfaces* | ifupdown-ng)
        ifup -a > "$log/stack.log" 2>&1
        ;;
    esac
}

# Waits for routes and name servers, which come after the addresses, and records the name servers. Must not wait for an
# unmanaged NIC: a dummy NIC that requested DHCP would take longer than this.
settle() {
    local device
    case $stack in
    *networkd) /lib/systemd/systemd-networkd-wait-online --timeout=30 ;;
    keyfile | netplan-nm | ifcfg-nm) nm-online -s -q -t 30 ;;
    esac
    sed -n 's/^address \([^ ]*\) .*/\1/p' "$1" | sort -u | while read -r device; do
        case $stack in
        *networkd)
            /lib/systemd/systemd-networkd-wait-online --timeout=60 --operational-state=routable -i "$device"
            sed -n 's/^DNS=//p' "/run/systemd/netif/links/$(cat "/sys/class/net/$device/ifindex")"
            ;;
        keyfile | netplan-nm | ifcfg-nm)
            nmcli -g IP4.DNS,IP6.DNS device show "$device" | tr -s '\n' ' ' | sed 's/\\//g; s/ | / /g'
            ;;
        esac
    done | tr -s '\n' ' ' > /run/dns
    # ifupdown has no setting for name servers, so the agent writes the common file.
    [[ $backend != interfaces* ]] || sed -n 's/^nameserver //p' /etc/resolv.conf | tr '\n' ' ' > /run/dns
}

# Checksums of other programs' files in the directories of all stacks. Their devices don't exist here.
others() {
    find /etc/{systemd/network,NetworkManager,netplan,network,udev} /etc/sysconfig/network-scripts/ifcfg-none0 -type f ! -name '*one-sriov*' \
        -exec sha256sum {} + | sort -k 2
}
printf '[Match]\nName=none0\n\n[Network]\nAddress=192.0.2.1/24\n' > /etc/systemd/network/05-none0.network
printf '[connection]\nid=none0\ntype=ethernet\ninterface-name=none0\n' \
    > /etc/NetworkManager/system-connections/none0.nmconnection
# A default of many images: every device gets an address.
printf 'network:\n  version: 2\n  renderer: %s\n  ethernets:\n    all-eth0: {match: {name: "eth0*"}, dhcp4: true, optional: true}\n' \
    "$(if [ "$stack" = netplan-nm ]; then echo NetworkManager; else echo networkd; fi)" > /etc/netplan/60-none0.yaml
# On Ubuntu, NetworkManager manages only Wi-Fi unless netplan overrides that. Other distributions use another setting.
if [ "$stack" = keyfile ]; then
    printf '[keyfile]\nunmanaged-devices=*,except:type:wifi,except:type:gsm,except:type:cdma\n[device]\nmanaged=0\n' \
        > /etc/NetworkManager/conf.d/10-globally-managed-devices.conf
fi
chmod 600 /etc/NetworkManager/system-connections/none0.nmconnection /etc/netplan/60-none0.yaml
printf 'DEVICE=none0\nTYPE=Ethernet\nONBOOT=yes\nBOOTPROTO=dhcp\n' > /etc/sysconfig/network-scripts/ifcfg-none0
printf 'iface none0 inet dhcp\n' > /etc/network/interfaces.d/60-none0.cfg
# Only this stack may configure the network.
source='source /etc/network/interfaces.d/*'
case $stack in
interfaces-alpine) alpine /run/busybox ;;
ifupdown-ng)
    mount --bind "$ONE_SRIOV_READERS/ifupdown-ng/usr/libexec" /usr/libexec
    # ifupdown-ng uses the DHCP client that it finds in /sbin; on Alpine that is busybox.
    mkdir /run/sbin
    : > /run/sbin/dhclient
    ln -s /run/busybox/udhcpc /run/sbin/udhcpc
    mount -t overlay overlay -o lowerdir=/run/sbin:/usr/sbin /usr/sbin
    alpine "$ONE_SRIOV_READERS/ifupdown-ng/sbin"
    ;;
esac
[ "$backend" != interfaces-alpine ] || source='source-directory /etc/network/interfaces.d'
printf '%s\n' 'auto lo' 'iface lo inet loopback' "$source" > /etc/network/interfaces
: > /etc/resolv.conf
if [[ $stack = netplan-* ]]; then netplan generate; fi
others > /run/others
log=$1 activate=
# shellcheck source=tests/stacks/background.sh
[ "$stack" != netplan-networkd ] || . "$here/background.sh"
for stage in "$@"; do
    if [ -e "$stage/links" ]; then
        while read -r link; do add_link "$link"; done < "$stage/links"
    fi
    apply() {
        local code=0
        "$agent" apply $activate --verbose --backend "$backend" --sysfs "$stage/sys" --context "$stage/context" \
            > "$1" 2>&1 || code=$?
        echo "exit code $code" >> "$1"
    }
    if [ -e "$stage/background" ]; then begin_background; fi
    apply "$stage/apply"
    if [ -e "$stage/background" ]; then end_background; fi
    [ -n "$activate" ] || start
    activate=--activate
    await "$stage/until"
    settle "$stage/until"
    # If two advertisements begin from now on, the first one has certainly arrived.
    if [ -e "$stage/hears-router" ]; then
        [ "$(grep -c -m 2 RTR-ADVERT < <(timeout 60 tail -n 0 -f "$log/router.log"))" = 2 ]
    fi
    printf '{"addr":%s,"route4":%s,"route6":%s,"dns":"%s"}\n' \
        "$(ip -j -d addr)" "$(ip -j route)" "$(ip -j -6 route)" "$(cat /run/dns)" > "$stage/kernel"
    apply "$stage/again"
    others | diff /run/others - > "$stage/foreign" || true
    # What udev does with the rules when the device appears.
    for rule in /etc/udev/rules.d/99-one-sriov-*.rules; do
        [ ! -e "$rule" ] || udevadm test --action=add "/sys/class/net/$(basename "$rule" .rules | cut -d- -f4)" \
            >> "$stage/udev" 2>&1
    done
done
