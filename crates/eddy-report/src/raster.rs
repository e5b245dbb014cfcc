//! SVG to pixels, with the letters that come along.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use crate::PlotError;

/// The fonts that come along; no font of the system is used, so that a picture is the same everywhere.
fn fonts() -> Arc<Database> {
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut fonts = Database::new();
            fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
            fonts.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
            Arc::new(fonts)
        })
        .clone()
}

/// Draws an SVG picture of our own making to a PNG of the given size.
pub(crate) fn png(svg: &str, width: u32, height: u32) -> Result<Vec<u8>, PlotError> {
    let options = Options { fontdb: fonts(), font_family: "Ubuntu".into(), ..Options::default() };
    let failed = |reason: String| PlotError::Raster { reason };
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let mut pixels = Pixmap::new(width, height).ok_or(PlotError::Size { width, height })?;
    let (across, down) = (width as f32 / tree.size().width(), height as f32 / tree.size().height());
    resvg::render(&tree, Transform::from_scale(across, down), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(error.to_string()))
}
