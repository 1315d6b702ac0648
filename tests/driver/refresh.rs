//! When a VF was allocated or released, OpenNebula's monitoring client gets a signal; no other process does.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::chown;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use one_sriov_tests::host::{Host, Pf};

use crate::migrate;

const PID_FILE: &str = "/var/tmp/one_db/.monitor_client.pid";

/// Prints a line for each signal. Pending signals are handled in the order of their numbers.
const SCRIPT: &str = "trap 'echo probes' USR1\ntrap 'kill $!; echo end; exit' TERM\necho ready\n\
     while :; do sleep 1000 & wait $!; kill $! 2>/dev/null; done\n";

fn host() -> Host {
    Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)])
}

/// A process that runs [`SCRIPT`], started as OpenNebula starts its client.
struct Client {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Client {
    fn start(host: &Host, interpreter: &str, program: &str, starter: &[&str]) -> Self {
        let script = format!("/var/tmp/one/im/kvm.d/{program}");
        host.write(&script, SCRIPT);
        let shell = format!(
            "exec -a '{interpreter}' bash '{}' kvm",
            host.path(&script).display()
        );
        let words = [starter, &["bash", "-c", &shell]].concat();
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        host.write(PID_FILE, child.id().to_string());
        Self { child, lines }
    }

    fn of_opennebula(host: &Host) -> Self {
        Self::start(host, "ruby", "monitord-client.rb", &["setsid"])
    }

    /// Ends the process. Returns how many times it was asked to run the probes.
    fn end(mut self) -> usize {
        kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        )
        .unwrap();
        let lines: Vec<String> = self.lines.lines().map(Result::unwrap).collect();
        assert_eq!(lines.last().map(String::as_str), Some("end"), "{lines:?}");
        self.child.wait().unwrap();
        lines.len() - 1
    }
}

#[test]
fn allocations_and_releases_are_signaled_at_once() {
    let host = host();
    let mut client = Client::of_opennebula(&host);
    let mut next_line = || {
        let mut line = String::new();
        client.lines.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(next_line(), "probes\n");
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(next_line(), "probes\n");
    assert_eq!(host.deploy(8, &["sriov_ib0", "sriov_ib0"]).code, 0);
    assert_eq!(next_line(), "probes\n");
    // The scheduler chose this host because of old numbers.
    assert_eq!(host.deploy(9, &["sriov_ib0"]).code, 1);
    assert_eq!(next_line(), "probes\n");
    host.power_off(8);
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(next_line(), "probes\n");
    assert_eq!(client.end(), 0);
}

#[test]
fn both_hosts_of_a_migration_signal_their_clients() {
    let (first, second) = migrate::hosts();
    let clients = [&first, &second].map(Client::of_opennebula);
    let moved = migrate::migrate(&first);
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert_eq!(clients.map(Client::end), [1, 1]);
}

#[test]
fn no_signal_is_sent_if_no_vf_is_allocated_or_released() {
    let host = host();
    let client = Client::of_opennebula(&host);
    host.stock("deploy", "cat >/dev/null; echo one-7\n");
    assert_eq!(host.deploy(7, &["br0"]).code, 0);
    assert_eq!(host.cancel(8).code, 255);
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    // The client itself runs the probe.
    assert_eq!(host.operator(&["probe"]).code, 0);
    assert_eq!(client.end(), 0);
}

#[test]
fn a_process_that_is_not_the_client_gets_no_signal() {
    let nobody = ["setpriv", "--reuid", "65534", "--clear-groups", "setsid"];
    let table: [(&str, &str, &[&str]); 4] = [
        // Until it leads a session, the client has no signal handler.
        ("ruby", "monitord-client.rb", &["env"]),
        ("ruby", "another.rb", &["setsid"]),
        ("perl", "monitord-client.rb", &["setsid"]),
        ("ruby", "monitord-client.rb", &nobody),
    ];
    for (interpreter, program, starter) in table {
        let host = host();
        // bash runs as another user, who must be able to read its script.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(host.root(), mode).unwrap();
        let client = Client::start(&host, interpreter, program, starter);
        assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
        assert_eq!(client.end(), 0, "{interpreter} {program} {starter:?}");
    }
}

#[test]
fn an_untrusted_or_invalid_pid_file_is_ignored() {
    let host = host();
    let client = Client::of_opennebula(&host);
    chown(host.path(PID_FILE), Some(65534), None).unwrap();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    std::fs::remove_file(host.path(PID_FILE)).unwrap();
    // A FIFO without a writer, which must not be waited for.
    nix::unistd::mkfifo(&host.path(PID_FILE), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(host.cancel(7).code, 0);
    std::fs::remove_file(host.path(PID_FILE)).unwrap();
    for text in ["", "0", "-1", "99999999999", "one"] {
        host.write(PID_FILE, text);
        assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0, "{text}");
        assert_eq!(host.cancel(7).code, 0, "{text}");
    }
    assert_eq!(client.end(), 0);
}
