//! Paper to draw on, in units of a page 1200 wide, whatever it becomes: SVG, or PNG with smooth edges.
//!
//! `plotters` places everything on whole pixels and smooths few edges. So the page is drawn several times as large: a PNG is
//! then averaged down, an SVG says so in its `viewBox`. Letters of a PNG are drawn here (`plotters` without a system's fonts
//! leaves out the space before each), from a font within the program: they are the same on every machine.

use ab_glyph::{Font, FontRef, ScaleFont, point};
use plotters::coord::Shift;
use plotters::element::Drawable;
use plotters::prelude::*;
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Width of the page.
pub const WIDTH: f64 = 1200.0;
/// Pixels of an SVG's own coordinates for one of its size.
const FINE: u32 = 4;
/// A PNG is drawn this many times as wide and as high, if that is not more than [`MOST`] pixels.
const SMOOTH: u32 = 3;
const MOST: u64 = 60_000_000;
/// Half the height of a small letter, in units of its size: what is written at a height has its middle there.
const HALF: f64 = 0.27;

/// A colour.
pub type Colour = RGBColor;

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hold {
    /// Its left end.
    Left,
    /// Its middle.
    Middle,
    /// Its right end.
    Right,
}

/// Something to draw on; every coordinate is in units of the page, from its upper left corner.
pub struct Canvas<'a, B: DrawingBackend> {
    area: &'a DrawingArea<B, Shift>,
    scale: f64,
    font: FontRef<'static>,
    /// Whether it must be told every pixel of a letter.
    pixels: bool,
    /// Height of the page.
    pub height: f64,
}

impl<B: DrawingBackend> Canvas<'_, B> {
    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn stroke(&self, width: f64) -> u32 {
        (width * self.scale).round().max(1.0) as u32
    }

    fn draw<E>(&self, element: &E) -> Result<(), String>
    where
        for<'e> &'e E: plotters::element::PointCollection<'e, (i32, i32)>,
        E: Drawable<B>,
    {
        self.area.draw(element).map_err(|error| format!("drawing: {error}"))
    }

    /// A line through points.
    pub fn line(&self, points: &[(f64, f64)], colour: RGBAColor, width: f64) -> Result<(), String> {
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.draw(&PathElement::new(points, colour.stroke_width(self.stroke(width))))
    }

    /// A shape, filled.
    pub fn shape(&self, points: &[(f64, f64)], colour: RGBAColor) -> Result<(), String> {
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.draw(&Polygon::new(points, colour.filled()))
    }

    /// A rectangle, filled.
    pub fn bar(&self, from: (f64, f64), to: (f64, f64), colour: RGBAColor) -> Result<(), String> {
        self.draw(&Rectangle::new([self.at(from), self.at(to)], colour.filled()))
    }

    /// A disc.
    pub fn disc(&self, centre: (f64, f64), radius: f64, colour: RGBAColor) -> Result<(), String> {
        self.draw(&Circle::new(self.at(centre), self.stroke(radius), colour.filled()))
    }

    /// A text, its middle at that height.
    pub fn text(&self, text: &str, at: (f64, f64), size: f64, hold: Hold, colour: Colour) -> Result<(), String> {
        self.write(text, at, size, hold, colour, FontTransform::None)
    }

    /// A text that is read from below, its middle there.
    pub fn text_up(&self, text: &str, at: (f64, f64), size: f64, colour: Colour) -> Result<(), String> {
        self.write(text, at, size, Hold::Middle, colour, FontTransform::Rotate270)
    }

    fn write(
        &self,
        text: &str,
        at: (f64, f64),
        size: f64,
        hold: Hold,
        colour: Colour,
        turn: FontTransform,
    ) -> Result<(), String> {
        if self.pixels {
            return self.letters(text, at, size, hold, colour, turn);
        }
        let hold = match hold {
            Hold::Left => HPos::Left,
            Hold::Middle => HPos::Center,
            Hold::Right => HPos::Right,
        };
        // `plotters` takes the height of a line for the size of a font, which is this much more.
        let font = ("sans-serif", 1.24 * size * self.scale).into_font().transform(turn);
        let style = font.color(&colour).pos(Pos::new(hold, VPos::Center));
        self.draw(&Text::new(text.to_owned(), self.at(at), style))
    }

    /// A text, pixel by pixel.
    fn letters(
        &self,
        text: &str,
        at: (f64, f64),
        size: f64,
        hold: Hold,
        colour: Colour,
        turn: FontTransform,
    ) -> Result<(), String> {
        let origin = self.at(at);
        let font = self.font.as_scaled(self.font.pixels_to_the_em(size * self.scale));
        let before = match hold {
            Hold::Left => 0.0,
            Hold::Middle => 0.5,
            Hold::Right => 1.0,
        };
        let mut x = (-before * self.width(text, size) * self.scale) as f32;
        let (base, mut last) = ((HALF * size * self.scale) as f32, None);
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            x += last.map_or(0.0, |last| font.kern(last, id));
            last = Some(id);
            let glyph = id.with_scale_and_position(font.scale(), point(x, base));
            x += font.h_advance(id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            let mut done = Ok(());
            outline.draw(|right, down, share| {
                let (right, down) = turn.transform(corner.x as i32 + right as i32, corner.y as i32 + down as i32);
                let pixel = (origin.0 + right, origin.1 + down);
                if let (Ok(()), true) = (&done, share > 0.0) {
                    let drawn = self.area.draw_pixel(pixel, &colour.mix(f64::from(share.min(1.0))));
                    done = drawn.map_err(|error| error.to_string());
                }
            });
            done?;
        }
        Ok(())
    }

    /// How wide a text is.
    pub fn width(&self, text: &str, size: f64) -> f64 {
        let font = self.font.as_scaled(self.font.pixels_to_the_em(size * self.scale));
        let (mut width, mut last) = (0.0, None);
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            width += font.h_advance(id) + last.map_or(0.0, |last| font.kern(last, id));
            last = Some(id);
        }
        f64::from(width) / self.scale
    }
}

