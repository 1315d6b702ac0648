//! Real libvirt accepts the edited domains, and the driver reads its output.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod samples;

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use one_sriov_driver::libvirt::Libvirt;
use one_sriov_driver::libvirt::read_dumps;
use samples::{edited, samples, vf};
use tempfile::TempDir;

fn run(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!("failed to run {command:?} ('make setup' installs it): {error}")
        })
}

/// Replaces parts of a domain that only OpenNebula's hosts have.
fn for_this_machine(text: &str) -> String {
    let emulators = [
        "/usr/bin/qemu-kvm-one",
        "/usr/bin/kvm",
        "/usr/libexec/qemu-kvm",
    ];
    let mut text = text.replace("<domain type='kvm'", "<domain type='qemu'");
    for emulator in emulators {
        text = text.replace(emulator, "/usr/bin/qemu-system-x86_64");
    }
    // Without KVM, the host's CPU cannot be passed through.
    text = text.replace(
        "<cpu mode='host-passthrough'>",
        "<cpu mode='custom'><model>qemu64</model>",
    );
    text.replace("<cpu mode='host-passthrough'/>", "")
}

/// A separate session libvirtd with its own home, because root's would use the directories of this machine.
struct Libvirtd {
    child: Child,
    dir: TempDir,
}

const NOBODY: u32 = 65534;

