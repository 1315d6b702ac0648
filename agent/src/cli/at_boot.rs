//! `apply`, as units and hooks call it at each boot, read without what only help and messages need.
//!
//! `clap` has all options described before it looks at the first word, which takes a tenth of a run with one NIC. Whatever
//! is not understood here is for `clap`, which has the messages; so an option that is missing here costs time alone.

use std::ffi::OsString;

use lexopt::{Arg, Parser};

use super::apply::Apply;
use super::{Cli, Options, Verb};

/// `apply` with all its options behind it.
pub(super) fn apply(mut words: impl Iterator<Item = OsString>) -> Option<Cli> {
    if words.next()? != "apply" {
        return None;
    }
    let mut parser = Parser::from_args(words);
    let mut options = Options::default();
    let mut apply = Apply::default();
    let mut wait = None;
    while let Some(argument) = parser.next().ok()? {
        match argument {
            Arg::Long("root") => once(&mut options.root, value(&mut parser)?.into())?,
            Arg::Long("sysfs") => once(&mut options.sysfs, value(&mut parser)?.into())?,
            Arg::Long("context") => once(&mut options.context, value(&mut parser)?.into())?,
            Arg::Long("backend") => once(&mut options.backend, text(&mut parser)?)?,
            Arg::Long("wait") => once(&mut wait, text(&mut parser)?.parse().ok()?)?,
            Arg::Long("json") => on(&mut options.json)?,
            Arg::Long("verbose") | Arg::Short('v') => on(&mut options.verbose)?,
            Arg::Long("dry-run") => on(&mut apply.dry_run)?,
            Arg::Long("activate") => on(&mut apply.activate)?,
            _ => return None,
        }
    }
    options.wait = wait.unwrap_or_default();
    Some(Cli {
        options,
        verb: Verb::Apply(apply),
    })
}

/// What looks like an option is hardly a value.
fn value(parser: &mut Parser) -> Option<OsString> {
    let value = parser.value().ok()?;
    let is_doubtful = value.is_empty() || value.as_encoded_bytes().starts_with(b"-");
    (!is_doubtful).then_some(value)
}

fn text(parser: &mut Parser) -> Option<String> {
    value(parser)?.into_string().ok()
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn on(flag: &mut bool) -> Option<()> {
    (!std::mem::replace(flag, true)).then_some(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn by_clap(words: &[&str]) -> Option<Cli> {
        let words = std::iter::once("agent").chain(words.iter().copied());
        Cli::try_parse_from(words).ok()
    }

    fn here(words: &[&str]) -> Option<Cli> {
        apply(words.iter().map(OsString::from))
    }

    #[test]
    fn what_units_and_hooks_say_is_understood() {
        let lines = [
            "apply",
            "apply --wait 30",
            "apply --root /a --sysfs=/b --context c --backend keyfile --wait 5 --json -v",
            "apply --dry-run --activate --verbose",
        ];
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let understood = here(&words);
            assert!(understood.is_some(), "{line}");
            assert_eq!(
                format!("{understood:?}"),
                format!("{:?}", by_clap(&words)),
                "{line}"
            );
        }
    }

    #[test]
    fn all_else_is_for_clap() {
        let others = ["", "plan", "--json apply", "apply --help", "apply -h"];
        let wrong = ["apply now", "apply --wait x", "apply --unknown"];
        for line in others.into_iter().chain(wrong) {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(here(&words).is_none(), "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn what_is_understood_is_what_clap_makes_of_it(
            words in prop::collection::vec(
                select(vec![
                    "--root", "--root=/a", "--root=", "--sysfs", "--sysfs=-", "--context", "--backend", "--backend=é",
                    "--wait", "--wait=+5", "--wait=4294967296", "--json", "--json=x", "-v", "-vv", "-v=1", "--verbose",
                    "--dry-run", "--activate", "--activ", "/b", "7", "-1", "-", "--", "", "é", "--help", "-h",
                ]),
                0..6,
            )
        ) {
            let line: Vec<&str> = std::iter::once("apply").chain(words).collect();
            if let Some(understood) = here(&line) {
                let clap = by_clap(&line);
                prop_assert!(clap.is_some(), "{line:?}");
                prop_assert_eq!(format!("{:?}", Some(understood)), format!("{clap:?}"));
            }
        }
    }
}
