//! What the screen shows, a page at a time. Pages are drawn on anything that has pixels.

use std::time::Duration;

use ds323x::NaiveDateTime;
use embedded_graphics::mono_font::iso_8859_1::{FONT_5X8, FONT_6X10, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{Line, PrimitiveStyle};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};

use crate::frame::{HEIGHT, WIDTH};
use crate::history::{History, PLACES, Range, Today};
use crate::interval;
use crate::reading::Reading;

/// A page. The button goes from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Now,
    Today,
    Curves,
    Status,
}

impl Page {
    pub(crate) fn next(self) -> Page {
        match self {
            Page::Now => Page::Today,
            Page::Today => Page::Curves,
            Page::Curves => Page::Status,
            Page::Status => Page::Now,
        }
    }
}

/// What there is to show.
pub(crate) struct View<'a> {
    /// The last reading, if it is of now.
    pub(crate) reading: Option<Reading>,
    /// The time of the place.
    pub(crate) local: Option<NaiveDateTime>,
    /// Whether the time is the system's, for want of a clock.
    pub(crate) is_system_time: bool,
    pub(crate) today: &'a Today,
    pub(crate) history: &'a History,
    pub(crate) status: Status,
}

/// How the station does.
pub(crate) struct Status {
    /// Readings on disk, in memory, and lost.
    pub(crate) written: u64,
    pub(crate) waiting: usize,
    pub(crate) lost: u64,
    /// What of the station works.
    pub(crate) bus: bool,
    pub(crate) sensor: bool,
    pub(crate) clock: bool,
    /// Readings that were due, and never taken.
    pub(crate) unmeasured: u64,
    /// How often anything has failed.
    pub(crate) failures: u64,
    pub(crate) up: Duration,
}

const ON: BinaryColor = BinaryColor::On;

impl Page {
    /// Draws the page, on what is dark.
    pub(crate) fn draw<D: DrawTarget<Color = BinaryColor>>(
        self,
        view: &View<'_>,
        target: &mut D,
    ) -> Result<(), D::Error> {
        match self {
            Page::Now => draw_now(view, target),
            Page::Today => draw_today(view, target),
            Page::Curves => draw_curves(view, target),
            Page::Status => draw_status(&view.status, target),
        }
    }
}

fn text<D: DrawTarget<Color = BinaryColor>>(
    target: &mut D,
    font: &MonoFont<'_>,
    [x, y]: [i32; 2],
    alignment: Alignment,
    text: &str,
) -> Result<(), D::Error> {
    let style = TextStyleBuilder::new()
        .alignment(alignment)
        .baseline(Baseline::Top)
        .build();
    let character = MonoTextStyle::new(font, ON);
    Text::with_text_style(text, Point::new(x, y), character, style).draw(target)?;
    Ok(())
}

const RIGHT: i32 = WIDTH as i32 - 1;

/// What it is like now, to be read from across the room; the time; and whether the pressure rises or falls.
fn draw_now<D: DrawTarget<Color = BinaryColor>>(
    view: &View<'_>,
    target: &mut D,
) -> Result<(), D::Error> {
    let values = match view.reading {
        Some(reading) => [
            Some(format!("{:.1} °C", reading.celsius)),
            reading.humidity.map(|humidity| format!("{humidity:.0} %")),
            reading
                .pressure
                .map(|pressure| format!("{pressure:.0} hPa")),
        ],
        None => [Some("- °C".into()), Some("no reading".into()), None],
    };
    for (value, y) in values.iter().flatten().zip([0, 22, 44]) {
        text(target, &FONT_10X20, [0, y], Alignment::Left, value)?;
    }
    if let Some(local) = view.local {
        let mut time = local.time().to_string();
        time.truncate("hh:mm".len());
        text(target, &FONT_6X10, [RIGHT, 1], Alignment::Right, &time)?;
        if view.is_system_time {
            text(target, &FONT_5X8, [RIGHT, 12], Alignment::Right, "system")?;
        }
    }
    // Within three hours of a day.
    let mut pressures = view.history.pressure().rev().take(PLACES / 8).flatten();
    if let (Some(now), Some(before)) = (pressures.next(), pressures.last()) {
        let (dx, up) = match now - before {
            change if change > 0.5 => (0, -1),
            change if change < -0.5 => (0, 1),
            _ => (1, 0),
        };
        arrow(target, Point::new(116, 53), Point::new(dx, up))?;
    }
    Ok(())
}

/// An arrow up, down, or to the right.
fn arrow<D: DrawTarget<Color = BinaryColor>>(
    target: &mut D,
    middle: Point,
    direction: Point,
) -> Result<(), D::Error> {
    let side = Point::new(direction.y, direction.x);
    let (tip, tail) = (middle + direction * 8, middle - direction * 8);
    let back = tip - direction * 5;
    for (start, end) in [(tail, tip), (back + side * 5, tip), (back - side * 5, tip)] {
        Line::new(start, end)
            .into_styled(PrimitiveStyle::with_stroke(ON, 2))
            .draw(target)?;
    }
    Ok(())
}

