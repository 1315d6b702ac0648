//! A fake KVM host: a scratch root with a sysfs tree of plain files, the driver's remotes, and stand-ins for programs that need
//! hardware or a hypervisor.

mod card;
pub mod kernel;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::agent::build;
use crate::{Outcome, driver_path, write_program};
pub use card::{Layer, Pf};

/// A fake host, removed when dropped.
#[derive(Debug)]
pub struct Host {
    root: TempDir,
    pfs: Vec<Pf>,
}

/// The names of the stand-ins.
const STAND_INS: [&str; 5] = ["virsh", "ip", "sudo", "ssh", "udevadm"];

fn stand_in() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("one-sriov-tests", "host-program"))
}

impl Host {
    /// Creates a host with these cards, a lease directory, and the stand-ins.
    #[must_use]
    pub fn new(pfs: &[Pf]) -> Self {
        Self::new_in(&std::env::temp_dir(), pfs)
    }

    /// Like [`Host::new`], with all files below `directory`.
    #[must_use]
    pub fn new_in(directory: &Path, pfs: &[Pf]) -> Self {
        let host = Self {
            root: TempDir::new_in(directory).expect("a scratch root"),
            pfs: pfs.to_vec(),
        };
        for dir in [
            "sys/class/net",
            "sys/bus/pci/devices",
            "state/domains",
            "state/vfs",
        ] {
            fs::create_dir_all(host.path(dir)).expect("a directory");
        }
        for dir in ["run/netlink/link", "bin", "run/one-sriov"] {
            fs::create_dir_all(host.path(dir)).expect("a directory");
        }
        host.write(
            "/proc/sys/kernel/random/boot_id",
            "6f9619ff-8b86-d011-b42d-00c04fc964ff\n",
        );
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(host.path("/run/one-sriov"), private).expect("permissions");
        for name in STAND_INS {
            symlink(stand_in(), host.path("bin").join(name)).expect("a link");
        }
        for pf in pfs {
            pf.plug_into(&host);
        }
        // The bridge of the dummy NICs.
        fs::create_dir(host.path("/sys/class/net/sriov_br")).expect("a directory");
        host.remotes();
        host
    }

