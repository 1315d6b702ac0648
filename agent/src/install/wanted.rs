//! What a run wants on the disk.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::plan::NicId;
use crate::render::RenderedFile;

/// The files that a run wants, and the NICs whose files stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedFiles<'a> {
    /// The files that shall be there.
    pub files: Cow<'a, [RenderedFile]>,
    /// NICs that the context still names but that this run could not render (absent device, bad
    /// value): what an earlier run wrote for them stays.
    pub keep: BTreeSet<NicId>,
    /// Whether files of others in the place of ours, and files of ours that somebody edited, are taken over with a backup.
    pub takes_over: bool,
}
