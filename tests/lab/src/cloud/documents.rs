//! OpenNebula's files for a VM: the domain, the VM's document, and the context.
//!
//! The domain was recorded from 6.10 and gets other values. Its kernel, initramfs and shell port are what a template specifies
//! with `OS/KERNEL`, `OS/INITRD`, `OS/KERNEL_CMD` and `RAW/DATA`.

use one_sriov_tests::Recorded;

use super::vm::{Nic, System, Vm};
use crate::machine::KERNEL_WORDS;

/// The domain as `deploy` gets it, before the driver edits it.
pub(crate) fn domain(vm: &Vm) -> String {
    let recorded = Recorded::read("6.10", "deploy");
    let text = recorded.document();
    let mut text = text
        .replace("one-2", &vm.name())
        .replace("/datastores/0/2", &format!("/datastores/0/{}", vm.id));
    let (initrd, tiny, kib) = match vm.system {
        System::Tiny => ("initrd-tiny", "lab.tiny", 144 << 10),
        System::Debian => ("initrd", "", 192 << 10),
    };
    let os = format!(
        "<kernel>/var/lib/one/boot/vmlinux</kernel>\n\t\t<initrd>/var/lib/one/boot/{initrd}</initrd>\n\t\t\
         <cmdline>{KERNEL_WORDS} {tiny} {}</cmdline>\n\t</os>",
        vm.kernel_words
    );
    let port = format!(
        "\t<devices>\n\t\t<channel type='unix'>\n\t\t\t<source mode='bind' path='{}'/>\n\t\t\t\
         <target type='virtio' name='lab'/>\n\t\t</channel>\n\t\t<serial type='file'>\n\t\t\t\
         <source path='{}/console'/>\n\t\t</serial>\n\t</devices>\n\t<metadata>",
        crate::host::socket(vm.id),
        vm.directory(),
    );
    replace(
        &mut text,
        "<uuid>",
        "</uuid>",
        &format!("<uuid>00000000-0000-4000-8000-{:012}</uuid>", vm.id),
    );
    replace(&mut text, "<vcpu>", "</vcpu>", "<vcpu><![CDATA[1]]></vcpu>");
    replace(
        &mut text,
        "<memory>",
        "</memory>",
        &format!("<memory>{kib}</memory>"),
    );
    replace(&mut text, "\t</os>", "", &format!("\t{os}"));
    replace(&mut text, "<metadata>", "", port.trim_start());
    // The guest gets the host's CPU model, as with CPU_MODEL in a template.
    replace(
        &mut text,
        "<features>",
        "",
        "<cpu mode='host-passthrough'/>\n\t<features>",
    );
    replace(&mut text, "\t\t<graphics ", "/>\n", "");
    if vm.system == System::Tiny {
        replace(
            &mut text,
            "\t\t<disk type='file' device='disk'>",
            "</disk>\n",
            "",
        );
    } else {
        text = text.replacen(
            "type='raw' cache='none' discard='unmap'",
            "type='qcow2' cache='unsafe'",
            1,
        );
    }
    let nics: String = vm
        .nics
        .iter()
        .enumerate()
        .map(|(number, nic)| interface(vm, number, nic))
        .collect();
    replace(&mut text, "\t\t<interface ", "</interface>\n", "");
    replace(&mut text, "\t\t<interface ", "</interface>\n", &nics);
    text
}

fn interface(vm: &Vm, number: usize, nic: &Nic) -> String {
    let address = nic.slot.map_or_else(String::new, |slot| {
        format!("\t\t\t<address type='pci' domain='0x0000' bus='0x00' slot='0x{slot:02x}' function='0x0'/>\n")
    });
    if let Some(device) = &nic.device {
        let [domain, bus, slot, function] = parts(device);
        return format!(
            "\t\t<hostdev mode='subsystem' type='pci' managed='yes'>\n\t\t\t<source>\n\t\t\t\t\
             <address  domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/>\n\t\t\t</source>\n\
             {address}\t\t</hostdev>\n"
        );
    }
    format!(
        "\t\t<interface type='bridge'>\n\t\t\t<source bridge='{}'/>\n\t\t\t<mac address='{}'/>\n\t\t\t\
         <target dev='{}-{number}'/>\n\t\t\t<model type='virtio'/>\n{address}\t\t</interface>\n",
        nic.network.bridge,
        nic.mac(),
        vm.name(),
    )
}

/// Splits a PCI address into domain, bus, slot and function.
fn parts(device: &str) -> [&str; 4] {
    let parts: Vec<&str> = device.split([':', '.']).collect();
    parts
        .try_into()
        .unwrap_or_else(|_| panic!("'{device}' is a PCI address"))
}

/// Replaces the first `start`, and all from there to the next `end`.
fn replace(text: &mut String, start: &str, end: &str, by: &str) {
    let from = text
        .find(start)
        .unwrap_or_else(|| panic!("the recorded domain has no '{start}'"));
    let after = &text[from + start.len()..];
    let length = after
        .find(end)
        .unwrap_or_else(|| panic!("the recorded domain has no '{end}' after '{start}'"));
    let to = from + start.len() + length + end.len();
    text.replace_range(from..to, by);
}

