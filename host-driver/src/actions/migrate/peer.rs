//! The driver on the host that a VM moves to.
//!
//! ```text
//! ssh -T -o BatchMode=yes ... -- node2 '/var/tmp/one/vmm/kvm-sriov/receive' 'one-7' 'node2' '7' 'node2'
//! ```
//!
//! As OpenNebula's own scripts we rely on oneadmin's ssh between the hosts.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use one_sriov_system::{Conversation, Heard, Program};

use super::protocol::{Answer, Step};
use crate::actions::{ActionCall, ActionError};
use crate::opennebula::{Report, VmId};

/// A connection of its own: no other program ends it, or keeps it open. One that says nothing for a minute is dead.
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
/// A step takes seconds, or as long as a decision of another driver, or a guest that is slow to take a device, is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(600);
/// So long the other driver may take to release what it has leased in vain.
const END_WAIT: Duration = Duration::from_secs(120);

/// The exit codes of a shell that cannot run `receive`: an earlier release of the driver has none.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// What to do then.
const SYNC: &str = "'onehost sync --force' on the front-end gives all hosts the same driver";

/// The other driver.
pub(super) struct Peer {
    talk: Conversation,
    /// The host, as OpenNebula names it.
    host: String,
    vm: VmId,
}

impl Peer {
    /// Starts it.
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
            Ok(talk) => Ok(Self {
                talk,
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

    /// Has it do a step.
    pub(super) fn ask(
        &mut self,
        step: &Step,
        expected: &Answer,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        let answered = self.answer(step);
        let said = self.talk.take_said();
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
            // What ssh, or the shell there, says of it.
            Err(error) => {
                let last = said.lines().rfind(|line| !line.trim().is_empty());
                let why = last.map_or_else(|| error.to_string(), |line| line.trim().to_owned());
                match self.talk.exit_code() {
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

    /// Its answer to a step; none within the time. What is no answer is what the shell there says when it starts.
    fn answer(&mut self, step: &Step) -> io::Result<Option<Answer>> {
        // One that has gone may have said why.
        let deadline = Instant::now() + ANSWER_WAIT;
        let said = self.tell(step);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.talk.next(left)? {
                Heard::Line(line) => {
                    if let Ok(answer) = serde_json::from_str(&line) {
                        return Ok(Some(answer));
                    }
                    if left.is_zero() {
                        return Ok(None);
                    }
                }
                Heard::Nothing => return Ok(None),
                Heard::End => {
                    said?;
                    return Err(io::Error::other("its driver has ended without an answer"));
                }
            }
        }
    }

    /// Shows that the VM is on its way.
    pub(super) fn show_life(&mut self) {
        let _ = self.talk.say("", Duration::ZERO);
    }

    fn tell(&mut self, step: &Step) -> io::Result<()> {
        self.talk.say(&serde_json::to_string(step)?, ANSWER_WAIT)
    }

    /// What keeps it there: as long as any process has this open, it waits for the VM. Writing an empty line to it shows that
    /// the VM is on its way.
    pub(super) fn line(&self) -> io::Result<File> {
        let stdin = self.talk.stdin().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(stdin.try_clone_to_owned()?.into())
    }

    /// Says that the migration has failed, and hangs up.
    pub(super) fn end(mut self, report: &mut Report) {
        // One that has gone finds out for itself.
        let _ = self.tell(&Step::End);
        self.hang_up(report);
    }

    /// Leaves it to itself: it looks where the VM is, and plugs its VFs in or releases them. Waits until it has.
    pub(super) fn hang_up(mut self, report: &mut Report) {
        let has_ended = self.talk.hang_up(END_WAIT);
        let said = self.talk.take_said();
        self.note(&said, report);
        if !has_ended {
            let (host, secs) = (&self.host, END_WAIT.as_secs());
            report.note(&format!(
                "the driver of host '{host}' has not released its VFs within {secs} s; 'one-sriov reconcile' there does"
            ));
        }
    }

    /// Passes on what it has said to the VM's log.
    fn note(&self, said: &str, report: &mut Report) {
        for line in said.lines().filter(|line| !line.trim().is_empty()) {
            let text = line.strip_prefix("INFO: receive: ").unwrap_or(line);
            report.note(&format!("host '{}': {text}", self.host));
        }
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
