//! `plan`: print what `apply` would make of this machine, without looking at what it wrote before.

use std::io::Write;

use serde_json::json;

use super::apply::no_medium;
use super::error::Failure;
use super::situation::read;
use super::{Exit, Options, json as to_json, text};
use crate::patience::Patience;

pub(super) fn run(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    let patience = Patience::new(&options.root(), options.wait());
    let Some(read) = read(options, &patience)? else {
        return no_medium(options, out);
    };
    let situation = read.look(options, &patience, None, &mut options.directories())?;
    if options.json {
        let mut value = to_json::situation(&situation);
        let files = situation.rendered.files.iter();
        value["files"] = files
            .map(|file| json!({ "path": file.path, "mode": format!("{:04o}", file.mode), "text": file.text }))
            .collect();
        to_json::print(&value, out)?;
    } else {
        text::plan(&situation, out)?;
        for file in &situation.rendered.files {
            writeln!(
                out,
                "\n--- {} ({:04o})\n{}",
                file.path.display(),
                file.mode,
                file.text.trim_end()
            )?;
        }
    }
    Ok(Exit::Ok)
}
