//! Context CDs as OpenNebula's transfer drivers make them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::Failure;

/// Makes `<name>.iso`, a CD with this context, in a directory.
pub(crate) fn cd(directory: &Path, name: &str, context: &[u8]) -> Result<PathBuf, Failure> {
    let files = directory.join(format!("{name}.files"));
    let file = directory.join(format!("{name}.iso"));
    let script = files.join("context.sh");
    fs::create_dir_all(&files).map_err(|error| Failure::of("make", &files, &error))?;
    fs::write(&script, context).map_err(|error| Failure::of("write", &script, &error))?;
    let mut genisoimage = Command::new("genisoimage");
    genisoimage
        .args(["-quiet", "-V", "CONTEXT", "-J", "-R", "-o"])
        .arg(&file)
        .arg(&files);
    let output = genisoimage.output();
    let output =
        output.map_err(|error| Failure::new(format!("failed to run genisoimage: {error}")))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(file)
    } else {
        Err(Failure::new(format!("failed to make a CD: {said}")))
    }
}
