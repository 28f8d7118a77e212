//! The picture of a drive.

use std::path::Path;

use circuits::Failure;
use plotters::prelude::*;

use crate::report::Summary;
use crate::world::World;

const SIZE: u32 = 800;
const MARGIN: f64 = 0.2;

/// Draws where it believes that it was, and what its ranger saw; and, of a virtual board, what was so.
pub fn draw(file: &Path, summary: &Summary, world: Option<&World>) -> Result<(), Failure> {
    let believed: Vec<[f64; 2]> = summary.path.iter().map(|pose| [pose.x, pose.y]).collect();
    let truth = world.map(World::path).unwrap_or_default();
    let walls = world.map(World::walls).unwrap_or_default();
    let ends = walls.iter().flat_map(|wall| [wall.from, wall.to]);
    let all: Vec<[f64; 2]> = ends
        .chain(believed.iter().chain(summary.seen.iter()).copied())
        .collect();
    let [x, y] = [0, 1].map(|axis| range(all.iter().map(|point| point[axis])));
    // As many pixels for a metre both ways.
    let (width, height) = (x.end - x.start, y.end - y.start);
    let scale = f64::from(SIZE) / width.max(height);
    let size = ((width * scale) as u32 + 60, (height * scale) as u32 + 60);
    let area = SVGBackend::new(file, size).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(40)
        .build_cartesian_2d(x, y)?;
    let mut mesh = chart.configure_mesh();
    let text = ("sans-serif", 14);
    mesh.x_desc("metres")
        .label_style(text)
        .light_line_style(TRANSPARENT)
        .draw()?;

    let point = |point: [f64; 2]| (point[0], point[1]);
    for wall in &walls {
        let ends = [point(wall.from), point(wall.to)];
        chart.draw_series(LineSeries::new(ends, BLACK.stroke_width(3)))?;
    }
    let seen = summary.seen.iter();
    chart
        .draw_series(seen.map(|seen| Circle::new(point(*seen), 2, RED.mix(0.4).filled())))?
        .label("seen")
        .legend(|(x, y)| Circle::new((x + 8, y), 3, RED.mix(0.4).filled()));
    if !truth.is_empty() {
        let grey = RGBColor(150, 150, 150);
        chart
            .draw_series(LineSeries::new(
                truth.into_iter().map(point),
                grey.stroke_width(4),
            ))?
            .label("true path")
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], grey.stroke_width(4)));
    }
    chart
        .draw_series(LineSeries::new(
            believed.iter().copied().map(point),
            BLUE.stroke_width(2),
        ))?
        .label("believed path")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLUE.stroke_width(2)));
    let [first, last] = [believed.first(), believed.last()];
    let marks = [(first, GREEN), (last, BLUE)];
    let marks = marks
        .into_iter()
        .filter_map(|(place, colour)| Some((point(*place?), colour)));
    chart.draw_series(marks.map(|(place, colour)| Circle::new(place, 6, colour.filled())))?;
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .label_font(text)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK)
        .draw()?;
    drop(chart);
    area.present()?;
    Ok(())
}

/// From the least to the greatest, and some room.
fn range(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let least = values.clone().fold(0.0, f64::min);
    let greatest = values.fold(0.0, f64::max);
    least - MARGIN..greatest + MARGIN
}
