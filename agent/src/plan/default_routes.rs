//! Makes the metrics of default routes differ within a family.
//!
//! The kernel rejects a second default route with the same metric (`fib_table_insert`, `fib6_add_rt2node`). A stack that stops
//! there leaves its NIC half configured, and one that replaces the first route uses the wrong NIC.
//!
//! - Metrics from the context keep their order and, if they differ, their values. Those of IPv6 start at 1, because the
//!   kernel reads 0 as 1024 (`ip6_route_info_create`).
//! - The first NIC without a metric keeps the stack's default. The others get [`FIRST_ASSIGNED`] and up, in the order of
//!   the NICs.

use std::collections::BTreeSet;

use super::model::{Ipv4, Ipv6, NicConfig};
use super::outcome::{Outcome, PlannedNic};
use super::values::Origin;

/// Above the defaults of all stacks: 0 or 1024 (kernel), 1024 (systemd-networkd, for DHCP and router advertisements), 100 to
/// 950 (NetworkManager, depending on the device type).
const FIRST_ASSIGNED: u32 = 1025;

/// Changes the metrics of default routes where needed.
///
/// `others` are the NICs of one-context, with their labels: their metrics are not assigned to other NICs.
pub(super) fn order(
    nics: &mut [PlannedNic],
    others: &[(String, NicConfig)],
    notes: &mut Vec<String>,
) {
    let mut assigned: Vec<(String, Vec<&str>)> = Vec::new();
    for family in [&IPV4, &IPV6] {
        let (new, raised) = order_family(family, nics, others);
        match (new, assigned.first_mut()) {
            (Some(new), Some((same, families))) if *same == new => families.push(family.name),
            (new, _) => assigned.extend(new.map(|new| (new, vec![family.name]))),
        }
        notes.extend(raised);
    }
    notes.extend(
        assigned
            .into_iter()
            .map(|(new, families)| format!("{new} ({})", families.join(", "))),
    );
}

/// An address family and its default routes.
struct RouteFamily {
    name: &'static str,
    /// The name of a metric in `explain`.
    what: &'static str,
    /// The kernel's default metric.
    unset: u32,
    /// The smallest metric that the kernel does not change.
    least: u32,
    has_route: fn(&NicConfig) -> bool,
    metric: fn(&NicConfig) -> Option<u32>,
    set: fn(&mut NicConfig, u32),
}

const IPV4: RouteFamily = RouteFamily {
    name: "IPv4",
    what: "metric",
    unset: 0,
    least: 0,
    has_route: |config| config.gateway4.is_some() || config.ipv4 == Ipv4::Dhcp,
    metric: |config| config.metric4,
    set: |config, metric| config.metric4 = Some(metric),
};

const IPV6: RouteFamily = RouteFamily {
    name: "IPv6",
    what: "IPv6 metric",
    unset: 1024,
    least: 1,
    has_route: |config| {
        config.gateway6.is_some() || matches!(config.ipv6, Ipv6::Auto | Ipv6::Dhcp(_))
    },
    metric: |config| config.metric6,
    set: |config, metric| config.metric6 = Some(metric),
};

/// Changes the metrics of one family. Returns the notes about assigned and about raised metrics.
fn order_family(
    family: &RouteFamily,
    nics: &mut [PlannedNic],
    others: &[(String, NicConfig)],
) -> (Option<String>, Option<String>) {
    let others = others
        .iter()
        .filter(|(_, config)| (family.has_route)(config));
    let theirs: Vec<(&str, u32)> = others
        .map(|(label, config)| {
            let metric = (family.metric)(config);
            (label.as_str(), metric.unwrap_or(family.unset))
        })
        .collect();
    let mut ours: Vec<&mut PlannedNic> = nics
        .iter_mut()
        .filter(
            |nic| matches!(&nic.outcome, Outcome::Configure(config) if (family.has_route)(config)),
        )
        .collect();
    ours.sort_by_key(|nic| place(nic));
    let asked: Vec<Option<u32>> = ours.iter().map(|nic| metric_of(family, nic)).collect();
    let reserved = theirs.iter().map(|(_, metric)| *metric).collect();
    let given = assign(family, &asked, reserved);

    let of_ours = ours.iter().map(|nic| nic.label().into_owned());
    let all = of_ours.zip(given.iter().map(|given| given.unwrap_or(family.unset)));
    let first = all
        .chain(
            theirs
                .into_iter()
                .map(|(label, metric)| (label.to_owned(), metric)),
        )
        .find(|(_, metric)| *metric == family.unset)
        .map(|(label, _)| label);
    let has_zero = asked.contains(&Some(0));
    let (mut assigned, mut raised) = (Vec::new(), Vec::new());
    for ((nic, asked), given) in ours.into_iter().zip(asked).zip(given) {
        let Some(metric) = given.filter(|_| asked != given) else {
            continue;
        };
        match asked {
            None => assigned.push(format!("{} gets metric {metric}", nic.label())),
            Some(asked) => raised.push(format!("{} gets {metric} instead of {asked}", nic.label())),
        }
        give(family, nic, metric);
    }
    let assigned = first.filter(|_| !assigned.is_empty()).map(|first| {
        let list = assigned.join(", ");
        format!(
            "several NICs have a default route without a metric: that of {first} is used; {list}"
        )
    });
    let raised = (!raised.is_empty()).then(|| {
        let why = if has_zero && family.least > 0 {
            " and be above 0, which the kernel reads as 1024"
        } else {
            ""
        };
        let list = raised.join(", ");
        format!(
            "{} metrics of default routes must differ{why}: {list}",
            family.name
        )
    });
    (assigned, raised)
}

