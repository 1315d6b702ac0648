//! The domain that OpenNebula sends, and the domains that libvirt prints.

use std::str;

use one_sriov_driver::domain::{
    DeviceReplacement, Domain, DomainInterface, DummyInterface, HostDevice,
};
use one_sriov_driver::libvirt::read_dumps;
use one_sriov_driver::opennebula::VmDocument;
use roxmltree::{Document, Node};

/// How many interfaces are replaced at most.
const REPLACED: usize = 8;

/// Checks that any bytes are read without a panic, that a valid domain changes only where VFs replace interfaces, and that
/// another XML parser finds the replacements.
pub fn domain(input: &[u8]) {
    if let Err(error) = read_dumps(input) {
        assert_one_line(&error.to_string());
    }
    if let Ok(text) = str::from_utf8(input)
        && let Err(error) = VmDocument::parse(text)
    {
        assert_one_line(&error.to_string());
    }
    let domain = match Domain::read(input) {
        Ok(domain) => domain,
        Err(error) => return assert_position_exists(&error.to_string(), input),
    };
    assert_eq!(
        domain.edit(&[]),
        input,
        "an edit without replacements changes nothing"
    );
    let replacements: Vec<_> = (0..)
        .zip(domain.interfaces())
        .take(REPLACED)
        .map(|(nth, interface)| replacement(nth, interface))
        .collect();
    let edited = domain.edit(&replacements);
    let again = Domain::read(&edited).expect("the edited domain can be read");
    let added = Count::of_replacements(&replacements);
    let interfaces = domain.interfaces().len() + added.dummies - added.hostdevs;
    assert_eq!(again.interfaces().len(), interfaces);
    assert_eq!((again.name(), again.uuid()), (domain.name(), domain.uuid()));
    // The other parser is stricter than libvirt and the driver.
    let text = |bytes| str::from_utf8(bytes).expect("a domain is UTF-8");
    if let Ok(before) = Document::parse(text(input))
        && has_plain_names(&before)
    {
        let edited = text(&edited);
        let after = Document::parse(edited)
            .unwrap_or_else(|error| panic!("the edited domain is malformed: {error}\n{edited}"));
        let left = Count::of(&before, replacements.len());
        assert_eq!(Count::of(&after, 0), left.plus(&added), "{edited}");
    }
}

/// Whether both parsers find the same elements: the driver compares names as written, the other parser by namespace.
fn has_plain_names(document: &Document<'_>) -> bool {
    let names = ["domain", "devices", "interface", "hostdev"];
    let mut elements = document.descendants().filter(Node::is_element);
    elements.all(|node| {
        let name = node.tag_name();
        name.namespace().is_none() || !names.contains(&name.name())
    })
}

/// Returns the replacement of the nth interface, alternating between all kinds.
fn replacement(nth: usize, interface: &DomainInterface) -> DeviceReplacement {
    let address = "0000:81:00.4".parse().expect("an address");
    let mac = interface.mac();
    let device = match (nth % 2, mac) {
        (0, Ok(mac)) => HostDevice::Network {
            address,
            mac,
            vlan: nth.is_multiple_of(4).then_some(100),
        },
        _ => HostDevice::Plain { address },
    };
    let dummy = (!nth.is_multiple_of(3)).then(|| DummyInterface {
        bridge: "sriov_br".into(),
        mac: "aa:00:c0:a8:07:05"
            .parse()
            .ok()
            .and_then(dummy_mac)
            .expect("a dummy MAC"),
    });
    DeviceReplacement {
        interface: nth,
        device,
        dummy,
    }
}

fn dummy_mac(mac: hwaddr::MacAddress) -> Option<hwaddr::DummyMac> {
    hwaddr::DummyMac::from_mac(mac, hwaddr::DummyPrefix::default())
}

/// How many devices of each kind a domain has.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    /// `<hostdev>`
    hostdevs: usize,
    /// `<interface type='hostdev'>`
    networks: usize,
    /// `<interface type='bridge'>` whose link is down
    dummies: usize,
}

impl Count {
    fn of_replacements(replacements: &[DeviceReplacement]) -> Self {
        let is_plain =
            |replaced: &&DeviceReplacement| matches!(replaced.device, HostDevice::Plain { .. });
        let hostdevs = replacements.iter().filter(is_plain).count();
        Self {
            hostdevs,
            networks: replacements.len() - hostdevs,
            dummies: replacements
                .iter()
                .filter(|replaced| replaced.dummy.is_some())
                .count(),
        }
    }

    /// Counts the devices in a document, without its first interfaces.
    fn of(document: &Document<'_>, first: usize) -> Self {
        fn named<'a, 'i>(
            parent: Node<'a, 'i>,
            name: &'static str,
        ) -> impl Iterator<Item = Node<'a, 'i>> {
            parent
                .children()
                .filter(move |node| node.tag_name().name() == name)
        }
        let devices = || named(document.root_element(), "devices");
        let of_type = |kind| {
            let interfaces = devices().flat_map(|devices| named(devices, "interface"));
            interfaces
                .skip(first)
                .filter(move |node| node.attribute("type") == Some(kind))
        };
        let is_down = |node: &Node<'_, '_>| {
            named(*node, "link").any(|link| link.attribute("state") == Some("down"))
        };
        Self {
            hostdevs: devices()
                .flat_map(|devices| named(devices, "hostdev"))
                .count(),
            networks: of_type("hostdev").count(),
            dummies: of_type("bridge").filter(is_down).count(),
        }
    }
}

impl Count {
    fn plus(&self, other: &Self) -> Self {
        Self {
            hostdevs: self.hostdevs + other.hostdevs,
            networks: self.networks + other.networks,
            dummies: self.dummies + other.dummies,
        }
    }
}

/// Checks that a message is short, and a single line of a log.
fn assert_one_line(message: &str) {
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(message.len() < 400, "{message:?}");
}

/// Checks a message such as `failed to read the domain: line 3, column 7: ...`: the line and column exist.
fn assert_position_exists(message: &str, input: &[u8]) {
    assert_one_line(message);
    let numbers = message
        .split([' ', ',', ':'])
        .filter_map(|word| word.parse().ok());
    let numbers: Vec<usize> = numbers.take(2).collect();
    let [line, column] = numbers[..] else {
        panic!("no line and column: {message:?}");
    };
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    assert!((1..=lines.len()).contains(&line), "{message:?}");
    assert!(
        (1..=lines[line - 1].len() + 1).contains(&column),
        "{message:?}"
    );
}
