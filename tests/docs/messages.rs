//! Messages in the documentation are those of the programs.

use std::fs;
use std::path::Path;

/// The pages with tables of messages.
const PAGES: [&str; 4] = [
    "docs/how-to/when-something-is-wrong.md",
    "docs/how-to/move-from-the-old-driver.md",
    "docs/reference/driver-configuration.md",
    "docs/reference/driver-commands.md",
];

/// The source of the messages: the programs, and the scripts of the actions.
const SOURCES: [&str; 6] = [
    "agent/src",
    "host-driver/src",
    "hwaddr/src",
    "system/src",
    "packaging/actions/action",
    "packaging/remotes/vmm/kvm-sriov/launch",
];

/// Values that a page has in place of placeholders, and texts of other programs.
const VALUES: [&str; 20] = [
    "node GUID",
    "VLAN of",
    "TRUST",
    "bandwidth",
    "VFs 'ib0/0', 'ib0/1'",
    "holds VF 'ib0/0'",
    "this VM (4) itself",
    "(deploy of VM",
    "the MAC a6:... of 'eth1'",
    "prefix aa",
    "networkd, is",
    "OpenStack's config drive",
    "by the dummy NIC",
    "NAME ARGUMENTS",
    "no such file or directory",
    "Device or resource busy",
    "No more available PCI slots",
    "No space left on device",
    "expected value at line",
    "Could not open",
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The code of all sources, without comments, with each string on one line.
fn code() -> String {
    let mut all = String::new();
    for source in SOURCES {
        collect(&root().join(source), &mut all);
    }
    all
}

fn collect(path: &Path, all: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), all);
        }
        return;
    }
    for line in fs::read_to_string(path).unwrap().lines() {
        let line = line.trim();
        match line.strip_suffix('\\') {
            _ if line.starts_with("//") => {}
            Some(begun) => all.push_str(begun),
            None => {
                all.push_str(line);
                all.push('\n');
            }
        }
    }
}

/// The code in the first cells of a page's tables.
fn messages(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" |").next().unwrap());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned))
        .collect()
}

/// The parts of a message between values that have at least three words.
fn phrases(message: &str) -> Vec<String> {
    let mut message = message.to_owned();
    for value in VALUES {
        message = message.replace(value, "...");
    }
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '\'' || letter == '-';
    let mut phrases = vec![Vec::new()];
    let mut is_quoted = false;
    for word in message.split(' ') {
        let bare = word.trim_end_matches([':', ';', ',', ')', '.']);
        is_quoted |= bare.trim_start_matches('(').starts_with('\'');
        let is_word = !is_quoted && !bare.is_empty() && bare.chars().all(is_letter);
        is_quoted &= !bare.ends_with('\'');
        if is_word {
            phrases.last_mut().unwrap().push(bare);
        }
        if !is_word || bare != word {
            phrases.push(Vec::new());
        }
    }
    phrases.retain(|words| words.len() >= 3);
    phrases.iter().map(|words| words.join(" ")).collect()
}

#[test]
fn the_programs_print_every_message_that_a_page_explains() {
    let code = code();
    let mut number = 0;
    let mut unknown = Vec::new();
    for page in PAGES {
        for message in messages(page) {
            for phrase in phrases(&message) {
                number += 1;
                if !code.contains(&phrase) {
                    unknown.push(format!("{page}: '{phrase}' of '{message}'"));
                }
            }
        }
    }
    assert_eq!(unknown, [""; 0]);
    assert!(number > 80, "{number}");
}

#[test]
fn a_value_ends_a_phrase() {
    let message =
        "failed to find a free VF in pool 'ib0': 8 of 8 in use by now (VM 3: 1); the end of it";
    let expected = [
        "failed to find a free VF in pool",
        "in use by now",
        "the end of it",
    ];
    assert_eq!(phrases(message), expected);
}
