//! A machine that QEMU emulates: the host, or a guest without VFs.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::images::Images;
use crate::report::Failure;
use crate::shell::Shell;

/// The kernel command line of all machines: mitigations are not needed here, nor is a watchdog with an emulated clock.
pub(crate) const KERNEL_WORDS: &str = "console=ttyS0 root=/dev/vda mitigations=off nokaslr audit=0 systemd.show_status=0 loglevel=5 tsc=reliable \
     random.trust_cpu=on";

/// A running machine, which is killed when dropped.
pub(crate) struct Machine {
    name: String,
    qemu: Child,
    /// The output of its serial port.
    console: PathBuf,
    /// The output of QEMU itself.
    log: PathBuf,
    socket: PathBuf,
    monitor: PathBuf,
}

/// How much of the end of a console to print if a machine does not boot.
const LAST_WORDS: usize = 2000;

impl Machine {
    /// Boots a machine with its files in a directory. It does not outlive the calling thread.
    ///
    /// QEMU is that of the host's root, with its libraries: it has the emulated cards, which this machine's QEMU may lack.
    pub(crate) fn boot(
        name: &str,
        images: &Images,
        directory: &Path,
        kernel_words: &str,
        arguments: &[String],
    ) -> Result<Self, Failure> {
        let root = images.host_root.path.join("root");
        let libraries = root.join("usr/lib/x86_64-linux-gnu");
        let console = directory.join(format!("{name}.console"));
        let socket = directory.join(format!("{name}.sock"));
        let log = directory.join(format!("{name}.qemu"));
        let log_file = File::create(&log).map_err(|error| Failure::of("make", &log, &error))?;
        let port = format!("socket,id=lab,path={},server=on,wait=off", socket.display());
        let monitor = directory.join(format!("{name}.monitor"));
        let monitor_port = format!("unix:{},server=on,wait=off", monitor.display());
        // It ends with the lab.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(root.join("lib64/ld-linux-x86-64.so.2"))
            .arg("--library-path")
            .arg(&libraries)
            .arg(root.join("usr/bin/qemu-system-x86_64"))
            .arg("-L")
            .arg(root.join("usr/share/qemu"))
            .arg("-L")
            .arg(root.join("usr/share/seabios"))
            .env("QEMU_MODULE_DIR", libraries.join("qemu"))
            .args([
                "-name",
                name,
                "-cpu",
                "max",
                "-display",
                "none",
                "-vga",
                "none",
                "-no-user-config",
            ])
            .args(["-accel", "tcg,thread=multi,tb-size=1024"])
            .arg("-kernel")
            .arg(images.boot.path.join("vmlinux"))
            .arg("-initrd")
            .arg(images.boot.path.join("initrd"))
            .args(["-append", &format!("{KERNEL_WORDS} {kernel_words}")])
            .args(["-monitor", &monitor_port])
            .args(["-device", "virtio-serial-pci", "-chardev", &port])
            .args(["-device", "virtserialport,chardev=lab,name=lab"])
            .args(["-device", "virtio-rng-pci"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file);
        let qemu = command
            .spawn()
            .map_err(|error| Failure::new(format!("failed to run QEMU: {error}")))?;
        let mut machine = Self {
            name: name.to_owned(),
            qemu,
            console,
            log,
            socket,
            monitor,
        };
        machine.wait_for_socket()?;
        Ok(machine)
    }

    fn wait_for_socket(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.socket.exists() {
            if matches!(self.qemu.try_wait(), Ok(Some(_))) || Instant::now() > deadline {
                return Err(Failure::new(format!(
                    "'{}' does not start: {}",
                    self.name,
                    self.last_words()
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Its shell, of which there can be only one at a time.
    pub(crate) fn shell(&self) -> Result<Shell, Failure> {
        Shell::at(&self.name, &self.socket)
    }

    /// The emulator's view of its processors, for a machine that does not answer.
    pub(crate) fn processors(&self) -> String {
        let asked = "info registers -a\ninfo lapic 0\n";
        let mut told = Vec::new();
        let outcome = UnixStream::connect(&self.monitor).and_then(|mut monitor| {
            // It does not hang up, so read until no more output comes.
            monitor.set_read_timeout(Some(Duration::from_secs(2)))?;
            monitor.write_all(asked.as_bytes())?;
            monitor.read_to_end(&mut told)
        });
        match outcome {
            Err(error) if told.is_empty() => format!("the emulator does not answer: {error}"),
            _ => String::from_utf8_lossy(&told).into_owned(),
        }
    }

    /// Saves the output of its serial port and of QEMU.
    pub(crate) fn keep_evidence(&self, directory: &Path) {
        for file in [&self.console, &self.log] {
            if let Some(name) = file.file_name() {
                let _ = fs::copy(file, directory.join(name));
            }
        }
    }

    /// The output of QEMU, and the end of the console.
    pub(crate) fn last_words(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let console = fs::read(&self.console).unwrap_or_default();
        let end = &console[console.len().saturating_sub(LAST_WORDS)..];
        // Without control characters for a terminal.
        let is_text = |letter: &char| !letter.is_control() || *letter == '\n';
        let end: String = String::from_utf8_lossy(end)
            .chars()
            .filter(is_text)
            .collect();
        format!("{said}{end}")
    }

    /// Waits until it has powered itself off.
    pub(crate) fn wait(&mut self, seconds: u64) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            match self.qemu.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => {
                    return Err(Failure::new(format!(
                        "QEMU of '{}' ended with {status}: {}",
                        self.name,
                        self.last_words()
                    )));
                }
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                _ => {
                    return Err(Failure::new(format!(
                        "'{}' still runs after {seconds} s",
                        self.name
                    )));
                }
            }
        }
    }

    /// Cuts its power.
    pub(crate) fn kill(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        let _ = fs::remove_file(&self.socket);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A disk with an overlay for the machine's writes.
pub(crate) fn overlay(
    images: &Images,
    base: &Path,
    format: &str,
    file: &Path,
) -> Result<(), Failure> {
    let root = images.host_root.path.join("root");
    let output = Command::new(root.join("lib64/ld-linux-x86-64.so.2"))
        .arg("--library-path")
        .arg(root.join("usr/lib/x86_64-linux-gnu"))
        .arg(root.join("usr/bin/qemu-img"))
        .args(["create", "-q", "-f", "qcow2", "-F", format, "-b"])
        .arg(base)
        .arg(file)
        .output()
        .map_err(|error| Failure::new(format!("failed to run qemu-img: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::new(format!(
        "failed to make '{}': {said}",
        file.display()
    )))
}
