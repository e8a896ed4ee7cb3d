//! Whole-slice byte tests in blocks that the compiler turns into vector instructions.

const BLOCK: usize = 16;

/// True if `bad` holds for any byte. `bad` must be free of branches to be fast.
#[inline]
pub(crate) fn any(bytes: &[u8], bad: impl Fn(u8) -> bool + Copy) -> bool {
    let block = |block: &[u8; BLOCK]| block.iter().fold(false, |found, &b| found | bad(b));
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    if blocks.iter().any(block) {
        return true;
    }
    // The last block again, overlapping, instead of single bytes.
    match bytes.last_chunk::<BLOCK>() {
        Some(last) => !rest.is_empty() && block(last),
        None => rest.iter().any(|&b| bad(b)),
    }
}

/// True if `bad` holds for any byte and the one after it.
#[inline]
pub(crate) fn any_pair(bytes: &[u8], bad: impl Fn(u8, u8) -> bool + Copy) -> bool {
    let Some(next) = bytes.get(1..) else {
        return false;
    };
    let this = bytes.get(..next.len()).unwrap_or_default();
    let block = |a: &[u8; BLOCK], b: &[u8; BLOCK]| {
        a.iter()
            .zip(b)
            .fold(false, |found, (&a, &b)| found | bad(a, b))
    };
    let (blocks, rest) = this.as_chunks::<BLOCK>();
    let (next_blocks, _) = next.as_chunks::<BLOCK>();
    if blocks.iter().zip(next_blocks).any(|(a, b)| block(a, b)) {
        return true;
    }
    match (this.last_chunk::<BLOCK>(), next.last_chunk::<BLOCK>()) {
        (Some(a), Some(b)) => !rest.is_empty() && block(a, b),
        _ => this.iter().zip(next).any(|(&a, &b)| bad(a, b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        for length in 0..50 {
            let mut bytes = vec![b'a'; length];
            assert!(!any(&bytes, |b| b == b'x'));
            for at in 0..length {
                bytes[at] = b'x';
                assert!(any(&bytes, |b| b == b'x'), "{at} of {length}");
                bytes[at] = b'a';
            }
        }
    }

    #[test]
    fn a_pair_is_found_wherever_it_is() {
        let bad = |a, b| a == b'x' && b == b'y';
        for length in 0..50 {
            let mut bytes = vec![b'x'; length];
            assert!(!any_pair(&bytes, bad));
            for at in 1..length {
                bytes[at] = b'y';
                assert!(any_pair(&bytes, bad), "{at} of {length}");
                bytes[at] = b'x';
            }
        }
    }
}
