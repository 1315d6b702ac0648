//! Edits domains of all generations, and checks with an independent parser that nothing else changed.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod samples;

use one_sriov_driver::domain::Domain;
use one_sriov_driver::libvirt::read_dumps;
use proptest::collection::vec;
use proptest::prelude::*;
use roxmltree::{Document, Node, NodeType};
use samples::{edited, replacements, samples};

#[test]
fn domains_of_every_release_are_edited_as_recorded() {
    for (name, text) in samples() {
        let (edited, _) = edited(&text);
        let difference = similar::TextDiff::from_lines(&text, &edited);
        let shown = difference.unified_diff().context_radius(0).to_string();
        insta::with_settings!({ snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, shown);
        });
    }
}

#[test]
fn only_replaced_interfaces_change() {
    for (name, text) in samples() {
        let (edited, count) = edited(&text);
        check(&text, &edited, count, &name);
    }
}

/// Compares the two trees, with a parser that the driver does not use.
fn check(before: &str, after: &str, count: usize, name: &str) {
    let (before, after) = (
        Document::parse(before).expect(name),
        Document::parse(after).expect(name),
    );
    let mut old: Vec<String> = Vec::new();
    let mut given = 0;
    walk(&before.root_element(), &mut |node| {
        let is_ours = is_nic(node) && bridge(node).is_some_and(|name| name.starts_with("sriov_"));
        given += usize::from(is_ours);
        old.push(if is_ours {
            format!("vf {}", kept(node))
        } else {
            shape(node)
        });
        !is_ours
    });
    let mut new: Vec<String> = Vec::new();
    let mut dummies = Vec::new();
    walk(&after.root_element(), &mut |node| {
        if is_vf(node) {
            new.push(format!("vf {}", kept(node)));
            return false;
        }
        if is_nic(node) && bridge(node).as_deref() == Some("sriov_br") {
            dummies.push(*node);
            return false;
        }
        new.push(shape(node));
        true
    });
    assert_eq!(given, count, "{name}");
    assert_eq!(old, new, "{name}");
    // The dummy NICs are at the end of the last devices, in order.
    let mut devices = after
        .root_element()
        .children()
        .filter(|node| node.has_tag_name("devices"));
    let elements = devices.next_back().map(|devices| {
        devices
            .children()
            .filter(Node::is_element)
            .collect::<Vec<_>>()
    });
    let elements = elements.unwrap_or_default();
    assert_eq!(
        &elements[elements.len() - dummies.len()..],
        dummies,
        "{name}"
    );
    let macs: Vec<_> = dummies
        .iter()
        .map(|nic| child(nic, "mac").attribute("address").unwrap().to_owned())
        .collect();
    for (nth, mac) in macs.iter().enumerate() {
        assert!(
            mac.starts_with(&format!("aa:{:02x}:", nth * 2)),
            "{name}: {macs:?}"
        );
        assert_eq!(
            child(&dummies[nth], "link").attribute("state"),
            Some("down"),
            "{name}"
        );
    }
}

fn walk<'a, 'd>(node: &Node<'a, 'd>, see: &mut impl FnMut(&Node<'a, 'd>) -> bool) {
    // White space between elements does not matter.
    let is_blank = |node: &Node<'_, '_>| node.text().is_some_and(|text| text.trim().is_empty());
    if node.is_text() && is_blank(node) {
        return;
    }
    if see(node) {
        for child in node.children() {
            walk(&child, see);
        }
    }
}

/// Everything about a node, without its children.
fn shape(node: &Node<'_, '_>) -> String {
    match node.node_type() {
        NodeType::Element => {
            let attributes: Vec<_> = node
                .attributes()
                .map(|a| (a.namespace(), a.name(), a.value()))
                .collect();
            format!("<{:?} {attributes:?}>", node.tag_name())
        }
        NodeType::Text => format!("'{}'", node.text().unwrap().trim()),
        other => format!("{other:?} {:?} {:?}", node.text(), node.pi()),
    }
}

/// What a VF keeps of its NIC.
fn kept(nic: &Node<'_, '_>) -> String {
    let children = nic
        .children()
        .filter(|child| child.has_tag_name("boot") || child.has_tag_name("address"));
    children.map(|child| shape(&child)).collect()
}

