//! Queries the kernel's links over rtnetlink, which needs no privilege.
//!
//! With another root than `/`, for tests and staging, the answers are recorded, in the kernel's binary form ([`record`] writes
//! them):
//!
//! ```text
//! <root>/run/netlink/link/ib0     RTM_NEWLINK with its VFs, or NLMSG_ERROR; no file: the link does not exist
//! <root>/run/netlink/bare/ib0     RTM_NEWLINK without its VFs, where they do not fit into a message or do not matter
//! <root>/run/netlink/links        RTM_NEWLINK, one after the other; no file: interfaces are not recorded
//! <root>/run/netlink/addresses    RTM_NEWADDR, one after the other; no file: none
//! <root>/run/netlink/routes       RTM_NEWROUTE, one after the other; no file: none
//! ```
//!
//! This module parses the messages itself: `netlink-packet-route` 0.34, which supports every message of rtnetlink, would add
//! 360 KB for links, VFs, addresses and routes (x86-64, optimized for size, fat LTO), a fifth of the driver.
//!
//! Formats: `include/uapi/linux/{netlink,rtnetlink,if_link,if_addr}.h` of the kernel.

mod address;
mod interface;
mod link;
mod message;
mod permanent;
pub mod record;
mod route;
mod socket;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;

use hwaddr::InterfaceName;

use crate::Root;
pub use interface::{Interface, InterfaceAddress, InterfaceRoute};
pub use link::{PfLink, VfInfo, VfLinkState, VfLinkStateError, VfVlan};
use message::Messages;

/// The answer does not fit into a message.
const EMSGSIZE: i32 = 90;

/// Queries the kernel of a machine.
#[derive(Debug, Clone)]
pub struct Netlink {
    root: Root,
}

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to ask the kernel for {what}: {cause}")]
pub struct NetlinkError {
    what: String,
    cause: io::Error,
}

/// A query: its object, and the request.
struct Question {
    what: String,
    request: Vec<u8>,
    recorded: String,
}

impl Netlink {
    /// Queries the kernel of the machine below this root.
    #[must_use]
    pub fn new(root: &Root) -> Self {
        Self { root: root.clone() }
    }

    /// Returns a link with its VFs, or `None` if the link does not exist.
    ///
    /// If the VFs of a PF do not fit into a message, the link is returned without VFs.
    pub fn link(&self, name: &InterfaceName) -> Result<Option<PfLink>, NetlinkError> {
        let ask = |with_vfs, directory| {
            let question = Question {
                what: format!("link '{name}'"),
                request: link::request(name, with_vfs),
                recorded: format!("{directory}/{name}"),
            };
            let parse = |answer: &[u8]| link::parse(Messages::new(answer));
            self.ask(&question, parse)
        };
        match ask(true, "link") {
            Err(error) if error.cause.raw_os_error() == Some(EMSGSIZE) => {
                log::warn!(
                    "failed to read the VFs of '{name}': the kernel's answer does not fit into one message"
                );
                ask(false, "bare")
            }
            asked => asked,
        }
    }

    /// Returns the permanent hardware address of a link, if the kernel reports it.
    pub fn permanent_address(&self, name: &InterfaceName) -> Result<Option<Vec<u8>>, NetlinkError> {
        let question = Question {
            what: format!("permanent address of '{name}'"),
            request: link::request(name, false),
            recorded: format!("bare/{name}"),
        };
        let parse = |answer: &[u8]| permanent::parse(Messages::new(answer));
        Ok(self.ask(&question, parse)?.flatten())
    }

    /// Returns the indexes of links with an address that is not link-local.
    pub fn addressed_links(&self) -> Result<BTreeSet<u32>, NetlinkError> {
        let question = Question {
            what: "addresses".into(),
            request: address::request(),
            recorded: "addresses".into(),
        };
        let parse = |answer: &[u8]| address::parse(Messages::new(answer));
        Ok(self.ask(&question, parse)?.unwrap_or_default())
    }

    /// Returns the indexes of links with a route, other than those to link-local and multicast addresses, which every link has.
    pub fn routed_links(&self) -> Result<BTreeSet<u32>, NetlinkError> {
        let question = Question {
            what: "routes".into(),
            request: route::request(),
            recorded: "routes".into(),
        };
        let parse = |answer: &[u8]| route::parse(Messages::new(answer));
        Ok(self.ask(&question, parse)?.unwrap_or_default())
    }

    /// Returns all interfaces with their addresses and routes, or `None` for an image (which has no kernel) without records.
    pub fn interfaces(&self) -> Result<Option<Vec<Interface>>, NetlinkError> {
        let question = |what: &str, request| Question {
            what: what.to_owned(),
            request,
            recorded: what.to_owned(),
        };
        let parse = |answer: &[u8]| interface::parse(Messages::new(answer));
        let Some(mut interfaces) = self.ask(&question("links", interface::request()), parse)?
        else {
            return Ok(None);
        };
        let mut add = |what, request, add: Adder| {
            let whole = |answer: &[u8]| Ok(answer.to_vec());
            let question = question(what, request);
            let answer = self.ask(&question, whole)?.unwrap_or_default();
            let added = add(&mut interfaces, Messages::new(&answer));
            added.map_err(|cause| question.failed(cause))
        };
        add("addresses", address::request(), interface::add_addresses)?;
        add("routes", route::request(), interface::add_routes)?;
        Ok(Some(interfaces))
    }

    fn ask<T>(
        &self,
        question: &Question,
        parse: impl Fn(&[u8]) -> io::Result<T>,
    ) -> Result<Option<T>, NetlinkError> {
        let answer = if self.root.is_live() {
            socket::ask(&question.request)
        } else {
            let path = Path::new("/run/netlink").join(&question.recorded);
            match self.root.read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                read => read.and_then(socket::checked),
            }
        };
        let parsed = answer.and_then(|answer| answer.as_deref().map(parse).transpose());
        parsed.map_err(|cause| question.failed(cause))
    }
}

impl Question {
    fn failed(&self, cause: io::Error) -> NetlinkError {
        NetlinkError {
            what: self.what.clone(),
            cause,
        }
    }
}

/// Adds the content of an answer to interfaces.
type Adder = fn(&mut [Interface], Messages<'_>) -> io::Result<()>;

#[cfg(test)]
mod tests;
