//! The front-ends of all releases call the driver through the shims, each with its own protocol.

use one_sriov_tests::host::{Host, Pf, deployment_file, domain};
use one_sriov_tests::{
    Answer, FrontEnd, Recorded, Release, Stdin, Stock, driver_path, install_remotes,
};

/// A front-end of a release, and its host with the stock driver and this driver.
struct Cloud {
    host: Host,
    stock: Stock,
    frontend: FrontEnd,
    release: Release,
}

impl Cloud {
    fn new(release: Release) -> Self {
        let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
        let remotes = host.path("/var/tmp/one");
        std::fs::remove_dir_all(&remotes).unwrap();
        let arch = std::env::consts::ARCH;
        install_remotes(&remotes, "1.0.0", &[(arch, driver_path())]);
        let calls = host.path("/calls");
        let stock = Stock::install(&remotes, &calls, release, "qemu:///system");
        let virsh = host.path("bin/virsh").display().to_string();
        let file = host.path("/state").display().to_string();
        let id = if release.deploys_by_uuid() {
            format!("{virsh} domuuid one-$3 | head -n 1")
        } else {
            "echo one-$3".to_owned()
        };
        stock.set(
            "deploy",
            &format!(
                "cp \"$call/stdin\" {file}/one-$3\n\
                 {virsh} create {file}/one-$3 >/dev/null || {{ error_message \"Could not create domain from $1\"; exit 255; }}\n{id}"
            ),
        );
        for action in ["cancel", "shutdown"] {
            stock.set(action, &format!("{virsh} destroy $1 >/dev/null || {{ error_message \"Could not destroy $1\"; exit 255; }}"));
        }
        let home = host.path("/var/lib/one");
        std::fs::create_dir_all(&home).unwrap();
        let frontend = FrontEnd::new(release, &remotes, &home)
            .with_env("ONE_SRIOV_ROOT", &host.root().display().to_string())
            .with_path(&host.path("bin"));
        Self {
            host,
            stock,
            frontend,
            release,
        }
    }

    fn deploy(&self, vm: u32, bridges: &[&str]) -> Answer {
        let file = deployment_file(vm);
        let document = domain(vm, bridges);
        // The front-end adds a newline to every document.
        let document = document.trim_end();
        self.frontend
            .run("deploy", &[&file, "node1"], vm, document)
            .answer()
    }

    fn assert_refused(&self, answer: &Answer, message: &str) {
        let release = self.release;
        assert!(!answer.success, "{release}: {answer:?}");
        assert!(
            answer.info.trim_start().starts_with(message),
            "{release}: {answer:?}"
        );
    }
}

#[test]
fn every_release_gets_its_deploy_id_and_the_vms_log() {
    for release in Release::ALL {
        let cloud = Cloud::new(release);
        let deployed = cloud.deploy(7, &["br0", "sriov_ib0"]);
        assert!(deployed.success, "{release}: {deployed:?}");
        let expected = if release.deploys_by_uuid() {
            "00000000-0000-4000-a000-000000000007"
        } else {
            "one-7"
        };
        assert_eq!(deployed.deploy_id.as_deref(), Some(expected), "{release}");
        let line = "NIC '02:00:c0:a8:07:02' is VF 'ib0/0' (0000:81:00.1), position 0";
        let is_logged = deployed.log.iter().any(|(_, text)| text.contains(line));
        assert!(is_logged, "{release}: {deployed:?}");
        let lease = cloud.host.lease("ib0/0").unwrap();
        assert_eq!(lease["deploy_id"], expected, "{release}");
        // The stock action gets the edited domain.
        let call = cloud.stock.calls().pop().unwrap();
        assert_eq!((call.action.as_str(), call.arguments.len()), ("deploy", 4));
        assert_eq!(
            String::from_utf8(call.stdin).unwrap(),
            cloud.host.domain(7).unwrap()
        );
    }
}

#[test]
fn every_release_reports_the_cause_first() {
    for release in Release::ALL {
        let cloud = Cloud::new(release);
        assert!(
            cloud.deploy(7, &["sriov_ib0", "sriov_ib0"]).success,
            "{release}"
        );
        let full = cloud.deploy(8, &["sriov_ib0"]);
        let message =
            "failed to find a free VF in pool 'ib0': 2 of 2 in use; use another host (VM 7: 2)";
        cloud.assert_refused(&full, message);
        // Since 7.0 the user sees only the first hundred characters.
        assert!(message.len() < 100);
    }
}

#[test]
fn every_release_gets_the_stock_actions_own_error() {
    for release in Release::ALL {
        let cloud = Cloud::new(release);
        cloud.stock.fail("deploy", "Could not create domain from x");
        let failed = cloud.deploy(7, &["sriov_ib0"]);
        cloud.assert_refused(&failed, "Could not create domain from x");
        assert_eq!(cloud.host.leased("ib0"), [""; 0], "{release}");
        // The message is the same without a VF.
        cloud.assert_refused(&cloud.deploy(7, &["br0"]), "Could not create domain from x");
    }
}

#[test]
fn a_stock_action_that_omits_the_last_newline_does_not_hang_the_front_end() {
    for release in Release::ALL {
        let cloud = Cloud::new(release);
        cloud.stock.set("deploy", "printf 'no newline' >&2; exit 3");
        assert!(!cloud.deploy(7, &["sriov_ib0"]).success, "{release}");
    }
}

