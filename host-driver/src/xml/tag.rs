//! Start tags.

use std::borrow::Cow;
use std::ops::Range;

use hwaddr::{AddressError, PciAddress};
use quick_xml::events::attributes::Attributes;

/// A start tag, or an empty element: `<source bridge='sriov_ib0'/>`.
#[derive(Debug, Clone)]
pub(crate) struct Tag<'x> {
    name: &'x str,
    /// The text between the name and the `>` or `/>`.
    attributes: &'x str,
    /// Its byte range, with `<` and `>`.
    pub(crate) place: Range<usize>,
}

impl<'x> Tag<'x> {
    /// Reads `<name attributes>`. Returns `None` if it is not a tag.
    pub(crate) fn new(markup: &'x str, name_end: usize, place: Range<usize>) -> Option<Self> {
        let inside = markup.strip_prefix('<')?.strip_suffix('>')?;
        let inside = inside.strip_suffix('/').unwrap_or(inside);
        let name = inside.get(..name_end.checked_sub(1)?)?;
        let attributes = inside.get(name.len()..)?;
        let is_name = |c: char| !c.is_whitespace() && !"<>&'\"=/".contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        Some(Self {
            name,
            attributes,
            place,
        })
    }

    /// Its name, with the prefix.
    pub(crate) fn name(&self) -> &'x str {
        self.name
    }

    /// Returns the PCI address of an `<address>`, or `None` if it is of another kind. The outer error names a bad attribute.
    pub(crate) fn pci_address(&self) -> Result<Option<Result<PciAddress, AddressError>>, String> {
        let part = |name: &str| self.attribute(name);
        let (Some(bus), Some(slot), Some(function)) =
            (part("bus")?, part("slot")?, part("function")?)
        else {
            return Ok(None);
        };
        let domain = part("domain")?.unwrap_or_else(|| "0x0".into());
        let address = PciAddress::from_libvirt(&domain, &bus, &slot, &function);
        Ok(Some(address))
    }

    /// Returns the value of an attribute. The error names the attribute if it cannot be read.
    pub(crate) fn attribute(&self, name: &str) -> Result<Option<Cow<'x, str>>, String> {
        let mut found = None;
        // The check for duplicates compares each name with all others, which takes minutes for a large tag.
        for attribute in Attributes::new(self.attributes, 0).with_checks(false) {
            let attribute = attribute.map_err(|_| name.to_owned())?;
            if attribute.key.as_ref() == name.as_bytes() {
                if found.is_some() {
                    return Err(name.to_owned());
                }
                let value = match attribute.value {
                    Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed),
                    Cow::Owned(bytes) => String::from_utf8(bytes)
                        .map(Cow::Owned)
                        .map_err(|error| error.utf8_error()),
                };
                let value = value.map_err(|_| name.to_owned())?;
                found = Some(unescape(value).ok_or_else(|| name.to_owned())?);
            }
        }
        Ok(found)
    }
}

fn unescape(value: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match value {
        Cow::Borrowed(text) => quick_xml::escape::unescape(text).ok(),
        Cow::Owned(text) => {
            let text = quick_xml::escape::unescape(&text).ok()?.into_owned();
            Some(Cow::Owned(text))
        }
    }
}
