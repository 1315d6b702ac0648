#![allow(clippy::unwrap_used)]

use hwaddr::{DummyPrefix, Key};

use super::*;

const NIC: &str = "02:00:c0:a8:07:05";

fn replacement(interface: usize, is_network: bool) -> DeviceReplacement {
    let address = "0001:81:00.2".parse().unwrap();
    let mac: MacAddress = NIC.parse().unwrap();
    DeviceReplacement {
        interface,
        device: if is_network {
            let vlan = Some(100);
            HostDevice::Network { address, mac, vlan }
        } else {
            HostDevice::Plain { address }
        },
        dummy: (!is_network).then(|| DummyInterface {
            bridge: "br&'x".into(),
            mac: DummyMac::new(DummyPrefix::default(), 10, Key::from(mac)),
        }),
    }
}

fn edited(text: &str, replacements: &[DeviceReplacement]) -> String {
    let domain = Domain::read(text.as_bytes()).unwrap();
    String::from_utf8(domain.edit(replacements)).unwrap()
}

#[test]
fn interfaces_in_all_devices_elements_are_read_and_no_others() {
    let text = r#"<domain type='kvm'>
        <name><![CDATA[one-7]]></name><uuid>U</uuid>
        <metadata><devices><interface><source bridge='no'/></interface></devices></metadata>
        <!-- <devices><interface/></devices> -->
        <devices>
          <interface type="bridge"><source  mode="x" bridge = "a&apos;&#x41;"/><MAC/>
            <mac  address='02:00:c0:a8:07:05'/></interface>
          <x:interface xmlns:x='y'/><disk><interface/></disk>
        </devices>
        <devices><interface type='ethernet'/></devices></domain>"#;
    let domain = Domain::read(text.as_bytes()).unwrap();
    assert_eq!((domain.name(), domain.uuid()), (Some("one-7"), Some("U")));
    let nics: Vec<_> = domain
        .interfaces()
        .iter()
        .map(|nic| (nic.bridge(), nic.mac().ok().map(|mac| mac.to_string())))
        .collect();
    assert_eq!(nics, [(Some("a'A"), Some(NIC.to_owned())), (None, None)]);
    assert_eq!(domain.interfaces()[1].mac(), Err(MacError::Missing));
}

#[test]
fn host_devices_are_read_with_their_address_on_the_host() {
    let text = "<domain><devices>
        <hostdev mode='subsystem' type='pci'><source><address  domain='0x0000' bus='0x81' slot='0x00' function='0x2'/></source>
          <address type='pci' domain='0x0000' bus='0x01' slot='0000' function='0'/></hostdev>
        <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>
        <hostdev mode='subsystem' type='pci'><source><address bus='0x99' slot='0x99' function='0x2'/></source></hostdev>
        </devices><metadata><hostdev><source><address bus='0x1' slot='0x1' function='0x1'/></source></hostdev></metadata>
        <devices><hostdev><source><address type='pci' domain='1' bus='2' slot='3' function='4'/></source></hostdev></devices></domain>";
    let domain = Domain::read(text.as_bytes()).unwrap();
    let devices: Vec<_> = domain
        .hostdevs()
        .iter()
        .map(PciAddress::to_string)
        .collect();
    assert_eq!(devices, ["0000:81:00.2", "0001:02:03.4"]);
}

#[test]
fn new_elements_are_indented_like_their_neighbors() {
    let text = "<domain>\r\n <devices>\r\n  <interface type='bridge'>\r\n     <source bridge='s'/>\r\n\
                     <boot  order='1' />\r\n  </interface>\r\n </devices>\r\n</domain>";
    let expected = "<domain>\r\n <devices>\r\n  <hostdev mode='subsystem' type='pci' managed='yes'>\r\n     \
                    <source>\r\n        <address domain='0x0001' bus='0x81' slot='0x00' function='0x2'/>\r\n     \
                    </source>\r\n     <boot  order='1' />\r\n  </hostdev>\r\n    <interface type='bridge'>\r\n       \
                    <source bridge='br&amp;&apos;x'/>\r\n       <mac address='aa:0a:c0:a8:07:05'/>\r\n       \
                    <link state='down'/>\r\n    </interface>\r\n </devices>\r\n</domain>";
    assert_eq!(edited(text, &[replacement(0, false)]), expected);
}

#[test]
fn a_document_on_one_line_stays_on_one_line() {
    let text = "<domain><devices><interface/><disk/></devices><devices /></domain>";
    let expected = "<domain><devices><interface type='hostdev' managed='yes'><mac address='02:00:c0:a8:07:05'/>\
                    <source><address type='pci' domain='0x0001' bus='0x81' slot='0x00' function='0x2'/></source>\
                    <vlan><tag id='100'/></vlan></interface><disk/></devices><devices /></domain>";
    assert_eq!(edited(text, &[replacement(0, true)]), expected);
    let text = "<domain><devices><interface><virtualport type='openvswitch'><x/></virtualport></interface></devices><devices /></domain>";
    let end = "<devices><interface type='bridge'><source bridge='br&amp;&apos;x'/><mac address='aa:0a:c0:a8:07:05'/>\
               <virtualport type='openvswitch'><x/></virtualport><link state='down'/></interface></devices></domain>";
    let edited = edited(text, &[replacement(0, false)]);
    assert!(edited.ends_with(end), "{edited}");
}

#[test]
fn without_a_replacement_nothing_changes() {
    let text = "\u{feff}<domain>\n<devices/>\n</domain>\n\n";
    assert_eq!(edited(text, &[]), text);
}

#[test]
fn an_invalid_document_is_refused() {
    let error = Domain::read(b"<domain>\n  <devices>").unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to read the domain: line 2, column 12: it ends inside 'devices'"
    );
    let error = Domain::read(
        b"<domain><devices><interface><mac address=x/></interface></devices></domain>",
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "failed to read the domain: line 1, column 29: attribute 'address' is malformed"
    );
}

#[test]
fn memory_nodes_are_those_of_the_vm_and_of_its_cells() {
    let memory = |elements: &str| {
        let text =
            format!("<domain><cputune><vcpupin vcpu='0' cpuset='9'/></cputune>{elements}</domain>");
        Domain::read(text.as_bytes())
            .unwrap()
            .memory_nodes()
            .clone()
    };
    let nodes = |text: &str| text.parse::<crate::numa::NodeSet>().unwrap();
    let cells = "<memnode cellid='0' mode='strict' nodeset='2'/><memnode cellid='1' nodeset='3'/>";
    let table = [
        ("<memory mode='strict' nodeset='0,2'/>", "0,2"),
        (cells, "2-3"),
        (&format!("<memory nodeset='1'/>{cells}"), "1-3"),
    ];
    for (elements, expected) in table {
        let elements = format!("<numatune>{elements}</numatune>");
        assert_eq!(memory(&elements), nodes(expected), "{elements}");
    }
    for none in ["", "<memory placement='auto'/>", "<memory nodeset='x'/>"] {
        assert!(memory(&format!("<numatune>{none}</numatune>")).is_empty());
    }
}