#[test]
fn ending_a_vm_releases_its_vf_on_every_release() {
    for release in Release::ALL {
        for action in ["cancel", "shutdown"] {
            let cloud = Cloud::new(release);
            assert!(cloud.deploy(7, &["sriov_ib0"]).success, "{release}");
            let ended =
                cloud
                    .frontend
                    .run(action, &["one-7", "node1"], 7, "<VMM_DRIVER_ACTION_DATA/>");
            let ended = ended.answer();
            assert!(ended.success, "{release}: {ended:?}");
            assert_eq!(cloud.host.leased("ib0"), [""; 0], "{release} {action}");
            let call = cloud.stock.calls().pop().unwrap();
            let expected = match release.stdin(action) {
                Stdin::Document => "<VMM_DRIVER_ACTION_DATA/>\n",
                // The driver must not read the stream, which contains other commands.
                Stdin::Stream | Stdin::Empty => "",
            };
            assert_eq!(
                String::from_utf8_lossy(&call.stdin),
                expected,
                "{release} {action}"
            );
        }
    }
}

#[test]
fn failed_actions_are_reported_in_the_format_of_every_release() {
    for release in Release::ALL {
        let cloud = Cloud::new(release);
        assert!(cloud.deploy(7, &["sriov_ib0"]).success, "{release}");
        let run = |action, parameters: &[&str]| {
            cloud
                .frontend
                .run(action, parameters, 7, "<VMM_DRIVER_ACTION_DATA/>")
                .answer()
        };
        let calls = cloud.stock.calls().len();
        let moved = run("migrate", &["one-7", "node2", "node1"]);
        cloud.assert_refused(
            &moved,
            "failed to migrate VM 7 to 'node2': ssh: connect to host node2 port 22: No route to host",
        );
        cloud
            .host
            .switch("attach-fails", "<hostdev\nNo more available PCI slots");
        let attached = run(
            "attach_nic",
            &["one-7", "02:00:c0:a8:07:09", "sriov_ib0", "-"],
        );
        cloud.assert_refused(&attached, "failed to attach NIC '02:00:c0:a8:07:09': ");
        cloud.host.switch("guest-keeps-devices", "");
        cloud.host.write("/etc/one-sriov/kvmrc", "UNPLUG_WAIT=0\n");
        let detached = run("detach_nic", &["one-7", "02:00:c0:a8:07:01"]);
        cloud.assert_refused(
            &detached,
            "failed to detach NIC '02:00:c0:a8:07:01': the guest has not released VF 'ib0/0'",
        );
        let saved = run("save", &["one-7", "/checkpoint", "node1"]);
        cloud.assert_refused(
            &saved,
            "failed to save VM 7: the guest has not released VF 'ib0/0'",
        );
        assert_eq!(cloud.stock.calls().len(), calls, "{release}");
    }
}

#[test]
fn recorded_calls_reach_the_stock_driver_unchanged() {
    let releases = [
        ("4.0", Release::V4_0),
        ("4.14", Release::V4_14),
        ("5.4", Release::V5_4),
        ("5.12", Release::V5_12),
        ("6.10", Release::V6_10),
        ("7.5", Release::Head),
    ];
    let mut passed = 0;
    for recorded in Recorded::all() {
        let (_, release) = releases
            .into_iter()
            .find(|(name, _)| *name == recorded.release)
            .unwrap();
        let is_ours = recorded.action == "deploy"
            || recorded.action == "migrate_local"
            || recorded
                .arguments
                .iter()
                .any(|argument| argument.starts_with("sriov_"));
        if is_ours || !release.actions().contains(&recorded.action.as_str()) {
            continue;
        }
        let cloud = Cloud::new(release);
        std::fs::remove_dir_all(cloud.host.path("/run/one-sriov")).unwrap();
        cloud.stock.set(&recorded.action, "");
        let _ = cloud
            .frontend
            .replay(&recorded.action, &recorded.arguments, recorded.document())
            .answer();
        let call = cloud.stock.calls().pop().unwrap();
        let arguments: Vec<String> = call
            .arguments
            .into_iter()
            .map(|a| String::from_utf8(a).unwrap())
            .collect();
        assert_eq!(
            arguments, recorded.arguments,
            "{} {}",
            recorded.release, recorded.action
        );
        if let (Stdin::Document, Some(stdin)) = (release.stdin(&recorded.action), &recorded.stdin) {
            assert_eq!(
                String::from_utf8_lossy(&call.stdin),
                *stdin,
                "{} {}",
                recorded.release,
                recorded.action
            );
        }
        assert_eq!(
            cloud.host.calls(),
            [""; 0],
            "{} {}",
            recorded.release,
            recorded.action
        );
        passed += 1;
    }
    assert!(passed > 40, "only {passed} calls are recorded");
}

#[test]
fn shell_syntax_in_a_title_is_not_executed() {
    for release in Release::ALL {
        let cloud = Cloud::new(release);
        // In older releases a shell has already expanded the document, so commands are left out.
        let title = if release.quotes_documents() {
            "$(touch leak) `touch leak`"
        } else {
            "quo'te \"x\""
        };
        let document =
            domain(7, &["sriov_ib0"]).replace("<vcpu>", &format!("<title>{title}</title><vcpu>"));
        let file = deployment_file(7);
        let deployed = cloud
            .frontend
            .run("deploy", &[&file, "node1"], 7, document.trim_end())
            .answer();
        assert!(deployed.success, "{release}: {deployed:?}");
        assert!(
            cloud
                .host
                .domain(7)
                .unwrap()
                .contains(&format!("<title>{title}</title>")),
            "{release}"
        );
        assert!(!cloud.host.path("/var/lib/one/leak").exists(), "{release}");
    }
}