    /// Gives other users access to the host, and to copies of the stand-ins, because the checkout may be private.
    pub fn open_to_everybody(&self) {
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.root(), everybody).expect("permissions");
        for name in STAND_INS {
            let link = self.path("bin").join(name);
            fs::remove_file(&link).expect("a link");
            // Another process writes the file, so that no program that starts in the meantime inherits it open for writing.
            let mut install = Command::new("install");
            let done = install.arg(stand_in()).arg(&link).status();
            assert!(done.expect("failed to run install").success());
        }
    }

    /// Installs the driver's remotes, and stock actions of a few lines: enough to run a VM and end it.
    fn remotes(&self) {
        let stock = [
            (
                "deploy",
                "mkdir -p \"$(dirname \"$DIR$1\")\"; cat >\"$DIR$1\"\n\
                 virsh -c qemu:///system create \"$DIR$1\" >/dev/null || { echo \"Could not create domain from $1\" >&2; exit 255; }\n\
                 sed -n 's:.*<uuid>\\(.*\\)</uuid>.*:\\1:p' \"$DIR$1\" | head -n 1 | grep . || echo \"one-$3\"\n",
            ),
            (
                "cancel",
                "virsh -c qemu:///system destroy \"$1\" || { echo \"Could not destroy $1\" >&2; exit 255; }\n",
            ),
            (
                "shutdown",
                "virsh -c qemu:///system shutdown \"$1\" || { echo \"Timed out shutting down $1\" >&2; exit 255; }\n",
            ),
        ];
        for (action, body) in stock {
            self.stock(action, body);
        }
        for action in [
            "save",
            "restore",
            "migrate",
            "attach_nic",
            "detach_nic",
            "reboot",
            "poll",
        ] {
            self.stock(
                action,
                "cat >\"$DIR/state/stock-stdin\"; echo stock $0 \"$@\"\n",
            );
        }
    }

    /// Replaces a stock action with a sh script, in which `$DIR` is the host's root.
    pub fn stock(&self, action: &str, body: &str) {
        let path = self.path(format!("/var/tmp/one/vmm/kvm/{action}"));
        let dir = self.root().display();
        write_program(&path, &format!("#!/bin/sh\nDIR='{dir}'\n{body}"));
        fs::create_dir_all(self.home()).expect("a directory");
    }

    /// The scratch root.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The real path of a path of the host.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root().join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Writes a file of the host.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, text).expect("a file");
    }

    /// Reads a file of the host, if it exists.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// The directory of the driver's actions.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.path("/var/tmp/one/vmm/kvm-sriov")
    }

    /// Sets a switch of the stand-ins, such as `create-fails`.
    pub fn switch(&self, name: &str, text: &str) {
        self.write(&format!("/state/{name}"), text);
    }

    /// Removes a switch.
    pub fn switch_off(&self, name: &str) {
        fs::remove_file(self.path("state").join(name)).expect("the switch was on");
    }

    /// Sets the state of a PF's VFs for `ip` and netlink: `0 state disable`.
    pub fn set_vfs(&self, pf: &str, lines: &str) {
        self.write(&format!("/state/vfs/{pf}"), lines);
        kernel::answers(pf, &kernel::parse(lines), |path, answer| {
            self.write(path, answer);
        });
    }

    /// Prepares a program on this host, with the environment of the front-end's ssh session.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("ONE_SRIOV_ROOT", self.root())
            .env(
                "PATH",
                format!(
                    "{}:/usr/local/bin:/usr/bin:/bin",
                    self.path("bin").display()
                ),
            )
            .env("HOME", self.root())
            .current_dir(self.root());
        command
    }

    /// Prepares the driver.
    #[must_use]
    pub fn driver(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(driver_path());
        command.arg("--home").arg(self.home()).args(arguments);
        command
    }

    /// Runs an action, as the launcher does.
    #[must_use]
    pub fn action(&self, name: &str, arguments: &[&str], stdin: &str) -> Outcome {
        let mut command = self.driver(&["action", "--", name]);
        command.args(arguments);
        run(&mut command, stdin)
    }

    /// Runs the driver's program as the operator.
    #[must_use]
    pub fn operator(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.driver(arguments), "")
    }

    /// Deploys a VM with NICs on these bridges. The deployment file is where OpenNebula 6 puts it.
    #[must_use]
    pub fn deploy(&self, vm: u32, bridges: &[&str]) -> Outcome {
        self.deploy_domain(vm, &domain(vm, bridges))
    }

    /// Deploys a VM with this domain.
    #[must_use]
    pub fn deploy_domain(&self, vm: u32, domain: &str) -> Outcome {
        let file = deployment_file(vm);
        self.action("deploy", &[&file, "host", &vm.to_string(), "host"], domain)
    }

    /// Ends a VM.
    #[must_use]
    pub fn cancel(&self, vm: u32) -> Outcome {
        let name = format!("one-{vm}");
        self.action("cancel", &[&name, "host", &vm.to_string(), "host"], "")
    }

    /// Attaches a NIC with this MAC, as OpenNebula does since 5.0.
    #[must_use]
    pub fn attach(&self, vm: u32, mac: &str, bridge: &str) -> Outcome {
        let (name, id) = (format!("one-{vm}"), vm.to_string());
        let arguments = [&name, mac, bridge, "-", "dummy", "tap", &id, "host"];
        self.action("attach_nic", &arguments, "")
    }

    /// The domain of a VM, as libvirt has it, if it runs.
    #[must_use]
    pub fn domain(&self, vm: u32) -> Option<String> {
        self.read(&format!("/state/domains/one-{vm}.xml"))
    }

    /// Ends a domain as if its guest had powered off.
    pub fn power_off(&self, vm: u32) {
        let ended = self
            .command(&self.path("bin/virsh"))
            .args(["destroy", &format!("one-{vm}")])
            .status();
        assert!(ended.expect("failed to run virsh").success());
    }

    /// Starts a domain that another program owns, with these devices.
    pub fn foreign_domain(&self, name: &str, devices: &[&str]) {
        let devices: String = devices.iter().map(|device| hostdev(device)).collect();
        let text = format!(
            "<domain type='kvm'>\n<name>{name}</name>\n<devices>{devices}</devices>\n</domain>\n"
        );
        self.write(&format!("/state/domains/{name}.xml"), text);
    }

    /// The content of a lease, if it exists.
    #[must_use]
    pub fn lease(&self, place: &str) -> Option<serde_json::Value> {
        let text = self.read(&format!("/run/one-sriov/{place}"))?;
        Some(serde_json::from_str(&text).expect("a lease is JSON"))
    }

    /// The indexes of leased VFs in a pool, sorted.
    #[must_use]
    pub fn leased(&self, pool: &str) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.path("/run/one-sriov").join(pool)) else {
            return Vec::new();
        };
        let names = files.map(|file| {
            file.expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        });
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort_by_key(|name| name.parse::<u32>().expect("an index"));
        names
    }

    /// The settings of a VF: `node_guid ... state auto`.
    #[must_use]
    pub fn vf(&self, pf: &str, vf: u32) -> String {
        let text = self.read(&format!("/state/vfs/{pf}")).expect("a PF");
        let prefix = format!("{vf} ");
        let mut lines = text.lines();
        lines
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap_or_default()
            .to_owned()
    }

    /// Resets all VFs, as a boot of the host does.
    pub fn reset_cards(&self) {
        for pf in &self.pfs {
            pf.reset(self);
        }
    }

    /// The addresses of VFs that are not in their original state.
    #[must_use]
    pub fn changed_vfs(&self) -> Vec<String> {
        self.pfs.iter().flat_map(|pf| pf.changed(self)).collect()
    }

    /// The calls of the stand-ins so far.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        let text = self.read("/state/calls").unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// The path of a VM's deployment file.
