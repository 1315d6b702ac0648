//! Activation with NetworkManager, through `nmcli`: keyfiles and `ifcfg` files.
//!
//! If `nmcli connection load` cannot load a file, it prints a message, but exits with 0. `nmcli connection show` prints what is
//! actually loaded, one line per profile:
//!
//! ```text
//! 1d5c0c2e-5c57-58f6-a73f-e3d46ebdfa49:/etc/NetworkManager/system-connections/one-sriov-ib0.nmconnection
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::activation::Activation;
use super::tools::Tools;
use super::work::{ActivationWork, Edit, Job};

struct Profile {
    device: String,
    file: PathBuf,
    is_wanted: bool,
}

impl Profile {
    fn of(edit: &Edit) -> Option<Self> {
        let keyfile = edit.name_between("one-sriov-", ".nmconnection");
        let device = keyfile.or(edit.name_between("ifcfg-", ""))?;
        Some(Self {
            device: device.to_owned(),
            file: edit.path.clone(),
            is_wanted: edit.new.is_some(),
        })
    }
}

pub(super) fn activate(work: &ActivationWork, tools: &mut impl Tools) -> Activation {
    let is_settings = |edit: &Edit| edit.path.starts_with("/etc/NetworkManager/conf.d");
    if work
        .edits()
        .any(|edit| edit.is_changed && is_settings(edit))
    {
        reload_settings(work, tools);
    }
    let profiles: Vec<Vec<Profile>> = work.jobs.iter().map(profiles).collect();
    // An earlier run removed all files of a device, but did not reach NetworkManager.
    let is_gone = work.jobs.iter().any(|job| job.edits.is_empty());
    let known = match load(profiles.iter().flatten(), is_gone, tools) {
        Ok(known) => known,
        Err(reason) => return Activation::all(work, &Err(reason)),
    };
    let mut activation = Activation::default();
    for (job, profiles) in work.jobs.iter().zip(&profiles) {
        let mut wanted = profiles.iter().filter(|profile| profile.is_wanted);
        let result = if job.is_present {
            wanted.try_for_each(|profile| bring_up(profile, &known, tools))
        } else {
            // The profile is activated when its device appears.
            wanted.try_for_each(|profile| known.uuid(profile).map(drop))
        };
        activation.tell(job, result);
    }
    activation
}

/// Returns the profiles of a device, the device's own before those of its children.
fn profiles(job: &Job) -> Vec<Profile> {
    let mut profiles: Vec<Profile> = job.edits.iter().filter_map(Profile::of).collect();
    profiles.sort_by_key(|profile| profile.device != job.device.as_str());
    profiles
}

/// Reloads which devices are unmanaged. NetworkManager before 1.22 cannot reload that, so it is set for each device.
fn reload_settings(work: &ActivationWork, tools: &mut impl Tools) {
    let Err(reason) = tools.run("nmcli", &["general", "reload", "conf"]) else {
        return;
    };
    log::debug!("{reason}");
    for job in work
        .jobs
        .iter()
        .filter(|job| job.is_wanted() && job.is_present)
    {
        let args = ["device", "set", job.device.as_str(), "managed", "no"];
        if let (true, Err(reason)) = (profiles(job).is_empty(), tools.run("nmcli", &args)) {
            log::warn!("{reason}");
        }
    }
}

/// Which profiles NetworkManager has loaded and activated.
struct Known {
    /// The UUID of each file's profile.
    profiles: BTreeMap<String, String>,
    /// The UUID of each device's active profile.
    active: BTreeMap<String, String>,
}

impl Known {
    fn uuid(&self, profile: &Profile) -> Result<&str, String> {
        let file = profile.file.display().to_string();
        let uuid = self.profiles.get(&file).map(String::as_str);
        uuid.ok_or_else(|| {
            format!("NetworkManager did not load '{file}'; see 'journalctl -u NetworkManager'")
        })
    }
}

fn load<'p>(
    profiles: impl Iterator<Item = &'p Profile>,
    is_gone: bool,
    tools: &mut impl Tools,
) -> Result<Known, String> {
    let (wanted, gone): (Vec<_>, Vec<_>) = profiles.partition(|profile| profile.is_wanted);
    let mut known = Known {
        profiles: BTreeMap::new(),
        active: BTreeMap::new(),
    };
    if is_gone || !gone.is_empty() {
        // NetworkManager only drops a profile without a file if all profiles are reloaded.
        tools.run("nmcli", &["connection", "reload"])?;
    }
    if wanted.is_empty() {
        return Ok(known);
    }
    let files: Vec<String> = wanted
        .iter()
        .map(|profile| profile.file.display().to_string())
        .collect();
    let mut args = vec!["connection", "load"];
    args.extend(files.iter().map(String::as_str));
    tools.run("nmcli", &args)?;
    let loaded = tools.run(
        "nmcli",
        &[
            "-t",
            "-e",
            "no",
            "-f",
            "UUID,FILENAME",
            "connection",
            "show",
        ],
    )?;
    let pairs = loaded.lines().filter_map(|line| line.split_once(':'));
    known.profiles = pairs
        .map(|(uuid, file)| (file.to_owned(), uuid.to_owned()))
        .collect();
    let active = tools.run(
        "nmcli",
        &["-t", "-e", "no", "-f", "CON-UUID,DEVICE", "device"],
    )?;
    let pairs = active.lines().filter_map(|line| line.split_once(':'));
    known.active = pairs
        .map(|(uuid, device)| (device.to_owned(), uuid.to_owned()))
        .collect();
    Ok(known)
}

