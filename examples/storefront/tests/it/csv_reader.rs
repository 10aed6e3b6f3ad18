//! The CSV reader alone: `csv-core` as an oracle, faults, cuts, memory.

use proptest::prelude::*;
use storefront::import::{CsvEvent, CsvReader, Limits, Record};
use tenancy_types::Problem;

fn read_in(chunks: &[&[u8]], limits: Limits) -> Vec<CsvEvent> {
    let mut reader = CsvReader::new(limits);
    let mut events: Vec<_> = chunks.iter().flat_map(|c| reader.feed(c)).collect();
    events.extend(reader.finish());
    events
}

fn read(bytes: &[u8]) -> Vec<CsvEvent> {
    read_in(&[bytes], Limits::default())
}

fn texts(record: &Record) -> Vec<String> {
    record.fields().map(str::to_owned).collect()
}

/// One line an event: fields with `|` between them, or where and what is wrong.
fn told(events: &[CsvEvent]) -> String {
    let tell = |event: &CsvEvent| match event {
        CsvEvent::Record(record) => texts(record).join("|"),
        CsvEvent::Bad(bad) => format!(
            "bad {}:{} field {} {}",
            bad.at.line,
            bad.at.character,
            bad.field,
            bad.fault.code()
        ),
        CsvEvent::Stopped(bad) => format!(
            "stop {}:{} field {} {}",
            bad.at.line,
            bad.at.character,
            bad.field,
            bad.fault.code()
        ),
    };
    events.iter().map(tell).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(input: &str, expect: &str) {
    assert_eq!(told(&read(input.as_bytes())), expect, "{input:?}");
}

#[test]
fn records_are_read() {
    check("", "");
    check("a,b\n1,2\n", "a|b\n1|2");
    check("a,b\r\n1,2", "a|b\n1|2");
    check("a\rb\r\nc\nd", "a\nb\nc\nd");
    check("\n\r\n\ra\n\n", "a");
    check("\u{feff}a,b\n", "a|b");
    check("\u{feff}\"a\",b\n", "a|b");
    check(",\n", "|");
    check("a,", "a|");
    check("\"\"\n", "");
    check("\"a,\"\"b\"\"\r\nc\",d\n", "a,\"b\"\r\nc|d");
    check(" a , b\n", " a | b");
}

#[test]
fn faults_have_a_place() {
    check("a,\"b\"c,d\ne\n", "bad 1:6 field 1 text_after_quote\ne");
    check("ü,b\"c\n", "bad 1:4 field 1 bare_quote");
    check("a\nb,\"c\nd\n", "a\nstop 2:3 field 1 unclosed_quote");
    check("a,b\0c\nd\n", "bad 1:4 field 1 nul_byte\nd");
    check("\"a\n\0\",b\nd\n", "bad 2:1 field 0 nul_byte\nd");
    // Line breaks in quotes count, and so does the row's second fault not.
    check(
        "\"x\r\ny\",z\"\n1,2\"\n",
        "bad 2:5 field 1 bare_quote\nbad 3:4 field 1 bare_quote",
    );
    // Quotes behind a fault still hold their line breaks.
    check("5\" pipe,\"a\nb\",c\nd\n", "bad 1:2 field 0 bare_quote\nd");
    // A lost quote is told where the damage ends.
    check("a,\"b\nc,\"d\"\ne\n", "bad 2:4 field 1 text_after_quote\ne");
    // Both faults of a row that ends reading.
    check(
        "a\"b,\"c",
        "bad 1:2 field 0 bare_quote\nstop 1:5 field 1 unclosed_quote",
    );
}

#[test]
fn bytes_that_are_not_utf8_have_a_place() {
    let cases: [(&[u8], &str); 4] = [
        (b"a,b\xff\nc\n", "bad 1:4 field 1 invalid_utf8\nc"),
        (
            b"a,\"\xc3\xa4\"\"\nx\xc3\"\nc\n",
            "bad 2:2 field 1 invalid_utf8\nc",
        ),
        (b"\xff\xfea\0", "bad 1:4 field 0 nul_byte"),
        (b"\xef\xbba", "bad 1:1 field 0 invalid_utf8"),
    ];
    for (input, expect) in cases {
        assert_eq!(told(&read(input)), expect, "{input:?}");
    }
}

#[test]
fn limits_are_inclusive() {
    let limits = Limits {
        field_bytes: 4,
        record_bytes: 12,
        columns: 3,
        ..Limits::default()
    };
    let told = |input: &str| told(&read_in(&[input.as_bytes()], limits));
    assert_eq!(told("abcd,1\nx\n"), "abcd|1\nx");
    assert_eq!(told("abcde,1\nx\n"), "bad 1:1 field 0 field_too_long\nx");
    assert_eq!(
        told("1,\"abcde\"\nx\n"),
        "bad 1:3 field 1 field_too_long\nx"
    );
    assert_eq!(told("\"\"\"\"\"\"\"\"\"\"\nx\n"), "\"\"\"\"\nx");
    assert_eq!(told("1,2,3\nx\n"), "1|2|3\nx");
    assert_eq!(told("1,2,3,4\nx\n"), "bad 1:7 field 3 too_many_fields\nx");
    assert_eq!(told("abcd,abcd,12\nx\n"), "abcd|abcd|12\nx");
    assert_eq!(
        told("abcd,abcd,123\nx\n"),
        "stop 1:11 field 2 record_too_long"
    );
    assert_eq!(
        told("x\n\"abcde\nabcdefgh"),
        "x\nbad 2:1 field 0 field_too_long\nstop 2:1 field 0 record_too_long"
    );
}

/// A field of a gigabyte is refused after four megabytes.
#[test]
fn a_giant_field_stops_the_reader_soon() {
    for opening in ["a,b\n1,\"", "a,b\n1,"] {
        let mut reader = CsvReader::new(Limits::default());
        reader.feed(opening.as_bytes());
        let chunk = vec![b'x'; 64 << 10];
        let mut events = Vec::new();
        let mut fed = 0_usize;
        while events.is_empty() {
            events = reader.feed(&chunk);
            fed += chunk.len();
            assert!(reader.held_bytes() <= 4 << 20);
        }
        assert!(fed <= (4 << 20) + chunk.len());
        assert_eq!(
            told(&events),
            "bad 2:3 field 1 field_too_long\nstop 2:3 field 1 record_too_long"
        );
        assert!(reader.feed(b"\"\nc,d\n").is_empty());
        assert!(reader.finish().is_empty());
    }
}

/// What `csv-core` reads.
fn oracle(input: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv_core::Reader::new();
    let (mut output, mut ends) = (vec![0; input.len() + 1], vec![0; input.len() + 1]);
    let (mut written, mut fields) = (0, 0);
    let (mut records, mut rest) = (Vec::new(), input);
    loop {
        let (result, read, bytes, count) =
            reader.read_record(rest, &mut output[written..], &mut ends[fields..]);
        rest = &rest[read..];
        written += bytes;
        fields += count;
        match result {
            csv_core::ReadRecordResult::Record => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let text = |(start, end): (usize, &usize)| {
                    String::from_utf8(output[start..*end].to_vec()).expect("the input is UTF-8")
                };
                records.push(starts.zip(&ends).take(fields).map(text).collect());
                (written, fields) = (0, 0);
            }
            csv_core::ReadRecordResult::InputEmpty => {}
            csv_core::ReadRecordResult::End => return records,
            other => panic!("{other:?}"),
        }
    }
}

