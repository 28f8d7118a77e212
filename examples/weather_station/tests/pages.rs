//! The screen, and who presses the button.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use circuits::stub::chips::Picture;
use circuits::wait::Time;
use ds323x::NaiveDate;

use super::bench::{Bench, Hand};
use crate::frame::{Frame, is_lit};
use crate::history::{History, Today};
use crate::page::{Page, Status, View};
use crate::reading::Reading;

const MILLIS: Duration = Duration::from_millis(1);
const PAGES: [Page; 4] = [Page::Now, Page::Today, Page::Curves, Page::Status];

fn picture_of(frame: &Frame) -> Picture {
    Picture::new(128, 64, |x, y| is_lit(frame, x, y))
}

/// What is in the file, which has four pixels on a side for one of the screen.
fn picture_of_png(bench: &Bench) -> Picture {
    let file = BufReader::new(File::open(bench.folder.png()).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((info.width, info.height), (512, 256));
    Picture::new(128, 64, |x, y| {
        let at = y * 4 * info.line_size + x * 4 / 8;
        bytes[at] & (0x80 >> (x * 4 % 8)) != 0
    })
}

/// The pages at the end of a day as they are in `pages.txt`, for whoever changes one to look at.
#[test]
fn pages_are_as_they_were() {
    let (mut history, mut today) = (History::new(Time::ZERO), Today::default());
    let date = NaiveDate::from_ymd_opt(2013, 4, 5).unwrap();
    let mut last = None;
    let hours = include_str!("../day.csv").lines();
    let hours = hours.filter(|line| line.starts_with("2013"));
    for (quarter, row) in hours.flat_map(|row| [row; 4]).enumerate() {
        let mut cells = row.split(',').skip(1).map(|cell| cell.parse().ok());
        let reading = Reading {
            celsius: cells.next().unwrap().unwrap(),
            humidity: cells.next().unwrap(),
            pressure: cells.next().unwrap(),
        };
        history.add(Time::ZERO + MILLIS * 900_000 * quarter as u32, &reading);
        today.add(date, &reading);
        last = Some(reading);
    }
    let view = View {
        reading: last,
        local: date.and_hms_opt(23, 59, 0),
        is_system_time: true,
        today: &today,
        history: &history,
        status: Status {
            written: 1440,
            waiting: 0,
            lost: 3,
            bus: true,
            sensor: true,
            clock: false,
            unmeasured: 12,
            failures: 12,
            up: Duration::from_secs(90_000),
        },
    };
    let mut shown = String::new();
    for page in PAGES {
        let mut frame = Frame::new();
        let Ok(()) = page.draw(&view, &mut frame);
        shown += &format!("{page:?}\n{}\n", picture_of(&frame));
    }
    assert!(shown == include_str!("pages.txt"), "they are now\n{shown}");
}

#[test]
fn the_screen_shows_what_is_drawn_in_memory() {
    for presses in 0..PAGES.len() {
        let bench = Bench::new();
        let mut seen = None;
        let ended = bench.run(|hand| {
            hand.wait(Duration::from_secs(3601));
            (0..presses).for_each(|_| hand.press());
            hand.wait(Duration::from_secs(1));
            seen = Some(bench.screen.picture());
            hand.interrupt();
        });
        ended.unwrap();
        let seen = seen.unwrap();
        assert!(seen.lit() > 200, "{seen}");
        assert_eq!(picture_of_png(&bench), seen);
        assert_eq!(bench.screen.picture().lit(), 0, "dark at the end");
    }
}

/// Presses the button, and returns the page that is shown.
fn pages_after(bench: &Bench, press: impl Fn(&Hand<'_>), count: usize) -> Vec<Picture> {
    let mut pictures = Vec::new();
    let ended = bench.run(|hand| {
        hand.wait(Duration::from_secs(1));
        pictures.push(bench.screen.picture());
        for _ in 0..count {
            press(hand);
            hand.wait(Duration::from_secs(1));
            pictures.push(bench.screen.picture());
        }
        hand.interrupt();
    });
    ended.unwrap();
    pictures
}

#[test]
fn a_button_that_bounces_is_one_page_further() {
    let mut bench = Bench::new();
    let pictures = pages_after(&bench, |hand| hand.press(), 4);
    assert_eq!(pictures[4], pictures[0], "round and round");
    for (number, picture) in pictures[..4].iter().enumerate() {
        assert!(!pictures[..number].contains(picture), "{picture}");
    }
    bench = Bench::new();
    bench.button = bench.button.clone().bouncing(MILLIS * 15);
    assert_eq!(pages_after(&bench, |hand| hand.press(), 3), pictures[..4]);
    // Two in a row are two, even while a page is being sent.
    let bench = Bench::new();
    let twice = |hand: &Hand<'_>| {
        bench.button.press().unwrap();
        hand.wait(MILLIS * 30);
        bench.button.release().unwrap();
        hand.wait(MILLIS * 30);
        bench.button.press().unwrap();
        hand.wait(MILLIS * 30);
        bench.button.release().unwrap();
    };
    assert_eq!(pages_after(&bench, twice, 1)[1], pictures[2]);
}