/// The number of the NIC's `ETH<k>_*` in the context. NICs without one come last.
fn place(nic: &PlannedNic) -> u32 {
    let mut prefixes = nic.variables.iter();
    let number = prefixes.find_map(|prefix| prefix.strip_prefix("ETH")?.parse().ok());
    number.unwrap_or(u32::MAX)
}

fn metric_of(family: &RouteFamily, nic: &PlannedNic) -> Option<u32> {
    match &nic.outcome {
        Outcome::Configure(config) => (family.metric)(config),
        _ => None,
    }
}

fn give(family: &RouteFamily, nic: &mut PlannedNic, metric: u32) {
    if let Outcome::Configure(config) = &mut nic.outcome {
        (family.set)(config, metric);
    }
    nic.origins.retain(|origin| origin.what != family.what);
    nic.origins.push(Origin {
        what: family.what,
        value: metric.to_string(),
        from: "the order of the default routes".into(),
    });
}

/// Returns the metrics to use in place of the requested ones, both in the order of the NICs.
fn assign(
    family: &RouteFamily,
    asked: &[Option<u32>],
    reserved: BTreeSet<u32>,
) -> Vec<Option<u32>> {
    let mut taken = reserved;
    let mut given = asked.to_vec();
    let mut by_metric: Vec<(u32, usize)> = asked
        .iter()
        .enumerate()
        .filter_map(|(nth, metric)| Some(((*metric)?, nth)))
        .collect();
    by_metric.sort_unstable();
    let mut least = family.least;
    for (metric, nth) in by_metric {
        // If no larger number is free, the requested metric stays.
        let free = free_from(metric.max(least), &taken).unwrap_or(metric);
        taken.insert(free);
        least = free.saturating_add(1);
        given[nth] = Some(free);
    }
    for metric in given.iter_mut().filter(|metric| metric.is_none()) {
        if !taken.insert(family.unset) {
            *metric = free_from(FIRST_ASSIGNED, &taken);
            taken.extend(*metric);
        }
    }
    given
}

fn free_from(least: u32, taken: &BTreeSet<u32>) -> Option<u32> {
    (least..=u32::MAX).find(|metric| !taken.contains(metric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_made_unique_and_keep_their_order() {
        type Metrics = &'static [Option<u32>];
        let table: [(&RouteFamily, Metrics, &[u32], Metrics); 14] = [
            (&IPV4, &[], &[], &[]),
            (&IPV4, &[None], &[], &[None]),
            (
                &IPV4,
                &[None, None, None],
                &[],
                &[None, Some(1025), Some(1026)],
            ),
            (
                &IPV6,
                &[None, None, None],
                &[],
                &[None, Some(1025), Some(1026)],
            ),
            (&IPV4, &[None, Some(200)], &[], &[None, Some(200)]),
            (
                &IPV4,
                &[Some(200), None, None],
                &[],
                &[Some(200), None, Some(1025)],
            ),
            (
                &IPV4,
                &[None, Some(1025), None],
                &[],
                &[None, Some(1025), Some(1026)],
            ),
            // Of two equal metrics, the first NIC's comes first.
            (
                &IPV4,
                &[Some(7), Some(7), Some(8)],
                &[],
                &[Some(7), Some(8), Some(9)],
            ),
            (&IPV4, &[None, Some(0)], &[], &[Some(1025), Some(0)]),
            (&IPV6, &[Some(0)], &[], &[Some(1)]),
            (
                &IPV6,
                &[Some(1), Some(0), Some(5)],
                &[],
                &[Some(2), Some(1), Some(5)],
            ),
            (&IPV6, &[Some(1024), None], &[], &[Some(1024), Some(1025)]),
            // Metrics of one-context's NICs are not assigned.
            (&IPV4, &[None, Some(7)], &[0, 7], &[Some(1025), Some(8)]),
            (
                &IPV4,
                &[Some(u32::MAX), Some(u32::MAX)],
                &[],
                &[Some(u32::MAX), Some(u32::MAX)],
            ),
        ];
        for (family, asked, reserved, expected) in table {
            let given = assign(family, asked, reserved.iter().copied().collect());
            assert_eq!(given, expected, "{} {asked:?} {reserved:?}", family.name);
        }
    }
}
