//! Line plots as SVG, without a script or a font to load.

use std::fmt::Write;

/// One line of a plot.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// Points by rising x.
    pub(super) points: Vec<(f64, f64)>,
    /// Lower and upper end at each point; empty: no band.
    pub(super) band: Vec<(f64, f64)>,
    pub(super) dashed: bool,
}

/// Colours that stay apart for colour-blind readers (Okabe and Ito 2008).
const COLOURS: [&str; 8] =
    ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"];
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 48.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 28.0;

/// A plot with these axes; the legend is below.
pub(super) fn plot(
    title: &str,
    (x_name, [x0, x1]): (&str, [f64; 2]),
    (y_name, [y0, y1]): (&str, [f64; 2]),
    lines: &[Line],
) -> String {
    let legend_rows = lines.len().div_ceil(2) as f64;
    let height = HEIGHT + 18.0 * legend_rows;
    let x = |value: f64| LEFT + (value - x0) / (x1 - x0) * (WIDTH - LEFT - 12.0);
    let y = |value: f64| {
        let share = ((value - y0) / (y1 - y0)).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    };
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" role=\"img\"><title>{title}</title>\
         <text x=\"{LEFT}\" y=\"16\" class=\"t\">{title}</text>"
    );
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let (gx, gy) = (x0 + share * (x1 - x0), y0 + share * (y1 - y0));
        let _ = write!(
            out,
            "<path d=\"M{LEFT} {:.1}H{}\" class=\"g\"/><text x=\"{}\" y=\"{:.1}\" class=\"n e\">{gy:.2}</text>\
             <text x=\"{:.1}\" y=\"{}\" class=\"n m\">{gx:.2}</text>",
            y(gy),
            WIDTH - 12.0,
            LEFT - 4.0,
            y(gy) + 4.0,
            x(gx),
            HEIGHT - BOTTOM + 14.0
        );
    }
    let _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" class=\"n m\">{x_name}</text><text x=\"12\" y=\"{}\" class=\"n\" transform=\"rotate(-90 12 {2})\">{y_name}</text>",
        (LEFT + WIDTH) / 2.0,
        HEIGHT - 8.0,
        HEIGHT / 2.0
    );
    for (i, line) in lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        if !line.band.is_empty() {
            let upper = line.points.iter().zip(&line.band).map(|((px, _), (_, up))| (px, up));
            let lower = line.points.iter().zip(&line.band).map(|((px, _), (low, _))| (px, low));
            let around: Vec<String> = upper
                .chain(lower.collect::<Vec<_>>().into_iter().rev())
                .map(|(px, py)| format!("{:.1},{:.1}", x(*px), y(*py)))
                .collect();
            let _ = write!(
                out,
                "<polygon points=\"{}\" fill=\"{colour}\" opacity=\"0.10\"/>",
                around.join(" ")
            );
        }
        let points: Vec<String> =
            line.points.iter().map(|(px, py)| format!("{:.1},{:.1}", x(*px), y(*py))).collect();
        let dash = if line.dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        let (lx, ly) = (LEFT + 200.0 * (i % 2) as f64, HEIGHT + 10.0 + 18.0 * (i / 2) as f64);
        let _ = write!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"{dash}/>\
             <path d=\"M{lx} {ly}h22\" stroke=\"{colour}\" stroke-width=\"2.4\"{dash}/>\
             <text x=\"{}\" y=\"{}\" class=\"n\">{}</text>",
            points.join(" "),
            lx + 28.0,
            ly + 4.0,
            line.name
        );
    }
    out.push_str("</svg>");
    out
}
