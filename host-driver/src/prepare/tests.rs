#![allow(clippy::unwrap_used)]

use hwaddr::{DummyMac, DummyPrefix, Key};
use one_sriov_system::{VfLinkState, VfVlan};

use super::*;
use crate::lease::Lease;
use crate::opennebula::NicAttributes;
use crate::pool::{Pf, Vf};

fn request(vlan: Option<u32>) -> VfRequest {
    let mac = "02:00:c0:a8:32:11".parse().unwrap();
    VfRequest {
        wanted: Wanted::AnyOf("ib0".parse().unwrap()),
        mac,
        dummy: DummyMac::new(DummyPrefix::default(), 0, Key::from(mac)),
        guid_prefix: [0, 4],
        vlan,
        attributes: NicAttributes::default(),
    }
}

fn allocation(link_layer: LinkLayer) -> Allocation {
    let pf = Pf {
        address: "0000:81:00.0".parse().unwrap(),
        netdev: "ib0".parse().unwrap(),
        link_layer,
    };
    let vf = Vf {
        pool: "ib0".parse().unwrap(),
        index: 1,
        address: "0000:81:00.2".parse().unwrap(),
        number: 1,
        pf,
    };
    Allocation {
        vf,
        driver: None,
        stale: None,
        unfinished: None,
    }
}

fn info(vf: u32, guid: Option<&str>) -> VfInfo {
    let guid = guid.map(|guid| guid.parse().unwrap());
    VfInfo {
        vf,
        mac: Some("02:01:02:03:04:05".parse().unwrap()),
        vlan: Some(VfVlan::default()),
        link_state: Some(VfLinkState::Disable),
        node_guid: guid,
        port_guid: guid,
        ..VfInfo::default()
    }
}

#[test]
fn the_link_layer_decides_the_identity_unless_it_is_configured() {
    use IdentitySetting::{Auto, Dummy, Guid, Mac};
    use LinkLayer::{Ethernet, Infiniband};
    let refused = "failed to use identity '";
    let table = [
        (Auto, Ethernet, Ok(VfIdentity::Mac)),
        (Auto, Infiniband, Ok(VfIdentity::Guid)),
        (Mac, Ethernet, Ok(VfIdentity::Mac)),
        (Guid, Infiniband, Ok(VfIdentity::Guid)),
        (Dummy, Ethernet, Ok(VfIdentity::Dummy)),
        (Dummy, Infiniband, Ok(VfIdentity::Dummy)),
        (
            Mac,
            Infiniband,
            Err("mac' for pool 'ib0': 'ib0' is InfiniBand"),
        ),
        (
            Guid,
            Ethernet,
            Err("guid' for pool 'ib0': 'ib0' is Ethernet"),
        ),
    ];
    for (asked, layer, expected) in table {
        let setup = setup(&request(None), &allocation(layer), asked, &[]);
        let got = setup
            .map(|setup| setup.identity)
            .map_err(|error| error.to_string());
        assert_eq!(got, expected.map_err(|end| format!("{refused}{end}")));
    }
}

#[test]
fn the_guid_is_the_network_id_followed_by_the_dummy_mac() {
    let setup = setup(
        &request(None),
        &allocation(LinkLayer::Infiniband),
        IdentitySetting::Auto,
        &[],
    );
    let guid = setup.unwrap().guid.unwrap();
    assert_eq!(guid.to_string(), "00:04:aa:00:c0:a8:32:11");
    assert_eq!(guid_prefix(GuidPrefix::Network, Some(0x0102)), [1, 2]);
    assert_eq!(guid_prefix(GuidPrefix::Network, None), [0, 0]);
    assert_eq!(guid_prefix(GuidPrefix::Fixed([2, 201]), Some(7)), [2, 201]);
}

#[test]
fn ambiguous_or_missing_guids_are_restored_as_unset() {
    let own = "00:11:22:33:44:55:66:77";
    let other = "00:11:22:33:44:55:66:78";
    let table = [
        (vec![info(0, Some(other)), info(1, Some(own))], Some(own)),
        (vec![info(0, Some(own)), info(1, Some(own))], None),
        (vec![info(0, Some(own)), info(1, None)], None),
        (vec![], None),
    ];
    for (known, expected) in table {
        let setup = setup(
            &request(None),
            &allocation(LinkLayer::Infiniband),
            IdentitySetting::Auto,
            &known,
        );
        let original = setup.unwrap().original;
        let expected = expected.map(|guid| guid.parse().unwrap());
        let back = restoration(&original);
        assert_eq!(back.port_guid, Some(expected), "{known:?}");
        assert_eq!(back.node_guid, Some(expected), "{known:?}");
    }
}

