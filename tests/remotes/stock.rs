//! The stand-ins for the stock driver, on which other tests rely.

use one_sriov_tests::{Call, FrontEnd, Host, Recorded, Release, Stdin, Stock};

const RELEASES: [(&str, Release); 4] = [
    ("5.4", Release::V5_4),
    ("5.12", Release::V5_12),
    ("6.10", Release::V6_10),
    ("7.5", Release::Head),
];

#[test]
fn the_stand_ins_record_every_call_byte_for_byte() {
    for recorded in Recorded::all() {
        let known = RELEASES.iter().find(|(name, _)| *name == recorded.release);
        let Some((_, release)) = known else { continue };
        let host = Host::default();
        let calls = host.path("calls");
        let stock = Stock::install(&host.remotes(), &calls, *release, "test:///default");
        stock.set(&recorded.action, "echo done");
        let frontend = FrontEnd::new(*release, &host.remotes(), &host.home()).with_driver("kvm");
        let answer = frontend
            .replay(&recorded.action, &recorded.arguments, recorded.document())
            .answer();
        assert_eq!(answer.info, "done", "{recorded:?}: {answer:?}");
        let stdin = match release.stdin(&recorded.action) {
            Stdin::Document => recorded.stdin.unwrap().into_bytes(),
            Stdin::Stream | Stdin::Empty => Vec::new(),
        };
        let arguments = recorded.arguments.iter();
        let expected = Call {
            action: recorded.action,
            arguments: arguments.map(|text| text.as_bytes().to_vec()).collect(),
            stdin,
        };
        assert_eq!(stock.calls(), [expected]);
    }
}

#[test]
fn the_stand_ins_do_not_read_from_a_stream() {
    let host = Host::default();
    let stock = Stock::install(
        &host.remotes(),
        &host.path("calls"),
        Release::V4_14,
        "test:///default",
    );
    stock.set("save", "");
    let frontend = FrontEnd::new(Release::V4_14, &host.remotes(), &host.home()).with_driver("kvm");
    let reply = frontend.run("save", &["one-7", "/c", "node1"], 7, "");
    assert!(reply.answer().success);
    assert!(stock.calls()[0].stdin.is_empty());
}

#[test]
fn deploy_runs_virsh_and_fails_with_the_message_of_the_release() {
    let domain = "<domain type='test'><name>one-7</name><memory>1024</memory>\
        <os><type>hvm</type></os></domain>";
    for release in [
        Release::V4_0,
        Release::V4_14,
        Release::V5_4,
        Release::V6_10,
        Release::Head,
    ] {
        let host = Host::default();
        let stock = Stock::install(
            &host.remotes(),
            &host.path("calls"),
            release,
            "test:///default",
        );
        let frontend = FrontEnd::new(release, &host.remotes(), &host.home()).with_driver("kvm");
        let file = host.path("7/deployment.0").display().to_string();
        let deploy = |domain: &str| {
            let reply = frontend.run("deploy", &[&file, "node1"], 7, domain);
            reply.answer()
        };
        if !release.deploys_by_uuid() {
            // libvirt's test driver drops the domain with the connection, so its UUID can't be queried later.
            let answer = deploy(domain);
            assert_eq!(answer.deploy_id.as_deref(), Some("one-7"), "{answer:?}");
        }
        let answer = deploy("<domain/>");
        assert!(!answer.success, "{release}: {answer:?}");
        let message = format!("Could not create domain from {file}");
        assert!(answer.info.contains(&message), "{release}: {answer:?}");
        stock.fail("cancel", "no");
        let info = frontend
            .run("cancel", &["one-7", "node1"], 7, "")
            .answer()
            .info;
        assert!(info.starts_with("no"), "{release}: {info}");
        let written = std::fs::read_to_string(&file).unwrap();
        assert_eq!(written, "<domain/>\n", "{release}");
    }
}
