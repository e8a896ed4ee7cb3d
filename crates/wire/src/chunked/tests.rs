use proptest::prelude::*;

use super::*;

/// Body, trailers and number of bytes used, with the input cut into pieces of `piece` bytes.
type Decoded = (Vec<u8>, Vec<(String, String)>, usize);

fn decode_pieces(input: &[u8], piece: usize) -> Result<Option<Decoded>, ChunkedError> {
    decode_with(Decoder::new(), input, piece)
}

fn decode_with(
    mut decoder: Decoder,
    input: &[u8],
    piece: usize,
) -> Result<Option<Decoded>, ChunkedError> {
    let (mut body, mut used) = (Vec::new(), 0);
    for part in input.chunks(piece) {
        let mut rest = part;
        while !rest.is_empty() {
            match decoder.decode(rest)? {
                Step::Data { consumed, data } => {
                    assert!(!data.is_empty() && data.end <= consumed && consumed <= rest.len());
                    body.extend_from_slice(&rest[data]);
                    rest = &rest[consumed..];
                    used += consumed;
                }
                Step::NeedMore { consumed } => {
                    assert_eq!(consumed, rest.len());
                    used += consumed;
                    break;
                }
                Step::Done { consumed } => {
                    used += consumed;
                    assert!(decoder.is_done());
                    assert_eq!(decoder.received(), body.len() as u64);
                    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
                    let trailers = decoder
                        .trailers()
                        .map(|(n, v)| (text(n), text(v)))
                        .collect();
                    return Ok(Some((body, trailers, used)));
                }
            }
        }
    }
    Ok(None)
}

/// The same result whatever the pieces are.
fn decode_all(input: &[u8]) -> Result<Option<Decoded>, ChunkedError> {
    let whole = decode_pieces(input, input.len().max(1));
    for piece in [1, 2, 3, 7] {
        assert_eq!(decode_pieces(input, piece), whole, "pieces of {piece}");
    }
    whole
}

fn body_of(input: &str) -> String {
    let (body, _, used) = decode_all(input.as_bytes()).unwrap().unwrap();
    assert_eq!(used, input.len());
    String::from_utf8(body).unwrap()
}

fn error_of(input: &[u8]) -> ChunkedError {
    decode_all(input).unwrap_err()
}

#[test]
fn well_formed_bodies() {
    for (input, wanted) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
        ("A\r\n0123456789\r\n00\r\n\r\n", "0123456789"),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("0005\r\nhello\r\n000\r\n\r\n", "hello"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("5;a=b\r\nhello\r\n0;last\r\n\r\n", "hello"),
        ("5 ;a=\"q;\\\"\"\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\t; a\r\nhello\r\n0\r\n\r\n", "hello"),
    ] {
        assert_eq!(body_of(input), wanted, "{input:?}");
    }
}

#[test]
fn bytes_behind_the_body_are_left_for_the_next_message() {
    let (body, _, used) = decode_all(b"1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n")
        .unwrap()
        .unwrap();
    assert_eq!((&*body, used), (&b"x"[..], 11));
}

#[test]
fn an_incomplete_body_is_never_done() {
    let whole = b"5;x=\"y\"\r\nhello\r\n0\r\nA: b\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(decode_all(&whole[..end]), Ok(None), "{end}");
    }
}

#[test]
fn odd_chunk_sizes_are_refused() {
    for input in [
        "\r\n", ";a\r\n", " 5\r\n", "\t5\r\n", "0x5\r\n", "+5\r\n", "-5\r\n", "5_0\r\n", "g\r\n",
        "5 \r\n", "5 5\r\n", "5,\r\n", "5\0\r\n", "5.0\r\n", "5\t\r\n", "5h\r\n",
    ] {
        assert_eq!(error_of(input.as_bytes()), ChunkedError::Size, "{input:?}");
    }
    assert_eq!(error_of(b"\xa05\r\n"), ChunkedError::Size);
}

// CVE-2025-22871
#[test]
fn every_line_end_but_cr_lf_is_refused() {
    let parts = ["5", "hello", "0", "A: b", ""];
    for broken in 0..parts.len() {
        for end in ["\n", "\r", "\r\r\n", "\n\r", "\r\n\n", "\n\n"] {
            let input: String = parts
                .iter()
                .enumerate()
                .map(|(i, part)| format!("{part}{}", if i == broken { end } else { "\r\n" }))
                .collect();
            let input = input + "Z\r\n";
            // Behind the final empty line anything belongs to the next message.
            if broken == parts.len() - 1 && end == "\r\n\n" {
                continue;
            }
            assert!(
                decode_all(input.as_bytes()).is_err(),
                "{broken} {end:?} {input:?}"
            );
        }
    }
}

