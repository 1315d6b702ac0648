#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn renderer(text: &str) -> Option<String> {
    let document = Node::parse(text).unwrap();
    let renderer = document.get("network")?.get("renderer")?;
    renderer.text().map(str::to_owned)
}

#[test]
fn every_form_of_a_value_is_read_as_the_same_value() {
    let forms = [
        "network:\n  renderer: NetworkManager\n",
        "network:\n  renderer: \"NetworkManager\"\n",
        "network: {renderer: 'NetworkManager', version: 2}",
        "network:\n  renderer: NetworkManager # as installed\n",
        "network:\n  renderer: >-\n    NetworkManager\n",
        "{\"network\": {\"renderer\": \"NetworkManager\"}}",
        "network:\n  id: &stack NetworkManager\n  renderer: *stack\n",
        "network:\n  renderer: networkd\n  renderer: NetworkManager\n",
        "network:\n  renderer: NetworkManager\n---\nnetwork:\n  renderer: networkd\n",
        "\u{feff}network:\r\n  renderer: NetworkManager\r\n",
    ];
    for form in forms {
        assert_eq!(renderer(form).as_deref(), Some("NetworkManager"), "{form}");
    }
    let others = [
        "",
        "# network: {renderer: NetworkManager}",
        "network:\n  renderer:\n",
        "network:\n  renderer: ~\n",
        "network: renderer\n",
        "- network: {renderer: NetworkManager}\n",
        "network:\n  wifis: {w: {renderer: NetworkManager}}\n",
    ];
    for other in others {
        assert_eq!(renderer(other), None, "{other}");
    }
}

#[test]
fn an_error_names_the_line_and_does_not_quote_the_text() {
    let table = [
        ("a: 1\nb: [secret", 3),
        ("a: 1\n\tsecret: 2\n", 1),
        ("a: *secret\n", 1),
        ("a: 1\nb: \"secret\n", 2),
    ];
    for (text, line) in table {
        let error = Node::parse(text).unwrap_err();
        assert!(
            matches!(error, YamlError::Grammar { line: found, .. } if found == line),
            "{text}: {error:?}"
        );
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Node::parse(&nested(MAX_DEPTH)).is_ok());
    let block: String = (0..=MAX_DEPTH)
        .map(|level| " ".repeat(level) + "a:\n")
        .collect();
    for text in [nested(MAX_DEPTH + 1), block] {
        let error = Node::parse(&text).unwrap_err();
        assert!(matches!(error, YamlError::TooDeep(_)), "{error:?}");
    }
    let large = "#".repeat(MAX_SIZE + 1);
    assert_eq!(Node::parse(&large), Err(YamlError::TooLarge));
}

#[test]
fn aliases_use_no_memory_and_count_as_depth() {
    // Each line has ten times as many nodes as the one before: 10^30 if they were copied.
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..=30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let document = Node::parse(&bomb).unwrap();
    assert_eq!(document.get("a30").unwrap().items().count(), 10);
    for level in 31..=MAX_DEPTH + 1 {
        writeln!(bomb, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    let error = Node::parse(&bomb).unwrap_err();
    assert!(matches!(error, YamlError::TooDeep(_)), "{error:?}");
    let error = Node::parse("a: &a [*a]\n").unwrap_err();
    assert!(
        matches!(error, YamlError::Grammar { line: 1, .. }),
        "{error:?}"
    );
}

/// Texts of the maximum size, in forms on which parsers have been slow.
#[test]
fn the_largest_text_is_read_in_bounded_time() {
    let fill = |piece: &str| piece.repeat(MAX_SIZE / piece.len());
    let texts = [
        fill("- a\n"),
        fill("a: b\n"),
        fill("[a, "),
        fill("? a\n"),
        fill("- - "),
        fill("a "),
        fill("\"a"),
        fill("&a "),
        fill("# a\n"),
        fill("{a: "),
        fill("'\n"),
        fill("!!a "),
        format!("a: |\n{}", &fill(" b\n")[..MAX_SIZE - 6]),
    ];
    for text in texts {
        let start = Instant::now();
        let _ = Node::parse(&text);
        let elapsed = start.elapsed();
        assert!(
            elapsed < Duration::from_secs(20),
            "{elapsed:?}: {}",
            &text[..20]
        );
    }
}

proptest! {
    #[test]
    fn arbitrary_text_does_not_cause_a_panic(text in "([-:?,\\[\\]{}#&*!|>'\"%@` \n\ta-c0~]|\\PC){0,200}") {
        let _ = Node::parse(&text);
    }
}
