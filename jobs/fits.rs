//! The first image of a FITS file (FITS standard 4.0), as far as cutouts need it: plain arrays of two axes in any HDU.

/// A FITS file is made of blocks of this many bytes.
const BLOCK: usize = 2880;
/// A header card has this many.
const CARD: usize = 80;
/// A cutout is at most this wide or high.
const MAX_SIDE: usize = 1 << 14;

/// Pixels of an image, rows from the bottom up; NaN where there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row by row.
    pub pixels: Vec<f64>,
}

/// The keywords of a header that the data depend on.
#[derive(Debug, Default)]
struct Header {
    bitpix: i64,
    axes: Vec<usize>,
    extra: usize,
    groups: usize,
    scale: f64,
    zero: f64,
    blank: Option<i64>,
    table: bool,
}

/// The first image of two axes in the file; the error says what the file is instead.
pub fn first_image(file: &[u8]) -> Result<Image, String> {
    if !file.starts_with(b"SIMPLE  =") {
        return Err("it does not begin with SIMPLE, so it is no FITS file".into());
    }
    let mut at = 0;
    while at < file.len() {
        let (header, data) = header(file, at)?;
        let size = header.bytes().ok_or("its header claims more data than any file has")?;
        let bytes = data.checked_add(size).and_then(|end| file.get(data..end)).ok_or("it ends within its data")?;
        if let ([width, height], false) = (&header.axes[..], header.table)
            && size > 0
        {
            return header.image(*width, *height, bytes);
        }
        at = data + size.next_multiple_of(BLOCK);
    }
    Err("none of its HDUs is an image of two axes".into())
}

/// The header that begins at `at`, and where its data begin.
fn header(file: &[u8], at: usize) -> Result<(Header, usize), String> {
    let mut header = Header { scale: 1.0, groups: 1, ..Header::default() };
    let cards = file.get(at..).unwrap_or_default().chunks_exact(CARD);
    for (number, card) in cards.enumerate() {
        let text = String::from_utf8_lossy(card);
        let (key, rest) = text.split_at_checked(8).ok_or("a header card is not ASCII")?;
        if key.trim_end() == "END" {
            return Ok((header, at + ((number + 1) * CARD).next_multiple_of(BLOCK)));
        }
        let Some(value) = rest.strip_prefix("= ") else { continue };
        let value = value.split('/').next().unwrap_or_default().trim();
        let whole = || value.parse::<i64>().map_err(|_| format!("{} = {value} is no integer", key.trim_end()));
        let count =
            || whole().and_then(|count| usize::try_from(count).map_err(|_| format!("{} is negative", key.trim_end())));
        let real =
            || value.replace('D', "E").parse::<f64>().map_err(|_| format!("{} = {value} is no number", key.trim_end()));
        match key.trim_end() {
            "BITPIX" => header.bitpix = whole()?,
            "NAXIS" => header.axes = vec![0; count()?.min(999)],
            "PCOUNT" => header.extra = count()?,
            "GCOUNT" => header.groups = count()?,
            "BSCALE" => header.scale = real()?,
            "BZERO" => header.zero = real()?,
            "BLANK" => header.blank = Some(whole()?),
            "XTENSION" => header.table = !value.trim_matches(['\'', ' ']).eq("IMAGE"),
            axis => {
                let which = axis.strip_prefix("NAXIS").and_then(|which| which.parse::<usize>().ok());
                if let Some(axis) = which.and_then(|which| header.axes.get_mut(which.wrapping_sub(1))) {
                    *axis = count()?;
                }
            }
        }
    }
    Err("a header has no END".into())
}

impl Header {
    /// Bytes of the data, without what fills the last block.
    fn bytes(&self) -> Option<usize> {
        if self.axes.is_empty() {
            return Some(0);
        }
        let elements = self.axes.iter().try_fold(1usize, |product, axis| product.checked_mul(*axis))?;
        let each = usize::try_from(self.bitpix.unsigned_abs() / 8).ok()?;
        elements.checked_add(self.extra)?.checked_mul(self.groups)?.checked_mul(each)
    }