/// Bytes in which the reader's special ones are common.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => proptest::sample::select(b"\",\n\rab ".to_vec()),
        1 => any::<u8>(),
    ];
    proptest::collection::vec(byte, 0..200)
}

fn small_limits() -> impl Strategy<Value = Limits> {
    (0..20_usize, 0..40_usize, 0..6_usize).prop_map(|(field_bytes, record_bytes, columns)| Limits {
        field_bytes,
        record_bytes,
        columns,
        ..Limits::default()
    })
}

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Where we find no fault, `csv-core` reads the same.
    #[test]
    fn agrees_with_csv_core(input in "(\u{feff})?([ab\"][^\"]|[ab,\n\r]|\"([ab,\n\r]|\"\")*\"[,\n\r]){0,40}") {
        let events = read(input.as_bytes());
        let ours: Option<Vec<_>> = events.iter().map(|event| match event {
            CsvEvent::Record(record) => Some(texts(record)),
            _ => None,
        }).collect();
        if let Some(ours) = ours {
            prop_assert_eq!(ours, oracle(input.as_bytes()));
        }
    }

    /// What is written by the rules is read back, and as `csv-core` reads it.
    #[test]
    fn valid_files_are_read(
        rows in proptest::collection::vec(proptest::collection::vec("[aä,\"\n\r ]{0,6}", 1..5), 0..10),
        end in proptest::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let line = |row: &Vec<String>| row.iter().map(|f| quoted(f)).collect::<Vec<_>>().join(",") + end;
        let file: String = rows.iter().map(line).collect();
        let found: Vec<_> = read(file.as_bytes()).iter().map(|event| match event {
            CsvEvent::Record(record) => texts(record),
            bad => panic!("{bad:?}"),
        }).collect();
        prop_assert_eq!(&found, &rows);
        prop_assert_eq!(found, oracle(file.as_bytes()));
    }

    /// Cutting the input changes nothing, whatever the input and the limits.
    #[test]
    fn cuts_make_no_difference(
        input in soup(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
        limits in small_limits(),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let chunks: Vec<_> = cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        let whole = read_in(&[&input], limits);
        prop_assert_eq!(read_in(&chunks, limits), whole.clone());
        let bytes: Vec<_> = input.chunks(1).collect();
        prop_assert_eq!(read_in(&bytes, limits), whole);
    }

    /// Bytes of any kind end in events, and little is held meanwhile.
    #[test]
    fn memory_is_bounded(input in soup(), limits in small_limits()) {
        let mut reader = CsvReader::new(limits);
        let bound = 2 * limits.field_bytes.max(8)
            + 2 * limits.record_bytes.max(8)
            + 64 * limits.columns.max(4);
        for chunk in input.chunks(7) {
            reader.feed(chunk);
            prop_assert!(reader.held_bytes() <= bound, "{} > {bound}", reader.held_bytes());
        }
        reader.finish();
    }
}
