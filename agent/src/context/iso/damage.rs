//! Randomly damaged media: the reader must return, and stay within its bounds.

use proptest::prelude::*;

use super::hostile::{LIMIT, MOST_READ, RECORDED, read, read_limited};
use super::medium::BLOCK;
use super::testing::{Image, ROOT, ce, file, nm};

/// Volumes that together use every feature, and the blocks that hold their structures.
fn valid() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    let recorded = RECORDED[..35 * BLOCK].to_vec();
    let pieces = [nm(1, "con"), ce(20, 0, 60)].concat();
    let continued = Image::rock_ridge(&[file(b"A", &nm(0, "other")), file(b"B", &pieces)])
        .put(20, &[nm(1, "text"), ce(21, 4, 20)].concat())
        .put(21, &[&[0; 4], nm(0, ".sh").as_slice()].concat());
    let mut joliet = recorded.clone();
    joliet[19 * BLOCK + 34] = b'X';
    prop_oneof![
        Just((recorded, vec![16, 17, 18, 19, 20])),
        Just((joliet, vec![16, 17, 23])),
        Just((continued.0, vec![16, ROOT, 20, 21])),
    ]
}

/// Bytes to overwrite, mostly near the start of a block that holds structures.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, u8)>> {
    let at = prop_oneof![3 => 0..256usize, 1 => 0..BLOCK];
    let byte = prop_oneof![
        2 => any::<u8>(),
        1 => prop::sample::select(vec![0, 1, 2, 33, 34, 0x7f, 0x80, 0xff]),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), at, byte), 0..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn reading_damaged_media_never_panics_and_stays_within_bounds(
        (mut bytes, blocks) in valid(),
        damage in damage(),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        for (block, at, byte) in damage {
            bytes[blocks[block.index(blocks.len())] * BLOCK + at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let (result, count) = read_limited(&bytes, LIMIT);
        prop_assert!(count.bytes() <= MOST_READ);
        if let Ok(Some(file)) = result {
            prop_assert!(file.len() as u64 <= LIMIT);
        }
    }

    #[test]
    fn any_directory_and_continuation_area_is_read_without_a_panic(
        root in prop::collection::vec(any::<u8>(), 0..BLOCK - 100),
        area in prop::collection::vec(any::<u8>(), 0..BLOCK),
        name in prop::collection::vec(any::<u8>(), 0..150),
    ) {
        let system_use = [name.as_slice(), &ce(22, 0, area.len())].concat();
        let image = Image::rock_ridge(&[file(b"A", &system_use[..system_use.len().min(180)])])
            .put(22, &area);
        let _ = read(&image);
        let dot = Image::rock_ridge(&[]).put_at(ROOT * BLOCK + 100, &root);
        let _ = read(&dot);
    }
}
