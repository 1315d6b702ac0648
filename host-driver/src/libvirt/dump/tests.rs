#![allow(clippy::unwrap_used)]

use super::*;

const DUMPS: &str = "<domain type='kvm' id='1'>
  <name>one-7</name>
  <uuid>24DB4E6F-0000-4000-8000-000000000007</uuid>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0001' bus='0x81' slot='0x00' function='0x4'/></source>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>
    </hostdev>
    <interface type='hostdev' managed='yes'>
      <source><address type='pci' domain='0x0000' bus='0x82' slot='0x1f' function='0x7'/></source>
    </interface>
    <hostdev mode='subsystem' type='scsi'><source><adapter name='a'/><address bus='0' target='1' unit='2'/></source></hostdev>
    <hostdev mode='subsystem' type='mdev'><source><address uuid='x'/></source></hostdev>
    <interface type='bridge'><source bridge='br0'/><address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/></interface>
    <disk type='nvme'><source type='pci'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></disk>
  </devices>
</domain>

<domain type='kvm' id='2'>
  <name>plain &amp; simple</name>
  <uuid>24db4e6f-0000-4000-8000-000000000008</uuid>
</domain>

";

#[test]
fn addresses_on_the_host_are_read_and_those_in_the_guest_are_not() {
    let domains = read_dumps(DUMPS.as_bytes()).unwrap();
    let devices: Vec<_> = domains[0].devices.iter().map(ToString::to_string).collect();
    assert_eq!(devices, ["0001:81:00.4", "0000:82:1f.7", "0000:01:00.0"]);
    assert_eq!(domains[0].uuid, "24db4e6f-0000-4000-8000-000000000007");
    assert_eq!(
        (domains[1].name.as_str(), domains.len()),
        ("plain & simple", 2)
    );
    assert_eq!(domains[1].devices, []);
    assert_eq!(read_dumps(b"\n\n").unwrap(), []);
}

#[test]
fn a_truncated_document_is_an_error() {
    for end in 0..DUMPS.len() {
        let whole = ["</domain>", "</domain>\n", "</domain>\n\n"];
        let part = &DUMPS[..end];
        let is_whole = part.trim().is_empty() || whole.iter().any(|end| part.ends_with(end));
        assert_eq!(read_dumps(part.as_bytes()).is_ok(), is_whole, "{part}");
    }
}

#[test]
fn an_invalid_address_is_an_error() {
    let text = DUMPS.replace("bus='0x81'", "bus='0x181'");
    let error = read_dumps(text.as_bytes()).unwrap_err().to_string();
    assert!(
        error.starts_with("failed to read the devices of domain 'one-7': "),
        "{error}"
    );
}