// TERM.EXT
#[test]
fn bare_cr_lf_and_control_bytes_in_extensions_are_refused() {
    for (input, wanted) in [
        ("5;a\nhello\r\n", ChunkedError::LineEnd),
        ("5;a\rb\r\nhello", ChunkedError::LineEnd),
        ("5;a=\"\r\n\"\r\nhello", ChunkedError::Extension),
        ("5;a=\"\n\"\r\nhello", ChunkedError::Extension),
        ("5;a=\"\\\r\n\"\r\n", ChunkedError::Extension),
        ("5;a\0\r\n", ChunkedError::Extension),
        ("5;a\x7f\r\n", ChunkedError::Extension),
        ("5\n", ChunkedError::LineEnd),
    ] {
        assert_eq!(error_of(input.as_bytes()), wanted, "{input:?}");
    }
}

// RUSTSEC-2021-0079
#[test]
fn sizes_that_do_not_fit_64_bits_are_refused() {
    assert_eq!(
        error_of(b"10000000000000000\r\n"),
        ChunkedError::SizeOverflow
    );
    assert_eq!(
        error_of(b"fffffffffffffffff\r\n"),
        ChunkedError::SizeOverflow
    );
    assert_eq!(
        error_of(b"1\r\nx\r\nffffffffffffffff\r\n"),
        ChunkedError::SizeOverflow
    );
}

// HAProxy f9c2d4767
#[test]
fn a_chunk_above_4_gib_keeps_its_length() {
    let mut decoder = Decoder::new();
    let total = (4_u64 << 30) + 1;
    assert!(matches!(
        decoder.decode(b"100000001\r\n"),
        Ok(Step::NeedMore { consumed: 11 })
    ));
    let block = vec![0; 1 << 20];
    while decoder.left_in_chunk() >= block.len() as u64 {
        let step = decoder.decode(&block).unwrap();
        assert_eq!(
            step,
            Step::Data {
                consumed: block.len(),
                data: 0..block.len()
            }
        );
    }
    assert_eq!(decoder.left_in_chunk(), 1);
    assert_eq!(
        decoder.decode(b"x\r\n0\r\n\r\n"),
        Ok(Step::Data {
            consumed: 1,
            data: 0..1
        })
    );
    assert_eq!(decoder.received(), total);
    assert_eq!(
        decoder.decode(b"\r\n0\r\n\r\n"),
        Ok(Step::Done { consumed: 7 })
    );
}

// CVE-2023-39326
#[test]
fn small_chunks_with_long_extensions_are_refused() {
    let chunk = format!("1;{}\r\nx\r\n", "e".repeat(1000));
    let input = chunk.repeat(100);
    assert_eq!(error_of(input.as_bytes()), ChunkedError::Overhead);
    let one_long_line = format!("1;{}\r\nx\r\n", "e".repeat(5000));
    assert_eq!(error_of(one_long_line.as_bytes()), ChunkedError::Overhead);
}

#[test]
fn honest_one_byte_chunks_are_accepted() {
    let input = "1\r\nx\r\n".repeat(50_000) + "0\r\n\r\n";
    let (body, _, _) = decode_pieces(input.as_bytes(), 4096).unwrap().unwrap();
    assert_eq!(body.len(), 50_000);
}

