//! Runs the stock driver, `../kvm/<action>`.

use std::io::{self, Write as _};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use one_sriov_system::{Captured, Program, Spool, exit_code};

use super::{ActionCall, ActionError, input};
use crate::lease::Deployment;
use crate::opennebula::Report;

/// How often a deployment shows that it is in progress.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);

/// On this exit code, the front-end assumes that the scripts are missing, and copies them again.
const SCRIPTS_MISSING: u8 = 42;

/// Returns the stock action with this action's arguments, and with the `stdin` that was read, or this process's own.
pub(super) fn program<'a>(call: &ActionCall<'_>, stdin: Option<&'a Spool>) -> Program<'a> {
    let path = call.home.join("../kvm").join(call.action);
    Program::new(path).args(call.arguments.0).stdin(stdin)
}

/// Replaces this process with the stock action. Returns on failure.
pub(super) fn become_stock(call: &ActionCall<'_>, stdin: Option<&Spool>) -> ActionError {
    ActionError::Stock {
        action: call.action.to_owned(),
        cause: program(call, stdin).exec(),
    }
}

/// Runs the stock action: as a child if the VM has leases, otherwise in place of this process.
pub(super) fn run_stock(
    call: &ActionCall<'_>,
    stdin: Option<&Spool>,
    report: &mut Report,
) -> Result<(), ActionError> {
    let has_leases = call.arguments.vm().is_some_and(|vm| {
        let store = call.leases_if_readable().map(|(_, store)| store);
        store.is_some_and(|store| match store.deployments(Some(vm)) {
            Ok(deployments) => !deployments.is_empty(),
            Err(error) => {
                log::error!("{}: {error}", call.action);
                false
            }
        })
    });
    if has_leases {
        delegate_with(call, stdin, report)
    } else {
        Err(become_stock(call, stdin))
    }
}

/// Runs the stock action as a child with this process's stdin. If the child cannot be set up, it replaces this process.
pub(super) fn delegate(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    delegate_with(call, None, report)
}

/// Like [`delegate`], with stdin if it has been read.
fn delegate_with(
    call: &ActionCall<'_>,
    stdin: Option<&Spool>,
    report: &mut Report,
) -> Result<(), ActionError> {
    if matches!(stdin, Some(Spool::File(_))) {
        return Err(become_stock(call, stdin));
    }
    match program(call, stdin).delegate(&[], HEARTBEAT, &mut || {}) {
        Ok(done) => {
            if let Err(error) = pass_on(&done.stdout) {
                report.note(&format!(
                    "failed to pass on the output of '{}': {error}",
                    call.action
                ));
            }
            outcome(call, &done, report)
        }
        Err(cause) if cause.has_run() => Err(ActionError::Stock {
            action: call.action.to_owned(),
            cause,
        }),
        Err(cause) => {
            // `exec` needs no thread, no pipe and no second process.
            log::error!(
                "{}: {cause}; the stock action runs in place of this driver",
                call.action
            );
            report.note(&format!(
                "{cause}; the stock action runs in place of this driver"
            ));
            report.flush();
            Err(become_stock(call, stdin))
        }
    }
}

/// Runs the stock action for leases that are not active yet: it keeps the deployment locked, even if it outlives this process.
pub(super) fn delegate_deployment(
    call: &ActionCall<'_>,
    stdin: Option<&Spool>,
    deployment: &Deployment,
    report: &mut Report,
) -> Result<(), ActionError> {
    let mut show_life = || deployment.show_life();
    delegate_or_fail(call, stdin, &[deployment.token()], &mut show_life, report)
}

/// Runs the stock action as a child that keeps some files open, and calls `tick` every few seconds until it exits. The child
/// never replaces this process, which has to see it end.
pub(super) fn delegate_or_fail(
    call: &ActionCall<'_>,
    stdin: Option<&Spool>,
    keep: &[BorrowedFd<'_>],
    tick: &mut dyn FnMut(),
    report: &mut Report,
) -> Result<(), ActionError> {
    // A large document must not reach the stock action unread.
    stdin.map(input::document).transpose()?;
    let done = program(call, stdin).delegate(keep, HEARTBEAT, tick);
    let done = done.map_err(|cause| ActionError::Stock {
        action: call.action.to_owned(),
        cause,
    })?;
    if let Err(error) = pass_on(&done.stdout) {
        let action = call.action;
        log::warn!("failed to pass on the output of the stock '{action}': {error}");
    }
    outcome(call, &done, report)
}

/// Checks the exit code of the stock action. A failure without a message is reported in the VM's log.
pub(super) fn outcome(
    call: &ActionCall<'_>,
    done: &Captured,
    report: &mut Report,
) -> Result<(), ActionError> {
    let code = exit_code(done.status);
    if code == 0 {
        return Ok(());
    }
    if done.stderr.iter().all(u8::is_ascii_whitespace) {
        report.note(&format!(
            "the stock '{}' failed with exit code {code} and no message",
            call.action
        ));
    }
    Err(ActionError::StockFailed(code))
}

/// Returns an exit code that the front-end treats as a plain failure.
pub(super) fn safe_exit_code(code: u8) -> u8 {
    if code == SCRIPTS_MISSING { 1 } else { code }
}

/// Copies the output of the stock action to stdout.
pub(super) fn pass_on(stdout: &[u8]) -> io::Result<()> {
    let mut ours = io::stdout();
    ours.write_all(stdout).and_then(|()| ours.flush())
}
