//! The configuration of the probe: as much of YAML as is ever found in it.

use hwaddr::PciAddress;

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
    pub(super) fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        for (name, values) in keys(text) {
            match name {
                ":filter:" => {
                    let all = values.iter().flat_map(|value| value.split(','));
                    let filters = all.filter_map(|filter| Filter::parse(filter.trim()));
                    conf.filters = (!values.is_empty()).then(|| filters.collect());
                }
                ":short_address:" => conf.short_addresses = values,
                ":device_name:" => conf.has_names = !values.is_empty(),
                _ => {}
            }
        }
        conf
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

/// The keys of the document and their values: a scalar, `[ a, b ]` or lines `- a`.
fn keys(text: &str) -> Vec<(&str, Vec<String>)> {
    let mut keys: Vec<(&str, Vec<String>)> = Vec::new();
    for line in text.lines() {
        let content = without_comment(line).trim_end();
        let item = content.trim_start();
        if let Some(value) = item.strip_prefix('-') {
            if let Some((_, values)) = keys.last_mut().filter(|_| item != "---") {
                values.extend(scalar(value));
            }
        } else if item.starts_with(':')
            && let Some(end) = item[1..].find(':')
        {
            let (name, value) = item.split_at(end + 2);
            let value = value.trim();
            let list = value
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            keys.push((
                name,
                match list {
                    Some(list) => list.split(',').filter_map(scalar).collect(),
                    None => scalar(value).into_iter().collect(),
                },
            ));
        }
    }
    keys
}

fn scalar(text: &str) -> Option<String> {
    let text = text.trim();
    let quoted = ['\'', '"'].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inner.to_owned())
    });
    let is_null = matches!(text, "" | "~" | "null");
    quoted.or_else(|| (!is_null).then(|| text.to_owned()))
}

/// A `#` begins a comment at the start of a line or behind a blank, outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == '#' && before.is_whitespace() => return &line[..at],
            _ => {}
        }
        before = c;
    }
    line
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
        Conf::parse(text).offers("0000:81:00.4".parse().unwrap(), ids)
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
        assert!(Conf::parse(":device_name:\n - 'GeForce'\n").has_names);
        assert!(!Conf::parse(":device_name: []\n").has_names);
    }
}
