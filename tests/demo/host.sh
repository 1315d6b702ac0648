# shellcheck shell=bash
# The host's part of the demo, sourced by 'run'. Few machines have a card, so files replace it: the sysfs of a PF with two
# VFs, a stock driver of a few lines, and a 'sudo' that only records its arguments. libvirt is real, with its test driver,
# which reads the domain from a file.

# Creates what the kernel shows of an InfiniBand PF with two VFs.
make_card() {
    local pci=host/sys/bus/pci/devices pf=0000:81:00.0 nth
    mkdir -p host/sys/class/net/ib0 host/sys/class/net/sriov_br $pci/$pf/net host/proc/sys/kernel/random
    echo 32 > host/sys/class/net/ib0/type # InfiniBand
    ln -s ../../../bus/pci/devices/$pf host/sys/class/net/ib0/device
    ln -s ../../../../../class/net/ib0 $pci/$pf/net/ib0
    for nth in 0 1; do
        mkdir $pci/0000:81:00.$((nth + 1))
        ln -s ../0000:81:00.$((nth + 1)) $pci/$pf/virtfn$nth
        ln -s ../$pf $pci/0000:81:00.$((nth + 1))/physfn
    done
    echo 6f9619ff-8b86-d011-b42d-00c04fc964ff > host/proc/sys/kernel/random/boot_id
}

# Creates the host's programs. libvirt's test driver runs the domains that node.xml names.
make_programs() {
    local kvm=host/var/tmp/one/vmm/kvm
    mkdir -p bin $kvm host/var/tmp/one/vmm/kvm-sriov
    install -d -m 0700 host/run/one-sriov
    echo "LIBVIRT_URI=test:///$PWD/node.xml" > $kvm/kvmrc
    echo '<node/>' > node.xml
    cat > bin/sudo <<-'EOF'
	#!/bin/sh
	echo "$*" >> sudo.log
	EOF
    # Starts the domain. libvirt would add a UUID, and the test driver needs its own domain type.
    cat > $kvm/deploy <<-'EOF'
	#!/bin/sh
	tee edited.xml | sed -e "s/type='kvm'/type='test'/" -e '/<name>/a <uuid>0655256b-947c-461f-87e4-e20c78933868</uuid>' > running.xml
	echo "<node><domain file='$PWD/running.xml'/></node>" > node.xml
	echo one-3
	EOF
    cat > $kvm/cancel <<-'EOF'
	#!/bin/sh
	echo '<node/>' > node.xml
	EOF
    chmod +x bin/sudo $kvm/deploy $kvm/cancel
}

# Prints a command of the driver as an operator types it, and runs it on the demo's host.
driver() {
    printf '$ one-sriov-driver %s\n' "$*"
    ONE_SRIOV_ROOT=$PWD/host PATH=$PWD/bin:$PATH "$driver" --home host/var/tmp/one/vmm/kvm-sriov "$@" 2>&1 |
        sed -E 's/  20[0-9]{2}-[0-9-]+T[0-9:]+Z$/  (now)/'
    return "${PIPESTATUS[0]}"
}

# Prints the NICs and hostdevs of a domain.
nics() {
    sed -n -e '/<interface/,/<\/interface>/p' -e '/<hostdev/,/<\/hostdev>/p' "$1" | sed -e 's/^\t\t//' -e 's/\t/  /g'
}

host_story() {
    heading "OpenNebula deploys a VM: the NICs of the domain that it sends (recorded)"
    nics "$domain"

    heading "The host has an InfiniBand card, 'ib0', with two VFs"
    driver pool

    heading "The driver leases a VF, sets its GUIDs, and calls the stock driver"
    driver action deploy /var/lib/one//datastores/0/3/deployment.0 compute01 3 compute01 < "$domain"
    echo "The first line is the stock driver's answer. These commands set the GUIDs:"
    sed 's/^/$ sudo /' sudo.log

    heading "The stock driver got this domain (the rest is unchanged)"
    nics edited.xml

    heading "The lease shows up in the pool; libvirt, the real one, confirms it"
    driver pool
}

host_end() {
    heading "The VM ends, and its VF is free again"
    driver action cancel one-3 compute01 3 compute01
    driver pool

    heading "Next"
    echo "Put the agent into an image:  docs/how-to/put-it-into-an-image.md"
    echo "Put the driver on a host:     docs/how-to/install-the-driver.md"
}
