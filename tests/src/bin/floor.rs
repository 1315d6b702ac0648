//! The lower bound for the agent's time: a static program that does only the I/O of one `apply`.
//!
//! `floor SYSFS CD CONTEXT-BYTES MANIFEST ROOT` reads the attributes of all network devices, the sectors of the CD up to
//! the context, and the manifest. Then it writes the files of the manifest below the root, each to a temporary file that
//! is flushed and renamed, and flushes their directories. Each line of the manifest is `SIZE PATH`:
//!
//! ```text
//! 221 etc/sysconfig/network-scripts/ifcfg-ib0
//! ```
//!
//! It parses and decides nothing, so no agent can be faster. `make bench` compares the two.

#![allow(clippy::print_stderr)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The attributes of each device that the agent reads, in `<sysfs>/class/net/<device>/`.
const ATTRIBUTES: [&str; 4] = ["type", "address", "addr_assign_type", "uevent"];
/// The links that the agent reads there: the PCI device and its driver.
const LINKS: [&str; 2] = ["device", "device/driver"];
/// The sectors before a file's content: two volume descriptors and the root directory.
const SECTORS: [u64; 3] = [16, 17, 20];
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
        write_files(&fs::read_to_string(manifest)?, Path::new(root))
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
    let mut value = [0; 256];
    for device in fs::read_dir(class)? {
        let device = device?.path();
        for attribute in ATTRIBUTES {
            let _ = File::open(device.join(attribute))?.read(&mut value)?;
        }
        for link in LINKS {
            // A virtual device has neither.
            let _ = fs::read_link(device.join(link));
        }
    }
    Ok(())
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

fn write_files(manifest: &str, root: &Path) -> io::Result<()> {
    let mut renames: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut directories: Vec<PathBuf> = Vec::new();
    for line in manifest.lines() {
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
