//! The output of `--json`. Names and values are those of the model; all are typed values, not text from the context.

use std::io::Write;

use serde_json::{Value, json};

use super::error::Failure;
use super::run_state::RunState;
use crate::activate::Activation;
use crate::plan::model::{Ipv4, Ipv6, Mtu, NicConfig};
use crate::plan::{BadValue, DummyNic, Outcome, PlannedNic, Role};

pub(super) fn print(value: &Value, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}

pub(super) fn run_state(run_state: &RunState) -> Value {
    let plan = &run_state.plan;
    json!({
        "medium": run_state.source,
        "backend": { "name": run_state.choice.backend.name(), "reason": run_state.choice.reason },
        "role": match run_state.role {
            Role::Whole => "whole",
            Role::Companion => "companion",
        },
        "network_off": plan.network_off,
        "bad_values": plan.bad_values.iter().map(bad_value).collect::<Vec<_>>(),
        "nics": plan.nics.iter().map(nic).collect::<Vec<_>>(),
        "dummies": plan.dummies.iter().map(dummy).collect::<Vec<_>>(),
        "notes": plan.notes.iter().chain(&run_state.rendered.notes).collect::<Vec<_>>(),
    })
}

pub(super) fn nic(nic: &PlannedNic) -> Value {
    let (outcome, reasons, config) = match &nic.outcome {
        Outcome::Configure(config) => ("configured", Vec::new(), Some(configuration(config))),
        Outcome::LeftAlone(why) => ("unmanaged", vec![why.clone()], None),
        Outcome::Absent(why) => ("absent", vec![why.clone()], None),
        Outcome::Refused(reasons) => ("refused", reasons.clone(), None),
    };
    let device = nic.device.as_ref().map(|device| {
        json!({
            "name": device.name.as_str(),
            "present": device.matched_by.is_present(),
            "found_by": device.matched_by.code(),
            "found_by_text": device.matched_by.to_string(),
        })
    });
    let origins = nic.origins.iter();
    json!({
        "nic": nic.label(),
        "id": nic.id,
        "variables": nic.variables,
        "position": nic.position,
        "device": device,
        "outcome": outcome,
        "reasons": reasons,
        "config": config,
        "bad_values": nic.bad_values.iter().map(bad_value).collect::<Vec<_>>(),
        "origins": origins
            .map(|origin| json!({ "what": origin.what, "value": origin.value, "from": origin.from }))
            .collect::<Vec<_>>(),
    })
}

fn bad_value(problem: &BadValue) -> Value {
    json!({
        "variable": problem.variable,
        "value": problem.value,
        "reason": problem.reason,
    })
}

pub(super) fn dummy(dummy: &DummyNic) -> Value {
    json!({
        "device": dummy.name.as_str(),
        "mac": dummy.mac.to_string(),
        "position": dummy.mac.position(),
        "key": dummy.mac.key().to_string(),
        "marks_ethernet": dummy.is_marker,
    })
}

/// Which devices the network stack has loaded, and which it has not.
pub(super) fn activation(activation: &Activation) -> Value {
    let failed = activation.failed.iter();
    json!({
        "done": strings(&activation.done),
        "failed": failed
            .map(|(device, reason)| json!({ "device": device.as_str(), "reason": reason }))
            .collect::<Vec<_>>(),
    })
}

fn configuration(config: &NicConfig) -> Value {
    let texts = |values: &[String]| json!(values);
    let ipv4 = match &config.ipv4 {
        Ipv4::None => json!({ "method": "none" }),
        Ipv4::Dhcp => json!({ "method": "dhcp" }),
        Ipv4::Static(addresses) => {
            json!({ "method": "static", "addresses": texts(&strings(addresses)) })
        }
    };
    let ipv6 = match &config.ipv6 {
        Ipv6::None => json!({ "method": "none" }),
        Ipv6::Auto => json!({ "method": "auto" }),
        Ipv6::Dhcp(_) => json!({ "method": "dhcp" }),
        Ipv6::Disabled => json!({ "method": "disabled" }),
        Ipv6::Static(addresses) => {
            json!({ "method": "static", "addresses": texts(&strings(addresses)) })
        }
    };
    let routes = config.routes.iter();
    let infiniband = config.infiniband.map(|infiniband| {
        json!({
            "mode": infiniband.mode.map(|mode| mode.to_string()),
            "pkey": infiniband.pkey.map(|pkey| pkey.to_string()),
        })
    });
    json!({
        "ipv4": ipv4,
        "ipv6": ipv6,
        "gateway4": config.gateway4,
        "gateway6": config.gateway6,
        "metric4": config.metric4,
        "metric6": config.metric6,
        "mtu": config.mtu.map(Mtu::bytes),
        "dns": config.dns,
        "search": strings(&config.search),
        "routes": routes
            .map(|route| {
                json!({
                    "destination": route.destination().to_string(),
                    "via": route.via(),
                    "metric": route.metric(),
                })
            })
            .collect::<Vec<_>>(),
        "infiniband": infiniband,
        "vlan": config.vlan.map(|vlan| vlan.to_string()),
        "onegate": config.onegate,
    })
}

fn strings(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
