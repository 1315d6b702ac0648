//! GUIDs of VFs that are plugged into a running guest. An emulated VF cannot carry the GUID that its PF has for it; before QEMU
//! starts, the lab's emulator passes the GUIDs on, and after that these functions do.

use super::setup::Pool;
use crate::guest::Guest;
use crate::report::Failure;

/// The directory of the test module's switches.
pub(super) const SWITCHES: &str = "/sys/module/fakeib/parameters";
/// Prints the PCI address of a VF that the test module of a guest has not taken.
const NEWCOMER: &str = "for vf in /sys/bus/pci/devices/*; do \
     [ \"$(cat $vf/device)\" = 0x10ca ] || continue; \
     case $(readlink -f $vf/driver) in */fakeib) ;; *) echo ${vf##*/}; found=1 ;; esac; done; [ -n \"$found\" ]";

/// Shows the GUIDs that the PF has for its VFs: `0 node=0007aa00c0a80705 port=0007aa00c0a80705 link=auto`.
pub(super) const GUIDS: &str = "cat /sys/class/net/ib0/vf_guids";

/// Carries the GUID of a VF from the PF to the guest, where the VF has a PCI address.
pub(super) fn carry_guid(
    guest: &mut Guest,
    pool: &Pool,
    guids: &str,
    position: u8,
    address: &str,
) -> Result<(), Failure> {
    let vfs = pool.vfs(guest.vm.id);
    let vf = vfs.iter().find(|vf| vf.position == u64::from(position));
    let vf = vf.ok_or_else(|| Failure::new(format!("no VF of position {position}: {vfs:?}")))?;
    let index = vf.index.to_string();
    let line = guids
        .lines()
        .find(|line| line.split(' ').next() == Some(&index));
    let guid = line.and_then(|line| line.split(' ').find_map(|word| word.strip_prefix("port=")));
    let guid = guid.ok_or_else(|| Failure::new(format!("no GUID of VF {index}: {guids}")))?;
    let bind = format!(
        "vf=/sys/bus/pci/devices/{address}; [ -e $vf ] && echo {address}={guid} > {SWITCHES}/add && \
         {{ [ ! -e $vf/driver ] || echo {address} > $vf/driver/unbind; }} && \
         echo {address} > /sys/bus/pci/drivers/fakeib/bind"
    );
    guest.shell.until(&bind, 30).map(drop)
}

/// The PCI address, in the guest, of a VF that has just been plugged in.
pub(super) fn newcomer(guest: &mut Guest) -> Result<String, Failure> {
    Ok(guest.shell.until(NEWCOMER, 30)?.trim().to_owned())
}