fn is_nic(node: &Node<'_, '_>) -> bool {
    let path: Vec<_> = node
        .ancestors()
        .map(|node| node.tag_name().name())
        .collect();
    path == ["interface", "devices", "domain", ""]
}

fn is_vf(node: &Node<'_, '_>) -> bool {
    let source = node.children().find(|child| child.has_tag_name("source"));
    let address = source.and_then(|source| source.children().find(Node::is_element));
    address.is_some_and(|address| address.attribute("domain") == Some("0x0001"))
}

fn bridge(nic: &Node<'_, '_>) -> Option<String> {
    let source = nic.children().find(|child| child.has_tag_name("source"))?;
    source.attribute("bridge").map(str::to_owned)
}

fn child<'a, 'd>(node: &Node<'a, 'd>, name: &str) -> Node<'a, 'd> {
    node.children()
        .find(|child| child.has_tag_name(name))
        .unwrap()
}

/// Odd but valid content between two elements.
fn oddity() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\n\t\t".to_owned()),
        Just("\r\n  ".to_owned()),
        Just(" <!-- <interface><source bridge='sriov_x'/></interface> --> ".to_owned()),
        Just(
            "<channel type='unix'><x:devices xmlns:x='y'><interface/></x:devices></channel>"
                .to_owned()
        ),
        Just("<?pi <devices>?>".to_owned()),
        Just(
            "<description><![CDATA[<source bridge='sriov_ib0'/> & ]] >]]></description>".to_owned()
        ),
    ]
}

fn nic() -> impl Strategy<Value = String> {
    (any::<bool>(), any::<u16>(), oddity(), any::<bool>(), any::<bool>()).prop_map(
        |(is_ours, mac, odd, has_boot, is_double)| {
            let bridge = if is_ours { "sriov_&#x69;b0" } else { "br&apos;0" };
            let [a, b] = mac.to_be_bytes();
            let boot = if has_boot { "<boot\n order = '1' ></boot><address type='pci' bus='0x01'/>" } else { "" };
            let source = if is_double { format!("<source mode=\"x\" bridge = \"{bridge}\"/>") } else { format!("<source bridge='{bridge}' ></source>") };
            format!("<interface  type='bridge'>{odd}<mac address='02:00:c0:a8:{a:02x}:{b:02x}'/>{source}{boot}</interface>")
        },
    )
}

fn document() -> impl Strategy<Value = String> {
    let devices = vec((oddity(), nic(), oddity()), 0..4)
        .prop_map(|nics| {
            nics.into_iter()
                .map(|(a, nic, b)| a + &nic + &b)
                .collect::<String>()
        })
        .prop_map(|inside| format!("<devices>{inside}</devices>"));
    let devices = prop_oneof![devices, Just("<devices  />".to_owned())];
    (oddity(), vec((devices, oddity()), 1..4)).prop_map(|(odd, parts)| {
        let parts: String = parts
            .into_iter()
            .map(|(devices, odd)| devices + &odd)
            .collect();
        format!("<domain type='kvm'>{odd}<name>one-7</name>{parts}</domain>\n\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn odd_documents_keep_everything_that_is_not_replaced(text in document()) {
        let (edited, count) = edited(&text);
        check(&text, &edited, count, &text);
        // Without replacements, the bytes stay the same.
        let domain = Domain::read(text.as_bytes()).unwrap();
        prop_assert_eq!(domain.edit(&[]), text.as_bytes());
        let replacements = replacements(&domain);
        let mut rest = edited.as_str();
        let pieces = text.split("<interface  type='bridge'>");
        // Everything before the first interface, byte for byte.
        let first = pieces.clone().next().unwrap();
        if replacements.first().is_some_and(|replacement| replacement.interface == 0) {
            prop_assert!(rest.starts_with(first));
            rest = &rest[first.len()..];
            prop_assert!(rest.starts_with("<hostdev"));
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_cause_a_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Domain::read(&bytes);
        let _ = read_dumps(&bytes);
    }

    #[test]
    fn a_changed_byte_in_a_sample_does_not_cause_a_panic(nth in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let samples = samples();
        let mut bytes = nth.get(&samples).1.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(domain) = Domain::read(&bytes) {
            prop_assert_eq!(domain.edit(&[]), bytes.clone());
        }
        let _ = read_dumps(&bytes[..at]);
    }
}
