//! Stand-ins for the stock driver's scripts, which record their calls.
//!
//! They find their files relative to their own path, as the stock scripts of their release do.

use std::fs;
use std::path::{Path, PathBuf};

use crate::frontend::{ErrorRegime, Release, Stdin};
use crate::program::write_program;

/// A call of a stock script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The script: `deploy`.
    pub action: String,
    /// The arguments, byte for byte.
    pub arguments: Vec<Vec<u8>>,
    /// Standard input; empty if the stock script would not read it.
    pub stdin: Vec<u8>,
}

/// The stock driver in a tree of remotes.
#[derive(Debug)]
pub struct Stock {
    release: Release,
    remotes: PathBuf,
    calls: PathBuf,
}

impl Stock {
    /// Writes the scripts of a release and the files that they share. Deploy, cancel, shutdown, save and restore use
    /// `virsh` and `LIBVIRT_URI`; the others do nothing. Calls are recorded in the directory `calls`.
    #[must_use]
    pub fn install(remotes: &Path, calls: &Path, release: Release, libvirt_uri: &str) -> Self {
        let stock = Self {
            release,
            remotes: remotes.to_owned(),
            calls: calls.to_owned(),
        };
        fs::create_dir_all(calls).expect("a directory");
        stock.write("scripts_common.sh", &common(release));
        stock.write(
            stock.kvmrc(),
            &format!("export LIBVIRT_URI={libvirt_uri}\n"),
        );
        if release.has_version_file() {
            stock.write("VERSION", &format!("{release}\n"));
        }
        for action in release.actions() {
            stock.set(action, body(action, release));
        }
        stock
    }

    /// Replaces a script with one in bash, which may use `$domain`, `error_message` and the settings of `kvmrc`.
    pub fn set(&self, action: &str, body: &str) {
        // A script without a document must not read stdin: a live stream never ends.
        let reads = self.release.stdin(action) != Stdin::Stream;
        let script = format!(
            r#"#!/bin/bash
here=$(dirname "$0")
source "$here/../../scripts_common.sh"
source "$here/{kvmrc}"
number=$(ls '{calls}' | wc -l)
until mkdir "$(printf '%s/%04d-{action}' '{calls}' "$number")" 2>/dev/null; do
    number=$((number + 1))
done
call=$(printf '%s/%04d-{action}' '{calls}' "$number")
[ $# = 0 ] || printf '%s\0' "$@" >"$call/arguments"
{read} >"$call/stdin"
{body}
"#,
            kvmrc = self.kvmrc_from_script(),
            calls = self.calls.display(),
            read = if reads { "cat" } else { ":" },
        );
        write_program(&self.remotes.join("vmm/kvm").join(action), &script);
    }

    /// Makes a script fail as stock scripts do.
    pub fn fail(&self, action: &str, message: &str) {
        self.set(action, &format!("error_message '{message}'\nexit 255"));
    }

    /// The calls so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let entries = fs::read_dir(&self.calls).expect("a directory");
        let mut directories: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .collect();
        directories.sort();
        directories
            .iter()
            .map(|directory| call(directory))
            .collect()
    }

    fn kvmrc(&self) -> &'static str {
        if self.release.has_etc() {
            "etc/vmm/kvm/kvmrc"
        } else {
            "vmm/kvm/kvmrc"
        }
    }

    fn kvmrc_from_script(&self) -> &'static str {
        if self.release.has_etc() {
            "../../etc/vmm/kvm/kvmrc"
        } else {
            "kvmrc"
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.remotes.join(path);
        fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
        fs::write(&path, text)
            .unwrap_or_else(|error| panic!("failed to write '{}': {error}", path.display()));
    }
}

fn call(directory: &Path) -> Call {
    let name = directory.file_name().expect("a name").to_string_lossy();
    let (_, action) = name.split_once('-').expect("a number and an action");
    let arguments = fs::read(directory.join("arguments")).unwrap_or_default();
    let mut arguments: Vec<Vec<u8>> = arguments
        .split(|&byte| byte == 0)
        .map(<[u8]>::to_vec)
        .collect();
    arguments.pop();
    Call {
        action: action.to_owned(),
        arguments,
        stdin: fs::read(directory.join("stdin")).unwrap_or_default(),
    }
}

fn common(release: Release) -> String {
    let error_message = if release.error_regime() == ErrorRegime::Block {
        r#"error_message() {
    printf '%s\n' 'ERROR MESSAGE --8<------' "$1" 'ERROR MESSAGE ------>8--' >&2
}"#
    } else {
        r#"error_message() { echo "$1" >&2; }"#
    };
    format!(
        r#"export LANG=C PATH=/bin:/sbin:/usr/bin:$PATH
log_line() {{ echo "$1: ${{0##*/}}: $2" >&2; }}
log_error() {{ log_line ERROR "$1"; }}
log_info() {{ log_line INFO "$1"; }}
{error_message}
"#
    )
}

/// The default body of a script. The guests of these tests have no system that could shut down.
fn body(action: &str, release: Release) -> &'static str {
    match action {
        "deploy" if release.deploys_by_uuid() => {
            r#"domain=$1
mkdir -p "$(dirname "$domain")"
cp "$call/stdin" "$domain"
name=$(sed -n 's:.*<name>\(.*\)</name>.*:\1:p' "$domain" | head -n 1)
if virsh --connect "$LIBVIRT_URI" create "$domain" >/dev/null; then
    virsh --connect "$LIBVIRT_URI" domuuid "$name" | head -n 1
else
    error_message "Could not create domain from $domain"
    exit 255
fi"#
        }
        "deploy" => {
            r#"domain=$1
mkdir -p "$(dirname "$domain")"
cp "$call/stdin" "$domain"
name=$(sed -n 's:.*<name>\(.*\)</name>.*:\1:p' "$domain" | head -n 1)
if virsh --connect "$LIBVIRT_URI" create "$domain" >/dev/null; then
    echo "$name"
else
    error_message "Could not create domain from $domain"
    exit 255
fi"#
        }
        "cancel" | "shutdown" => {
            r#"virsh --connect "$LIBVIRT_URI" destroy "$1" >/dev/null || {
    error_message "Could not destroy $1"
    exit 255
}"#
        }
        "save" => {
            r#"virsh --connect "$LIBVIRT_URI" save "$1" "$2" >/dev/null || {
    error_message "Could not save $1 to $2"
    exit 255
}"#
        }
        "restore" => {
            r#"virsh --connect "$LIBVIRT_URI" restore "$1" >/dev/null || {
    error_message "Could not restore from $1"
    exit 255
}"#
        }
        "snapshot_create" => "echo \"snap-$2\"",
        _ => "",
    }
}