impl Libvirtd {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let mut command = Command::new("/usr/sbin/libvirtd");
        let is_root = nix::unistd::geteuid().is_root();
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
            chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        for (variable, name) in [
            ("HOME", "home"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
        ] {
            let path = dir.path().join(name);
            fs::create_dir(&path).unwrap();
            if is_root {
                chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            command.env(variable, path);
        }
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let child = command
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("failed to start libvirtd ('make setup' installs it)");
        let mut libvirtd = Self { child, dir };
        let start = Instant::now();
        while UnixStream::connect(libvirtd.socket()).is_err() {
            let log = fs::read_to_string(libvirtd.dir.path().join("log")).unwrap();
            assert!(
                libvirtd.child.try_wait().unwrap().is_none(),
                "libvirtd has ended: {log}"
            );
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "libvirtd does not listen: {log}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        libvirtd
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("run/libvirt/libvirt-sock")
    }

    fn uri(&self) -> String {
        format!("qemu+unix:///session?socket={}", self.socket().display())
    }
}

impl Drop for Libvirtd {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn virsh(uri: &str, commands: &str) -> Output {
    run(Command::new("virsh")
        .args(["-q", "-c", uri, commands])
        .env("LC_ALL", "C"))
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(format!("{name}.xml"));
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_real_libvirtd_accepts_every_edited_domain() {
    let libvirtd = Libvirtd::start();
    let dir = TempDir::new().unwrap();
    for (name, text) in samples() {
        let (edited, count) = edited(&for_this_machine(&text));
        let before = write(
            dir.path(),
            &format!("{name}-before"),
            &for_this_machine(&text),
        );
        let after = write(dir.path(), &name, &edited);
        let id = edited.split("<name>").nth(1).unwrap();
        let id = id.split("</name>").next().unwrap();
        let define = |path: &Path| {
            let defined = virsh(&libvirtd.uri(), &format!("define {}", path.display()));
            let dumped = virsh(&libvirtd.uri(), &format!("dumpxml {id}"));
            let complaint = String::from_utf8_lossy(&defined.stderr).into_owned();
            virsh(&libvirtd.uri(), &format!("undefine {id} --nvram"));
            (defined.status.success(), complaint, dumped.stdout)
        };
        let (is_taken, complaint, _) = define(&before);
        assert!(is_taken, "{name} as it was recorded: {complaint}");
        let (is_taken, complaint, dump) = define(&after);
        assert!(is_taken, "{name}: {complaint}\n{edited}");
        let domains = read_dumps(&dump).unwrap();
        assert_eq!((domains.len(), domains[0].name.as_str()), (1, id), "{name}");
        let devices: Vec<_> = (0..count).map(vf).collect();
        let ours = |device: &&hwaddr::PciAddress| device.domain() == 1;
        let held: Vec<_> = domains[0].devices.iter().filter(ours).copied().collect();
        let mut sorted = held.clone();
        sorted.sort();
        assert_eq!(sorted, devices, "{name}");
        let dump = String::from_utf8_lossy(&dump);
        assert_eq!(
            dump.matches("<link state='down'/>").count(),
            count.div_ceil(2),
            "{name}"
        );
    }
}

#[test]
fn edited_domains_have_no_more_schema_errors_than_the_recorded_ones() {
    let dir = TempDir::new().unwrap();
    let complaints = |name: &str, text: &str| {
        let path = write(dir.path(), name, text);
        let validated = run(Command::new("virt-xml-validate").arg(&path).arg("domain"));
        let text = String::from_utf8_lossy(&validated.stderr).into_owned();
        // Without line numbers, which differ in the edited one.
        let line = |line: &str| line.split(": ").skip(1).collect::<Vec<_>>().join(": ");
        let mut lines: Vec<_> = text.lines().map(line).collect();
        lines.sort();
        (validated.status.success(), lines)
    };
    let mut valid = 0;
    for (name, text) in samples() {
        let before = complaints("before", &text);
        let after = complaints("after", &edited(&text).0);
        if before.0 {
            assert!(after.0, "{name}: {:?}", after.1);
            valid += 1;
        } else {
            assert_eq!(before.1.len(), after.1.len(), "{name}: {:?}", after.1);
        }
    }
    assert!(
        valid > 10,
        "only {valid} of the recorded domains are valid themselves"
    );
}

#[test]
fn libvirts_documents_of_running_domains_are_read() {
    let dir = TempDir::new().unwrap();
    let mut node = String::from("<node>\n");
    let mut expected = Vec::new();
    for (nth, (name, text)) in samples().into_iter().enumerate() {
        let (edited, count) = edited(&text);
        let uuid = format!("00000000-0000-4000-8000-{nth:012}");
        let id = edited
            .split("<name>")
            .nth(1)
            .unwrap()
            .split("</name>")
            .next()
            .unwrap()
            .to_owned();
        let head = format!("<name>one-{}</name>\n<uuid>{uuid}</uuid>", 1000 + nth);
        let plain = edited
            .replace(&format!("<name>{id}</name>"), &head)
            .replace("type='kvm'", "type='test'");
        // The domain's original UUID is after the title.
        let mut lines: Vec<&str> = plain.lines().collect();
        let uuids: Vec<usize> = (0..lines.len())
            .filter(|nth| lines[*nth].contains("<uuid>"))
            .collect();
        for extra in uuids.iter().skip(1).rev() {
            lines.remove(*extra);
        }
        // libvirt's test driver does not support firmware, USB, or other machine types.
        let lines: Vec<String> = lines
            .iter()
            .filter(|line| {
                !["<loader", "<nvram", "<emulator", "redirdev"]
                    .iter()
                    .any(|tag| line.contains(tag))
            })
            .map(|line| line.replace("arch='x86_64' machine='q35'", "arch='x86_64'"))
            .collect();
        let path = write(dir.path(), &name, &lines.join("\n"));
        node.push_str(&format!("<domain file='{}'/>\n", path.display()));
        expected.push((format!("one-{}", 1000 + nth), uuid, count));
    }
    node.push_str("</node>\n");
    let node = write(dir.path(), "node", &node);
    let uri = format!("test://{}", node.display());
    let running = Libvirt::new(&uri, Duration::from_secs(60))
        .running()
        .unwrap();
    assert_eq!(running.domains().len(), expected.len());
    for (name, uuid, count) in expected {
        let domain = running
            .domains()
            .iter()
            .find(|domain| domain.name == name)
            .unwrap();
        assert_eq!(domain.uuid, uuid);
        let ours = domain.devices.iter().filter(|device| device.domain() == 1);
        assert_eq!(ours.count(), count, "{name}");
        assert!(running.runs(name[4..].parse().unwrap()));
    }
}

#[test]
fn an_unreachable_libvirt_is_reported() {
    let libvirt = Libvirt::new(
        "qemu+unix:///system?socket=/nowhere",
        Duration::from_secs(20),
    );
    let error = libvirt.running().unwrap_err().to_string();
    let expected = "failed to query libvirt at 'qemu+unix:///system?socket=/nowhere': Failed to connect socket to '/nowhere': ";
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(error.lines().count(), 1);
}
