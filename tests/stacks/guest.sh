#!/bin/bash
# A guest's boot in namespaces of its own: makes the links, has a real network stack read the files that the
# agent wrote, and prints what the kernel has then. Run by 'unshare', as root.
# Usage: guest.sh STACK ROOT NAME=MAC...    the first link is the one to wait for, or WAIT=NAME names another
set -euo pipefail
stack=$1 root=$2
shift 2

mount --make-rprivate /
mount -t tmpfs tmpfs /run
# Read-only: networkd then knows that there is no udev to wait for.
mount -t sysfs -o ro sysfs /sys
mkdir -p /run/udev /run/network /run/dbus /run/NetworkManager /run/systemd/netif/{links,leases,lldp} /run/systemd/network
chown -R systemd-network: /run/systemd/netif

awaited=
nth=0
for link in "$@"; do
    name=${link%%=*} value=${link#*=}
    if [ "$name" = WAIT ]; then
        awaited=$value
        continue
    fi
    ip link add "$name" address "$value" type veth peer name "peer$nth"
    ip link set "peer$nth" up
    awaited=${awaited:-$name}
    nth=$((nth + 1))
done
ip link set lo up

networkd() {
    mkdir -p "$root/etc/systemd/network"
    mount --bind "$root/etc/systemd/network" /etc/systemd/network
    /lib/systemd/systemd-networkd > "$root/networkd.log" 2>&1 &
    /lib/systemd/systemd-networkd-wait-online --timeout=60 --operational-state=routable -i "$awaited"
    sed -n 's/^DNS=//p' "/run/systemd/netif/links/$(cat "/sys/class/net/$awaited/ifindex")" > /run/dns
}

network_manager() {
    mkdir -p "$root/etc/NetworkManager/conf.d" "$root/etc/NetworkManager/system-connections"
    mount -t tmpfs tmpfs /var/lib/NetworkManager
    # It wants all directories to be root's.
    mount --bind "$root/etc/NetworkManager" /etc/NetworkManager
    cat > /etc/NetworkManager/NetworkManager.conf <<-'EOF'
	[main]
	plugins=keyfile
	auth-polkit=false
	dns=none
	[keyfile]
	unmanaged-devices=interface-name:peer*
	EOF
    cat > /run/bus.conf <<-'EOF'
	<busconfig>
	  <type>system</type>
	  <listen>unix:path=/run/dbus/system_bus_socket</listen>
	  <auth>EXTERNAL</auth>
	  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
	</busconfig>
	EOF
    dbus-daemon --config-file=/run/bus.conf --fork
    NetworkManager --debug > "$root/NetworkManager.log" 2>&1 &
    nm-online -s -q -t 60
    nmcli -g IP4.DNS,IP6.DNS device show "$awaited" | tr -s '\n' ' ' | sed 's/\\//g; s/ | / /g' > /run/dns
}

case $stack in
networkd) networkd ;;
netplan-networkd)
    netplan generate --root-dir "$root"
    mount --bind "$root/run/systemd/network" /run/systemd/network
    networkd
    ;;
interfaces)
    echo "source $root/etc/network/interfaces.d/*.cfg" > /run/interfaces
    ifup -i /run/interfaces -a
    : > /run/dns
    ;;
keyfile) network_manager ;;
netplan-nm)
    netplan generate --root-dir "$root"
    mkdir -p /run/NetworkManager/system-connections
    cp -p "$root"/run/NetworkManager/system-connections/* /run/NetworkManager/system-connections/
    network_manager
    ;;
esac
printf '{"addr":%s,"route4":%s,"route6":%s,"dns":"%s"}\n' \
    "$(ip -j -d addr)" "$(ip -j route)" "$(ip -j -6 route)" "$(tr '\n' ' ' < /run/dns)"
