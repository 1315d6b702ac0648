//! The configuration of the probe.

use hwaddr::PciAddress;
use one_sriov_system::yaml::{Node, YamlError};

/// What a device says that it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub(super) vendor: u32,
    pub(super) device: u32,
    /// Without its programming interface.
    pub(super) class: Option<u32>,
}

/// What the probe offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conf {
    /// None: everything.
    filters: Option<Vec<Filter>>,
    short_addresses: Vec<String>,
    /// Names are those of a data base that we do not have.
    pub(super) has_names: bool,
}

impl Default for Conf {
    /// Without a filter of the operator's the probe offers nothing.
    fn default() -> Self {
        Self {
            filters: Some(Vec::new()),
            short_addresses: Vec::new(),
            has_names: false,
        }
    }
}

impl Conf {
    /// Reads the file. A key that it has replaces the default; Ruby takes `:filter` for a symbol, and the
    /// probe flattens what is a list.
    ///
    /// # Errors
    /// [`YamlError`] if it is not YAML. The probe ends with an error then, on each run.
    pub(super) fn parse(text: &str) -> Result<Self, YamlError> {
        let document = Node::parse(text)?;
        let mut conf = Self::default();
        for (name, value) in document.entries() {
            match name {
                ":filter" => {
                    let all = texts(value);
                    let all = all.iter().flat_map(|text| text.split(','));
                    let filters = all.filter_map(|filter| Filter::parse(filter.trim()));
                    conf.filters = (!value.is_null()).then(|| filters.collect());
                }
                ":short_address" => conf.short_addresses = texts(value),
                ":device_name" => conf.has_names = !texts(value).is_empty(),
                _ => {}
            }
        }
        Ok(conf)
    }

    /// The filter by which the probe offers a device, if it does.
    pub(super) fn offers(&self, address: PciAddress, ids: Ids) -> Option<String> {
        let long = address.to_string();
        let is_listed =
            |listed: &String| *listed == long || long.strip_prefix("0000:") == Some(listed);
        if !self.short_addresses.is_empty() && !self.short_addresses.iter().any(is_listed) {
            return None;
        }
        match &self.filters {
            None => Some("*:*".into()),
            Some(filters) => {
                let filter = filters.iter().find(|filter| filter.matches(ids))?;
                Some(filter.text.clone())
            }
        }
    }
}

/// `vendor:device:class`, each a hexadecimal number, or `*` or nothing for any.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filter {
    text: String,
    parts: [Option<u32>; 3],
}

impl Filter {
    /// None for what `lspci` refuses: it prints no device then.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = [None; 3];
        let words: Vec<&str> = text.split(':').collect();
        if !(2..=3).contains(&words.len()) {
            return None;
        }
        for (part, word) in parts.iter_mut().zip(words) {
            *part = match word {
                "" | "*" => None,
                word => Some(u32::from_str_radix(word.trim_start_matches("0x"), 16).ok()?),
            };
        }
        let text = text.to_owned();
        Some(Self { text, parts })
    }

    fn matches(&self, ids: Ids) -> bool {
        let [vendor, device, class] = self.parts;
        vendor.is_none_or(|vendor| vendor == ids.vendor)
            && device.is_none_or(|device| device == ids.device)
            && class.is_none_or(|class| Some(class) == ids.class)
    }
}

/// A scalar, or all scalars of a list and of lists in it.
fn texts(value: &Node) -> Vec<String> {
    let own = value.text().map(str::to_owned).into_iter();
    own.chain(value.items().flat_map(texts)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn offered(text: &str) -> Option<String> {
        let ids = Ids {
            vendor: 0x15b3,
            device: 0x101e,
            class: Some(0x0200),
        };
        let conf = Conf::parse(text).unwrap();
        conf.offers("0000:81:00.4".parse().unwrap(), ids)
    }

    #[test]
    fn filters_are_those_of_lspci() {
        let table = [
            ("", None),
            (":filter: '0:0'\n", None),
            (":filter: '15b3:*'\n", Some("15b3:*")),
            (":filter: '*:*'\n", Some("*:*")),
            (":filter: ':101E'\n", Some(":101E")),
            (":filter: '15b3::0200'\n", Some("15b3::0200")),
            (":filter: '15b3::0c03'\n", None),
            (":filter: '10de:*,15b3:101e' # both\n", Some("15b3:101e")),
            (
                ":filter:\n  - '10de:*'   # GPUs\n  - '15b3:*'\n",
                Some("15b3:*"),
            ),
            (
                "---\n:filter: [ '10de:*', \"15b3:101e\" ]\n",
                Some("15b3:101e"),
            ),
            (":filter: 15b3\n", None),
            // Nothing at all is no filter, and so everything.
            (":filter:\n:short_address: []\n", Some("*:*")),
            ("# :filter: '*:*'\n", None),
            // An empty list is a list: `lspci` is never called.
            (":filter: []\n", None),
            ("{\":filter\": ['10de:*', [\"15b3:*\"]]}\n", Some("15b3:*")),
            ("mine: &cards ['15b3:*']\n:filter: *cards\n", Some("15b3:*")),
            (":filter: >-\n  15b3:*\n", Some("15b3:*")),
            (":other:\n  :filter: '15b3:*'\n", None),
            (":filter: '*:*'\n:filter: '10de:*'\n", None),
            (":nvidia_vendors: ['10de']\n", None),
        ];
        for (text, expected) in table {
            assert_eq!(offered(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn addresses_narrow_the_filters() {
        let with = |list: &str| offered(&format!(":filter: '15b3:*'\n:short_address: {list}\n"));
        assert!(with("[]").is_some());
        assert!(with("[ '81:00.4' ]").is_some());
        assert!(with("\n  - '0000:81:00.4'").is_some());
        assert!(with("[ '81:00.5', '82:00.4' ]").is_none());
        let has_names = |text| Conf::parse(text).unwrap().has_names;
        assert!(has_names(":device_name:\n - 'GeForce'\n"));
        assert!(!has_names(":device_name: []\n"));
    }

    #[test]
    fn what_the_probe_fails_on_is_an_error() {
        let error = Conf::parse(":filter: [ '15b3:*'\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: while parsing a flow sequence, expected ',' or ']'"
        );
    }
}