    fn image(&self, width: usize, height: usize, bytes: &[u8]) -> Result<Image, String> {
        if width.max(height) > MAX_SIDE {
            return Err(format!("its image is {width} by {height} pixels: no cutout is that large"));
        }
        let integer =
            |value: i64| if self.blank == Some(value) { f64::NAN } else { self.zero + self.scale * value as f64 };
        let float = |value: f64| self.zero + self.scale * value;
        let pixels: Vec<f64> = match self.bitpix {
            8 => bytes.iter().map(|byte| integer(i64::from(*byte))).collect(),
            16 => words(bytes).map(|word| integer(i64::from(i16::from_be_bytes(word)))).collect(),
            32 => words(bytes).map(|word| integer(i64::from(i32::from_be_bytes(word)))).collect(),
            64 => words(bytes).map(|word| integer(i64::from_be_bytes(word))).collect(),
            -32 => words(bytes).map(|word| float(f64::from(f32::from_be_bytes(word)))).collect(),
            -64 => words(bytes).map(|word| float(f64::from_be_bytes(word))).collect(),
            other => return Err(format!("BITPIX = {other} is none of 8, 16, 32, 64, -32, -64")),
        };
        Ok(Image { width, height, pixels: pixels.into_iter().take(width * height).collect() })
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).filter_map(|word| word.try_into().ok())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn hdu(cards: &[&str], data: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            cards.iter().chain(&["END"]).flat_map(|card| format!("{card:<80}").into_bytes()).collect();
        bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }

    #[test]
    fn pixels_of_every_type() {
        let card = |bitpix: i32| format!("BITPIX  = {bitpix:>20} / bits");
        let axes =
            ["NAXIS   =                    2", "NAXIS1  =                    2", "NAXIS2  =                    1"];
        let file = |bitpix, data: &[u8], more: &str| {
            hdu(&["SIMPLE  =                    T", &card(bitpix), axes[0], axes[1], axes[2], more], data)
        };
        let pixels = |file: &[u8]| first_image(file).unwrap().pixels;
        assert_eq!(pixels(&file(8, &[1, 255], "")), [1.0, 255.0]);
        assert_eq!(pixels(&file(16, &[0xff, 0xff, 0, 2], "BZERO   =                32768")), [32767.0, 32770.0]);
        assert_eq!(
            pixels(&file(32, &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff], "BSCALE  =                 0.5")),
            [0.5, -0.5]
        );
        let blank = pixels(&file(16, &[0, 7, 0, 8], "BLANK   =                    7"));
        assert!(blank[0].is_nan() && blank[1] == 8.0);
        let floats = [1.5f32.to_be_bytes(), (-2f32).to_be_bytes()].concat();
        assert_eq!(pixels(&file(-32, &floats, "")), [1.5, -2.0]);
        assert_eq!(pixels(&file(-64, &[1.5f64.to_be_bytes(), 2f64.to_be_bytes()].concat(), "")), [1.5, 2.0]);
        assert_eq!(pixels(&file(64, &[1i64.to_be_bytes(), 2i64.to_be_bytes()].concat(), "")), [1.0, 2.0]);
        assert!(first_image(&file(24, &[0; 6], "")).unwrap_err().contains("BITPIX"));
    }

    #[test]
    fn an_image_behind_an_empty_primary_and_a_table() {
        let primary = hdu(
            &["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"],
            &[],
        );
        let sizes = [
            "BITPIX  =                    8",
            "NAXIS   =                    2",
            "NAXIS1  =                    3",
            "NAXIS2  =                    2",
        ];
        let table =
            hdu(&[&["XTENSION= 'BINTABLE'"], &sizes[..], &["PCOUNT  =                    5"]].concat(), &[9; 11]);
        let image = hdu(&[&["XTENSION= 'IMAGE   '"], &sizes[..]].concat(), &[1, 2, 3, 4, 5, 6]);
        let found = first_image(&[primary.clone(), table.clone(), image].concat()).unwrap();
        assert_eq!(found, Image { width: 3, height: 2, pixels: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] });
        assert!(first_image(&[primary, table].concat()).unwrap_err().contains("two axes"));
    }

    #[test]
    fn broken_files_are_errors() {
        let huge = "NAXIS1  =  9223372036854775807";
        let file = hdu(
            &[
                "SIMPLE  =                    T",
                "BITPIX  =                   64",
                "NAXIS   =                    2",
                huge,
                "NAXIS2  =  9223372036854775807",
            ],
            &[],
        );
        assert!(first_image(&file).unwrap_err().contains("more data"));
        let file = hdu(
            &[
                "SIMPLE  =                    T",
                "BITPIX  =                   64",
                "NAXIS   =                    2",
                huge,
                "NAXIS2  =                    1",
            ],
            &[],
        );
        assert!(first_image(&file).is_err());
        let good = hdu(
            &[
                "SIMPLE  =                    T",
                "BITPIX  =                    8",
                "NAXIS   =                    2",
                "NAXIS1  =                   50",
                "NAXIS2  =                   60",
            ],
            &[7; 3000],
        );
        for end in 0..good.len() - BLOCK {
            assert!(first_image(&good[..end]).is_err(), "cut at {end}");
        }
        for at in (0..BLOCK).step_by(7) {
            let mut bent = good.clone();
            bent[at] ^= 0x9f;
            let _ = first_image(&bent);
        }
    }
}