#[test]
fn trailers_are_collected_and_trimmed() {
    let input = b"0\r\ngrpc-status: 0\r\nX-Empty:\r\nX-Space: \t \r\ngrpc-message:  a b \t\r\n\r\n";
    let (_, trailers, used) = decode_all(input).unwrap().unwrap();
    let wanted = [
        ("grpc-status", "0"),
        ("X-Empty", ""),
        ("X-Space", ""),
        ("grpc-message", "a b"),
    ];
    assert_eq!(trailers, wanted.map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(used, input.len());
}

#[test]
fn forbidden_trailers_are_dropped() {
    let input = "0\r\nHost: evil\r\nx-ok: 1\r\nContent-Length: 5\r\ntransfer_encoding: chunked\r\n\
                 AUTHORIZATION: x\r\nCookie: a\r\nX-Forwarded-For: 1.2.3.4\r\nx_real_ip: 1.2.3.4\r\n\
                 X-Forwarded-Tls-Client-Cert: x\r\nProxy-Authorization: x\r\nTrailer: x\r\nTe: x\r\n\
                 x-last: 2\r\n\r\n";
    let (_, trailers, _) = decode_all(input.as_bytes()).unwrap().unwrap();
    let names: Vec<_> = trailers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(names, [("x-ok", "1"), ("x-last", "2")]);
}

#[test]
fn malformed_trailers_are_refused() {
    for line in [
        "no colon",
        ": empty name",
        "a b: c",
        "a : b",
        " a: b",
        "\ta: b",
        "a: b\x01",
        "a: b\0",
        "a\0: b",
        "a: \x7f",
        "GET / HTTP/1.1",
    ] {
        let input = format!("0\r\n{line}\r\n\r\n");
        assert_eq!(
            error_of(input.as_bytes()),
            ChunkedError::Trailer,
            "{line:?}"
        );
    }
    // obs-fold
    assert_eq!(error_of(b"0\r\na: b\r\n c\r\n\r\n"), ChunkedError::Trailer);
}

#[test]
fn trailer_sections_are_limited_in_bytes_and_fields() {
    let long = format!("0\r\na: {}\r\n\r\n", "x".repeat(20_000));
    assert_eq!(error_of(long.as_bytes()), ChunkedError::TrailersTooLarge);
    let endless = format!("0\r\n{}", "x".repeat(20_000));
    assert_eq!(error_of(endless.as_bytes()), ChunkedError::TrailersTooLarge);
    let many = format!("0\r\n{}\r\n", "a: b\r\n".repeat(MAX_TRAILERS + 1));
    assert_eq!(error_of(many.as_bytes()), ChunkedError::TrailersTooLarge);
    let dropped = format!("0\r\n{}\r\n", "host: b\r\n".repeat(MAX_TRAILERS + 1));
    assert_eq!(error_of(dropped.as_bytes()), ChunkedError::TrailersTooLarge);
    let decoder = Decoder::new().with_max_trailer_bytes(6);
    assert!(
        decode_with(decoder.clone(), b"0\r\na: b\r\n\r\n", 100)
            .unwrap()
            .is_some()
    );
    assert_eq!(
        decode_with(decoder, b"0\r\na: bcd\r\n\r\n", 100),
        Err(ChunkedError::TrailersTooLarge)
    );
}

#[test]
fn an_error_stays() {
    let mut decoder = Decoder::new();
    assert_eq!(decoder.decode(b"x"), Err(ChunkedError::Size));
    assert_eq!(decoder.decode(b"0\r\n\r\n"), Err(ChunkedError::Size));
    assert_eq!(decoder.decode(b""), Err(ChunkedError::Size));
}

#[test]
fn a_finished_body_stays_finished() {
    let mut decoder = Decoder::new();
    assert_eq!(decoder.decode(b"0\r\n\r\n"), Ok(Step::Done { consumed: 5 }));
    assert_eq!(
        decoder.decode(b"5\r\nhello\r\n"),
        Ok(Step::Done { consumed: 0 })
    );
}

#[test]
fn a_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 56, "{}", size_of::<Decoder>());
}

#[test]
fn chunk_heads_are_hexadecimal() {
    for (length, wanted) in [
        (1, "1\r\n"),
        (15, "f\r\n"),
        (16, "10\r\n"),
        (4096, "1000\r\n"),
        (u64::MAX, "ffffffffffffffff\r\n"),
    ] {
        assert_eq!(chunk_head(length).as_bytes(), wanted.as_bytes());
    }
}

#[test]
fn the_writer_leaves_out_what_may_not_be_a_trailer() {
    let mut out = Vec::new();
    let fields: [(&[u8], &[u8]); 5] = [
        (b"grpc-status", b"0"),
        (b"content-length", b"1"),
        (b"bad name", b"1"),
        (b"x", b"a\r\nb: c"),
        (b"y", b"z"),
    ];
    write_last_chunk(&mut out, fields);
    assert_eq!(out, b"0\r\ngrpc-status: 0\r\ny: z\r\n\r\n");
    out.clear();
    write_last_chunk(&mut out, []);
    assert_eq!(out, LAST_CHUNK);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
        piece in 1_usize..64,
    ) {
        let mut input = Vec::new();
        for chunk in &chunks {
            input.extend_from_slice(chunk_head(chunk.len() as u64).as_bytes());
            input.extend_from_slice(chunk);
            input.extend_from_slice(CHUNK_END);
        }
        let trailer: (&[u8], &[u8]) = (b"x-sum", b"1 2");
        write_last_chunk(&mut input, [trailer]);
        let (body, trailers, used) = decode_pieces(&input, piece).unwrap().unwrap();
        prop_assert_eq!(body, chunks.concat());
        prop_assert_eq!(trailers, [("x-sum".to_owned(), "1 2".to_owned())]);
        prop_assert_eq!(used, input.len());
    }
}
