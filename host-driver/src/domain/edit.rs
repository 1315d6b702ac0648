//! Edits a domain.

use std::ops::Range;

use hwaddr::PciAddress;
use quick_xml::escape::escape;

use super::{DeviceReplacement, Devices, Domain, DomainInterface, DummyInterface, HostDevice};

pub(super) fn edit(domain: &Domain<'_>, replacements: &[DeviceReplacement]) -> String {
    let text = domain.text;
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut dummies = Vec::new();
    for replacement in replacements {
        let interface = &domain.interfaces[replacement.interface];
        let layout = Layout::of(text, interface.place.start, interface.child);
        let lines = device(text, interface, &replacement.device);
        changes.push((interface.place.clone(), layout.join(&lines)));
        if let Some(nic) = &replacement.dummy {
            dummies.extend(dummy(text, interface, nic));
        }
    }
    if let Some(devices) = domain.devices.as_ref().filter(|_| !dummies.is_empty()) {
        // Indented like the first NIC.
        let like = replacements
            .first()
            .map(|replacement| &domain.interfaces[replacement.interface]);
        let step = like.map_or_else(
            || "\t".to_owned(),
            |nic| Layout::of(text, nic.place.start, nic.child).step,
        );
        changes.push(append(text, devices, step, &dummies));
    }
    changes.sort_by_key(|(place, _)| place.start);
    let mut edited = String::with_capacity(text.len() + 512 * changes.len());
    let mut done = 0;
    for (place, new) in changes {
        edited.push_str(&text[done..place.start]);
        edited.push_str(&new);
        done = place.end;
    }
    edited.push_str(&text[done..]);
    edited
}

/// A line and its level of indentation.
type Line = (usize, String);

fn line(depth: usize, text: impl Into<String>) -> Line {
    (depth, text.into())
}

/// The element that replaces an interface.
fn device(text: &str, interface: &DomainInterface, device: &HostDevice) -> Vec<Line> {
    let kept = [&interface.boot, &interface.address];
    let kept = kept
        .into_iter()
        .flatten()
        .map(|place| line(1, &text[place.clone()]));
    device_lines(device, kept)
}

/// The element of a VF, for a running domain.
pub(super) fn device_element(device: &HostDevice, guest: Option<PciAddress>) -> String {
    let place = guest.map(|guest| line(1, format!("<address type='pci' {}/>", numbers(guest))));
    Layout::compact().join(&device_lines(device, place))
}

fn device_lines(device: &HostDevice, kept: impl IntoIterator<Item = Line>) -> Vec<Line> {
    match device {
        HostDevice::Plain { address } => {
            let mut lines = vec![
                line(0, "<hostdev mode='subsystem' type='pci' managed='yes'>"),
                line(1, "<source>"),
                line(2, format!("<address {}/>", numbers(*address))),
                line(1, "</source>"),
            ];
            lines.extend(kept);
            lines.push(line(0, "</hostdev>"));
            lines
        }
        HostDevice::Network { address, mac, vlan } => {
            let mut lines = vec![
                line(0, "<interface type='hostdev' managed='yes'>"),
                line(1, format!("<mac address='{mac}'/>")),
                line(1, "<source>"),
                line(2, format!("<address type='pci' {}/>", numbers(*address))),
                line(1, "</source>"),
            ];
            if let Some(id) = vlan {
                lines.push(line(1, "<vlan>"));
                lines.push(line(2, format!("<tag id='{id}'/>")));
                lines.push(line(1, "</vlan>"));
            }
            lines.extend(kept);
            lines.push(line(0, "</interface>"));
            lines
        }
    }
}

fn numbers(address: PciAddress) -> String {
    format!(
        "domain='0x{:04x}' bus='0x{:02x}' slot='0x{:02x}' function='0x{:x}'",
        address.domain(),
        address.bus(),
        address.slot(),
        address.function()
    )
}

