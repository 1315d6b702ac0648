//! The commands in README, CONTRIBUTING, how-to guides and the tutorial work exactly as written.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod blocks;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use blocks::{BLOCKS, Check, NOT_TYPED};
use one_sriov_tests::host::{Host, Pf};
use one_sriov_tests::{Machine, Tool, agent_path, image, infiniband, virtio};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:0a'\nETH0_IP='10.0.0.10'\nETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.5'\n";
/// Runs a line in a guest, which uses the files of the scratch machine.
const GUEST: &str = r#"
mount --make-rprivate /
for directory in etc run var/lib sys; do
    mkdir -p "$GUEST/$directory"
    mount --bind "$GUEST/$directory" "/$directory"
done
cd "$GUEST/work"
exec bash -euo pipefail -c "$LINE"
"#;

struct Block {
    page: String,
    line: usize,
    lines: Vec<String>,
}

impl Block {
    /// The block's row of the table.
    fn row(&self) -> Option<&'static (&'static str, &'static str, Check)> {
        let mut rows = BLOCKS.iter();
        rows.find(|(page, begin, _)| self.page == *page && self.lines[0].starts_with(begin))
    }

    fn place(&self) -> String {
        format!("{}:{}: {}", self.page, self.line, self.lines[0])
    }

    /// The lines to run: all except those in [`NOT_TYPED`].
    fn typed(&self) -> impl Iterator<Item = &str> {
        let is_typed = |line: &&String| {
            let word = line.split(' ').next();
            !NOT_TYPED.iter().any(|(command, _)| word == Some(command))
        };
        self.lines.iter().filter(is_typed).map(String::as_str)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pages with commands.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for directory in ["docs/how-to", "docs/tutorial"] {
        for entry in fs::read_dir(root().join(directory)).unwrap() {
            let name = entry.unwrap().file_name();
            pages.push(format!("{directory}/{}", name.to_str().unwrap()));
        }
    }
    pages
}

/// The indented blocks of all pages. Fenced blocks are not commands.
fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        let (mut open, mut follows_blank, mut is_fenced) = (false, false, false);
        for (number, line) in text.lines().enumerate() {
            is_fenced ^= line.trim_start().starts_with("```");
            let is_code = !is_fenced && line.starts_with("    ") && (open || follows_blank);
            if is_code && !open {
                blocks.push(Block {
                    page: page.clone(),
                    line: number + 1,
                    lines: Vec::new(),
                });
            }
            if let (true, Some(block)) = (is_code, blocks.last_mut()) {
                block.lines.push(line.trim().to_owned());
            }
            open = is_code;
            follows_blank = line.trim().is_empty();
        }
    }
    blocks
}

/// The output that the page shows after a block.
fn output_of<'b>(block: &Block, blocks: &'b [Block]) -> &'b [String] {
    let mut after = blocks
        .iter()
        .filter(|other| other.page == block.page && other.line > block.line);
    match after.next() {
        Some(next) if next.row().is_some_and(|row| row.2 == Check::Output) => &next.lines,
        _ => &[],
    }
}

/// Asserts that the page shows this output, in which `...` stands for the rest.
fn assert_printed(block: &Block, blocks: &[Block], printed: &str) {
    let shown = output_of(block, blocks);
    let printed: Vec<&str> = printed.lines().map(str::trim).collect();
    let whole = shown.iter().position(|line| line == "...");
    let is_same = match whole {
        Some(length) => printed.len() > length && printed[..length] == shown[..length],
        None => shown.is_empty() || printed == shown,
    };
    assert!(is_same, "{}: {printed:#?} is not {shown:#?}", block.place());
}

/// A VM with an Ethernet NIC and an InfiniBand VF, and an image.
fn guest() -> Machine {
    let nics = [
        virtio("eth0", "02:00:0a:00:00:0a", 3),
        infiniband("ibp0s5", "00:00:aa:00:c0:a8:07:05", "0000:00:05.0"),
    ];
    let machine = Machine::new(CONTEXT, &nics);
    machine.write("/work/context.sh", CONTEXT);
    for system in ["", "/work/IMAGE"] {
        machine.write(&format!("{system}/etc/os-release"), "ID=arch\n");
        machine.write(&format!("{system}/etc/machine-id"), "");
        let wants = "etc/systemd/system/multi-user.target.wants/systemd-networkd.service";
        machine.link(
            &format!("{system}/{wants}"),
            "/usr/lib/systemd/system/systemd-networkd.service",
        );
        let other = format!("{system}/etc/systemd/system/NetworkManager.service");
        machine.link(&other, "/dev/null");
        let unit = "usr/lib/systemd/system/systemd-networkd.service";
        machine.write(&format!("{system}/{unit}"), "[Unit]\n");
    }
    machine.link("/bin/one-sriov-agent", agent_path().to_str().unwrap());
    machine
}

/// Runs a line in the guest. Returns its output.
fn type_in(machine: &Machine, line: &str, place: &str) -> String {
    let path = format!(
        "{}:/usr/sbin:/usr/bin:/sbin:/bin",
        machine.path("/bin").display()
    );
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "--net", "sh", "-euc", GUEST])
        .env("GUEST", machine.root())
        .env("LINE", line)
        .env("CONTEXT_FILE", machine.path("/context/context.sh"))
        .env("PATH", path)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let said = said.concat();
    assert!(output.status.success(), "{place}: {line}: {said}");
    said
}

#[test]
fn every_block_is_in_the_table() {
    let blocks = blocks();
    for block in &blocks {
        assert!(
            block.row().is_some(),
            "'{}' is not in tests/commands/blocks.rs",
            block.place()
        );
    }
    for row in BLOCKS {
        let is_used = blocks
            .iter()
            .any(|block| block.row().is_some_and(|other| std::ptr::eq(other, row)));
        assert!(is_used, "no page has the block of {row:?}");
    }
}

#[test]
fn commands_for_a_guest_work() {
    let blocks = blocks();
    for page in pages() {
        let machine = guest();
        let cd = image(
            &machine.path("/cd"),
            Tool::Genisoimage,
            Some("CONTEXT"),
            CONTEXT,
        );
        fs::copy(cd, machine.path("/work/CONTEXT.iso")).unwrap();
        let mut has_run = false;
        let rows = BLOCKS
            .iter()
            .filter(|row| row.0 == page && row.2 == Check::Guest);
        for row in rows {
            let of_row = blocks
                .iter()
                .filter(|block| block.row().is_some_and(|other| std::ptr::eq(other, row)));
            for block in of_row {
                if !has_run {
                    type_in(&machine, "one-sriov-agent apply", "a boot");
                    has_run = true;
                }
                let place = block.place();
                let typed = block.typed().map(|line| type_in(&machine, line, &place));
                let printed: String = typed.collect();
                assert_printed(block, &blocks, &printed);
            }
        }
    }
}

#[test]
fn commands_for_a_host_work() {
    let blocks = blocks();
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 8)]);
    for vf in [
        "00.1", "00.2", "00.3", "00.4", "00.5", "00.6", "00.7", "01.0",
    ] {
        let file = format!("/sys/bus/pci/devices/0000:81:{vf}/numa_node");
        host.write(&file, "0\n");
    }
    let is_typed = |block: &&Block| block.row().is_some_and(|row| row.2 == Check::Host);
    for block in blocks.iter().filter(is_typed) {
        let mut printed = String::new();
        for line in block.typed() {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            let outcome = host.operator(&words);
            assert_eq!(outcome.code, 0, "{}: {}", block.place(), outcome.stderr);
            printed += &outcome.stdout;
        }
        assert_printed(block, &blocks, &printed);
    }
}
