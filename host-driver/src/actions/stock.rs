//! The stock driver beside us: `../kvm/<action>`.

use std::io::{self, Write as _};

use one_sriov_system::Program;

use super::{ActionError, Context};

/// What the front-end takes as "the scripts are missing" and answers by copying them anew.
const SCRIPTS_MISSING: u8 = 42;

/// The stock action with our own arguments.
pub(super) fn program(context: &Context<'_>) -> Program {
    let path = context.home.join("../kvm").join(context.action);
    Program::new(path).args(context.arguments.0)
}

/// Becomes the stock action: its stdin is ours, or these bytes.
pub(super) fn become_stock(context: &Context<'_>, stdin: Option<&[u8]>) -> ActionError {
    ActionError::Stock {
        action: context.action.to_owned(),
        cause: program(context).exec(stdin),
    }
}

/// An exit code that the front-end takes as nothing but a failure.
pub(super) fn safe_exit_code(code: u8) -> u8 {
    if code == SCRIPTS_MISSING { 1 } else { code }
}

/// Passes on what the stock action has printed.
pub(super) fn pass_on(stdout: &[u8]) {
    // Nobody is left to read it.
    let _ = io::stdout()
        .write_all(stdout)
        .and_then(|()| io::stdout().flush());
}
