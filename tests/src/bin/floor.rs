//! The lower bound for the agent's time: a static program that does only the I/O of one `apply`.
//!
//! `floor SYSFS CD CONTEXT-BYTES MANIFEST ROOT` reads the attributes of all network devices, the sectors of the CD up to
//! the context, and the manifest. It creates the agent's directory and takes its lock. Then it writes the files of the
//! manifest below the root, each to a temporary file that is flushed and renamed, and flushes their directories. Each line of
//! the manifest is `SIZE PATH`; an empty line ends a batch, which is flushed completely before the next one begins, because
//! the state record must be on disk before the files, and the files before the final record:
//!
//! ```text
//! 379 var/lib/one-sriov/state.json
//!
//! 221 etc/sysconfig/network-scripts/ifcfg-ib0
//!
//! 361 var/lib/one-sriov/state.json
//! ```
//!
//! It parses and decides nothing, so no agent can be faster. `make bench` compares the two.

#![allow(clippy::print_stderr)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// As in the agent. musl's own allocator maps and unmaps a page for each link that is read.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// The content of `type` for InfiniBand.
const INFINIBAND: &[u8] = b"32\n";
/// The other attributes that the agent reads, in `<sysfs>/class/net/<device>/`. A child of an InfiniBand port is recognized by
/// its index and that of its link.
const OF_INFINIBAND: [&str; 4] = ["uevent", "iflink", "ifindex", "address"];
const OF_ETHERNET: [&str; 3] = ["address", "uevent", "addr_assign_type"];
/// The links that the agent reads there, besides the device itself: its driver, and the device that it is a port of.
const LINKS: [&str; 2] = ["device/driver", "master"];
/// The sectors before a file's content: three volume descriptors and the root directory.
const SECTORS: [u64; 4] = [16, 17, 18, 20];
/// The directory of the agent's record and lock.
const STATE: &str = "var/lib/one-sriov";
const SECTOR: usize = 2048;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [sysfs, cd, length, manifest, root] = arguments.as_slice() else {
        eprintln!("usage: floor SYSFS CD CONTEXT-BYTES MANIFEST ROOT");
        return ExitCode::from(2);
    };
    let run = || -> io::Result<()> {
        read_devices(&Path::new(sysfs).join("class/net"))?;
        read_cd(Path::new(cd), length.parse().map_err(io::Error::other)?)?;
        let manifest = fs::read_to_string(manifest)?;
        let root = Path::new(root);
        let _lock = lock(&root.join(STATE))?;
        manifest
            .split("\n\n")
            .try_for_each(|batch| write_files(batch, root))
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read_devices(class: &Path) -> io::Result<()> {
    for device in fs::read_dir(class)? {
        let device = device?.path();
        let attributes = if read(&device.join("type"))?.starts_with(INFINIBAND) {
            &OF_INFINIBAND[..]
        } else {
            &OF_ETHERNET[..]
        };
        for attribute in attributes {
            read(&device.join(attribute))?;
        }
        fs::read_link(&device)?;
        for link in LINKS {
            // Most devices have no master, and virtual ones have no driver.
            let _ = fs::read_link(device.join(link));
        }
    }
    Ok(())
}

/// Reads an attribute, in one read.
fn read(attribute: &Path) -> io::Result<[u8; 256]> {
    let mut value = [0; 256];
    let _ = File::open(attribute)?.read(&mut value)?;
    Ok(value)
}

fn read_cd(path: &Path, length: usize) -> io::Result<()> {
    let cd = File::open(path)?;
    let mut sector = [0; SECTOR];
    for number in SECTORS {
        cd.read_exact_at(&mut sector, number * SECTOR as u64)?;
    }
    let mut content = vec![0; length];
    cd.read_exact_at(&mut content, 20 * SECTOR as u64)
}

/// Creates the state directory durably, and takes the lock in it, which is held until the file is closed.
fn lock(state: &Path) -> io::Result<File> {
    fs::create_dir(state)?;
    File::open(state.parent().ok_or(io::ErrorKind::InvalidData)?)?.sync_all()?;
    let lock = File::create(state.join("lock"))?;
    lock.try_lock()?;
    Ok(lock)
}

fn write_files(batch: &str, root: &Path) -> io::Result<()> {
    let mut renames: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut directories: Vec<PathBuf> = Vec::new();
    for line in batch.lines() {
        let (size, path) = line.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
        let path = root.join(path);
        let directory = path.parent().ok_or(io::ErrorKind::InvalidData)?.to_owned();
        let temporary = path.with_extension(format!("{}~", renames.len()));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&temporary)?;
        file.write_all(&vec![b'#'; size.parse().map_err(io::Error::other)?])?;
        file.sync_all()?;
        renames.push((temporary, path));
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }
    for (temporary, path) in &renames {
        fs::rename(temporary, path)?;
    }
    directories
        .iter()
        .try_for_each(|directory| File::open(directory)?.sync_all())
}
