use super::*;

fn problem(text: &[u8]) -> String {
    let mut pieces = match Pieces::new(text, Roots::One) {
        Ok(pieces) => pieces,
        Err(error) => return error.to_string(),
    };
    loop {
        match pieces.next() {
            Ok(Some(_)) => {}
            Ok(None) => return "none".to_owned(),
            Err(error) => return error.to_string(),
        }
    }
}

#[test]
fn invalid_documents_are_reported_with_line_and_column() {
    let table: [(&[u8], &str); 18] = [
        (b"<domain/>\n", "none"),
        (
            b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<domain></domain>",
            "none",
        ),
        (
            b"\xef\xbb\xbf\xef\xbb\xbf<domain/>",
            "line 1, column 2: there is text outside the domain",
        ),
        (
            b"<domain/>\xef\xbb\xbf\xef\xbb\xbf",
            "line 1, column 10: there is text outside the domain",
        ),
        (b"\xef\xbb\xbf", "line 1, column 2: it contains no domain"),
        (b"", "line 1, column 1: it contains no domain"),
        (
            b"<network/>",
            "line 1, column 1: expected a domain, found 'network'",
        ),
        (
            b"<domain/>\n<domain/>",
            "line 2, column 1: there is a second domain",
        ),
        (b"<domain>\n<a>", "line 2, column 4: it ends inside 'a'"),
        (
            b"x<domain/>",
            "line 1, column 1: there is text outside the domain",
        ),
        (
            b"<domain/> x",
            "line 1, column 11: there is text outside the domain",
        ),
        (
            b"<domain>&foo;</domain>",
            "line 1, column 9: undefined entity '&foo;'",
        ),
        (
            b"<domain>\xff</domain>",
            "line 1, column 9: it is not UTF-8",
        ),
        (
            b"<!DOCTYPE x><domain/>",
            "line 1, column 1: document types are not supported",
        ),
        (
            b"<?xml version='1.0' encoding='latin1'?><domain/>",
            "line 1, column 1: encoding 'latin1' is not supported, only UTF-8",
        ),
        (
            b"<domain><?xml version='1.0'?></domain>",
            "line 1, column 9: the XML declaration is not at the start",
        ),
        (
            b"<domain>&#x41;&lt;<![CDATA[<&]]><!-- -- --></domain>",
            "none",
        ),
        (b"<domain><a/></b></domain>", "line 1, column 13: "),
    ];
    for (text, expected) in table {
        let found = problem(text);
        let text = String::from_utf8_lossy(text);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
}

#[test]
fn the_nesting_depth_of_elements_is_bounded() {
    let deep = format!("<domain>{}", "<a>".repeat(1000));
    assert!(problem(deep.as_bytes()).ends_with("elements are nested too deeply"));
}