/// `vm.xml`, the VM's document that OpenNebula stores beside the domain, with the parts that the driver reads.
pub(crate) fn vm_document(vm: &Vm) -> String {
    vm_document_about(vm, None)
}

/// The VM's document in an action on one of its NICs.
fn vm_document_about(vm: &Vm, attached: Option<&Nic>) -> String {
    let nics: Vec<String> = vm
        .nics
        .iter()
        .enumerate()
        .map(|(number, nic)| {
            let vlan = nic.network.vlan.map_or_else(String::new, |vlan| format!("<VLAN_ID><![CDATA[{vlan}]]></VLAN_ID>"));
            if let Some(device) = &nic.device {
                let [domain, bus, slot, function] = parts(device);
                return format!(
                    "<PCI><ADDRESS><![CDATA[{domain}:{bus}:{slot}:{function}]]></ADDRESS><BUS><![CDATA[{bus}]]></BUS>\
                     <DOMAIN><![CDATA[{domain}]]></DOMAIN><FUNCTION><![CDATA[{function}]]></FUNCTION>\
                     <MAC><![CDATA[{}]]></MAC><NETWORK_ID><![CDATA[{}]]></NETWORK_ID><PCI_ID><![CDATA[{number}]]></PCI_ID>\
                     <SLOT><![CDATA[{slot}]]></SLOT><TYPE><![CDATA[NIC]]></TYPE>{vlan}<VN_MAD><![CDATA[dummy]]></VN_MAD></PCI>",
                    nic.mac(),
                    nic.network.id,
                );
            }
            let is_attached = attached.is_some_and(|attached| attached.mac() == nic.mac());
            let attach = if is_attached { "<ATTACH><![CDATA[YES]]></ATTACH>" } else { "" };
            format!(
                "<NIC>{attach}<BRIDGE><![CDATA[{}]]></BRIDGE><IP><![CDATA[{}]]></IP><MAC><![CDATA[{}]]></MAC>\
                 <NETWORK_ID><![CDATA[{}]]></NETWORK_ID><NIC_ID><![CDATA[{number}]]></NIC_ID>{vlan}\
                 <VN_MAD><![CDATA[dummy]]></VN_MAD></NIC>",
                nic.network.bridge,
                nic.ip(),
                nic.mac(),
                nic.network.id,
            )
        })
        .collect();
    format!(
        "<VM><ID>{id}</ID><NAME>{}</NAME><TEMPLATE>{}<VMID><![CDATA[{id}]]></VMID></TEMPLATE></VM>\n",
        vm.name(),
        nics.concat(),
        id = vm.id
    )
}

/// The document on stdin of all actions but `deploy`.
pub(crate) fn action_document(vm: &Vm) -> String {
    action_document_about(vm, None)
}

/// The document of an action on one of its NICs.
pub(crate) fn action_document_about(vm: &Vm, nic: Option<&Nic>) -> String {
    format!(
        "<VMM_DRIVER_ACTION_DATA><HOST>node1</HOST><DEPLOY_ID/>{}</VMM_DRIVER_ACTION_DATA>",
        vm_document_about(vm, nic).trim_end()
    )
}

/// `context.sh`.
pub(crate) fn context(vm: &Vm) -> String {
    let mut lines = vec![
        "DISK_ID='1'".to_owned(),
        "NETWORK='YES'".into(),
        "TARGET='hda'".into(),
    ];
    for (number, nic) in vm.nics.iter().enumerate() {
        let prefix = if nic.is_passed() { "PCI" } else { "ETH" };
        let mut add =
            |name: &str, value: String| lines.push(format!("{prefix}{number}_{name}='{value}'"));
        if let Some(slot) = nic.slot.filter(|_| nic.is_passed()) {
            add("ADDRESS", format!("00:{slot:02x}.0"));
        }
        let [first, second, third] = nic.network.prefix;
        add("IP", nic.ip());
        add("IP6", nic.ip6.clone().unwrap_or_default());
        add(
            "IP6_PREFIX_LENGTH",
            nic.ip6.as_ref().map_or_else(String::new, |_| "64".into()),
        );
        add("MAC", nic.mac());
        add("MASK", "255.255.255.0".into());
        add("NETWORK", format!("{first}.{second}.{third}.0"));
        add("GATEWAY", String::new());
        add(
            "MTU",
            nic.network
                .mtu
                .map_or_else(String::new, |mtu| mtu.to_string()),
        );
        add(
            "VLAN_ID",
            nic.network
                .vlan
                .map_or_else(String::new, |vlan| vlan.to_string()),
        );
    }
    for (position, nic) in vm.infiniband() {
        lines.extend(nic.mode.map(|mode| format!("IB{position}_MODE='{mode}'")));
    }
    lines.sort();
    format!(
        "# Context variables generated by OpenNebula\n{}\n",
        lines.join("\n")
    )
}
