//! Avro's bytes, and digits: what everything in a packet is written with.
//!
//! Avro 1.11 specification, "Binary Encoding" and "Object Container Files". Nothing here can fail.

/// What a nullable column begins with (null is the first branch in every schema here).
pub const NULL: u8 = 0;
/// The other branch.
pub const PRESENT: u8 = 2;

/// A whole number: zigzag, 7 bits a byte, the lowest first.
pub fn integer(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Bytes or text: the length first.
pub fn bytes(value: &[u8], out: &mut Vec<u8>) {
    integer(value.len() as i64, out);
    out.extend_from_slice(value);
}

/// Text of at most 8,191 bytes that is written as it comes: `write` appends it, and its length is put before it.
pub fn text(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0, 0]);
    write(out);
    let length = (out.len() - at - 2).min(0x1fff) as u16 * 2;
    if length < 0x80 {
        out.copy_within(at + 2.., at + 1);
        out.pop();
        out[at] = length as u8;
    } else {
        out[at] = length as u8 | 0x80;
        out[at + 1] = (length >> 7) as u8;
    }
}

/// A number in decimal, of at least `width` digits.
pub fn digits(value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = [b'0'; 20];
    let (mut rest, mut first) = (value, buffer.len());
    while rest > 0 || buffer.len() - first < width.clamp(1, 20) {
        first -= 1;
        buffer[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&buffer[first..]);
}

/// The civil date of an MJD: year, month, day. (Days to civil: Richards 2013, in Urban & Seidelmann, ch. 15.)
pub fn civil(mjd: i64) -> (u64, u64, u64) {
    let f = mjd + 2_400_001 + 1401 + (4 * (mjd + 2_400_001) + 274_277) / 146_097 * 3 / 4 - 38;
    let e = 4 * f + 3;
    let h = 5 * (e % 1461 / 4) + 2;
    let (day, month) = (h % 153 / 5 + 1, (h / 153 + 2) % 12 + 1);
    let year = e / 1461 - 4716 + (14 - month) / 12;
    (year.max(0) as u64, month.max(0) as u64, day.max(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_digits() {
        assert_eq!(civil(57_754), (2017, 1, 1));
        assert_eq!(civil(60_229), (2023, 10, 12));
        assert_eq!(civil(60_369), (2024, 2, 29));
        let mut out = Vec::new();
        digits(505, 6, &mut out);
        digits(0, 0, &mut out);
        digits(u64::MAX, 0, &mut out);
        assert_eq!(out, b"000505018446744073709551615");
    }

    #[test]
    fn integers_and_texts() {
        let mut out = Vec::new();
        for value in [0, -1, 1, -64, 64, i64::MIN] {
            integer(value, &mut out);
        }
        assert_eq!(out[..6], [0, 1, 2, 0x7f, 0x80, 1]);
        assert_eq!(out[6..15], [0xff; 9]);
        assert_eq!(out[15..], [1]);
        out.clear();
        text(&mut out, |out| out.extend_from_slice(&[b'x'; 100]));
        text(&mut out, |out| out.extend_from_slice(b"xyz"));
        assert_eq!((out[0], out[1], out.len()), (200 & 0x7f | 0x80, 1, 106));
        assert_eq!(out[102..], *b"\x06xyz");
    }
}
