//! The user that runs QEMU, as written in `qemu.conf`: `oneadmin`, or `+1000` for a number.

use std::ffi::CString;

use nix::unistd::{Gid, Group, User, getgrouplist};

/// A user with its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    uid: u32,
    gids: Vec<u32>,
}

impl Identity {
    /// Looks up a user and a group. Returns `None` if one of them does not exist.
    pub(super) fn of(user: &str, group: &str) -> nix::Result<Option<Self>> {
        let gid = match number(group) {
            Some(gid) => Some(gid),
            None => Group::from_name(group)?.map(|group| group.gid.as_raw()),
        };
        let Some(gid) = gid else {
            return Ok(None);
        };
        let mut gids = vec![gid];
        if let Some(uid) = number(user) {
            return Ok(Some(Self { uid, gids }));
        }
        // A name with a zero octet does not exist.
        let (Ok(name), Some(found)) = (CString::new(user), User::from_name(user)?) else {
            return Ok(None);
        };
        let others = getgrouplist(&name, Gid::from_raw(gid))?;
        gids.extend(others.into_iter().map(Gid::as_raw));
        let uid = found.uid.as_raw();
        Ok(Some(Self { uid, gids }))
    }

    pub(super) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether it may read and write a file with this owner, group and mode.
    pub(super) fn may_write(&self, uid: u32, gid: u32, mode: u32) -> bool {
        let bits = if self.is_root() {
            0o6
        } else if self.uid == uid {
            mode >> 6
        } else if self.gids.contains(&gid) {
            mode >> 3
        } else {
            mode
        };
        bits & 0o6 == 0o6
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_first_matching_permission_class_decides() {
        let qemu = Identity::of("+9869", "+36").unwrap().unwrap();
        let table = [
            (0, 0, 0o600, false),
            (0, 0, 0o666, true),
            (0, 36, 0o660, true),
            (0, 36, 0o606, false),
            (0, 36, 0o640, false),
            (9869, 0, 0o600, true),
            (9869, 36, 0o066, false),
        ];
        for (uid, gid, mode, expected) in table {
            assert_eq!(
                qemu.may_write(uid, gid, mode),
                expected,
                "{uid} {gid} {mode:o}"
            );
        }
    }

    #[test]
    fn users_and_groups_are_resolved_by_name_and_number() {
        assert!(Identity::of("root", "root").unwrap().unwrap().is_root());
        assert!(Identity::of("+0", "+0").unwrap().unwrap().is_root());
        assert_eq!(Identity::of("no-such-user", "root"), Ok(None));
        assert_eq!(Identity::of("root", "no-such-group"), Ok(None));
    }
}
