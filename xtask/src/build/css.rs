//! One style sheet from style/main.css and what it imports.

use std::path::Path;

use lightningcss::bundler::{Bundler, FileProvider};
use lightningcss::stylesheet::{MinifyOptions, ParserOptions, PrinterOptions};
use lightningcss::targets::{Browsers, Targets};

use crate::steps::{Done, OrFail};

const MEND: &str = "mend the style sheet at the place named above";

/// Bundles and minifies. The browsers of mid-2024 know layers, nesting and `light-dark()`, so these stay as they are written.
pub fn bundle(main: &Path) -> Done<Vec<u8>> {
    let version = |major: u32, minor: u32| Some(major << 16 | minor << 8);
    let browsers = Browsers {
        chrome: version(125, 0),
        edge: version(125, 0),
        firefox: version(126, 0),
        ios_saf: version(17, 5),
        safari: version(17, 5),
        ..Browsers::default()
    };
    let targets = Targets::from(browsers);
    let files = FileProvider::new();
    let mut sheet =
        Bundler::new(&files, None, ParserOptions::default()).bundle(main).or_fail("the style sheets do not fit together", MEND)?;
    sheet.minify(MinifyOptions { targets, ..MinifyOptions::default() }).or_fail("could not minify the style sheet", MEND)?;
    let css = sheet
        .to_css(PrinterOptions { minify: true, targets, ..PrinterOptions::default() })
        .or_fail("could not print the style sheet", MEND)?;
    Ok(css.code.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::bundle;

    #[test]
    fn keeps_what_the_browsers_of_2024_know() {
        let folder = std::env::temp_dir().join(format!("noren-css-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("main.css"), "@layer a, b;\n@import \"b.css\" layer(b);\n@import \"a.css\" layer(a);").unwrap();
        std::fs::write(folder.join("a.css"), ":root { --ai: light-dark(#1f2f5c, #9fb2ee); }").unwrap();
        std::fs::write(folder.join("b.css"), "a { inset-inline: 1px; &:hover { color: color-mix(in oklab, var(--ai) 38%, white); } }")
            .unwrap();
        let css = String::from_utf8(bundle(&folder.join("main.css")).unwrap()).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        for kept in ["light-dark(", "inset-inline:1px", "&:hover{", "color-mix("] {
            assert!(css.contains(kept), "{kept} is not in {css}");
        }
        assert!(css.find("--ai:") < css.find("inset-inline:"), "layer a comes before layer b in {css}");
    }
}
