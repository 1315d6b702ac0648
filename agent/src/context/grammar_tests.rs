#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn value(text: &str) -> String {
    String::from_utf8(parse(text.as_bytes()).unwrap()["A"].clone()).unwrap()
}

#[test]
fn values_are_unquoted_as_in_a_shell_and_never_expanded() {
    let table = [
        ("A=plain", "plain"),
        ("A=", ""),
        ("A=''", ""),
        (r#"A="""#, ""),
        ("A='it'\\''s'", "it's"),
        (r#"A='a'"b"c"#, "abc"),
        (r"A=a\ b", "a b"),
        ("A=a\\\nb", "ab"),
        ("A=a\\\r\nb", "ab"),
        (r#"A="a\"b\\c\$d\`e\f""#, r#"a"b\c$d`e\f"#),
        ("A=\"a\\\nb\"", "ab"),
        ("A='$(reboot) `id` $HOME \\'", r"$(reboot) `id` $HOME \"),
        ("A=\"$(reboot) `id` $HOME\"", "$(reboot) `id` $HOME"),
        ("A=$HOME", "$HOME"),
        ("A='one\nB=two\n'", "one\nB=two\n"),
        ("A='x'   # a comment", "x"),
        ("A=x#y", "x#y"),
        ("A=#x", "#x"),
        ("  export  A='x'", "x"),
        ("export A=x B=y", "x"),
        ("export A A=x", "x"),
        ("A=1\nA=2", "2"),
        ("A='x'\r\nB='y'\r\n", "x"),
        ("A=x\r\n", "x"),
        ("A='x\r\ny'", "x\r\ny"),
        ("A=x\r", "x"),
        ("A=a\rb", "a\rb"),
        ("\u{feff}A=x", "x"),
        ("# c\n\n\t\nA=x", "x"),
        ("A='Tschüß – 日本'", "Tschüß – 日本"),
        ("A=a=b", "a=b"),
        ("A='\0'", "\0"),
        ("WITH-DASH=1 9.x=2 A=3", "3"),
    ];
    for (text, expected) in table {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_unchanged() {
    assert_eq!(parse(b"A='\xff\xfe\x80'").unwrap()["A"], b"\xff\xfe\x80");
}

#[test]
fn anything_but_an_assignment_is_an_error_with_line_and_column() {
    let table = [
        ("reboot", "line 1, column 1: expected NAME=value"),
        ("A=1\n reboot -f\n", "line 2, column 2: expected NAME=value"),
        ("A=x reboot", "line 1, column 5: expected NAME=value"),
        (
            "A='x",
            "line 1, column 3: the single quote opened here is never closed",
        ),
        (
            "B='ü' A=\"x\ny",
            "line 1, column 9: the double quote opened here is never closed",
        ),
        (
            "A=x;reboot",
            "line 1, column 4: ';' outside quotes is shell syntax, not a value",
        ),
        (
            "A=(1 2)",
            "line 1, column 3: '(' outside quotes is shell syntax, not a value",
        ),
        ("A=1 && B=2", "line 1, column 5: expected NAME=value"),
        ("A=1 >/etc/passwd", "line 1, column 5: expected NAME=value"),
        ("A+=1", "line 1, column 1: expected NAME=value"),
        ("A =1", "line 1, column 1: expected NAME=value"),
        ("=1", "line 1, column 1: expected NAME=value"),
        ("$(reboot)", "line 1, column 1: expected NAME=value"),
        ("A=1\n\nÄ=2", "line 3, column 1: expected NAME=value"),
        ("A=x\\", "line 1, column 4: the text ends in a backslash"),
        ("A=\0", "line 1, column 3: a NUL byte outside quotes"),
        (
            "export A=1 reboot;",
            "line 1, column 12: expected NAME=value",
        ),
        (". /etc/profile", "line 1, column 1: expected NAME=value"),
    ];
    for (text, expected) in table {
        assert_eq!(
            parse(text.as_bytes()).unwrap_err().to_string(),
            expected,
            "{text:?}"
        );
    }
}

/// Quotes a value as OpenNebula does since 4.2.
fn as_oned_writes(value: &[u8]) -> Vec<u8> {
    let mut text = b"A='".to_vec();
    for &byte in value {
        if byte == b'\'' {
            text.extend_from_slice(b"'\\''");
        } else {
            text.push(byte);
        }
    }
    text.extend_from_slice(b"'\n");
    text
}

proptest! {
    #[test]
    fn every_value_that_oned_can_write_is_read_back(value: Vec<u8>) {
        prop_assert_eq!(&parse(&as_oned_writes(&value)).unwrap()["A"], &value);
    }

    #[test]
    fn many_variables_are_kept_apart(values in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let mut text = Vec::new();
        for (index, value) in values.iter().enumerate() {
            text.extend_from_slice(format!("V{index}").as_bytes());
            text.extend_from_slice(&as_oned_writes(value)[1..]);
        }
        let variables = parse(&text).unwrap();
        prop_assert_eq!(variables.len(), values.len());
        for (index, value) in values.iter().enumerate() {
            prop_assert_eq!(&variables[&format!("V{index}")], value);
        }
    }

    #[test]
    fn parsing_never_panics(text: Vec<u8>) {
        let _ = parse(&text);
    }

    #[test]
    fn parsing_special_characters_never_panics(text in r#"[A='"\\ \n\r#$;x]{0,40}"#) {
        let _ = parse(text.as_bytes());
    }
}

#[test]
fn assignments_beyond_the_limit_are_refused_with_their_line() {
    let text = |count: usize| "A=\n".repeat(count).into_bytes();
    assert_eq!(parse(&text(MOST)).unwrap().len(), 1);
    let error = parse(&text(MOST + 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 131073, column 1: more than 131072 assignments"
    );
}