/// What was least and most since midnight.
fn draw_today<D: DrawTarget<Color = BinaryColor>>(
    view: &View<'_>,
    target: &mut D,
) -> Result<(), D::Error> {
    let date = view
        .today
        .date
        .map_or("today".into(), |date| date.to_string());
    text(target, &FONT_6X10, [0, 0], Alignment::Left, &date)?;
    let columns = [82, RIGHT];
    for (title, x) in ["min", "max"].into_iter().zip(columns) {
        text(target, &FONT_6X10, [x, 12], Alignment::Right, title)?;
    }
    let rows = [
        ("°C", view.today.celsius, 1),
        ("%", view.today.humidity, 0),
        ("hPa", view.today.pressure, 1),
    ];
    let measured = rows.into_iter().filter(|(_, range, _)| range.0.is_some());
    for ((unit, Range(range), digits), y) in measured.zip([25, 38, 51]) {
        text(target, &FONT_6X10, [0, y], Alignment::Left, unit)?;
        let values = range.map_or([0.0; 2], |(least, most)| [least, most]);
        for (value, x) in values.into_iter().zip(columns) {
            let value = format!("{value:.digits$}");
            text(target, &FONT_6X10, [x, y], Alignment::Right, &value)?;
        }
    }
    Ok(())
}

/// Temperature above pressure, for as long as there are readings, up to a day.
fn draw_curves<D: DrawTarget<Color = BinaryColor>>(
    view: &View<'_>,
    target: &mut D,
) -> Result<(), D::Error> {
    let history = view.history;
    let span = interval::show(history.span());
    text(
        target,
        &FONT_5X8,
        [0, 0],
        Alignment::Left,
        &format!("last {span}"),
    )?;
    let height = 25;
    curve(target, 9, height, 1, 2.0, history.celsius())?;
    curve(
        target,
        HEIGHT as i32 - height,
        height,
        0,
        4.0,
        history.pressure(),
    )
}

/// A curve, and what is at its top and its bottom. No less than `least` is from one to the other, for noise is no
/// weather.
fn curve<D: DrawTarget<Color = BinaryColor>>(
    target: &mut D,
    top: i32,
    height: i32,
    digits: usize,
    least: f32,
    values: impl Iterator<Item = Option<f32>>,
) -> Result<(), D::Error> {
    let values: Vec<_> = values.collect();
    let mut range = Range::default();
    values.iter().flatten().for_each(|value| range.add(*value));
    let Range(Some((mut low, mut high))) = range else {
        return Ok(());
    };
    let missing = (least - (high - low)).max(0.0);
    (low, high) = (low - missing / 2.0, high + missing / 2.0);
    for (value, y) in [(high, top), (low, top + height - 8)] {
        let value = format!("{value:.digits$}");
        text(target, &FONT_5X8, [RIGHT, y], Alignment::Right, &value)?;
    }
    let place = |x: usize, value: f32| {
        let above = (value - low) / (high - low) * (height - 1) as f32;
        Point::new(x as i32, top + height - 1 - above.round() as i32)
    };
    let mut before = None;
    for (x, value) in values.iter().enumerate() {
        let point = value.map(|value| place(x, value));
        if let Some(point) = point {
            Line::new(before.unwrap_or(point), point)
                .into_styled(PrimitiveStyle::with_stroke(ON, 1))
                .draw(target)?;
        }
        before = point;
    }
    Ok(())
}

/// Whether all is well.
fn draw_status<D: DrawTarget<Color = BinaryColor>>(
    status: &Status,
    target: &mut D,
) -> Result<(), D::Error> {
    let works = |what: &str, works| match works {
        true => format!("{what} works"),
        false => format!("{what} FAILS"),
    };
    let log = match status.waiting {
        0 => format!("log    {} on disk", status.written),
        waiting => format!("log    FAILS, {waiting} wait"),
    };
    let gaps = match status.unmeasured {
        0 => String::new(),
        1 => " 1 gap".into(),
        gaps => format!(" {gaps} gaps"),
    };
    let bus = match status.bus {
        true => works("sensor", status.sensor),
        false => works("bus   ", false),
    };
    let lines = [
        log,
        format!("       {} lost", status.lost),
        bus + &gaps,
        match status.clock {
            true => "clock  its own".into(),
            false => "clock  the system's".into(),
        },
        format!("errors {}", status.failures),
        format!("up     {}", interval::show(status.up)),
    ];
    for (line, y) in lines.iter().zip((2..).step_by(10)) {
        text(target, &FONT_6X10, [0, y], Alignment::Left, line)?;
    }
    Ok(())
}
