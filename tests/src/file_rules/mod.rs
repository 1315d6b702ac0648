//! The format of the agent's files, specified independently of the renderers.
//!
//! Shells that run as root source `ifcfg` files, so the rules are about bytes, not about meaning.

use std::collections::BTreeSet;

mod vocabulary;

pub use vocabulary::check_line;

/// The first line of every file of the agent.
const HEADER: &str = "# Written by one-sriov-agent";

type Check = Result<(), String>;

/// Directory, prefix and suffix of a file name, with the device's name between them, and the rule for a line.
type Place = (&'static str, &'static str, &'static str, fn(&str) -> bool);

/// All files that the agent may write.
const PLACES: [Place; 16] = [
    (
        "/etc/sysconfig/network-scripts/",
        "ifcfg-",
        "",
        is_assignment,
    ),
    ("/etc/sysconfig/network-scripts/", "route-", "", is_route),
    ("/etc/sysconfig/network-scripts/", "route6-", "", is_route),
    ("/etc/sysconfig/network/", "ifcfg-", "", is_assignment),
    ("/etc/sysconfig/network/", "ifroute-", "", is_route),
    ("/etc/sysconfig/network/", "ifsysctl-", "", is_sysctl),
    ("/etc/sysctl.d/", "90-one-sriov-", ".conf", is_sysctl),
    (
        "/etc/NetworkManager/conf.d/",
        "90-one-sriov-",
        ".conf",
        is_keyfile,
    ),
    (
        "/etc/NetworkManager/system-connections/",
        "one-sriov-",
        ".nmconnection",
        is_known,
    ),
    (
        "/etc/network/interfaces.d/",
        "60-one-sriov-",
        ".cfg",
        is_known,
    ),
    ("/etc/netplan/", "60-one-sriov-", ".yaml", is_known),
    (
        "/etc/systemd/network/",
        "05-one-sriov-",
        ".network",
        is_known,
    ),
    (
        "/etc/systemd/network/",
        "05-one-sriov-",
        ".netdev",
        is_known,
    ),
    (
        "/etc/systemd/network/",
        "10-netplan-",
        ".network.d/one-sriov.conf",
        is_known,
    ),
    ("/etc/udev/rules.d/", "99-one-sriov-", ".rules", is_known),
    // Without a device: `resolv` takes the place of the device's name.
    ("/etc/", "", ".conf", is_resolver),
];
/// Directories of files that only root may read: their readers refuse other files, or warn.
const PRIVATE: [&str; 2] = ["/etc/NetworkManager/system-connections/", "/etc/netplan/"];

/// Checks a file of the agent against all rules.
///
/// # Errors
/// The broken rule.
pub fn check_file(path: &str, file_mode: u32, text: &str) -> Check {
    let place = PLACES.iter().find_map(|(directory, prefix, suffix, rule)| {
        let device = path.strip_prefix(directory)?.strip_prefix(prefix)?;
        Some((device.strip_suffix(suffix)?, rule))
    });
    let (device, is_line) = place.ok_or("no file belongs there")?;
    holds(is_device(device), "the name of the device is a strange one")?;
    let is_private = PRIVATE.iter().any(|directory| path.starts_with(directory));
    let mode = if is_private { 0o600 } else { 0o644 };
    holds(file_mode == mode, &format!("the mode is not {mode:04o}"))?;

    let body = text
        .strip_prefix(HEADER)
        .ok_or("it does not begin with the header")?;
    holds(body.ends_with('\n'), "the last line has no end")?;
    holds(text.len() < 64 << 10, "it is longer than any configuration")?;
    let mut keys = BTreeSet::new();
    for line in text.lines() {
        let printable = line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        holds(printable, &format!("a character of {line:?}"))?;
        if !line.starts_with('#') {
            holds(is_line(line), &format!("the line {line:?}"))?;
            if let (true, Some((key, _))) = (path.contains("/ifcfg-"), line.split_once('=')) {
                holds(keys.insert(key), &format!("a second {key}"))?;
            }
        }
    }
    Ok(())
}

fn holds(rule: bool, what: &str) -> Check {
    if rule { Ok(()) } else { Err(what.to_owned()) }
}

/// `nameserver ADDRESS` or `search DOMAIN...`
fn is_resolver(line: &str) -> bool {
    match line.split_once(' ') {
        Some(("nameserver", server)) => {
            let (ip, device) = server.split_once('%').unwrap_or((server, "lo"));
            ip.parse::<std::net::IpAddr>().is_ok() && is_device(device)
        }
        Some(("search", domains)) => {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._- ".contains(&byte);
            domains.bytes().all(is_letter)
        }
        _ => false,
    }
}

/// A valid name of a device: not a directory, a hidden file or an option.
fn is_device(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=15).contains(&name.len()) && name.bytes().all(is_part) && !name.starts_with(['.', '-'])
}

