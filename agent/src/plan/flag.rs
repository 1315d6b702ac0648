//! Boolean values of contexts.
//!
//! OpenNebula passes on the text of a template unchanged, and its own guest scripts accept all these forms (`is_true`).

/// Whether the value is true: `YES`, `true`, `1`, `y`, in upper or lower case.
pub(super) fn is_yes(value: &[u8]) -> bool {
    is_one_of(value, &["yes", "true", "1", "y"])
}

/// Whether the value is false: `NO`, `false`, `0`, `n`, in upper or lower case.
pub(super) fn is_no(value: &[u8]) -> bool {
    is_one_of(value, &["no", "false", "0", "n"])
}

fn is_one_of(value: &[u8], words: &[&str]) -> bool {
    let value = value.trim_ascii();
    let mut words = words.iter();
    words.any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_and_no_words_are_read_in_any_case() {
        for yes in ["YES", "yes", " Yes ", "true", "TRUE", "1", "y", "Y"] {
            assert!(is_yes(yes.as_bytes()) && !is_no(yes.as_bytes()), "{yes}");
        }
        for no in ["NO", "no", "\tno\n", "False", "0", "N"] {
            assert!(is_no(no.as_bytes()) && !is_yes(no.as_bytes()), "{no}");
        }
        for neither in ["", "on", "2", "yess", "maybe"] {
            let value = neither.as_bytes();
            assert!(!is_yes(value) && !is_no(value), "{neither}");
        }
    }
}
