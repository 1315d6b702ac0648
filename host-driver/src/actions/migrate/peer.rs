//! The driver on the host that a VM moves to.
//!
//! ```text
//! ssh -T -o BatchMode=yes ... -- node2 '/var/tmp/one/vmm/kvm-sriov/receive' 'one-7' 'node2' '7' 'node2'
//! ```
//!
//! Like OpenNebula's own scripts, this relies on oneadmin's ssh access between the hosts.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use one_sriov_system::{Conversation, Program, Received};

use super::protocol::{Answer, Step};
use crate::actions::{ActionCall, ActionError};
use crate::opennebula::{Report, VmId};

/// The connection is not shared, so no other program closes it or keeps it open. ssh exits if the other host does not answer for
/// a minute.
const OPTIONS: [&str; 14] = [
    "-T",
    "-o",
    "ControlMaster=no",
    "-o",
    "ControlPath=none",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=30",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=4",
    "--",
];
/// A step takes seconds, or longer if the other host waits for another driver process or for a slow guest.
const ANSWER_WAIT: Duration = Duration::from_secs(600);
/// How long the other driver may take to release its leases.
const END_WAIT: Duration = Duration::from_secs(120);

/// The exit codes of a shell that cannot run `receive`, which earlier releases of the driver do not have.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// The remedy if `receive` cannot be run.
const SYNC: &str = "'onehost sync --force' on the front-end gives all hosts the same driver";

/// The driver on the other host.
pub(super) struct Peer {
    conversation: Conversation,
    /// The host's name in OpenNebula.
    host: String,
    vm: VmId,
}

impl Peer {
    /// Starts the driver on the other host.
    pub(super) fn call(call: &ActionCall<'_>, vm: VmId, host: &str) -> Result<Self, ActionError> {
        let receive = call.home.join("receive");
        let (vm_id, domain) = (vm.to_string(), vm.domain());
        let words = [
            &receive.to_string_lossy(),
            domain.as_str(),
            host,
            &vm_id,
            host,
        ];
        let command = words.map(quoted).join(" ");
        let program = Program::new("ssh").args(OPTIONS).args([host, &command]);
        match program.converse() {
            Ok(conversation) => Ok(Self {
                conversation,
                host: host.to_owned(),
                vm,
            }),
            Err(error) => Err(ActionError::Migrate {
                vm,
                host: host.to_owned(),
                why: error.to_string(),
            }),
        }
    }

    /// Requests a step, and waits for the expected answer.
    pub(super) fn ask(
        &mut self,
        step: &Step,
        expected: &Answer,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        let answered = self.answer(step);
        let said = self.conversation.take_stderr();
        let why = match answered {
            Ok(Some(answer)) if answer == *expected => {
                self.note(&said, report);
                return Ok(());
            }
            Ok(Some(Answer::Failed { why })) => {
                self.note(&said, report);
                why
            }
            Ok(Some(answer)) => format!("unexpected answer {answer:?}"),
            Ok(None) => format!("no answer within {} s", ANSWER_WAIT.as_secs()),
            // The error message of ssh or of the remote shell.
            Err(error) => {
                let last = said.lines().rfind(|line| !line.trim().is_empty());
                let why = last.map_or_else(|| error.to_string(), |line| line.trim().to_owned());
                match self.conversation.exit_code() {
                    Ok(Some(NOT_EXECUTABLE | NOT_FOUND)) => format!("{why}; {SYNC}"),
                    _ => why,
                }
            }
        };
        Err(ActionError::Migrate {
            vm: self.vm,
            host: self.host.clone(),
            why,
        })
    }

    /// Sends a step and returns the answer, or `None` after [`ANSWER_WAIT`]. Other lines are ignored: they are output of the
    /// remote login shell.
    fn answer(&mut self, step: &Step) -> io::Result<Option<Answer>> {
        // If the other driver has exited, it may have sent the reason first.
        let deadline = Instant::now() + ANSWER_WAIT;
        let said = self.tell(step);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.conversation.next(left)? {
                Received::Line(line) => {
                    if let Ok(answer) = serde_json::from_str(&line) {
                        return Ok(Some(answer));
                    }
                    if left.is_zero() {
                        return Ok(None);
                    }
                }
                Received::Timeout => return Ok(None),
                Received::End => {
                    said?;
                    return Err(io::Error::other("its driver has ended without an answer"));
                }
            }
        }
    }

    /// Sends an empty line, which shows that the migration is still running.
    pub(super) fn show_life(&mut self) {
        let _ = self.conversation.send("", Duration::ZERO);
    }

    fn tell(&mut self, step: &Step) -> io::Result<()> {
        self.conversation
            .send(&serde_json::to_string(step)?, ANSWER_WAIT)
    }

    /// Returns the pipe to the other driver, which waits for the VM as long as any process has the pipe open. An empty line shows
    /// that the migration is still running.
    pub(super) fn line(&self) -> io::Result<File> {
        let stdin = self.conversation.stdin().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(stdin.try_clone_to_owned()?.into())
    }

    /// Reports to the other driver that the migration has failed, and closes the connection.
    pub(super) fn end(mut self, report: &mut Report) {
        // If the other driver has exited, a later repair on its host does the rest.
        let _ = self.tell(&Step::End);
        self.close(report);
    }

    /// Closes the connection, and waits until the other driver has exited. Before that, it plugs in the VFs if it has the VM, and
    /// otherwise releases them.
    pub(super) fn close(mut self, report: &mut Report) {
        let has_ended = self.conversation.close(END_WAIT);
        let said = self.conversation.take_stderr();
        self.note(&said, report);
        if !has_ended {
            let (host, secs) = (&self.host, END_WAIT.as_secs());
            report.note(&format!(
                "the driver of host '{host}' has not released its VFs within {secs} s; run 'one-sriov reconcile' there"
            ));
        }
    }

    /// Copies the other driver's messages to the VM's log.
    fn note(&self, said: &str, report: &mut Report) {
        for line in said.lines().filter(|line| !line.trim().is_empty()) {
            let text = line.strip_prefix("INFO: receive: ").unwrap_or(line);
            report.note(&format!("host '{}': {text}", self.host));
        }
    }
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
