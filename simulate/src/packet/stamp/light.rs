//! Light on pixels: stars and galaxies as sums of round Gaussians, which are products of what they are across and up.
//!
//! A Gaussian on equidistant pixels needs three exponentials, whatever its size: each value is the one before it times a
//! ratio that itself shrinks by a constant ratio.

/// Shares and widths of a PSF: a core and wings (as a Moffat has; Racine 1996).
const PSF: [(f64, f64); 2] = [(0.88, 0.97), (0.12, 1.9)];

/// An exponential disc as Gaussians: shares, and widths in half-light radii (after Hogg & Lang 2013).
const DISC: [(f64, f64); 3] = [(0.12, 0.22), (0.48, 0.55), (0.40, 1.05)];

/// Beyond so many widths there is no light.
const REACH: f64 = 4.5;

/// An image that light is added to.
pub struct Canvas<'a> {
    pixels: &'a mut [f32],
    /// Pixels on a side.
    pub size: usize,
    /// Standard deviation of the PSF, pixels.
    pub width: f64,
    across: Vec<f32>,
}

impl<'a> Canvas<'a> {
    pub fn new(pixels: &'a mut [f32], size: usize, width: f64) -> Canvas<'a> {
        Canvas { pixels, size, width, across: Vec::with_capacity(size) }
    }

    /// A point source of that flux at that place (pixels; the middle of the first one is 0).
    pub fn star(&mut self, x: f64, y: f64, flux: f64) {
        for (share, width) in PSF {
            self.round(x, y, flux * share, self.width * width);
        }
    }

    /// A disc with that half-light radius in pixels, through the atmosphere.
    pub fn galaxy(&mut self, x: f64, y: f64, flux: f64, radius: f64) {
        for (share, width) in DISC {
            self.round(x, y, flux * share, libm::hypot(self.width, radius * width));
        }
    }

    /// All of a flux in one pixel.
    pub fn pixel(&mut self, x: f64, y: f64, flux: f64) {
        let (column, row) = ((x + 0.5) as i64, (y + 0.5) as i64);
        let inside = (0..self.size as i64).contains(&column) && (0..self.size as i64).contains(&row);
        if inside && let Some(pixel) = self.pixels.get_mut(row as usize * self.size + column as usize) {
            *pixel += flux as f32;
        }
    }

    /// A round Gaussian of that flux.
    pub fn round(&mut self, x: f64, y: f64, flux: f64, width: f64) {
        // A pixel gathers light over its area: its own variance is 1/12.
        let variance = width * width + 1.0 / 12.0;
        let reach = REACH * variance.sqrt();
        let range = |centre: f64| {
            let first = (centre - reach).max(0.0) as usize;
            let end = ((centre + reach + 2.0).max(0.0) as usize).min(self.size);
            (first.min(end), end)
        };
        let ((left, right), (bottom, top)) = (range(x), range(y));
        self.across.clear();
        gaussian(x, left, right, variance, |value| self.across.push(value as f32));
        let peak = flux / (std::f64::consts::TAU * variance);
        let (size, across, pixels) = (self.size, &self.across, &mut *self.pixels);
        let mut rows = pixels.chunks_exact_mut(size).skip(bottom);
        gaussian(y, bottom, top, variance, |value| {
            let factor = (peak * value) as f32;
            if let Some(row) = rows.next().and_then(|row| row.get_mut(left..right)) {
                row.iter_mut().zip(across).for_each(|(pixel, value)| *pixel += factor * value);
            }
        });
    }
}

/// exp(−(k − centre)² / 2 variance) for each k of a range.
pub fn gaussian(centre: f64, from: usize, until: usize, variance: f64, mut each: impl FnMut(f64)) {
    let start = from as f64 - centre;
    let mut value = libm::exp(-start * start / (2.0 * variance));
    let mut ratio = libm::exp(-(2.0 * start + 1.0) / (2.0 * variance));
    let shrink = libm::exp(-1.0 / variance);
    for _ in from..until {
        each(value);
        value *= ratio;
        ratio *= shrink;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_is_kept() {
        for (width, x) in [(0.5, 20.2), (0.85, 19.7), (2.0, 20.5)] {
            let mut pixels = vec![0.0; 41 * 41];
            let mut canvas = Canvas::new(&mut pixels, 41, width);
            canvas.star(x, 20.0, 700.0);
            canvas.galaxy(20.0, x, 300.0, 2.0);
            canvas.star(-500.0, 1e4, 1e6);
            let (sum, moment) = pixels.iter().enumerate().fold((0.0, 0.0), |(sum, moment), (place, value)| {
                (sum + f64::from(*value), moment + f64::from(*value) * (place % 41) as f64)
            });
            assert!((sum - 1000.0).abs() < 5.0, "{width}: {sum}");
            assert!((moment / sum - (0.7 * x + 0.3 * 20.0)).abs() < 0.02, "{width}: {}", moment / sum);
        }
    }
}
