//! The published known answers of Philox4x32-10 and the vectors of an independent implementation, all of them, for the
//! block function and for the kernels' numbering of elements.

use clamp_kernels::catalogue::Given;
use clamp_kernels::random::{philox, philox_block, philox_words};
use serde_json::Value;

use crate::arrays::{hows, run};

struct Vector {
    id: String,
    key: [u32; 2],
    counter: [u32; 4],
    output: [u32; 4],
}

fn vectors() -> Vec<Vector> {
    let file: Value = serde_json::from_str(include_str!("../vectors/philox.json")).expect("json");
    let cases = |name: &str| file[name].as_array().expect("array").clone();
    let all = cases("published").into_iter().chain(cases("cases"));
    all.map(|case| Vector {
        id: case["id"].as_str().unwrap_or("published").to_owned(),
        key: words(&case["key"]),
        counter: words(&case["counter"]),
        output: words(&case["output"]),
    })
    .collect()
}

fn words<const N: usize>(value: &Value) -> [u32; N] {
    let word = |value: &Value| u32::from_str_radix(value.as_str().expect("text"), 16).expect("hexadecimal");
    let words: Vec<u32> = value.as_array().expect("array").iter().map(word).collect();
    words.try_into().expect("as many words")
}

#[test]
fn every_vector_holds() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 53);
    for Vector { id, key, counter, output } in vectors {
        assert_eq!(philox(key, counter), output, "{id}");
        let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let (seed, block, stream) = (wide(key[0], key[1]), wide(counter[0], counter[1]), wide(counter[2], counter[3]));
        assert_eq!(philox_block(seed, stream, block), output, "{id}");
        // Elements are numbered in u64, so the last quarter of the blocks is only reached as blocks.
        if let Some(first) = block.checked_mul(4) {
            let mut words = [0; 3];
            philox_words(seed, stream, first + 1, &mut words);
            assert_eq!(words, output[1..], "{id}");
        }
    }
}

#[test]
fn words_cross_blocks_and_the_32_bit_border() {
    for first in [0, 1, 2, 3, 5, (1 << 34) - 6, (1 << 40) - 1] {
        let mut words = [0; 23];
        philox_words(7, 9, first, &mut words);
        for (offset, word) in words.into_iter().enumerate() {
            let element = first + offset as u64;
            assert_eq!(word, philox_block(7, 9, element / 4)[(element % 4) as usize], "{element}");
        }
    }
}

/// The vectors whose block is small enough to be launched, as elements of the kernels.
#[test]
fn the_kernels_number_elements_alike() {
    let mut launched = 0;
    for Vector { id, key, counter, output } in vectors() {
        let block = counter[0] as usize;
        if counter[1] != 0 || block > 1000 {
            continue;
        }
        launched += 1;
        let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let given = |n: usize| {
            [
                ("n", Given::Bits(n as u64)),
                ("seed", Given::Bits(wide(key[0], key[1]))),
                ("stream", Given::Bits(wide(counter[2], counter[3]))),
            ]
        };
        for how in hows() {
            let words = run("philox.u32.v1", &[], &given(4 * block + 4), how).expect("run").values::<u32>();
            assert_eq!(words[4 * block..], output, "{id}");
            let floats = run("philox_uniform.f32.v1", &[], &given(4 * block + 4), how).expect("run").values::<f32>();
            assert_eq!(floats[4 * block..], output.map(|word| (word >> 8) as f32 / 16_777_216.0), "{id}");
            let doubles = run("philox_uniform.f64.v1", &[], &given(2 * block + 2), how).expect("run").values::<f64>();
            let double = |low, high| (wide(low, high) >> 11) as f64 / 9_007_199_254_740_992.0;
            let expected = [double(output[0], output[1]), double(output[2], output[3])];
            assert_eq!(doubles[2 * block..], expected, "{id}");
        }
    }
    assert!(launched >= 5, "{launched}");
}
