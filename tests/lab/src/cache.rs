//! The image cache.
//!
//! An image is a directory in the cache, `<name>-<key>`. The key is a hash of everything that the image's script reads, so any
//! change rebuilds the image and all images that depend on it. A run holds a shared lock on each of its images.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use crate::report::Failure;

/// Prefix of directories that hold an unfinished image.
const UNFINISHED: &str = "unfinished-";
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Number of hexadecimal digits of a key.
const KEY: usize = 16;

/// A built image.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// For example `guest-networkd`.
    name: String,
    key: String,
    pub(crate) path: PathBuf,
    /// The lock that stops other runs from removing the image.
    _used: Arc<File>,
}

#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    /// The lab's source directory, `tests/lab`.
    lab: PathBuf,
}

impl Cache {
    pub(crate) fn new(directory: PathBuf) -> Self {
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        Self { directory, lab }
    }

    /// Returns the image that `script` builds from other images, files of the lab, and words. If a word is a path,
    /// the content of that file is an input.
    pub(crate) fn image(
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
        let used = loop {
            if !path.exists() {
                self.fill(&program, &name, &path, needs, words)?;
            }
            let used = lock(&path).map_err(|error| Failure::of("use", &path, &error))?;
            // Another run may have removed the image before it was locked.
            if path.exists() {
                break used;
            }
        };
        Ok(Image {
            name,
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
            .prefix(UNFINISHED)
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
        // Another run may have built the image in the meantime.
        if !path.exists() {
            fs::rename(directory.keep(), path)
                .map_err(|error| Failure::of("keep", path, &error))?;
        }
        crate::report::say(&format!(
            "image {name}: built in {} s",
            start.elapsed().as_secs()
        ));
        Ok(())
    }

    /// Removes old versions of these images and unfinished builds older than a day. The newest old version of each image stays,
    /// because a change may be reverted; so do images in use and other directories.
    pub(crate) fn forget(&self, images: &[&Image]) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        let mut former: HashMap<&str, Vec<(Duration, PathBuf)>> = HashMap::new();
        for entry in entries.flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            let (Some(age), path) = (age(&entry), entry.path()) else {
                continue;
            };
            if !path.is_dir() {
                continue;
            }
            if file.starts_with(UNFINISHED) {
                if age > DAY {
                    remove_unused(&path);
                }
            } else if images.iter().all(|image| image.path != path) {
                let of = images.iter().find(|image| is_key_of(&file, &image.name));
                if let Some(image) = of {
                    former.entry(&image.name).or_default().push((age, path));
                }
            }
        }
        for mut former in former.into_values() {
            former.sort();
            for (_, path) in former.iter().skip(1) {
                remove_unused(path);
            }
        }
    }
}

/// Whether a directory is an image with this name.
fn is_key_of(file: &str, name: &str) -> bool {
    let key = file
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'));
    key.is_some_and(|key| key.len() == KEY && key.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Takes a shared lock on an image and sets its time of last use, by which [`Cache::forget`] decides.
fn lock(path: &Path) -> io::Result<File> {
    let used = File::open(path)?;
    used.lock_shared()?;
    used.set_modified(SystemTime::now())?;
    Ok(used)
}

/// Removes an image that no run uses, after renaming it, so that an image is never incomplete.
fn remove_unused(path: &Path) {
    let (Ok(image), Some(name)) = (File::open(path), path.file_name()) else {
        return;
    };
    if image.try_lock().is_ok() {
        let former = path.with_file_name(format!("{UNFINISHED}{}", name.to_string_lossy()));
        if fs::rename(path, &former).is_ok() {
            let _ = fs::remove_dir_all(former);
        }
    }
}

/// Time since a file was last modified.
fn age(entry: &fs::DirEntry) -> Option<Duration> {
    entry.metadata().ok()?.modified().ok()?.elapsed().ok()
}

/// Lists all files below a path, sorted.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Creates an image that was last used this many days ago.
    fn image(cache: &Cache, name: &str, days: u64) -> PathBuf {
        let path = cache.directory.join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("disk"), "").unwrap();
        let used = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
        File::open(&path).unwrap().set_modified(used).unwrap();
        path
    }

    #[test]
    fn the_previous_image_and_images_in_use_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().to_owned());
        let guest = |key: u8| format!("guest-{key:016x}");
        let old = image(&cache, &guest(1), 2);
        let in_use = image(&cache, &guest(2), 2);
        let last = image(&cache, &guest(3), 1);
        let now = image(&cache, &guest(4), 0);
        let unfinished = image(&cache, "unfinished-x", 4);
        // These must stay: other programs may use the directory, too.
        let others = [
            "guest",
            "guest-root-1",
            "guest-0123",
            "host-0000000000000001",
            "photos",
        ];
        let others = others.map(|name| image(&cache, name, 9));
        fs::write(directory.path().join(guest(5)), "a file").unwrap();
        let now = Image {
            name: "guest".into(),
            key: String::new(),
            _used: Arc::new(lock(&now).unwrap()),
            path: now,
        };
        let user = File::open(&in_use).unwrap();
        user.lock_shared().unwrap();
        cache.forget(&[&now]);
        let stay = others.iter().chain([&in_use, &last, &now.path]);
        assert!(stay.clone().all(|path| path.join("disk").exists()));
        assert!(!old.exists() && !unfinished.exists());
        // Closing it wouldn't do: a child that another test is starting may have inherited the file.
        user.unlock().unwrap();
        cache.forget(&[&now]);
        assert!(last.exists() && !in_use.exists());
        // Every image counts as one entry: no lock file is left.
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            others.len() + 3
        );
    }
}
