//! Malicious media: the reader must return, and must not read more than its bounds allow.

use std::io::Cursor;

use super::medium::BLOCK;
use super::testing::{
    Count, FakeDevice, Image, ROOT, Watched, ce, descriptor, entry, file, nm, record,
};
use super::{IsoError, Volume};

pub(super) const LIMIT: u64 = 1 << 20;

/// 64 descriptors, two root directories, 4096 continuation areas, and a file.
pub(super) const MOST_READ: u64 = 64 * 2048 + 2 * (1 << 20) + 4096 * 2048 + LIMIT;

pub(super) const RECORDED: &[u8] =
    include_bytes!("../../../../tests/fixtures/iso/opennebula-7.5.iso");
const RECORDED_TEXT: &[u8] =
    include_bytes!("../../../../tests/fixtures/contexts/7.5-three-sriov-alias.sh");

pub(super) fn read_limited(bytes: &[u8], limit: u64) -> (Result<Option<Vec<u8>>, IsoError>, Count) {
    let reader = Watched::new(Cursor::new(bytes));
    let count = reader.count();
    let result =
        Volume::open(reader).and_then(|mut volume| volume.read_top_file("context.sh", limit));
    (result, count)
}

pub(super) fn read(image: &Image) -> Result<Option<Vec<u8>>, IsoError> {
    let (result, count) = read_limited(&image.0, LIMIT);
    assert!(count.bytes() <= MOST_READ, "{} bytes read", count.bytes());
    result
}

fn error(image: &Image) -> String {
    read(image).unwrap_err().to_string()
}

#[test]
fn media_without_iso_9660_are_not_reported_as_damaged() {
    for bytes in [
        vec![],
        vec![0; 16 * BLOCK],
        vec![0; 16 * BLOCK + 2047],
        vec![0; 40 * BLOCK],
        vec![0xff; 40 * BLOCK],
        Image(vec![]).put(16, &descriptor(255, b"", "", 0, 0)).0,
    ] {
        let error = Volume::open(Cursor::new(bytes.clone())).unwrap_err();
        assert!(matches!(error, IsoError::NotIso), "{error}");
        let error = Volume::open(FakeDevice(Cursor::new(bytes))).unwrap_err();
        assert!(matches!(error, IsoError::NotIso), "{error}");
    }
}

#[test]
fn at_most_64_descriptors_are_read() {
    let mut image = Image(Vec::new());
    for block in 16..200 {
        image = image.put(block, &descriptor(0, b"", "", 0, 0));
    }
    image = image.put(16 + 64, &descriptor(1, b"", "", ROOT, BLOCK));
    let (result, count) = read_limited(&image.0, LIMIT);
    assert!(matches!(result, Err(IsoError::NotIso)));
    assert_eq!(count.bytes(), 64 * 2048);
}

#[test]
fn other_block_sizes_are_refused() {
    let image = Image::new(&[]).put_at(16 * BLOCK + 128, &[0, 2, 2, 0]);
    assert_eq!(
        error(&image),
        "the ISO 9660 volume descriptor at block 16 has logical blocks of 512 bytes, only 2048 are supported"
    );
}

#[test]
fn a_root_directory_beyond_the_end_is_an_error() {
    let image = Image::new(&[]).put(16, &descriptor(1, b"", "", 0xffff_ffff, BLOCK));
    assert_eq!(
        error(&image),
        "failed to read the ISO 9660 root directory at block 4294967295: the medium ends after 0 of 2048 bytes"
    );
}

#[test]
fn a_huge_root_directory_is_refused_before_it_is_read() {
    let image = Image::new(&[]).put(16, &descriptor(1, b"", "", ROOT, 0xffff_ffff));
    assert_eq!(
        error(&image),
        "the ISO 9660 root directory at block 18 is 4294967295 bytes, more than the 1048576 allowed"
    );
    let image = Image::new(&[])
        .put(16, &descriptor(1, b"", "", ROOT, 1 << 20))
        .put(ROOT + 511, &[0]);
    assert_eq!(read(&image).unwrap(), None);
}

