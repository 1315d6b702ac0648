//! Migration of domains to another host; `<root>/state/peer` contains its root.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::place::Place;
use crate::virsh::Domain;

pub(crate) fn peer(place: &Place) -> Result<PathBuf, String> {
    let peer = place.switch("peer");
    let peer = peer.ok_or("ssh: connect to host node2 port 22: No route to host")?;
    Ok(peer.trim().into())
}

/// Locks `<root>/state/session` for this process and the program that it executes.
pub(crate) fn session(place: &Place) -> File {
    let session = File::create(place.path("state/session")).expect("a file");
    session.lock().expect("a lock");
    fcntl(&session, FcntlArg::F_SETFD(FdFlag::empty())).expect("a file that is inherited");
    session
}

/// `ssh <options> -- <host> <command>`: runs the command on the host whose root is in `peer`, with paths changed to those of
/// that host. This process only copies bytes, so the command survives it.
///
/// Switch: `ssh-fails` (the error message).
pub(crate) fn ssh(place: &Place, words: &[String]) -> ExitCode {
    let started = match place.switch("ssh-fails") {
        Some(complaint) => Err(complaint),
        None => peer(place),
    };
    let peer = match started {
        Ok(peer) => peer,
        Err(complaint) => {
            let _ = writeln!(io::stderr(), "{complaint}");
            return ExitCode::from(255);
        }
    };
    let command = words.last().expect("a command").replace(
        &place.path("").display().to_string(),
        &format!("{}/", peer.display()),
    );
    for root in [place.path(""), peer.clone()] {
        fs::write(root.join("state/ssh"), std::process::id().to_string()).expect("a process ID");
    }
    // The last part is a window title, without a line break.
    let noise = "Welcome, this login shell talks.\n\x1b]0;node2\x07";
    io::stdout().write_all(noise.as_bytes()).expect("stdout");
    io::stdout().flush().expect("stdout");
    let path = format!("{}:/usr/bin:/bin", peer.join("bin").display());
    let mut child = Command::new("/bin/sh")
        .args(["-c", &command])
        .env_clear()
        .env("ONE_SRIOV_ROOT", &peer)
        .env("PATH", path)
        .current_dir(&peer)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let input = child.stdin.take().expect("a pipe");
    thread::spawn(|| pass_on(io::stdin(), input));
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let errors = thread::spawn(|| pass_on(err.expect("a pipe"), io::stderr()));
    pass_on(out.expect("a pipe"), io::stdout());
    errors.join().expect("the thread ends");
    let status = child.wait().expect("the shell ends");
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(255))
}

fn pass_on(mut from: impl Read, mut to: impl Write) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if to
            .write_all(&bytes[..length])
            .and_then(|()| to.flush())
            .is_err()
        {
            break;
        }
    }
}

/// Breaks the connection to this host.
pub(crate) fn cut(place: &Place) {
    let ssh = place.switch("ssh").expect("a connection");
    let ssh = Pid::from_raw(ssh.parse().expect("a process ID"));
    // The process may have ended already.
    let _ = kill(ssh, Signal::SIGKILL);
}

/// Fails for a domain with a device of the host, because QEMU cannot migrate such a device.
pub(crate) fn migrate(place: &Place, domain: &Domain) -> Result<(), String> {
    if !domain.devices.is_empty() {
        return Err("error: Requested operation is not valid: cannot migrate domain: VFIO migration init failed".into());
    }
    let file = format!("state/domains/{}.xml", domain.name);
    fs::write(peer(place)?.join(&file), &domain.text).expect("a domain");
    fs::remove_file(place.path(&file)).expect("the domain can be removed");
    Ok(())
}
