//! The distribution's kernel, to boot in QEMU with some of its modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::said;

/// Gets the kernel into a directory and its modules into the system at `root`. Returns the kernel's file.
pub(crate) fn install(directory: &Path, root: &Path, modules: &str) -> PathBuf {
    let fetch = "name() { apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1; }\n\
                 fetch() { apt-get download -q \"$(name)\"; }\n\
                 fetch || { apt-get update -q && fetch; }\n\
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
        .arg(modules)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir(directory);
    let _ = said(&mut sh);
    directory.join("vmlinuz")
}
