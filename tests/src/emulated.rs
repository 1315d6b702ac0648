//! A small guest in QEMU: the distribution's kernel, busybox, and one script. Its kernel has modules that this machine may lack.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{copy_program, said};

/// Debian's kernel for cloud guests: the metapackage that depends on the latest version.
pub const CLOUD_KERNEL: &str = "linux-image-cloud-amd64";
/// Debian's kernel for all machines.
pub const KERNEL: &str = "linux-image-amd64";

/// A guest that has not booted yet.
#[derive(Debug)]
pub struct EmulatedGuest {
    directory: TempDir,
    kernel: PathBuf,
}

impl EmulatedGuest {
    /// Prepares a guest with these modules of a kernel.
    #[must_use]
    pub fn new(kernel: &str, modules: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        let kernel = install_kernel(directory.path(), &root, kernel, modules);
        let guest = Self { directory, kernel };
        guest.program(Path::new("/bin/busybox"));
        guest
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Adds a program of this machine, with its libraries.
    pub fn program(&self, program: &Path) {
        let name = program.file_name().unwrap();
        copy_program(program, &self.root().join("bin").join(name));
    }

    /// Adds a file.
    pub fn file(&self, name: &str, text: &str) {
        fs::write(self.root().join(name), text).unwrap();
    }

    /// Boots the guest with a script as its first program, which must print `end` last. Returns the output.
    #[must_use]
    pub fn boot(&self, init: &Path, seconds: u32, devices: &[String]) -> String {
        copy_program(init, &self.root().join("init"));
        // ldd fails for static programs, which is fine.
        let pack = "mkdir -p proc sys dev run\n\
                    ln -sf busybox bin/sh\n\
                    ldd bin/* 2>&1 | sed -n 's|^[^/]*\\(/[^ :]*\\.so[^ ]*\\) (0x.*|\\1|p' | sort -u |\n\
                      while read -r library; do install -D \"$library\" \".$library\"; done\n\
                    find . | cpio -o -H newc --quiet > ../initrd";
        let mut sh = Command::new("sh");
        let _ = said(sh.args(["-euc", pack]).current_dir(self.root()));
        let mut qemu = Command::new("timeout");
        qemu.arg(seconds.to_string())
            .args(["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg"])
            .args(["-m", "2048", "-smp", "2", "-nographic", "-no-reboot"])
            .args(["-nodefaults", "-serial", "stdio", "-kernel"])
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(self.directory.path().join("initrd"))
            .arg("-append")
            .arg("console=ttyS0 quiet panic=-1 rdinit=/init net.ifnames=0")
            .args(devices)
            .stdin(Stdio::null());
        let said = said(&mut qemu);
        let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
        assert!(lines.contains(&"end"), "{said}");
        lines.join("\n")
    }
}

/// Downloads a kernel into a directory, and installs its modules into the system at `root`. Returns the kernel's file.
#[must_use]
pub fn install_kernel(directory: &Path, root: &Path, kernel: &str, modules: &str) -> PathBuf {
    let fetch = "name() { apt-cache depends \"$2\" | sed -n 's/^ *Depends: //p' | head -n 1; }\n\
                 fetch() { apt-get download -q \"$(name \"$@\")\"; }\n\
                 fetch \"$@\" || { apt-get update -q && fetch \"$@\"; }\n\
                 dpkg-deb -x linux-image-*.deb kernel && cp kernel/boot/vmlinuz-* vmlinuz\n\
                 version=$(ls kernel/lib/modules) root=$0/lib/modules/$(ls kernel/lib/modules)\n\
                 depmod -b kernel \"$version\" && mkdir -p \"$root\"\n\
                 cp kernel/lib/modules/*/modules.builtin* kernel/lib/modules/*/modules.order \"$root\"\n\
                 for module in $1; do modprobe -d \"$PWD/kernel\" -S \"$version\" --show-depends $module; done |\n\
                   sed -n \"s|^insmod $PWD/\\([^ ]*\\).*|\\1|p\" | sort -u | while read -r file; do install -D \"$file\" \"$0/${file#kernel/}\"; done\n\
                 depmod -b \"$0\" \"$version\"";
    let mut sh = Command::new("sh");
    sh.args(["-euc", fetch])
        .arg(root)
        .args([modules, kernel])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir(directory);
    let _ = said(&mut sh);
    directory.join("vmlinuz")
}