/// `KEY=token` or `KEY="token token"`: nothing that a shell expands.
fn is_assignment(line: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else {
        return false;
    };
    let is_key = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    // A tilde marks a routing-only domain; within quotes no shell expands it.
    let is_word = |word: &str| is_token(word.strip_prefix('~').unwrap_or(word));
    let is_list = |list: &str| {
        list.split(' ')
            .all(|word| !word.is_empty() && is_word(word))
    };
    key.starts_with(|first: char| first.is_ascii_uppercase())
        && key.bytes().all(is_key)
        && match value.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').is_some_and(is_list),
            None => is_token(value),
        }
}

fn is_route(line: &str) -> bool {
    !line.is_empty()
        && line
            .split(' ')
            .all(|token| !token.is_empty() && is_token(token))
}

/// `$SYSCTL_IF` is wicked's variable for the device; other stacks have the name between slashes. No shell reads these files.
fn is_sysctl(line: &str) -> bool {
    let of_wicked = line.strip_prefix("net.ipv6.conf.$SYSCTL_IF.");
    let of_kernel = || {
        let (device, setting) = line.strip_prefix("net/ipv6/conf/")?.split_once('/')?;
        is_device(device).then_some(setting)
    };
    of_wicked
        .or_else(of_kernel)
        .and_then(|setting| setting.split_once(" = "))
        .is_some_and(|(key, value)| {
            ["accept_ra", "autoconf", "disable_ipv6"].contains(&key)
                && ["0", "1", "2"].contains(&value)
        })
}

fn is_known(line: &str) -> bool {
    check_line(line).is_ok()
}

fn is_keyfile(line: &str) -> bool {
    line == "[keyfile]"
        || line
            .strip_prefix("unmanaged-devices+=mac:")
            .and_then(|list| list.split_once(";interface-name:="))
            .is_some_and(|(mac, device)| {
                let is_octet = |octet: &str| {
                    octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit())
                };
                is_device(device) && mac.split(':').count() == 6 && mac.split(':').all(is_octet)
            })
}

fn is_token(token: &str) -> bool {
    token
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".:/_%+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_reject_shell_syntax() {
        for line in [
            "A=",
            "DEVICE=ib0",
            "IPADDR1=10.0.0.1",
            "DOMAIN=\"a.b c.d\"",
            "DOMAIN=\"~a.b .\"",
            "IPV6_DEFAULTGW=fe80::1%ib0",
        ] {
            assert!(is_assignment(line), "{line:?}");
        }
        for line in [
            "A=$B",
            "A=`b`",
            "A=\"$(b)\"",
            "A=a b",
            "A=\"a\"b\"",
            "A=\"a",
            "A=\"\"",
            "A=\"a  b\"",
            "A=a;b",
            "A=a\\",
            "A='a'",
            "A=a\nB=b",
            "a=b",
            "A+=b",
            "A B=c",
            "[keyfile]",
            "reboot",
            "",
            "1=b",
            "A=~",
            "A=\"a~b\"",
            "A=\"~$(b)\"",
        ] {
            assert!(!is_assignment(line), "{line:?}");
        }
        for line in [
            "default via 10.0.0.1 dev ib0 metric 5",
            "10.0.0.1/32 - - ib0",
        ] {
            assert!(is_route(line), "{line:?}");
        }
        for line in ["", " default", "default  via", "a;b", "a\tb", "$(b)"] {
            assert!(!is_route(line), "{line:?}");
        }
        for line in [
            "nameserver fe80::1%ib0.8001",
            "nameserver 10.0.0.2",
            "search a.b .",
        ] {
            assert!(is_resolver(line), "{line:?}");
        }
        for line in [
            "nameserver fe80::1%a/b",
            "nameserver x",
            "search ~a.b",
            "search $(b)",
        ] {
            assert!(!is_resolver(line), "{line:?}");
        }
        assert!(is_sysctl("net.ipv6.conf.$SYSCTL_IF.accept_ra = 0"));
        assert!(!is_sysctl("net.ipv6.conf.$SYSCTL_IF.accept_ra = 0; b"));
        assert!(is_sysctl("net/ipv6/conf/eth0.5/accept_ra = 0"));
        assert!(!is_sysctl("net/ipv6/conf/../accept_ra = 0"));
        assert!(!is_sysctl("kernel.core_pattern = 0"));
        assert!(is_keyfile(
            "unmanaged-devices+=mac:aa:00:c0:a8:07:05;interface-name:=eth1"
        ));
        assert!(!is_keyfile("unmanaged-devices+=mac:*"));
        for name in ["ib0", "ib0.8001"] {
            assert!(is_device(name), "{name:?}");
        }
        for name in ["", "..", "-a", "a/b", "a b", "sixteen-letters."] {
            assert!(!is_device(name), "{name:?}");
        }
    }
}
