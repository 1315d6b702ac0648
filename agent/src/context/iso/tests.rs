//! Volumes made byte by byte, and what is read from them.

use super::testing::{Image, ROOT, Watched, ce, descriptor, entry, file, nm, record};
use super::{IsoError, Volume};

const LIMIT: u64 = 1 << 20;

/// Reads a file whose data, "hello", is in block 20.
fn read(image: Image, name: &str) -> Result<Option<Vec<u8>>, IsoError> {
    let image = image.put(20, b"hello");
    Volume::open(image.reader())?.read_top_file(name, LIMIT)
}

fn text(image: Image, name: &str) -> Option<String> {
    read(image, name)
        .unwrap()
        .map(|bytes| String::from_utf8(bytes).unwrap())
}

fn error(image: Image, name: &str) -> String {
    read(image, name).unwrap_err().to_string()
}

fn wide(name: &str) -> Vec<u8> {
    name.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// Adds a second root directory in block 19, with Joliet names.
fn joliet(image: Image, records: &[Vec<u8>]) -> Image {
    let dots = [
        record(&[0], 19, 2048, 2, &[]),
        record(&[1], 19, 2048, 2, &[]),
    ];
    image
        .put(
            17,
            &descriptor(2, &wide("JOLIET          "), "%/E", 19, 2048),
        )
        .put(18, &descriptor(255, b"", "", 0, 0))
        .put(19, &[dots.concat(), records.concat()].concat())
}

/// An image whose root directory is in block 21, away from the descriptors.
fn three_descriptors(records: &[Vec<u8>], dot_use: &[u8]) -> Image {
    let dots = [
        record(&[0], 21, 2048, 2, dot_use),
        record(&[1], 21, 2048, 2, &[]),
    ];
    Image(Vec::new())
        .put(16, &descriptor(1, b"", "", 21, 2048))
        .put(21, &[dots.concat(), records.concat()].concat())
}

#[test]
fn plain_names_match_without_case_and_version() {
    let image = Image::new(&[file(b"OTHER.TXT;1", &[]), file(b"CONTEXT.SH;1", &[])]);
    assert_eq!(text(image.clone(), "context.sh").as_deref(), Some("hello"));
    assert_eq!(text(image, "token.txt"), None);
}

#[test]
fn joliet_names_have_precedence_over_plain_ones() {
    let image = joliet(
        three_descriptors(&[file(b"PLAIN.;1", &[])], &[]),
        &[file(&wide("context.sh"), &[])],
    );
    assert_eq!(text(image.clone(), "context.sh").as_deref(), Some("hello"));
    assert_eq!(text(image, "plain"), None);
}

#[test]
fn rock_ridge_names_have_precedence_over_joliet_ones() {
    let image = joliet(
        three_descriptors(
            &[file(b"A.;1", &nm(0, "context.sh"))],
            &entry(*b"SP", &[0xbe, 0xef, 0]),
        ),
        &[file(&wide("joliet"), &[])],
    );
    assert_eq!(text(image.clone(), "context.sh").as_deref(), Some("hello"));
    assert_eq!(text(image.clone(), "a"), None);
    assert_eq!(text(image, "joliet"), None);
}

#[test]
fn the_joliet_label_replaces_an_empty_one() {
    let image = joliet(three_descriptors(&[], &[]), &[]);
    assert_eq!(Volume::open(image.reader()).unwrap().label(), "JOLIET");
    assert_eq!(
        Volume::open(Image::new(&[]).reader()).unwrap().label(),
        "CONTEXT"
    );
    let image = three_descriptors(&[], &[]);
    assert_eq!(Volume::open(image.reader()).unwrap().label(), "");
}

#[test]
fn a_rock_ridge_name_may_be_split_over_entries_and_areas() {
    let use_area = [nm(1, "con"), nm(1, ""), ce(22, 100, 200)].concat();
    let more = [nm(1, "te"), ce(23, 0, 7), entry(*b"ST", &[]), nm(0, "junk")].concat();
    let image = Image::rock_ridge(&[file(b"A.;1", &use_area)])
        .put_at(22 * 2048 + 100, &more)
        .put_at(22 * 2048 + 300, &[0xff; 10])
        .put(23, &nm(0, "xt"));
    // The last piece has 7 bytes and fills its area exactly.
    assert_eq!(text(image.clone(), "context").as_deref(), Some("hello"));
    assert_eq!(text(image.clone(), "context.sh"), None);
    assert_eq!(text(image, "con"), None);
}

#[test]
fn a_continued_name_without_a_next_piece_ends_there() {
    let image = Image::rock_ridge(&[file(b"A.;1", &nm(1, "context"))]);
    assert_eq!(text(image.clone(), "context").as_deref(), Some("hello"));
    assert_eq!(text(image, "context.sh"), None);
}

#[test]
fn the_first_descriptor_of_a_kind_is_used() {
    let joliet_root = |root| descriptor(2, &wide("JOLIET          "), "%/@", root, 2048);
    let dots = [
        record(&[0], 22, 2048, 2, &[]),
        record(&[1], 22, 2048, 2, &[]),
    ];
    let image = Image(Vec::new())
        .put(16, &descriptor(1, b"FIRST", "", 21, 2048))
        .put(17, &descriptor(1, b"SECOND", "", 1, 1 << 30))
        .put(18, &joliet_root(22))
        .put(19, &joliet_root(1))
        .put(
            22,
            &[dots.concat(), file(&wide("context.sh"), &[])].concat(),
        );
    assert_eq!(Volume::open(image.reader()).unwrap().label(), "FIRST");
    assert_eq!(text(image, "context.sh").as_deref(), Some("hello"));
}

#[test]
fn a_record_without_a_rock_ridge_name_has_its_plain_name() {
    let image = Image::rock_ridge(&[file(b"CONTEXT.SH;1", &[])]);
    assert_eq!(text(image, "context.sh").as_deref(), Some("hello"));
}

#[test]
fn names_of_the_directory_itself_are_never_files() {
    let image = Image::rock_ridge(&[file(b"A.;1", &nm(2, "")), file(b"B.;1", &nm(4, ""))]);
    for name in ["", ".", "..", "a", "\0", "\u{1}"] {
        assert_eq!(text(image.clone(), name), None, "{name:?}");
    }
}

#[test]
fn skip_bytes_and_cd_rom_xa_are_honoured() {
    let sp = entry(*b"SP", &[0xbe, 0xef, 14]);
    for dot_use in [sp.clone(), [vec![0xaa; 14], sp].concat()] {
        let dot = record(&[0], ROOT, 2048, 2, &dot_use);
        let named = [vec![0xaa; 14], nm(0, "context.sh")].concat();
        let image = Image::with_dot(&dot, &[file(b"A.;1", &named), file(b"B.;1", &[])]);
        assert_eq!(text(image, "context.sh").as_deref(), Some("hello"));
    }
}

#[test]
fn attribute_blocks_before_the_data_are_skipped() {
    let mut record = record(b"CONTEXT.SH;1", 18, 5, 0, &[]);
    record[1] = 2;
    assert_eq!(
        text(Image::new(&[record]), "context.sh").as_deref(),
        Some("hello")
    );
}

#[test]
fn an_associated_file_is_ignored() {
    let fork = record(b"CONTEXT.SH;1", 21, 4, 4, &[]);
    let image = Image::new(&[fork, file(b"CONTEXT.SH;1", &[])]);
    assert_eq!(text(image, "context.sh").as_deref(), Some("hello"));
}

#[test]
fn anything_but_a_regular_file_is_refused() {
    let px = |mode: u32| entry(*b"PX", &[mode.to_le_bytes(), [0; 4]].concat());
    for (what, system_use) in [
        ("a symbolic link", entry(*b"SL", &[0, 0, 0])),
        ("a symbolic link", px(0o120_777)),
        ("a directory", px(0o040_755)),
        ("a directory", entry(*b"CL", &[0; 8])),
        ("a special file", px(0o060_600)),
        ("a special file", px(0o644)),
    ] {
        let system_use = [nm(0, "context.sh"), system_use].concat();
        let image = Image::rock_ridge(&[file(b"A.;1", &system_use)]);
        assert_eq!(
            error(image, "context.sh"),
            format!("'context.sh' is {what}, not a regular file")
        );
    }
    let image = Image::new(&[record(b"CONTEXT.SH", 20, 5, 2, &[])]);
    assert_eq!(
        error(image, "context.sh"),
        "'context.sh' is a directory, not a regular file"
    );
}

#[test]
fn a_link_is_recognised_in_a_continuation_area_too() {
    let system_use = [nm(0, "context.sh"), ce(22, 0, 7)].concat();
    let image = Image::rock_ridge(&[file(b"A.;1", &system_use)]).put(22, &entry(*b"SL", &[0; 3]));
    assert_eq!(
        error(image, "context.sh"),
        "'context.sh' is a symbolic link, not a regular file"
    );
}

#[test]
fn unsupported_ways_of_storing_a_file_are_reported() {
    let mut interleaved = file(b"CONTEXT.SH;1", &[]);
    interleaved[26] = 1;
    let rock_ridge = |signature| {
        let system_use = [nm(0, "context.sh"), entry(signature, &[0; 12])].concat();
        Image::rock_ridge(&[file(b"A.;1", &system_use)])
    };
    for (feature, image) in [
        ("interleaved", Image::new(&[interleaved])),
        (
            "stored in several extents",
            Image::new(&[
                record(b"CONTEXT.SH;1", 20, 5, 0x80, &[]),
                file(b"CONTEXT.SH;1", &[]),
            ]),
        ),
        ("compressed", rock_ridge(*b"ZF")),
        ("sparse", rock_ridge(*b"SF")),
    ] {
        assert_eq!(
            error(image, "context.sh"),
            format!("file 'context.sh' is {feature}, which is not supported")
        );
    }
}

#[test]
fn a_file_above_the_limit_is_refused_and_one_at_it_is_read() {
    let image = Image::new(&[file(b"CONTEXT.SH;1", &[])]).put(20, b"hello");
    let mut volume = Volume::open(image.reader()).unwrap();
    assert_eq!(
        volume.read_top_file("context.sh", 5).unwrap().unwrap(),
        b"hello"
    );
    assert_eq!(
        volume
            .read_top_file("context.sh", 4)
            .unwrap_err()
            .to_string(),
        "file 'context.sh' is 5 bytes, more than the 4 allowed"
    );
}

#[test]
fn only_descriptors_root_directory_and_file_are_read() {
    let image = Image::new(&[file(b"CONTEXT.SH;1", &[])]).put(20, b"hello");
    let reader = Watched::new(image.reader());
    let count = reader.count();
    let mut volume = Volume::open(reader).unwrap();
    assert_eq!(count.bytes(), 2 * 2048);
    volume.read_top_file("context.sh", LIMIT).unwrap().unwrap();
    assert_eq!(count.bytes(), 3 * 2048 + 5);
}

#[test]
fn a_continuation_area_is_read_only_if_the_name_can_still_match() {
    let use_area = [nm(1, "other"), ce(5, 0, 2048)].concat();
    let image = Image::rock_ridge(&[file(b"A.;1", &use_area)]).put(20, b"hello");
    let reader = Watched::new(image.reader());
    let count = reader.count();
    let mut volume = Volume::open(reader).unwrap();
    assert_eq!(volume.read_top_file("context.sh", LIMIT).unwrap(), None);
    assert_eq!(count.bytes(), 3 * 2048);
    assert_eq!(volume.read_top_file("others", LIMIT).unwrap(), None);
    assert_eq!(count.bytes(), 5 * 2048);
}

#[test]
fn short_and_interrupted_reads_do_not_change_the_result() {
    let image = Image::rock_ridge(&[file(b"A.;1", &nm(0, "context.sh"))]).put(20, b"hello");
    for most in [1, 2, 3, 511, 2047] {
        let mut volume = Volume::open(Watched::new(image.reader()).most(most)).unwrap();
        let bytes = volume.read_top_file("context.sh", LIMIT).unwrap();
        assert_eq!(bytes.as_deref(), Some(b"hello".as_slice()), "{most}");
    }
}
