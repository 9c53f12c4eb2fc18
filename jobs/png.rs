//! An image as a PNG for people: grey, stretched so that both the sky and a star's core can be seen.

use crate::fits::Image;

/// Shares of the pixels that are black, and not yet white.
const BLACK: f64 = 0.05;
const WHITE: f64 = 0.995;
/// How much the stretch favours the faint: asinh(x · SOFT) / asinh(SOFT).
const SOFT: f64 = 4.0;

/// The image as a PNG, the first row at the bottom as FITS viewers show it. Pixels without a value are transparent.
pub fn png(image: &Image) -> Result<Vec<u8>, String> {
    let grey = stretch(&image.pixels);
    let rows = grey.chunks_exact(image.width.max(1)).rev();
    let data: Vec<u8> =
        rows.flatten().flat_map(|grey| [grey.unwrap_or(0), if grey.is_some() { 255 } else { 0 }]).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, image.width as u32, image.height as u32);
    encoder.set_color(png::ColorType::GrayscaleAlpha);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&data));
    written.map_err(|error| error.to_string())?;
    Ok(out)
}

/// Grey levels: percentiles to black and white, between them asinh.
fn stretch(pixels: &[f64]) -> Vec<Option<u8>> {
    let mut sorted: Vec<f64> = pixels.iter().copied().filter(|pixel| pixel.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted.get(((sorted.len().saturating_sub(1)) as f64 * share).round() as usize).copied();
    let (black, white) = (at(BLACK).unwrap_or(0.0), at(WHITE).unwrap_or(0.0));
    let grey = |pixel: f64| {
        let share = if white > black { ((pixel - black) / (white - black)).clamp(0.0, 1.0) } else { 0.5 };
        (255.0 * (share * SOFT).asinh() / SOFT.asinh()).round() as u8
    };
    pixels.iter().map(|pixel| pixel.is_finite().then(|| grey(*pixel))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faint_and_bright_are_seen_and_none_is_transparent() {
        let mut pixels: Vec<f64> = (0..1000).map(f64::from).collect();
        pixels[5] = f64::NAN;
        let grey = stretch(&pixels);
        assert_eq!((grey[0], grey[5], grey[999]), (Some(0), None, Some(255)));
        assert!(grey[250] > Some(80), "the faint quarter takes more than its share: {:?}", grey[250]);
        assert_eq!(stretch(&[f64::NAN; 3]), [None; 3]);
        assert_eq!(stretch(&[4.0; 3]), [stretch(&[4.0])[0]; 3], "a flat image");
    }

    #[test]
    fn the_first_row_is_at_the_bottom() {
        let image = Image { width: 2, height: 2, pixels: vec![0.0, 0.0, 9.0, f64::NAN] };
        let bytes = png(&image).unwrap();
        let mut reader = ::png::Decoder::new(&bytes[..]).read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut data).unwrap();
        assert_eq!((info.width, info.height), (2, 2));
        assert_eq!(data, [255, 255, 0, 0, 0, 255, 0, 255]);
    }
}
