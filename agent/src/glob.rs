//! Glob patterns, as fnmatch(3) matches them: in systemd presets, `source` lines, and `case` of shell scripts.

/// Whether the whole text matches a pattern of `*`, `?` and `[...]`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // Where to continue when the last `*` has to match one more character.
    let mut again = None;
    while seen < text.len() {
        if pattern.get(at) == Some(&'*') {
            again = Some((at, seen));
            at += 1;
        } else if let Some(next) = one(&pattern, at, text[seen]) {
            at = next;
            seen += 1;
        } else if let Some((star, taken)) = again {
            again = Some((star, taken + 1));
            at = star + 1;
            seen = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// Matches one character; returns the position after the matching part of the pattern.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match *pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => match set(pattern, at + 1, c) {
            Some((next, is_in)) => is_in.then_some(next),
            // An unclosed `[` is a plain character.
            None => (c == '[').then_some(at + 1),
        },
        own => (own == c).then_some(at + 1),
    }
}

/// Returns the position after a set, and whether the character is in it.
fn set(pattern: &[char], start: usize, c: char) -> Option<(usize, bool)> {
    let is_negated = matches!(pattern.get(start)?, '!' | '^');
    let first = start + usize::from(is_negated);
    // A `]` at the start is a member of the set.
    let end = first + 1 + pattern.get(first + 1..)?.iter().position(|c| *c == ']')?;
    let mut at = first;
    let mut is_in = false;
    while at < end {
        if at + 2 < end && pattern[at + 1] == '-' {
            is_in |= (pattern[at]..=pattern[at + 2]).contains(&c);
            at += 3;
        } else {
            is_in |= pattern[at] == c;
            at += 1;
        }
    }
    Some((end + 1, is_in != is_negated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let table = [
            ("*", "", true),
            ("systemd-*", "systemd-networkd.service", true),
            ("*.service", "wicked.service", true),
            ("sys*net*d.service", "systemd-networkd.service", true),
            ("sys*net*d.socket", "systemd-networkd.service", false),
            ("eth?", "eth0", true),
            ("eth?", "eth", false),
            ("eth[0-3]", "eth2", true),
            ("eth[!0-3]", "eth2", false),
            ("eth[]x]", "eth]", true),
            ("eth[", "eth[", true),
            ("eth0", "eth01", false),
            ("a*b*c", "axbxbxc", true),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        assert!(!matches(&"*a".repeat(1000), &"a".repeat(999)));
    }
}
