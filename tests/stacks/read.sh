#!/bin/bash
# Makes a network stack read the files of several machines, one after another: read.sh STACK ROOT...
# Started as root by 'unshare'. What the stack reports about the files below a ROOT is in ROOT/read.
set -euo pipefail
stack=$1
shift
# shellcheck source=tests/stacks/private.sh
. "$(dirname "$0")/private.sh"

log=/run/stack.log
# Waits until a program owns its name on the bus, and so is ready.
ready() { # NAME
    local tries=600
    until busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetNameOwner s "$1" &> /dev/null; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { cat $log >&2 && exit 1; }
        sleep 0.1
    done
}
case $stack in
*networkd)
    bus
    /lib/systemd/systemd-networkd > $log 2>&1 &
    ready org.freedesktop.network1
    ;;
keyfile | ifcfg-nm)
    bus
    NetworkManager --debug > $log 2>&1 &
    nm-online -s -q -t 60
    ;;
esac

for root in "$@"; do
    rm -rf /etc/systemd/network /run/systemd/network /etc/NetworkManager/system-connections
    mkdir -p /etc/systemd/network /run/systemd/network /etc/NetworkManager/system-connections
    rm -f /etc/sysconfig/network-scripts/*
    if [[ $stack = netplan-* ]]; then
        netplan generate --root-dir "$root" > "$root/read" 2>&1 || { cat "$root/read" >&2 && exit 1; }
        find "$root/run" -type f -printf '%P\n' >> "$root/read"
    fi
    case $stack in
    *networkd)
        before=$(wc -l < $log)
        for network in "$root"/{etc,run}/systemd/network; do
            [ ! -d "$network" ] || cp -rT "$network" "/${network#"$root"/}"
        done
        chmod -R a+r /run/systemd/network
        networkctl reload
        # networkd logs everything about the files before it answers.
        tail -n +$((before + 1)) $log >> "$root/read"
        ;;
    keyfile)
        cp "$root"/etc/NetworkManager/system-connections/* /etc/NetworkManager/system-connections/
        nmcli connection reload
        nmcli -g FILENAME,TYPE connection show >> "$root/read"
        ;;
    ifcfg-nm)
        before=$(wc -l < $log)
        cp "$root"/etc/sysconfig/network-scripts/* /etc/sysconfig/network-scripts/
        nmcli connection reload
        nmcli -g FILENAME,TYPE connection show >> "$root/read"
        tail -n +$((before + 1)) $log | grep -F '<warn>' >> "$root/read" || true
        ;;
    interfaces-alpine)
        for file in "$root"/etc/network/interfaces.d/*; do
            busybox ifup -n -f -v -a -i "$file" >> "$root/read" 2>&1 || { cat "$file" "$root/read" >&2 && exit 1; }
        done
        ;;
    interfaces)
        for file in "$root"/etc/network/interfaces.d/*; do
            ifup --no-act --force --all --verbose --interfaces="$file" >> "$root/read" 2>&1
        done
        ;;
    esac
done
