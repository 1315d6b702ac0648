//! Requests and answers over a socket.

use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::message::{
    Message, Messages, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, cut, u32_at,
};

/// The time limit: normally the kernel answers at once.
const LIMIT_SECS: i64 = 2;
/// The size of a part of a dump (`netlink_recvmsg`); for a larger message the buffer grows.
const BUFFER: usize = 1 << 15;
/// How often to retry if a table changes while it is read.
const TRIES: usize = 5;
const ENODEV: i32 = 19;

/// Returns all messages of the answer to a request, or `None` if the device does not exist.
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

/// Checks a recorded answer, which may be an error.
pub(super) fn checked(answer: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    for message in Messages::new(&answer) {
        match message {
            Ok(message) if message.kind == NLMSG_ERROR => {
                return Err(io::Error::from_raw_os_error(refusal(message)));
            }
            _ => {}
        }
    }
    Ok(Some(answer))
}

/// Returns the errno of a message, which contains it as a negative number; 0 is an acknowledgement.
fn refusal(message: Message<'_>) -> i32 {
    let number = u32_at(message.payload, 0).unwrap_or_default();
    number.wrapping_neg().cast_signed()
}

enum Answer {
    Whole(Vec<u8>),
    NoDevice,
    /// The table has changed meanwhile.
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

/// Receives one message. With a timeout on the socket, a signal interrupts the call even with `SA_RESTART` (signal(7)).
fn receive_one(socket: &OwnedFd, buffer: &mut [u8], flags: MsgFlags) -> nix::Result<usize> {
    loop {
        match recv(socket.as_raw_fd(), buffer, flags) {
            Err(Errno::EINTR) => {}
            received => return received,
        }
    }
}

fn receive(socket: &OwnedFd, is_dump: bool) -> io::Result<Answer> {
    let mut answer = Vec::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC;
        let len = receive_one(socket, &mut buffer, flags)?;
        if len > buffer.len() {
            buffer.resize(len, 0);
        }
        let len = receive_one(socket, &mut buffer, MsgFlags::MSG_TRUNC)?;
        let bytes = buffer.get(..len).ok_or_else(cut)?;
        for message in Messages::new(bytes) {
            let message = message?;
            if message.flags & NLM_F_DUMP_INTR != 0 {
                return Ok(Answer::Changed);
            }
            match message.kind {
                // It contains the error that ended the dump early, or 0 (`netlink_dump`).
                NLMSG_DONE => {
                    return match refusal(message) {
                        0 => Ok(Answer::Whole(answer)),
                        number => Err(io::Error::from_raw_os_error(number)),
                    };
                }
                NLMSG_ERROR => {
                    return match refusal(message) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use nix::sys::socket::{send, socketpair};

    use super::super::message::message;
    use super::*;

    /// A dump that the kernel ends early is incomplete.
    #[test]
    fn the_end_of_a_dump_carries_its_error() {
        const EIO: i32 = 5;
        for (result, error) in [(0, None), (-EIO, Some(EIO))] {
            let (kernel, us) = socketpair(
                AddressFamily::Unix,
                SockType::Datagram,
                None,
                SockFlag::empty(),
            )
            .unwrap();
            let part = message(16, 0, &[0; 16]);
            let done = message(NLMSG_DONE, 0, &i32::to_ne_bytes(result));
            for bytes in [&part, &done] {
                send(kernel.as_raw_fd(), bytes, MsgFlags::empty()).unwrap();
            }
            let found = match receive(&us, true) {
                Ok(Answer::Whole(bytes)) => Ok(bytes),
                Ok(_) => unreachable!("neither changed nor refused"),
                Err(error) => Err(error.raw_os_error()),
            };
            assert_eq!(found, error.map_or(Ok(part), |error| Err(Some(error))));
        }
    }
}