#[test]
fn at_most_4096_records_are_read() {
    let dots = 2;
    let mut records = vec![file(b"A", &[]); 4096 - dots - 1];
    records.push(file(b"CONTEXT.SH;1", &[]));
    let last = Image::new(&records).put(20 + 256, &[0]);
    assert_eq!(read(&last).unwrap().unwrap().len(), 5);
    records.insert(0, file(b"A", &[]));
    assert_eq!(
        error(&Image::new(&records)),
        "the ISO 9660 root directory at block 18 has more than the 4096 records allowed"
    );
}

#[test]
fn a_huge_file_is_refused_or_ends_with_the_medium() {
    let image = Image::new(&[record(b"CONTEXT.SH;1", 20, 0xffff_ffff, 0, &[])]).put(20, &[7; 5000]);
    assert_eq!(
        error(&image),
        "file 'context.sh' is 4294967295 bytes, more than the 1048576 allowed"
    );
    let (result, count) = read_limited(&image.0, u64::MAX);
    assert_eq!(
        result.unwrap_err().to_string(),
        "failed to read file 'context.sh' at block 20: the medium ends after 6144 of 4294967295 bytes"
    );
    assert_eq!(count.bytes(), 3 * 2048 + 6144);
}

#[test]
fn impossible_records_are_errors() {
    let with_bytes = |changes: &[(usize, u8)]| {
        let mut bytes = file(b"CONTEXT.SH;1", &[]);
        for (at, byte) in changes {
            bytes[*at] = *byte;
        }
        Image::new(&[bytes]).put(20, b"hello")
    };
    let problem = |changes: &[(usize, u8)]| error(&with_bytes(changes));
    let damaged = |problem| {
        format!("damaged record at byte 68 of the ISO 9660 root directory at block 18: {problem}")
    };
    assert_eq!(
        read(&with_bytes(&[])).unwrap().as_deref(),
        Some(b"hello".as_slice())
    );
    // An empty rest of the block.
    assert_eq!(read(&with_bytes(&[(0, 0)])).unwrap(), None);
    for length in [1, 2, 32] {
        let changes = [(0, length)];
        assert_eq!(problem(&changes), damaged("it is shorter than its fields"));
    }
    for changes in [
        [(0, 33), (32, 12)],
        [(0, 44), (32, 12)],
        [(0, 46), (32, 255)],
    ] {
        assert_eq!(
            problem(&changes),
            damaged("its identifier is longer than the record")
        );
    }
    for changes in [[(0, 33), (32, 0)], [(0, 46), (32, 0)]] {
        assert_eq!(problem(&changes), damaged("it has no identifier"));
    }
    // The record may end with the identifier, although the standard requires padding.
    assert!(read(&with_bytes(&[(0, 45)])).unwrap().is_some());
}

#[test]
fn a_record_may_not_cross_the_end_of_its_block() {
    let filler = vec![record(&[b'A'; 200], 20, 0, 0, &[]); 8];
    let image = Image::new(&filler).put_at(ROOT * BLOCK + 68 + 8 * 234, &[200]);
    assert_eq!(
        error(&image),
        "damaged record at byte 1940 of the ISO 9660 root directory at block 18: it is longer than the rest of its block"
    );
}

#[test]
fn a_damaged_root_record_names_the_descriptor() {
    let image = Image::new(&[]).put_at(16 * BLOCK + 156, &[35]);
    assert_eq!(
        error(&image),
        "damaged record at byte 156 of the ISO 9660 volume descriptor at block 16: it is longer than the rest of its block"
    );
}

#[test]
fn a_cycle_of_continuation_areas_is_an_error_after_16() {
    let image = Image::rock_ridge(&[file(b"A", &ce(22, 0, 28))]).put(22, &ce(22, 0, 28));
    let (result, count) = read_limited(&image.0, LIMIT);
    assert_eq!(
        result.unwrap_err().to_string(),
        "damaged Rock Ridge continuation area at block 22: there are more than 16 in a row"
    );
    assert_eq!(count.bytes(), 3 * 2048 + 16 * 28);
}