#[must_use]
pub fn deployment_file(vm: u32) -> String {
    format!("/var/lib/one//datastores/0/{vm}/deployment.0")
}

/// A domain as OpenNebula 6 sends it, with NICs on these bridges.
///
/// NIC `n` of VM `v` has the MAC `02:00:c0:a8:<v>:<n + 1>`.
#[must_use]
pub fn domain(vm: u32, bridges: &[&str]) -> String {
    let nic = |(nth, bridge): (usize, &&str)| {
        format!(
            "\t\t<interface type='bridge'>\n\t\t\t<source bridge='{bridge}'/>\n\
             \t\t\t<mac address='{}'/>\n\t\t\t<target dev='one-{vm}-{nth}'/>\n\t\t</interface>\n",
            mac(vm, nth)
        )
    };
    let nics: String = bridges.iter().enumerate().map(nic).collect();
    format!(
        "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n\
         \t<name>one-{vm}</name>\n\
         \t<uuid>00000000-0000-4000-a000-{vm:012x}</uuid>\n\
         \t<vcpu><![CDATA[1]]></vcpu>\n\t<memory>262144</memory>\n\
         \t<os>\n\t\t<type arch='x86_64'>hvm</type>\n\t</os>\n\
         \t<devices>\n{nics}\t</devices>\n</domain>\n\n"
    )
}

/// The MAC of a NIC of [`domain`]. Its address part is `192.168.0.0` plus `vm * 256 + nth + 1`, which is unique.
#[must_use]
pub fn mac(vm: u32, nth: usize) -> String {
    let nth = u8::try_from(nth + 1).expect("too many NICs");
    let own = vm
        .checked_mul(256)
        .and_then(|own| own.checked_add(0xc0a8_0000));
    let [a, b, c, _] = own.expect("an address").to_be_bytes();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{nth:02x}")
}

/// A PCI NIC for the VM's document, with this device and further attributes: `PCI_ID` `nth`, MAC
/// `02:00:c0:a8:<vm>:<200 + nth>`, network 4.
#[must_use]
pub fn pci_nic(vm: u32, nth: u8, device: &str, attributes: &str) -> String {
    let (front, function) = device.rsplit_once('.').expect("a function");
    format!(
        "<PCI><ADDRESS><![CDATA[{front}:{function}]]></ADDRESS><MAC><![CDATA[02:00:c0:a8:{vm:02x}:{:02x}]]></MAC>\
         <NETWORK_ID><![CDATA[4]]></NETWORK_ID><PCI_ID><![CDATA[{nth}]]></PCI_ID><TYPE><![CDATA[NIC]]></TYPE>\
         {attributes}</PCI>",
        200 + nth
    )
}

/// A `<hostdev>` element for a device of the host.
#[must_use]
pub fn hostdev(device: &str) -> String {
    let (domain, rest) = device.split_once(':').expect("a domain");
    let (bus, rest) = rest.split_once(':').expect("a bus");
    let (slot, function) = rest.split_once('.').expect("a slot");
    format!(
        "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x{domain}' \
         bus='0x{bus}' slot='0x{slot}' function='0x{function}'/></source></hostdev>"
    )
}

/// Runs a program with this standard input, which the program may ignore.
pub fn run(command: &mut Command, stdin: &str) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(stdin.as_bytes());
    child.wait_with_output().expect("the program ends").into()
}
