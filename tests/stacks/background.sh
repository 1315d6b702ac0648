# shellcheck shell=bash
# Sourced: runs 'netplan apply' in the background, as one-context does, at the worst time. It lists the YAML files before the
# agent writes one, and replaces the generated files after the agent has finished.

# Replace the programs of systemd and udev that 'netplan apply' runs. On daemon-reload, systemd runs netplan's generator.
mkdir -p /run/stand-in
cat > /run/stand-in/systemctl <<-'EOT'
	#!/bin/sh
	case "$*" in
	daemon-reload) /lib/systemd/system-generators/netplan /run/systemd/generator /run/systemd/generator /run/systemd/generator ;;
	*is-active* | *is-enabled*) exit 3 ;;
	esac
	EOT
cat > /run/stand-in/udevadm <<-'EOT'
	#!/bin/sh
	exit 0
	EOT
# The generator is stopped once it has listed the YAML files and reads the last one. netplan writes paths with two slashes.
cat > /run/stand-in/generate <<-EOT
	#!/bin/sh
	yaml=/etc/netplan/60-one-sriov-eth0.yaml
	exec strace --quiet=attach,exit --output=$log/background.trace --trace=open,openat --trace-path=/\$yaml \
	    --trace-path=\$yaml --inject=open,openat:signal=SIGSTOP:when=1 \
	    /lib/netplan/generate "\$@"
EOT
chmod +x /run/stand-in/*

begin_background() {
    mkdir -p /run/systemd/generator
    : > "$log/background.trace"
    NETPLAN_GENERATE_PATH=/run/stand-in/generate PATH=/run/stand-in:$PATH netplan apply > "$log/background.log" 2>&1 &
    background=$!
    sed '/stopped by SIGSTOP/q' < <(timeout 30 tail -n +1 -f "$log/background.trace") | grep -q 'stopped by SIGSTOP'
    generator=$(pgrep -x generate)
}

end_background() {
    kill -CONT "$generator"
    wait "$background"
    local yaml nic
    for yaml in /etc/netplan/60-one-sriov-*.yaml; do
        nic=${yaml##*-} nic=${nic%.yaml}
        [ -e "/run/systemd/network/10-netplan-$nic.network" ] || {
            echo "netplan has generated nothing for '$nic':" && cat "$log/background.log" && ls /run/systemd/network
            exit 1
        } >&2
    done
}
