//! Question and answer over a socket.

use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::message::{Messages, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, u32_at};

/// The kernel answers at once, or something is badly wrong.
const LIMIT_SECS: i64 = 2;
/// Larger than any one message: a link with 256 VFs takes some 60 kB.
const BUFFER: usize = 1 << 20;
/// A table that changes while it is read is read anew, so often.
const TRIES: usize = 5;
const ENODEV: i32 = 19;

/// All messages of the answer to a request; none if the kernel says that there is no such device.
pub(super) fn ask(request: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let is_dump = request
        .get(6..8)
        .is_some_and(|flags| u16::from_ne_bytes([flags[0], flags[1]]) & NLM_F_DUMP != 0);
    for _ in 0..TRIES {
        let socket = open()?;
        sendto(
            socket.as_raw_fd(),
            request,
            &NetlinkAddr::new(0, 0),
            MsgFlags::empty(),
        )?;
        match receive(&socket, is_dump)? {
            Answer::Whole(bytes) => return Ok(Some(bytes)),
            Answer::NoDevice => return Ok(None),
            Answer::Changed => {}
        }
    }
    Err(io::Error::new(
        ErrorKind::ResourceBusy,
        "it changes faster than it can be read",
    ))
}

enum Answer {
    Whole(Vec<u8>),
    NoDevice,
    /// What was asked for has changed meanwhile.
    Changed,
}

fn open() -> io::Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    setsockopt(
        &socket,
        sockopt::ReceiveTimeout,
        &TimeVal::seconds(LIMIT_SECS),
    )?;
    Ok(socket)
}

fn receive(socket: &OwnedFd, is_dump: bool) -> io::Result<Answer> {
    let mut answer = Vec::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let len = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_TRUNC)?;
        let Some(bytes) = buffer.get(..len) else {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "the answer is too long",
            ));
        };
        for message in Messages::new(bytes) {
            let message = message?;
            if message.flags & NLM_F_DUMP_INTR != 0 {
                return Ok(Answer::Changed);
            }
            match message.kind {
                NLMSG_DONE => return Ok(Answer::Whole(answer)),
                NLMSG_ERROR => {
                    // The negative of an errno; 0 is an acknowledgement.
                    let number = u32_at(message.payload, 0).unwrap_or_default();
                    let number = number.wrapping_neg().cast_signed();
                    return match number {
                        ENODEV => Ok(Answer::NoDevice),
                        number => Err(io::Error::from_raw_os_error(number)),
                    };
                }
                _ => {}
            }
        }
        answer.extend(bytes);
        if !is_dump {
            return Ok(Answer::Whole(answer));
        }
    }
}