/// `size` pixels to the em: `ab_glyph` counts from the top of the highest letter to the bottom of the lowest.
trait Em {
    fn pixels_to_the_em(&self, size: f64) -> f32;
}

impl Em for FontRef<'_> {
    fn pixels_to_the_em(&self, size: f64) -> f32 {
        size as f32 * self.height_unscaled() / self.units_per_em().unwrap_or(1000.0)
    }
}

/// Draws on a blank page of those pixels.
fn page<B: DrawingBackend>(
    backend: B,
    (width, height): (u32, u32),
    pixels: bool,
    draw: impl FnOnce(&Canvas<'_, B>) -> Result<(), String>,
) -> Result<(), String> {
    let area = backend.into_drawing_area();
    area.fill(&WHITE).map_err(|error| error.to_string())?;
    let scale = f64::from(width) / WIDTH;
    let font = FontRef::try_from_slice(dejavu::sans::regular())
        .map_err(|_| "the font in this program cannot be read".to_owned())?;
    draw(&Canvas { area: &area, scale, font, pixels, height: f64::from(height) / scale })?;
    area.present().map_err(|error| error.to_string())
}

/// A drawing that does not know what it becomes.
pub trait Drawing {
    /// Draws it.
    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), String>;
}

/// As SVG.
pub fn svg(drawing: &impl Drawing, (width, height): (u32, u32)) -> Result<Vec<u8>, String> {
    let mut text = String::new();
    let fine = (width * FINE, height * FINE);
    page(SVGBackend::with_string(&mut text, fine), fine, false, |canvas| drawing.draw(canvas))?;
    let size = |(width, height): (u32, u32)| format!("<svg width=\"{width}\" height=\"{height}\"");
    Ok(text.replacen(&size(fine), &size((width, height)), 1).into_bytes())
}

/// As PNG.
pub fn png(drawing: &impl Drawing, (width, height): (u32, u32)) -> Result<Vec<u8>, String> {
    let pixels = |times: u32| u64::from(width) * u64::from(height) * u64::from(times * times);
    let times = (1..=SMOOTH).rev().find(|times| pixels(*times) <= MOST).unwrap_or(1);
    let large = (width * times, height * times);
    let mut image = vec![255u8; pixels(times) as usize * 3];
    page(BitMapBackend::with_buffer(&mut image, large), large, true, |canvas| drawing.draw(canvas))?;
    let data = averaged(&image, width as usize, times as usize);
    let mut out = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut out, width, height);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&data));
    written.map_err(|error| error.to_string())?;
    Ok(out)
}

/// Squares of `times` × `times` pixels as one.
fn averaged(image: &[u8], width: usize, times: usize) -> Vec<u8> {
    let row = width * times * 3;
    let mut out = Vec::with_capacity(image.len() / (times * times));
    for rows in image.chunks_exact(row * times) {
        for at in 0..width * 3 {
            let (pixel, colour) = (at / 3, at % 3);
            let first = pixel * times * 3 + colour;
            let square = (0..times).flat_map(|y| (0..times).map(move |x| y * row + first + x * 3));
            let sum: usize = square.map(|place| usize::from(rows[place])).sum();
            out.push((sum / (times * times)) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_become_their_mean() {
        let dark = [0, 10, 20];
        let image = [dark, [4, 10, 20], [255; 3], [255; 3], dark, [4, 14, 20], [255; 3], [255; 3]].concat();
        assert_eq!(averaged(&image, 2, 2), [2, 11, 20, 255, 255, 255]);
        assert_eq!(averaged(&image, 4, 1), image);
    }
}
