//! The images of the lab: what is built from what, each once for the same inputs.
//!
//! An image is a directory in the cache, `<name>-<key>`, filled by a script of `tests/lab/images`. The key is made of
//! all that the script reads, so that a change of any of it builds the image anew, and what is built on it.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use crate::report::Failure;

/// The network stacks that there are guests of.
pub(crate) const STACKS: [&str; 5] = [
    "networkd",
    "networkmanager",
    "ifupdown",
    "netplan-networkd",
    "netplan-networkmanager",
];

/// The guest that has one-context as well, beside networkd.
pub(crate) const ONE_CONTEXT: &str = "one-context";

/// What nobody has used for so long, or finished, is nobody's any more.
const FORGOTTEN: Duration = Duration::from_secs(3 * 24 * 3600);

/// An image that is built.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    key: String,
    /// Its directory.
    pub(crate) path: PathBuf,
    /// The kernel's lock on it, as long as it is used: nobody removes it.
    _used: Arc<File>,
}

/// All that the lab boots.
#[derive(Debug)]
pub(crate) struct Images {
    /// The host's root, with the QEMU that the lab runs.
    pub(crate) host_root: Image,
    /// `vmlinux` and `initrd`.
    pub(crate) boot: Image,
    /// `host.ext4`, and `key`, by which root and oneadmin of the host are reached.
    pub(crate) host: Image,
    /// `initrd` of guests without a disk.
    pub(crate) tiny: Image,
    guests: Vec<(&'static str, Image)>,
}

impl Images {
    /// Builds what is missing. The guests get the agent's package.
    pub(crate) fn build(cache: &Cache, agent: &Path) -> Result<Self, Failure> {
        let host_root = cache.image("host-root", &[], &[], &[])?;
        let module = |name| cache.image("module", &[&host_root], &[name], &[name]);
        let (fakeib, vmrun) = (module("fakeib")?, module("vmrun")?);
        let boot = cache.image("boot", &[&host_root, &fakeib], &["guest/init"], &[])?;
        let needs = [&host_root, &fakeib, &vmrun];
        let host = cache.image("host", &needs, &["host", "guest/etc"], &[])?;
        let package = agent
            .to_str()
            .ok_or_else(|| Failure::new(format!("'{}' is no text", agent.display())))?;
        let tiny = cache.image("tiny", &[&boot], &[], &[package])?;
        let mut guests = Vec::new();
        let mut guest = |name, stack, files: &[&str]| {
            let root = cache.image("guest-root", &[], &[], &[stack])?;
            let needs = [&root, &host_root, &fakeib];
            let image = cache.image("guest", &needs, files, &[name, package])?;
            guests.push((name, image));
            Ok::<(), Failure>(())
        };
        for stack in STACKS {
            guest(stack, stack, &["guest/etc"])?;
        }
        guest(
            ONE_CONTEXT,
            "networkd",
            &["guest/etc", "neighbours", "../companion/network.sh"],
        )?;
        Ok(Self {
            host_root,
            boot,
            host,
            tiny,
            guests,
        })
    }

    /// The disk of a guest, by its stack or neighbour.
    pub(crate) fn guest(&self, name: &str) -> PathBuf {
        let guest = self.guests.iter().find(|(known, _)| *known == name);
        let (_, image) = guest.unwrap_or_else(|| panic!("there is no guest '{name}'"));
        image.path.join("guest.ext4")
    }
}

/// Where images are kept from run to run.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    /// The folder of the lab in the source.
    lab: PathBuf,
}

impl Cache {
    pub(crate) fn new(directory: PathBuf) -> Self {
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        Self { directory, lab }
    }

