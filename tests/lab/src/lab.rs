//! A run of the lab: its packages, images and directory.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Arguments;
use crate::cache::Cache;
use crate::host::{Host, Packages};
use crate::images::Images;
use crate::report::{Failure, Report};

pub(crate) struct Lab {
    pub(crate) packages: Packages,
    pub(crate) images: Images,
    directory: TempDir,
    evidence: PathBuf,
    stock: PathBuf,
}

impl Lab {
    /// Finds the packages, and builds missing images.
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let find = |name| find_package(&arguments.packages, name);
        let packages = Packages {
            agent: find("one-sriov-agent")?,
            node: find("one-sriov-node")?,
            frontend: find("one-sriov-frontend")?,
        };
        let images = Images::build(&Cache::new(arguments.cache.clone()), &packages.agent)?;
        let directory = TempDir::with_prefix("lab-");
        let directory = directory
            .map_err(|error| Failure::new(format!("failed to make a directory: {error}")))?;
        let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("stock");
        let _ = fs::remove_dir_all(&arguments.evidence);
        let stock = arguments.remotes.clone().unwrap_or(stand_ins);
        Ok(Self {
            packages,
            images,
            directory,
            evidence: arguments.evidence.clone(),
            stock,
        })
    }

    /// The directory of this run, which is removed when the run ends.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Boots a host without one-sriov.
    pub(crate) fn boot_host(&self, name: &str) -> Result<Host, Failure> {
        let directory = self.directory().join(name.replace(' ', "-"));
        fs::create_dir(&directory).map_err(|error| Failure::of("make", &directory, &error))?;
        Host::boot(&self.images, &directory)
    }

    /// Installs one-sriov on a host.
    pub(crate) fn install(&self, host: &Host) -> Result<(), Failure> {
        host.install(&self.packages, &self.images, &self.stock)
    }

    /// Runs a group of checks. Returns whether all passed.
    pub(crate) fn group(
        report: &mut Report,
        name: &'static str,
        checks: impl FnOnce(&mut Report),
    ) -> bool {
        let before = report.failures();
        report.group(name);
        checks(report);
        report.failures() == before
    }

    /// Creates and returns the directory for evidence of a failed group.
    pub(crate) fn evidence(&self, name: &str) -> Result<PathBuf, Failure> {
        let directory = self.evidence.join(name);
        fs::create_dir_all(&directory).map_err(|error| Failure::of("make", &directory, &error))?;
        Ok(directory)
    }
}

/// Finds the package for this architecture: `<name>_<version>_amd64.deb`.
fn find_package(directory: &Path, name: &str) -> Result<PathBuf, Failure> {
    let entries =
        fs::read_dir(directory).map_err(|error| Failure::of("list", directory, &error))?;
    let start = format!("{name}_");
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let file = entry.file_name();
            let file = file.to_string_lossy();
            file.starts_with(&start) && (file.ends_with("_amd64.deb") || file.ends_with("_all.deb"))
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    let package = found.pop().ok_or_else(|| {
        Failure::new(format!(
            "no package '{name}' in '{}': run 'make deb'",
            directory.display()
        ))
    })?;
    fs::canonicalize(&package).map_err(|error| Failure::of("find", &package, &error))
}
