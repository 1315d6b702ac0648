//! An interactive lab.

use std::io::stdin;

use crate::cloud::vm::{ETHERNET, INFINIBAND, Nic, PLAIN, System, Vm};
use crate::lab::Lab;
use crate::report::{Failure, say};

/// Boots the host and a guest with an Ethernet and an InfiniBand VF, and keeps them running until Enter is pressed.
pub(crate) fn shell(lab: &Lab) -> Result<(), Failure> {
    let setup = super::installed(lab, "host")?;
    let vm = Vm::new(
        3,
        System::Debian,
        [
            Nic::new(PLAIN, 3),
            Nic::new(ETHERNET, 3),
            Nic::new(INFINIBAND, 3),
        ],
    );
    // Only one connection to the guest's shell is possible; leave it to the user.
    drop(setup.deploy(&vm)?);
    let config = setup.host().ssh.config.display();
    say(&format!(
        "The host and VM 3 are up.\n\
         the host, as root:      ssh -F {config} node1-root\n\
         the host, as oneadmin:  ssh -F {config} node1\n\
         the guest, as root:     ssh -F {config} node1-root socat - UNIX-CONNECT:{socket}\n\
         Press Enter to end it.",
        socket = crate::host::socket(3),
    ));
    let mut line = String::new();
    let read = stdin().read_line(&mut line);
    read.map(drop)
        .map_err(|error| Failure::new(format!("failed to read a line: {error}")))
}
