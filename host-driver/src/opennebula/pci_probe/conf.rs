//! The configuration of the probe.

use std::str::FromStr;

use hwaddr::PciAddress;
use one_sriov_system::yaml::{Node, YamlError};

/// The IDs of a device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub(super) vendor: u32,
    pub(super) device: u32,
    /// Its class, without the programming interface.
    pub(super) class: Option<u32>,
}

/// How a device is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The filter that it matches.
    pub filter: String,
    /// Whether the filter alone decides: filters by name need a database that the driver does not have.
    pub is_certain: bool,
}

/// What the probe offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PciConf {
    /// `None` offers everything.
    pub(super) filters: Option<Filters>,
    short_addresses: Vec<String>,
    /// Whether filters by name may exclude a VF.
    has_names: bool,
}

impl Default for PciConf {
    /// Without a filter the probe offers nothing.
    fn default() -> Self {
        Self {
            filters: Some(Filters(Vec::new())),
            short_addresses: Vec::new(),
            has_names: false,
        }
    }
}

impl PciConf {
    /// Reads the file. Its keys replace the defaults. `:filter` is a Ruby symbol, and the probe flattens lists.
    ///
    /// # Errors
    /// [`YamlError`] if it is not YAML. Then the probe fails on every run.
    pub(super) fn parse(text: &str) -> Result<Self, YamlError> {
        let document = Node::parse(text)?;
        let mut conf = Self::default();
        for (name, value) in document.entries() {
            match name {
                ":filter" => {
                    let all = texts(value);
                    let all = all.iter().flat_map(|text| text.split(','));
                    let filters = all.filter_map(|filter| Filter::parse(filter.trim()));
                    conf.filters = (!value.is_null()).then(|| Filters(filters.collect()));
                }
                ":short_address" => conf.short_addresses = texts(value),
                ":device_name" => {
                    let names = texts(value);
                    conf.has_names = !names.is_empty() && !names.iter().any(|name| is_of_vfs(name));
                }
                _ => {}
            }
        }
        Ok(conf)
    }

    /// Whether no device matches, as with `0:0`, the default of the probe.
    pub(super) fn offers_nothing(&self) -> bool {
        let is_none = |filter: &Filter| filter.parts[0] == Some(0);
        self.filters
            .as_ref()
            .is_some_and(|filters| filters.0.iter().all(is_none))
    }

    /// How the probe offers a device, if it does.
    pub(super) fn offers(&self, address: PciAddress, ids: Ids) -> Option<Offer> {
        let long = address.to_string();
        let is_listed =
            |listed: &String| *listed == long || long.strip_prefix("0000:") == Some(listed);
        if !self.short_addresses.is_empty() && !self.short_addresses.iter().any(is_listed) {
            return None;
        }
        let filter = match &self.filters {
            None => "*:*".into(),
            Some(filters) => {
                let mut matching = filters.0.iter().filter(|filter| filter.matches(ids));
                matching.next()?.text.clone()
            }
        };
        Some(Offer {
            filter,
            is_certain: !self.has_names,
        })
    }
}

/// Whether a name pattern is for VFs: the PCI ID list calls them "... Virtual Function ...", and the probe ignores case.
fn is_of_vfs(pattern: &str) -> bool {
    pattern.to_ascii_lowercase().contains("virtual function")
}

/// Filters in the form of OpenNebula's host attribute `PCI_FILTER`: `15b3:101e,8086:1520`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filters(Vec<Filter>);

impl FromStr for Filters {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let filters = text.split(',').map(|filter| Filter::parse(filter.trim()));
        let filters: Option<Vec<_>> = filters.collect();
        let expected = "expected vendor:device or vendor:device:class, separated by commas";
        filters.map(Self).ok_or_else(|| expected.into())
    }
}

/// `vendor:device:class`, each a hexadecimal number, or `*` or empty for any.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter {
    text: String,
    parts: [Option<u32>; 3],
}

impl Filter {
    /// Parses a filter. Returns `None` if `lspci` refuses it and prints no device.
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

/// Returns a scalar, or all scalars of a list and its nested lists.
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
        let conf = PciConf::parse(text).unwrap();
        let offer = conf.offers("0000:81:00.4".parse().unwrap(), ids);
        assert!(offer.is_none() || !conf.offers_nothing(), "{text}");
        offer.map(|offer| offer.filter)
    }

    #[test]
    fn filters_match_as_in_lspci() {
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
            // Without a value there is no filter, so everything is offered.
            (":filter:\n:short_address: []\n", Some("*:*")),
            ("# :filter: '*:*'\n", None),
            // With an empty list `lspci` is never called.
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
        let has_names = |text| PciConf::parse(text).unwrap().has_names;
        assert!(has_names(":device_name:\n - 'GeForce'\n"));
        assert!(!has_names(":device_name: []\n"));
        // The pattern for VFs in OpenNebula's own guide does not exclude any VF.
        assert!(!has_names(
            ":device_name: [ 'GeForce', 'virtual function' ]\n"
        ));
    }

    #[test]
    fn the_probe_offers_nothing_by_default() {
        let nothing = |text| PciConf::parse(text).unwrap().offers_nothing();
        assert!(nothing("") && nothing(":filter: '0:0'\n") && nothing(":filter: []\n"));
        assert!(!nothing(":filter: '*:*'\n") && !nothing(":filter:\n"));
    }

    #[test]
    fn the_filter_of_a_host_is_a_comma_separated_list() {
        let filters = |text: &str| text.parse::<Filters>().map(|filters| filters.0.len());
        assert_eq!(filters("15b3:101e, 8086:1520:0200"), Ok(2));
        for wrong in ["", "15b3", "15b3:101e,", "mlx5", "1:2:3:4"] {
            assert!(filters(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn invalid_yaml_is_an_error() {
        let error = PciConf::parse(":filter: [ '15b3:*'\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: while parsing a flow sequence, expected ',' or ']'"
        );
    }
}
