//! The wanted files of a run.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::plan::NicId;
use crate::render::RenderedFile;

/// The wanted files, and the NICs whose files are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedFiles<'a> {
    /// The files to install.
    pub files: Cow<'a, [RenderedFile]>,
    /// NICs of the context that this run could not render (absent device, bad value): files of earlier runs are kept.
    pub keep: BTreeSet<NicId>,
    /// Whether foreign files at the agent's paths, and edited files of the agent, are backed up and replaced.
    pub takes_over: bool,
}