#[test]
fn sixteen_continuation_areas_are_followed() {
    let mut image = Image::rock_ridge(&[file(b"A", &ce(22, 0, 28))]).put(20, b"hello");
    for block in 22..37 {
        image = image.put(block, &ce(block + 1, 0, 28));
    }
    let image = image.put(37, &nm(0, "context.sh"));
    // The last area is 15 bytes of name and 13 of padding.
    assert_eq!(read(&image).unwrap().unwrap().len(), 5);
}

#[test]
fn a_lookup_follows_at_most_4096_continuation_areas() {
    let image = Image::rock_ridge(&vec![file(b"A", &ce(9, 0, 28)); 2100]).put(9, &ce(10, 0, 2048));
    let (result, count) = read_limited(&image.0, LIMIT);
    assert_eq!(
        result.unwrap_err().to_string(),
        "damaged Rock Ridge continuation area at block 9: the root directory has more than 4096"
    );
    assert!(count.bytes() <= MOST_READ);
}

#[test]
fn continuation_areas_must_be_small_and_on_the_medium() {
    let at =
        |block, offset, size| error(&Image::rock_ridge(&[file(b"A", &ce(block, offset, size))]));
    assert_eq!(
        at(5, 2048, 1),
        "damaged Rock Ridge continuation area at block 5: it starts beyond the end of its block"
    );
    assert_eq!(
        at(5, 0, 2049),
        "damaged Rock Ridge continuation area at block 5: it is longer than a block"
    );
    assert_eq!(
        at(0xffff_ffff, 2047, 2048),
        "failed to read a Rock Ridge continuation area at block 4294967295: the medium ends after 0 of 2048 bytes"
    );
}

#[test]
fn damaged_entries_end_the_area() {
    for junk in [
        vec![b'N', b'M'],
        vec![b'N', b'M', 0, 1],
        vec![b'N', b'M', 3, 1],
        vec![b'N', b'M', 255, 1, 0],
        entry(*b"NM", &[]),
        entry(*b"CE", &[0; 19]),
        entry(*b"PX", &[]),
    ] {
        let image = Image::rock_ridge(&[file(b"CONTEXT.SH;1", &junk)]).put(20, b"hello");
        assert_eq!(read(&image).unwrap().unwrap(), b"hello", "{junk:?}");
    }
}

#[test]
fn a_bad_sector_is_named() {
    let failing = |bad| {
        let reader = Watched::new(Cursor::new(RECORDED)).bad_from(bad);
        Volume::open(reader)
            .and_then(|mut volume| volume.read_top_file("context.sh", LIMIT))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        failing(17 * BLOCK),
        "failed to read the ISO 9660 volume descriptor at block 17: medium error"
    );
    assert_eq!(
        failing(19 * BLOCK),
        "failed to read the ISO 9660 root directory at block 19: medium error"
    );
    assert_eq!(
        failing(34 * BLOCK),
        "failed to read file 'context.sh' at block 33: medium error"
    );
}

#[test]
fn a_medium_that_ends_within_the_descriptors_is_damaged() {
    let error = Volume::open(Cursor::new(&RECORDED[..18 * BLOCK - 1])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to read the ISO 9660 volume descriptor at block 17: the medium ends after 2047 of 2048 bytes"
    );
}

#[test]
fn a_truncated_medium_yields_the_whole_file_or_an_error() {
    let end = 33 * BLOCK + RECORDED_TEXT.len();
    for length in (0..=RECORDED.len()).step_by(512).chain([end - 1, end]) {
        let (result, _) = read_limited(&RECORDED[..length], LIMIT);
        if length < end {
            assert!(result.is_err(), "{length}");
        } else {
            assert_eq!(result.unwrap().unwrap(), RECORDED_TEXT, "{length}");
        }
    }
}
