//! `explain`: prints why a NIC has its configuration.

use std::borrow::Cow;
use std::io::Write;

use hwaddr::{DummyMac, Guid, Key, MacAddress};
use serde_json::{Value, json};

use super::apply::no_medium;
use super::error::Failure;
use super::run_state::{Purpose, RunState, read};
use super::{Exit, Options, json as to_json, text};
use crate::inventory::{IgnoredDevice, Link, Nic, listed};
use crate::plan::{DummyNic, PlannedNic};
use crate::wait::WaitBudget;

pub(super) fn run(options: &Options, name: &str, out: &mut impl Write) -> Result<Exit, Failure> {
    let wait_budget = WaitBudget::new(&options.root(), options.wait());
    let Some(read) = read(options, &wait_budget)? else {
        return no_medium(options, out);
    };
    let run_state = read.look(
        options,
        &wait_budget,
        Purpose::SHOW,
        &mut options.directories(),
    )?;
    let subjects = Subject::find_all(&run_state, name);
    let Some((first, others)) = subjects.split_first() else {
        let name = name.escape_debug().take(64).collect();
        return Err(Failure::UnknownNic(name, known(&run_state)));
    };
    if options.json {
        let mut value = first.json(&run_state);
        value["also"] = others.iter().map(|other| other.json(&run_state)).collect();
        to_json::print(&value, out)?;
        return Ok(Exit::Ok);
    }
    first.print(&run_state, out)?;
    for other in others {
        writeln!(out)?;
        other.print(&run_state, out)?;
    }
    Ok(Exit::Ok)
}

