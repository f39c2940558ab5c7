//! Links as QR codes.

use qrcode::{EcLevel, QrCode, render::svg};

/// Pixels of a drawing on each side, at least.
const SIZE: u32 = 320;

/// A link drawn as a QR code, in SVG; none if it is too long for one.
pub fn qr_svg(link: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(link, EcLevel::M).ok()?;
    let mut drawing = code.render::<svg::Color<'_>>();
    Some(drawing.min_dimensions(SIZE, SIZE).build())
}
