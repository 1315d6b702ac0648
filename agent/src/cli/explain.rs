//! `explain`: why a NIC gets what it gets.

use std::io::Write;

use hwaddr::{DummyMac, MacAddress};
use serde_json::{Value, json};

use super::apply::no_medium;
use super::error::Failure;
use super::run_state::{RunState, read};
use super::{Exit, Options, json as to_json, text};
use crate::inventory::{LeftOut, Link, Nic};
use crate::plan::{DummyNic, PlannedNic};
use crate::wait::WaitBudget;

pub(super) fn run(options: &Options, name: &str, out: &mut impl Write) -> Result<Exit, Failure> {
    let wait_budget = WaitBudget::new(&options.root(), options.wait());
    let Some(read) = read(options, &wait_budget)? else {
        return no_medium(options, out);
    };
    let run_state = read.look(options, &wait_budget, None, &mut options.directories())?;
    let subject = Subject::find(&run_state, name).ok_or_else(|| {
        Failure::UnknownNic(name.escape_debug().take(64).collect(), known(&run_state))
    })?;
    if options.json {
        to_json::print(&subject.json(&run_state), out)?;
    } else {
        subject.print(&run_state, out)?;
    }
    Ok(Exit::Ok)
}

/// What a name can mean.
enum Subject<'a> {
    Planned(&'a PlannedNic),
    Dummy(&'a DummyNic),
    Unclaimed(&'a Nic),
    LeftOut(&'a LeftOut),
}

impl<'a> Subject<'a> {
    fn find(run_state: &'a RunState, name: &str) -> Option<Self> {
        let plan = &run_state.plan;
        let mac = name.parse::<MacAddress>().ok();
        let position = name.parse::<u8>().ok();
        let is_planned = |nic: &&PlannedNic| {
            let is_device = nic
                .device
                .as_ref()
                .is_some_and(|device| device.name.as_str() == name);
            let is_variable = nic
                .variables
                .iter()
                .any(|prefix| prefix.eq_ignore_ascii_case(name));
            let is_position = nic.position.is_some() && nic.position == position;
            let is_mac = mac.is_some_and(|mac| nic.id.as_str().ends_with(&format!("/{mac}")));
            is_device || is_variable || is_position || is_mac || nic.id.as_str() == name
        };
        let is_dummy =
            |dummy: &&DummyNic| dummy.name.as_str() == name || Some(dummy.mac.mac()) == mac;
        let is_nic = |nic: &&Nic| nic.name.as_str() == name || (mac.is_some() && nic.mac() == mac);
        let planned = plan.nics.iter().find(is_planned).map(Self::Planned);
        planned
            .or_else(|| plan.dummies.iter().find(is_dummy).map(Self::Dummy))
            .or_else(|| {
                run_state
                    .inventory
                    .nics
                    .iter()
                    .find(is_nic)
                    .map(Self::Unclaimed)
            })
            .or_else(|| {
                run_state
                    .inventory
                    .left_out
                    .iter()
                    .find(|device| device.name == name)
                    .map(Self::LeftOut)
            })
    }

    fn print(&self, run_state: &RunState, out: &mut impl Write) -> Result<(), Failure> {
        match self {
            Self::Planned(nic) => {
                writeln!(out, "{}", text::line(nic))?;
                writeln!(
                    out,
                    "variables: {}",
                    if nic.variables.is_empty() {
                        "none".into()
                    } else {
                        nic.variables.join(", then ")
                    }
                )?;
                for origin in &nic.origins {
                    writeln!(
                        out,
                        "  {} {} from {}",
                        origin.what, origin.value, origin.from
                    )?;
                }
                writeln!(
                    out,
                    "backend: {} ({})",
                    run_state.choice.backend, run_state.choice.why
                )?;
                for file in run_state
                    .rendered
                    .files
                    .iter()
                    .filter(|file| file.nic == nic.id)
                {
                    writeln!(out, "file: {}", file.path.display())?;
                }
            }
            Self::Dummy(dummy) => {
                writeln!(
                    out,
                    "'{}' is a dummy NIC ({}): position {}, key {}",
                    dummy.name,
                    dummy.mac,
                    dummy.mac.position(),
                    dummy.mac.key()
                )?;
                let why = if dummy.is_marker {
                    "the NIC that it marks is Ethernet and is found by its MAC"
                } else {
                    "it is the position of an InfiniBand NIC"
                };
                writeln!(out, "{why}; it is told to the network stack as unmanaged")?;
            }
            Self::Unclaimed(nic) => writeln!(
                out,
                "'{}' is no NIC of the context: {}",
                nic.name,
                unclaimed(run_state, nic)
            )?,
            Self::LeftOut(device) => {
                writeln!(out, "'{}' is not looked at: {}", device.name, device.why)?;
            }
        }
        Ok(())
    }

    fn json(&self, run_state: &RunState) -> Value {
        match self {
            Self::Planned(nic) => to_json::nic(nic),
            Self::Dummy(dummy) => to_json::dummy(dummy),
            Self::Unclaimed(nic) => {
                json!({ "device": nic.name.as_str(), "left_out": unclaimed(run_state, nic) })
            }
            Self::LeftOut(device) => json!({ "device": device.name, "left_out": device.why }),
        }
    }
}

/// Why nothing of the context is about a NIC.
fn unclaimed(run_state: &RunState, nic: &Nic) -> String {
    if run_state.plan.hands_off {
        return "NETWORK=NO".into();
    }
    match nic.link {
        Link::Infiniband(Some(address)) => {
            format!(
                "no position is left for it, and its port GUID {} carries no dummy MAC of this VM",
                address.port_guid()
            )
        }
        Link::Infiniband(None) => "no position is left for it, and it has no port GUID".into(),
        Link::Ethernet(mac) => {
            let looks_like_dummy =
                mac.to_string().parse::<DummyMac>().is_ok() && nic.has_vf_driver();
            let hint = if looks_like_dummy {
                ", and a VF is no dummy NIC"
            } else {
                ""
            };
            format!("no variable names its MAC {mac}{hint}")
        }
    }
}

fn known(run_state: &RunState) -> String {
    let planned = run_state.plan.nics.iter().map(|nic| nic.label().to_owned());
    let devices = run_state
        .inventory
        .nics
        .iter()
        .map(|nic| nic.name.to_string());
    let names: Vec<String> = planned.chain(devices).collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}