/// What the name of a NIC can mean.
#[derive(Clone, Copy, PartialEq)]
enum Subject<'a> {
    Planned(&'a PlannedNic),
    Dummy(&'a DummyNic),
    Unclaimed(&'a Nic),
    LeftOut(&'a IgnoredDevice),
}

impl<'a> Subject<'a> {
    /// Returns everything that a name can mean, best match first: a name in its exact case is a device rather than a variable.
    fn find_all(run_state: &'a RunState, name: &str) -> Vec<Self> {
        let nics = &run_state.plan.nics;
        let planned = |is_it: &dyn Fn(&PlannedNic) -> bool| {
            nics.iter().find(|nic| is_it(nic)).map(Self::Planned)
        };
        let has_variables = |is_it: &dyn Fn(&str) -> bool| {
            planned(&|nic| nic.variables.iter().any(|prefix| is_it(prefix)))
        };
        let position = name.parse::<u8>().ok().or_else(|| position(name));
        let mac = name.parse::<MacAddress>().ok();
        let found = [
            Self::device(run_state, &|device| device == name),
            has_variables(&|prefix| prefix == name),
            has_variables(&|prefix| prefix.eq_ignore_ascii_case(name)),
            planned(&|nic| nic.position.is_some() && nic.position == position),
            planned(&|nic| nic.id.to_string() == name || mac.is_some() && nic.id.mac() == mac),
            Self::address(run_state, name),
        ];
        let mut subjects: Vec<Self> = Vec::new();
        for subject in found.into_iter().flatten() {
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        subjects
    }

    fn device(run_state: &'a RunState, is_it: &dyn Fn(&str) -> bool) -> Option<Self> {
        let (plan, inventory) = (&run_state.plan, &run_state.inventory);
        let is_planned = |nic: &&PlannedNic| {
            let device = nic.device.as_ref();
            device.is_some_and(|device| is_it(device.name.as_str()))
        };
        let mut dummies = plan.dummies.iter();
        let mut left_out = inventory.left_out.iter();
        let planned = plan.nics.iter().find(is_planned).map(Self::Planned);
        planned
            .or_else(|| {
                let dummy = dummies.find(|dummy| is_it(dummy.name.as_str()));
                dummy.map(Self::Dummy)
            })
            .or_else(|| {
                let nic = inventory.nics.iter().find(|nic| is_it(nic.name.as_str()));
                nic.map(Self::Unclaimed)
            })
            .or_else(|| {
                left_out
                    .find(|device| is_it(&device.name))
                    .map(Self::LeftOut)
            })
    }

    /// Returns the device with this MAC or port GUID.
    fn address(run_state: &'a RunState, name: &str) -> Option<Self> {
        let (mac, guid) = (name.parse::<MacAddress>().ok(), name.parse::<Guid>().ok());
        let mut nics = run_state.inventory.nics.iter();
        let nic = nics.find(|nic| {
            mac.is_some() && nic.mac() == mac || guid.is_some() && nic.guid() == guid
        })?;
        Self::device(run_state, &|device| device == nic.name.as_str())
    }

    fn print(&self, run_state: &RunState, out: &mut impl Write) -> Result<(), Failure> {
        match self {
            Self::Planned(nic) => print_planned(nic, run_state, out)?,
            Self::Dummy(dummy) => {
                let of =
                    owner(run_state, dummy).map_or_else(String::new, |nic| format!(" of {nic}"));
                writeln!(
                    out,
                    "'{}' is the dummy NIC{of} ({}): position {}, key {}",
                    dummy.name,
                    dummy.mac,
                    dummy.mac.position(),
                    dummy.mac.key()
                )?;
                let why = if dummy.is_marker {
                    "its NIC is Ethernet and is found by its own MAC"
                } else {
                    "it marks the position of an InfiniBand NIC"
                };
                writeln!(
                    out,
                    "{why}; the network stack leaves the dummy NIC unmanaged"
                )?;
            }
            Self::Unclaimed(nic) => writeln!(
                out,
                "'{}' is not a NIC of the context: {}",
                nic.name,
                unclaimed(run_state, nic)
            )?,
            Self::LeftOut(device) => {
                writeln!(out, "'{}' is ignored: {}", device.name, device.reason)?;
            }
        }
        Ok(())
    }

    fn json(&self, run_state: &RunState) -> Value {
        match self {
            Self::Planned(nic) => to_json::nic(nic),
            Self::Dummy(dummy) => {
                let mut value = to_json::dummy(dummy);
                value["of"] = json!(owner(run_state, dummy));
                value
            }
            Self::Unclaimed(nic) => {
                json!({ "device": nic.name.as_str(), "left_out": unclaimed(run_state, nic) })
            }
            Self::LeftOut(device) => json!({ "device": device.name, "left_out": device.reason }),
        }
    }
}

/// Parses the position from `IB0`.
fn position(name: &str) -> Option<u8> {
    let number = name.get(2..)?;
    let is_name = name[..2].eq_ignore_ascii_case("ib");
    number.parse().ok().filter(|_| is_name)
}

/// Returns the label of the NIC that a dummy NIC belongs to.
fn owner<'a>(run_state: &'a RunState, dummy: &DummyNic) -> Option<Cow<'a, str>> {
    let mut nics = run_state.plan.nics.iter();
    let owner = if dummy.is_marker {
        nics.find(|nic| nic.id.mac().map(Key::from) == Some(dummy.mac.key()))
    } else {
        nics.find(|nic| nic.position == Some(dummy.mac.position()))
    };
    owner.map(PlannedNic::label)
}

fn print_planned(
    nic: &PlannedNic,
    run_state: &RunState,
    out: &mut impl Write,
) -> Result<(), Failure> {
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
        let (what, value, from) = (origin.what, &origin.value, &origin.from);
        writeln!(out, "  {what} {value} from {from}")?;
    }
    for problem in &nic.bad_values {
        writeln!(out, "  ignored: {problem}")?;
    }
    writeln!(
        out,
        "backend: {} ({})",
        run_state.choice.backend, run_state.choice.reason
    )?;
    let files = run_state.rendered.files.iter();
    for file in files.filter(|file| file.nic == nic.id) {
        writeln!(out, "file: {}", file.path.display())?;
    }
    Ok(())
}

/// Explains why a NIC has no configuration in the context.
fn unclaimed(run_state: &RunState, nic: &Nic) -> String {
    if run_state.plan.network_off {
        return "NETWORK=NO".into();
    }
    match nic.link {
        Link::Infiniband(Some(address)) => {
            format!(
                "all positions are taken, and its port GUID {} carries no dummy MAC of this VM (prefix {})",
                address.port_guid(),
                run_state.prefix
            )
        }
        Link::Infiniband(None) => "all positions are taken, and it has no port GUID".into(),
        Link::Ethernet(mac) => {
            let looks_like_dummy =
                mac.to_string().parse::<DummyMac>().is_ok() && nic.has_vf_driver();
            let hint = if looks_like_dummy {
                ", which looks like a dummy MAC, but a VF is never a dummy NIC"
            } else {
                ""
            };
            format!(
                "no variable names its MAC {mac}{hint}; MACs of the context: {}",
                macs(run_state)
            )
        }
    }
}

fn macs(run_state: &RunState) -> String {
    let nics = run_state.plan.nics.iter();
    let macs: Vec<String> = nics
        .filter_map(|nic| Some(format!("{} {}", nic.label(), nic.id.mac()?)))
        .collect();
    listed(&macs)
}

fn known(run_state: &RunState) -> String {
    let planned = run_state
        .plan
        .nics
        .iter()
        .map(|nic| nic.label().into_owned());
    let inventory = &run_state.inventory;
    let devices = inventory.nics.iter().map(|nic| nic.name.to_string());
    let names: Vec<String> = planned.chain(devices).collect();
    format!(
        "{}; prefix of dummy MACs: {}; {}",
        listed(&names),
        run_state.prefix,
        inventory.listed()
    )
}
