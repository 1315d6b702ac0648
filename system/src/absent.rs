//! Errors that mean that a file does not exist.

use std::io::{self, ErrorKind};

const ENODEV: i32 = 19;

/// Whether an error means that a file does not exist, or no longer exists.
///
/// | error | when |
/// |---|---|
/// | `ENOENT` | the file or a directory on its path does not exist |
/// | `ENOTDIR` | a directory on its path is a file |
/// | `ENODEV` | sysfs: the device of an attribute disappeared while the file was open (`kernfs_get_active`) |
/// | `ESTALE` | NFS: another host has removed the file |
///
/// With any other error (`EACCES`, `EIO`, `ELOOP`, ...) it is unknown whether the file exists.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::StaleNetworkFileHandle
    ) || error.raw_os_error() == Some(ENODEV)
}

/// Returns the value that was read, or `absent` if the file does not exist.
///
/// # Errors
/// Errors after which it is unknown whether the file exists.
pub fn unless_absent<T>(read: io::Result<T>, absent: T) -> io::Result<T> {
    match read {
        Err(error) if is_absent(&error) => Ok(absent),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn only_errors_that_mean_absence_count_as_absent() {
        let error = |errno: Errno| io::Error::from(errno);
        for errno in [Errno::ENOENT, Errno::ENOTDIR, Errno::ENODEV, Errno::ESTALE] {
            assert!(is_absent(&error(errno)), "{errno}");
        }
        for errno in [Errno::EACCES, Errno::EIO, Errno::ELOOP, Errno::EPERM] {
            assert!(!is_absent(&error(errno)), "{errno}");
            assert!(unless_absent(Err(error(errno)), ()).is_err(), "{errno}");
        }
    }
}
