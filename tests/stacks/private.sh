# shellcheck shell=bash
# Sourced, with $stack set: private copies of /etc, /run and /var/lib, without files of network stacks.

mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
cp -a /etc /mnt/etc
mount --bind /mnt/etc /etc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
# Read-only, so that networkd knows that it needn't wait for udev.
mount -t sysfs -o ro sysfs /sys
mkdir -p /run/udev /run/network /run/dbus /run/NetworkManager /run/systemd/{netif/{links,leases,lldp},network} \
    /var/lib/{dhcp,NetworkManager} /etc/network/interfaces.d /etc/sysconfig/network-scripts
rm -rf /etc/netplan/* /etc/systemd/network/* /etc/NetworkManager/{conf.d,system-connections}/* /etc/network/interfaces.d/* \
    /etc/sysconfig/network-scripts/*
chown -R systemd-network: /run/systemd/netif
plugins=keyfile
# The NetworkManager that reads ifcfg files isn't from this machine's packages; it looks for its plugins below /run.
if [ "$stack" = ifcfg-nm ]; then
    plugins=ifcfg-rh
    ln -s "$ONE_SRIOV_READERS/network-manager" /run/network-manager
    PATH=/run/network-manager/sbin:$PATH
fi
cat > /etc/NetworkManager/NetworkManager.conf <<-EOT
	[main]
	plugins=$plugins
	auth-polkit=false
	dns=none
	EOT
ip link set lo up

bus() {
    cat > /run/bus.conf <<-'EOT'
	<busconfig>
	  <type>system</type>
	  <listen>unix:path=/run/dbus/system_bus_socket</listen>
	  <auth>EXTERNAL</auth>
	  <policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
	</busconfig>
	EOT
    dbus-daemon --config-file=/run/bus.conf --fork
}

# As on Alpine: ifup and ifdown run only programs of busybox, and no scripts of other packages.
alpine() { # DIRECTORY of ifup and ifdown
    mkdir /run/busybox /run/ifupdown /etc/udhcpc
    busybox --install -s /run/busybox
    for program in ifup ifdown; do
        printf '#!/bin/sh\nPATH=/run/busybox SHELL=/run/busybox/sh exec %s/%s "$@"\n' "$1" $program \
            > /run/ifupdown/$program
    done
    chmod +x /run/ifupdown/*
    PATH=/run/ifupdown:$PATH
    rm -f /etc/network/if-*.d/*
    # ifup would fail if the address existed already.
    ip address flush dev lo
    ip link set lo down
    # udhcpc leaves this script to the distribution.
    cat > /etc/udhcpc/default.script <<-'EOT'
	#!/run/busybox/sh
	[ "$1" = bound ] || exit 0
	ip address replace "$ip/$mask" dev "$interface"
	ip route replace default via "$router" dev "$interface" ${IF_METRIC:+metric "$IF_METRIC"}
	for server in $dns; do echo "nameserver $server"; done > /etc/resolv.conf
	EOT
    chmod +x /etc/udhcpc/default.script
}