    /// The image that a script builds from others, from files of the lab, and from words; a word that names a file
    /// stands for its content.
    fn image(
        &self,
        script: &str,
        needs: &[&Image],
        files: &[&str],
        words: &[&str],
    ) -> Result<Image, Failure> {
        let program = self.lab.join("images").join(script);
        let mut hash = Sha256::new();
        let mut inputs = vec![program.clone(), self.lab.join("images/common")];
        for file in files {
            list(&self.lab.join(file), &mut inputs)?;
        }
        for need in needs {
            hash.update(&need.key);
        }
        for word in words {
            if word.starts_with('/') {
                inputs.push(PathBuf::from(word));
            }
            hash.update(word.rsplit('/').next().unwrap_or_default());
        }
        for input in inputs {
            let content = fs::read(&input).map_err(|error| Failure::of("read", &input, &error))?;
            let name = input
                .strip_prefix(&self.lab)
                .map_or_else(|_| "".into(), Path::to_string_lossy);
            let mode = fs::metadata(&input).map_or(0, |metadata| metadata.permissions().mode());
            hash.update(format!("{name} {} {}\n", content.len(), mode & 0o100));
            hash.update(content);
        }
        let digest = hash.finalize();
        let key = digest[..8]
            .iter()
            .fold(String::new(), |key, byte| key + &format!("{byte:02x}"));
        let kind = words.first().filter(|word| !word.starts_with('/'));
        let name = kind.map_or_else(|| script.to_owned(), |kind| format!("{script}-{kind}"));
        let path = self.directory.join(format!("{name}-{key}"));
        if !path.exists() {
            self.fill(&program, &name, &path, needs, words)?;
        }
        let used = File::open(&path).and_then(|used| {
            used.lock_shared()?;
            // What was used last is kept longest.
            used.set_modified(SystemTime::now())?;
            Ok(used)
        });
        let used = used.map_err(|error| Failure::of("use", &path, &error))?;
        Ok(Image {
            key,
            path,
            _used: Arc::new(used),
        })
    }

    fn fill(
        &self,
        program: &Path,
        name: &str,
        path: &Path,
        needs: &[&Image],
        words: &[&str],
    ) -> Result<(), Failure> {
        fs::create_dir_all(&self.directory)
            .map_err(|error| Failure::of("make", &self.directory, &error))?;
        let start = Instant::now();
        let directory = tempfile::Builder::new()
            .prefix("unfinished-")
            .tempdir_in(&self.directory)
            .map_err(|error| Failure::of("make a directory in", &self.directory, &error))?;
        let mut command = Command::new(program);
        command.arg(directory.path());
        command
            .args(needs.iter().map(|need| &need.path))
            .args(words);
        let output = command
            .output()
            .map_err(|error| Failure::of("run", program, &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Failure::new(format!(
                "failed to build image '{name}': {said}"
            )));
        }
        fs::rename(directory.keep(), path).map_err(|error| Failure::of("keep", path, &error))?;
        crate::report::say(&format!(
            "image {name}: built in {} s",
            start.elapsed().as_secs()
        ));
        self.forget(name, path);
        Ok(())
    }

    /// Removes what this image was before its inputs changed, but for the last one, to which a change may go back; and
    /// what nobody has used for days. What another run uses stays.
    fn forget(&self, name: &str, now: &Path) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        let mut former = Vec::new();
        for entry in entries.flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            let Some(age) = age(&entry) else { continue };
            let is_of_name = file.rsplit_once('-').is_some_and(|(stem, _)| stem == name);
            if is_of_name && entry.path() != now {
                former.push((age, entry.path()));
            } else if age > FORGOTTEN {
                remove_unused(&entry.path());
            }
        }
        former.sort();
        for (_, path) in former.iter().skip(1) {
            remove_unused(path);
        }
    }
}

fn remove_unused(path: &Path) {
    if File::open(path).is_ok_and(|image| image.try_lock().is_ok()) {
        let _ = fs::remove_dir_all(path);
    }
}

/// How long ago something was changed.
fn age(entry: &fs::DirEntry) -> Option<Duration> {
    entry.metadata().ok()?.modified().ok()?.elapsed().ok()
}

/// All files below a path, in order.
fn list(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| Failure::of("list", path, &error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().try_for_each(|path| list(path, files))
}