#[test]
fn an_ethernet_vf_gets_the_nics_mac_and_its_vlan() {
    let lease_for = |vlan, known: &[VfInfo]| {
        let request = request(vlan);
        let setup = setup(
            &request,
            &allocation(LinkLayer::Ethernet),
            IdentitySetting::Dummy,
            known,
        );
        let setup = setup.unwrap();
        let lease = Lease {
            identity: setup.identity,
            guid: setup.guid,
            original: setup.original,
            ..crate::lease::sample()
        };
        let set = settings(&lease, &request).unwrap();
        (set, restoration(&lease.original))
    };
    let vlan = |id, qos| {
        Some(VfVlan {
            id,
            qos,
            ..VfVlan::default()
        })
    };
    let mac = Some(Some("02:00:c0:a8:32:11".parse().unwrap()));
    let was = Some(Some("02:01:02:03:04:05".parse().unwrap()));
    let (set, back) = lease_for(None, &[info(1, None)]);
    assert_eq!(
        (set.mac, set.vlan, back.mac, back.vlan),
        (mac, None, was, None)
    );
    let (set, back) = lease_for(Some(100), &[info(1, None)]);
    assert_eq!((set.vlan, back.vlan), (vlan(100, 0), vlan(0, 0)));
    let tagged = VfInfo {
        vlan: Some(VfVlan {
            id: 9,
            qos: 2,
            is_8021ad: false,
        }),
        ..info(1, None)
    };
    let (set, back) = lease_for(None, &[tagged]);
    assert_eq!((set.vlan, back.vlan), (vlan(0, 0), vlan(9, 2)));
    let (_, back) = lease_for(None, &[]);
    assert_eq!(back.mac, Some(None));
}

#[test]
fn a_vlan_above_4094_is_refused_on_ethernet() {
    let vlan = |vlan| {
        setup(
            &request(vlan),
            &allocation(LinkLayer::Ethernet),
            IdentitySetting::Auto,
            &[],
        )
    };
    assert!(vlan(Some(0)).is_ok());
    let error = vlan(Some(4095)).unwrap_err().to_string();
    assert_eq!(
        error,
        "failed to set VLAN 4095 of NIC '02:00:c0:a8:32:11': expected 1 to 4094 for Ethernet"
    );
    // The guest sets up a P_Key.
    let infiniband = allocation(LinkLayer::Infiniband);
    assert!(
        setup(
            &request(Some(32769)),
            &infiniband,
            IdentitySetting::Auto,
            &[]
        )
        .is_ok()
    );
}

#[test]
fn the_state_saved_by_a_stale_lease_overrides_what_the_kernel_shows() {
    let lease = crate::lease::sample();
    let saved = OriginalState::Infiniband {
        node_guid: Some("00:11:22:33:44:55:66:77".parse().unwrap()),
        port_guid: None,
        link_state: Some(VfLinkState::Disable),
    };
    let stale = crate::lease::StaleLease {
        place: lease.place(),
        address: lease.address,
        lease: Some(Lease {
            original: saved.clone(),
            ..lease
        }),
        restore: true,
        domain: None,
    };
    let allocation = Allocation {
        stale: Some(stale),
        ..allocation(LinkLayer::Infiniband)
    };
    let known = [info(1, Some("00:04:aa:00:00:00:00:01"))];
    let setup = setup(&request(None), &allocation, IdentitySetting::Auto, &known).unwrap();
    assert_eq!(setup.original, saved);
}

#[test]
fn after_a_corrupt_lease_the_current_state_is_not_taken_for_the_original() {
    let lease = crate::lease::sample();
    let allocation = Allocation {
        stale: Some(crate::lease::StaleLease {
            place: lease.place(),
            address: lease.address,
            lease: None,
            restore: true,
            domain: None,
        }),
        ..allocation(LinkLayer::Ethernet)
    };
    let tagged = VfInfo {
        vlan: Some(VfVlan {
            id: 100,
            ..VfVlan::default()
        }),
        ..info(1, None)
    };
    let setup = setup(
        &request(None),
        &allocation,
        IdentitySetting::Dummy,
        &[tagged],
    )
    .unwrap();
    let none = OriginalState::Ethernet {
        mac: None,
        vlan: Some((0, 0)),
        features: EthernetFeatures::default(),
    };
    assert_eq!(setup.original, none);
}