/// The dummy NIC of an interface. Its link is down, because tenants share the bridge. Its model is that of the interface, for
/// which the guest has a driver.
fn dummy(text: &str, interface: &DomainInterface, nic: &DummyInterface) -> Vec<Line> {
    let kept = [&interface.virtualport, &interface.model];
    let kept = kept.into_iter().flatten();
    dummy_lines(nic, kept.map(|place| line(1, &text[place.clone()])))
}

/// The element of a dummy NIC, for a running domain.
pub(super) fn dummy_element(
    nic: &DummyInterface,
    is_open_vswitch: bool,
    model: Option<&str>,
) -> String {
    let port = is_open_vswitch.then(|| line(1, "<virtualport type='openvswitch'/>"));
    let model = model.map(|model| line(1, format!("<model type='{}'/>", escape(model))));
    Layout::compact().join(&dummy_lines(nic, port.into_iter().chain(model)))
}

fn dummy_lines(nic: &DummyInterface, kept: impl IntoIterator<Item = Line>) -> Vec<Line> {
    let mut lines = vec![
        line(0, "<interface type='bridge'>"),
        line(1, format!("<source bridge='{}'/>", escape(&nic.bridge))),
        line(1, format!("<mac address='{}'/>", nic.mac.mac())),
    ];
    lines.extend(kept);
    lines.push(line(1, "<link state='down'/>"));
    lines.push(line(0, "</interface>"));
    lines
}

/// Inserts lines before the end of `<devices>`.
fn append(text: &str, devices: &Devices, step: String, lines: &[Line]) -> (Range<usize>, String) {
    if devices.end.is_empty() {
        // <devices/> becomes <devices>...</devices>.
        let tag = text[devices.start.clone()]
            .trim_end_matches(['/', '>'])
            .trim_end();
        let inside = Layout::compact().join(lines);
        return (devices.start.clone(), format!("{tag}>{inside}</devices>"));
    }
    let at = devices.end.start;
    let layout = Layout::of(text, at, None);
    if layout.newline.is_empty() {
        return (at..at, Layout::compact().join(lines));
    }
    let indent = format!("{}{step}", layout.indent);
    let line_start = at - layout.indent.len();
    let layout = Layout {
        indent: indent.clone(),
        step,
        newline: layout.newline,
    };
    let new = format!("{indent}{}{}", layout.join(lines), layout.newline);
    (line_start..line_start, new)
}

/// The layout of an element.
struct Layout {
    indent: String,
    step: String,
    /// Empty if the element shares its line with others.
    newline: &'static str,
}

impl Layout {
    fn compact() -> Self {
        Self {
            indent: String::new(),
            step: String::new(),
            newline: "",
        }
    }

    /// The layout of the element at byte `at`, whose first child is at byte `child`.
    fn of(text: &str, at: usize, child: Option<usize>) -> Self {
        let Some((indent, newline)) = indent(text, at) else {
            return Self::compact();
        };
        let child = child.and_then(|child| indent_of_line(text, child));
        let step = child
            .and_then(|child| child.strip_prefix(indent))
            .filter(|step| !step.is_empty());
        Self {
            indent: indent.to_owned(),
            step: step.unwrap_or("\t").to_owned(),
            newline,
        }
    }

    fn join(&self, lines: &[Line]) -> String {
        let mut joined = String::new();
        for (nth, (depth, line)) in lines.iter().enumerate() {
            if nth > 0 {
                joined.push_str(self.newline);
                joined.push_str(&self.indent);
                joined.push_str(&self.step.repeat(if self.newline.is_empty() {
                    0
                } else {
                    *depth
                }));
            }
            joined.push_str(line);
        }
        joined
    }
}

fn indent(text: &str, at: usize) -> Option<(&str, &'static str)> {
    let indent = indent_of_line(text, at)?;
    let before = &text[..at - indent.len()];
    Some((
        indent,
        if before.ends_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        },
    ))
}

/// Returns the blanks before a byte if nothing else precedes it on its line.
fn indent_of_line(text: &str, at: usize) -> Option<&str> {
    let before = &text[..at];
    let start = before.rfind('\n')? + 1;
    let indent = &before[start..];
    indent
        .chars()
        .all(|c| c == ' ' || c == '\t')
        .then_some(indent)
}
