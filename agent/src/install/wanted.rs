//! What a run wants on the disk.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::plan::NicId;
use crate::render::RenderedFile;

/// The files that a run wants, and the NICs whose files stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedFiles<'a> {
    /// The files to install.
    pub files: Cow<'a, [RenderedFile]>,
    /// NICs that the context still names but that this run could not render (absent device, bad
    /// value): what an earlier run wrote for them stays.
    pub keep: BTreeSet<NicId>,
    /// Whether foreign files at our paths, and edited files of ours, are replaced after a backup.
    pub takes_over: bool,
}