/// Reapplies the profile if it is active; if it is not, or if that fails, activates it.
fn bring_up(profile: &Profile, known: &Known, tools: &mut impl Tools) -> Result<(), String> {
    let uuid = known.uuid(profile)?;
    if known
        .active
        .get(&profile.device)
        .is_some_and(|active| active == uuid)
    {
        let Err(reason) = tools.run("nmcli", &["device", "reapply", &profile.device]) else {
            return Ok(());
        };
        log::debug!("{reason}");
    }
    let args = ["--wait", "60", "connection", "up", "uuid", uuid];
    tools.run("nmcli", &args).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, work};
    use crate::render::Reader;

    const PORT: &str = "/etc/NetworkManager/system-connections/one-sriov-ib0.nmconnection";
    const CHILD: &str = "/etc/NetworkManager/system-connections/one-sriov-ib0.8003.nmconnection";
    const SHOW: &str = "nmcli -t -e no -f UUID,FILENAME connection show";
    const DEVICES: &str = "nmcli -t -e no -f CON-UUID,DEVICE device";

    fn nmcli() -> Script {
        let mut tools = Script::default();
        tools.prints(
            SHOW,
            &format!(
                "77:/run/NetworkManager/system-connections/lo.nmconnection\n1:{PORT}\n2:{CHILD}\n"
            ),
        );
        tools
    }

    #[test]
    fn new_profiles_are_loaded_and_the_port_comes_up_before_its_partition() {
        let edits = [(CHILD, None, Some("b")), (PORT, None, Some("b"))];
        let mut tools = nmcli();
        let activation = Reader::NetworkManager.after(&work("ib0", &edits), &|_| true, &mut tools);
        let expected = [
            &format!("nmcli connection load {PORT} {CHILD}"),
            SHOW,
            DEVICES,
            "nmcli --wait 60 connection up uuid 1",
            "nmcli --wait 60 connection up uuid 2",
        ];
        assert_eq!(tools.taken(), expected);
        assert!(activation.failed.is_empty());
    }

    #[test]
    fn an_active_profile_is_reapplied_if_possible() {
        let edits = [(PORT, Some("a"), Some("b"))];
        let mut tools = nmcli();
        tools.prints(DEVICES, "1:ib0\n:lo\n9:eth0\n");
        let _ = Reader::NetworkManager.after(&work("ib0", &edits), &|_| true, &mut tools);
        assert_eq!(tools.taken()[3..], ["nmcli device reapply ib0"]);
        tools.fails("nmcli device reapply ib0", "can't");
        let activation = Reader::NetworkManager.after(&work("ib0", &edits), &|_| true, &mut tools);
        let expected = [
            "nmcli device reapply ib0",
            "nmcli --wait 60 connection up uuid 1",
        ];
        assert_eq!(tools.taken()[3..], expected);
        assert!(activation.failed.is_empty());
        // A foreign profile is active on the device.
        tools.prints(DEVICES, "77:ib0\n");
        let _ = Reader::NetworkManager.after(&work("ib0", &edits), &|_| true, &mut tools);
        assert_eq!(tools.taken()[3..], ["nmcli --wait 60 connection up uuid 1"]);
    }

    #[test]
    fn a_file_that_was_not_loaded_is_named() {
        let mut tools = nmcli();
        tools.prints(SHOW, "77:/etc/x\n");
        let activation = Reader::NetworkManager.after(
            &work("ib0", &[(PORT, None, Some("b"))]),
            &|_| true,
            &mut tools,
        );
        let expected =
            format!("NetworkManager did not load '{PORT}'; see 'journalctl -u NetworkManager'");
        assert_eq!(activation.failed[0].1, expected);
    }

    #[test]
    fn connections_are_reloaded_after_a_profile_is_removed() {
        let mut tools = nmcli();
        let activation = Reader::NetworkManager.after(
            &work("ib0", &[(PORT, Some("a"), None)]),
            &|_| true,
            &mut tools,
        );
        assert_eq!(tools.taken(), ["nmcli connection reload"]);
        assert_eq!(activation.done.len(), 1);
    }

    #[test]
    fn dummies_become_unmanaged_by_a_reload_or_one_by_one() {
        let edits = [(
            "/etc/NetworkManager/conf.d/90-one-sriov-eth1.conf",
            None,
            Some("b"),
        )];
        let mut tools = nmcli();
        let _ = Reader::NetworkManager.after(&work("eth1", &edits), &|_| true, &mut tools);
        assert_eq!(tools.taken(), ["nmcli general reload conf"]);
        tools.fails("nmcli general reload conf", "unknown");
        let _ = Reader::NetworkManager.after(&work("eth1", &edits), &|_| true, &mut tools);
        let expected = [
            "nmcli general reload conf",
            "nmcli device set eth1 managed no",
        ];
        assert_eq!(tools.taken(), expected);
    }
}
