//! From figures to the page in docs.

use crate::Outcome;
use std::{fs, path::Path};

/// The middle of some figures.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = figures.into_iter().collect();
    all.sort_by(f64::total_cmp);
    let half = all.len() / 2;
    match all.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => all.get(half).copied().unwrap_or(f64::NAN),
        _ => all.get(half - 1..=half).map_or(f64::NAN, |pair| pair.iter().sum::<f64>() / 2.0),
    }
}

/// The figure below which `share` of all lie; sorts them.
pub fn percentile(figures: &mut [u32], share: f64) -> f64 {
    figures.sort_unstable();
    let at = (figures.len() as f64 * share).ceil() as usize;
    figures.get(at.saturating_sub(1)).map_or(f64::NAN, |f| f64::from(*f))
}

/// A figure with as many digits as one can believe.
pub fn figure(value: f64) -> String {
    match value {
        v if v.is_nan() => "-".into(),
        v if v.abs() >= 100.0 => format!("{v:.0}"),
        v if v.abs() >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// `12.3 (0.82)`: a figure, and how many times that of the reference it is.
pub fn beside(value: f64, reference: f64) -> String {
    if reference > 0.0 && !value.is_nan() { format!("{} ({:.2})", figure(value), value / reference) } else { figure(value) }
}

/// A table of Markdown.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut text = line(&mut head.iter().map(|h| (*h).to_owned()));
    text += &line(&mut head.iter().enumerate().map(|(i, _)| if i == 0 { "---".into() } else { "---:".into() }));
    rows.iter().for_each(|row| text += &line(&mut row.iter().cloned()));
    text
}

/// Puts `text` between the markers of `name` in a file.
pub fn put(file: &Path, name: &str, text: &str) -> Outcome {
    let page = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let page = replaced(&page, name, text).ok_or_else(|| format!("{} has no markers for {name}", file.display()))?;
    fs::write(file, page).map_err(|e| format!("{}: {e}", file.display()))
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some(format!("{before}{open}\n{}\n{close}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middles_and_tails() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
        let mut figures: Vec<u32> = (1..=200).rev().collect();
        assert_eq!((percentile(&mut figures, 0.5), percentile(&mut figures, 0.99), percentile(&mut figures, 1.0)), (100.0, 198.0, 200.0));
        assert!(percentile(&mut [], 0.5).is_nan());
    }

    #[test]
    fn figures_in_words() {
        assert_eq!(
            (figure(123.4), figure(12.34), figure(1.234), figure(f64::NAN)),
            ("123".into(), "12.3".into(), "1.23".into(), "-".into())
        );
        assert_eq!(beside(6.0, 8.0), "6.00 (0.75)");
        assert_eq!(beside(6.0, f64::NAN), "6.00");
        assert_eq!(table(&["a", "b"], &[vec!["1".into(), "2".into()]]), "| a | b |\n| --- | ---: |\n| 1 | 2 |\n");
    }

    #[test]
    fn only_what_lies_between_the_markers_changes() {
        let page = "top\n<!-- feed -->\nold\n<!-- /feed -->\nend\n";
        assert_eq!(replaced(page, "feed", "new\n").unwrap(), "top\n<!-- feed -->\nnew\n<!-- /feed -->\nend\n");
        assert_eq!(replaced(page, "page", "new"), None);
    }
}
