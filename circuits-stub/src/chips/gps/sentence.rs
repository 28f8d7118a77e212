//! The sentences of a receiver: NMEA 0183, version 3.01, in the form of MediaTek's MT3339 (GlobalTop's data
//! sheet FGPMMOPA6H). What is not known is empty.

use std::fmt::Write as _;

use super::Position;
use crate::chips::utc::Moment;

/// What is known at one moment.
pub(super) struct Fix {
    pub(super) talker: String,
    pub(super) moment: Moment,
    /// Satellites in view. They are used as soon as they are enough for a position.
    pub(super) satellites: u8,
    /// None: they are not enough, or it is no place on Earth.
    pub(super) position: Option<Position>,
    /// In metres a second.
    pub(super) speed: f64,
    /// In degrees.
    pub(super) course: f64,
}

/// A sentence that can be had, in the order of the fields of PMTK314.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gll,
    Rmc,
    Vtg,
    Gga,
    Gsa,
    Gsv,
}

/// In the order in which they come.
pub(super) const KINDS: [Kind; 6] = [
    Kind::Rmc,
    Kind::Gga,
    Kind::Gsa,
    Kind::Gsv,
    Kind::Vtg,
    Kind::Gll,
];

const KNOTS: f64 = 3600.0 / 1852.0;
const SATELLITES_OF_GSA: usize = 12;
const SATELLITES_OF_GSV: usize = 4;

impl Fix {
    /// All sentences of a kind, each with its check and its end.
    pub(super) fn sentences(&self, kind: Kind) -> String {
        match kind {
            Kind::Gll => self.sentence("GLL", &self.gll()),
            Kind::Rmc => self.sentence("RMC", &self.rmc()),
            Kind::Vtg => self.sentence("VTG", &self.vtg()),
            Kind::Gga => self.sentence("GGA", &self.gga()),
            Kind::Gsa => self.sentence("GSA", &self.gsa()),
            Kind::Gsv => self.gsv(),
        }
    }

    fn sentence(&self, name: &str, fields: &str) -> String {
        sentence(&format!("{}{name},{fields}", self.talker))
    }

    fn rmc(&self) -> String {
        let Moment {
            year, month, day, ..
        } = self.moment;
        let year = year % 100;
        let motion = match self.position {
            Some(_) => format!("{:.2},{:.2}", self.speed * KNOTS, self.course),
            None => ",".into(),
        };
        format!(
            "{},{},{},{motion},{day:02}{month:02}{year:02},,,{}",
            self.time(),
            self.status(),
            self.place(),
            self.mode()
        )
    }

    fn gll(&self) -> String {
        let (place, time) = (self.place(), self.time());
        format!("{place},{time},{},{}", self.status(), self.mode())
    }

    fn vtg(&self) -> String {
        match self.position {
            Some(_) => format!(
                "{:.2},T,,M,{:.2},N,{:.2},K,A",
                self.course,
                self.speed * KNOTS,
                self.speed * 3.6
            ),
            None => ",,,,,,,,N".into(),
        }
    }

    fn gga(&self) -> String {
        let (time, place) = (self.time(), self.place());
        match &self.position {
            // The geoid is the ellipsoid here.
            Some(position) => format!(
                "{time},{place},1,{},{:.2},{:.1},M,0.0,M,,",
                self.satellites,
                self.horizontal(),
                position.altitude
            ),
            None => format!("{time},{place},0,0,,,M,,M,,"),
        }
    }

    fn gsa(&self) -> String {
        let used = match self.position {
            Some(_) => usize::from(self.satellites),
            None => 0,
        };
        let numbers = (0..SATELLITES_OF_GSA).map(|number| match number < used {
            true => format!("{:02}", Satellite::of(number).number),
            false => String::new(),
        });
        let numbers = numbers.collect::<Vec<_>>().join(",");
        match used {
            0 => format!("A,1,{numbers},,,"),
            // Three are enough for two dimensions.
            _ => {
                let (horizontal, vertical) = (self.horizontal(), 1.5 * self.horizontal());
                let dimensions = if used < 4 { 2 } else { 3 };
                let position = horizontal.hypot(vertical);
                format!("A,{dimensions},{numbers},{position:.2},{horizontal:.2},{vertical:.2}")
            }
        }
    }

    fn gsv(&self) -> String {
        let in_view = usize::from(self.satellites);
        let count = in_view.div_ceil(SATELLITES_OF_GSV).max(1);
        let sentences = (0..count).map(|number| {
            let mut sentence = format!("GPGSV,{count},{},{in_view:02}", number + 1);
            let first = SATELLITES_OF_GSV * number;
            for satellite in (first..in_view).take(SATELLITES_OF_GSV).map(Satellite::of) {
                // Writing to a string does not fail.
                let _ = write!(
                    sentence,
                    ",{:02},{:02},{:03},{:02}",
                    satellite.number, satellite.elevation, satellite.azimuth, satellite.signal
                );
            }
            self::sentence(&sentence)
        });
        sentences.collect()
    }

    fn time(&self) -> String {
        let Moment {
            hour,
            minute,
            second,
            millis,
            ..
        } = self.moment;
        format!("{hour:02}{minute:02}{second:02}.{millis:03}")
    }

    fn place(&self) -> String {
        match &self.position {
            Some(position) => format!(
                "{},{}",
                angle(position.latitude, 2, ['N', 'S']),
                angle(position.longitude, 3, ['E', 'W'])
            ),
            None => ",,,".into(),
        }
    }

    fn status(&self) -> char {
        if self.position.is_some() { 'A' } else { 'V' }
    }

    fn mode(&self) -> char {
        if self.position.is_some() { 'A' } else { 'N' }
    }

    /// The horizontal dilution of precision: the more satellites, the less.
    fn horizontal(&self) -> f64 {
        0.6 + 3.0 / f64::from(self.satellites.max(1))
    }
}

/// Degrees, and minutes with four places, which are 0.2 m: `5222.1234,N`.
fn angle(degrees: f64, width: usize, [positive, negative]: [char; 2]) -> String {
    let parts = (degrees.abs() * 600_000.0).round() as u64;
    let (degree, parts) = (parts / 600_000, parts % 600_000);
    let side = if degrees < 0.0 { negative } else { positive };
    format!(
        "{degree:0width$}{:02}.{:04},{side}",
        parts / 10_000,
        parts % 10_000
    )
}

/// Of which there are 32, each in its place.
struct Satellite {
    number: usize,
    elevation: usize,
    azimuth: usize,
    signal: usize,
}

impl Satellite {
    fn of(index: usize) -> Satellite {
        Satellite {
            number: 1 + index * 7 % 32,
            elevation: 12 + index * 23 % 75,
            azimuth: index * 67 % 360,
            signal: 25 + index * 11 % 24,
        }
    }
}

/// Puts `$`, the check and the end around it.
pub(super) fn sentence(body: &str) -> String {
    format!("${body}*{:02X}\r\n", check(body.as_bytes()))
}

/// All characters between `$` and `*`, by exclusive or.
pub(super) fn check(body: &[u8]) -> u8 {
    body.iter().fold(0, |check, byte| check ^ byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::utc::Utc;
    use circuits_wait::Time;

    fn fix() -> Fix {
        Fix {
            talker: "GP".into(),
            moment: Utc::new(Time::ZERO, [2026, 4, 6, 6, 49, 51])
                .unwrap()
                .moment(Time::ZERO),
            satellites: 8,
            position: Some(Position {
                latitude: 23.118_76,
                longitude: 120.274_063,
                altitude: 39.94,
            }),
            speed: 0.0154,
            course: 165.48,
        }
    }

    /// Where only the numbers of satellites and what depends on them differ from the examples of the data
    /// sheet, tables 3 to 9.
    #[test]
    fn sentences_are_those_of_the_data_sheet() {
        let fix = fix();
        let rmc = "$GPRMC,064951.000,A,2307.1256,N,12016.4438,E,0.03,165.48,060426,,,A*63\r\n";
        assert_eq!(fix.sentences(Kind::Rmc), rmc);
        assert_eq!(
            fix.sentences(Kind::Vtg),
            "$GPVTG,165.48,T,,M,0.03,N,0.06,K,A*36\r\n"
        );
        let body = |kind| {
            let sentences = fix.sentences(kind);
            let (body, _) = sentences.split_once('*').unwrap();
            body.to_owned()
        };
        assert_eq!(
            body(Kind::Gga),
            "$GPGGA,064951.000,2307.1256,N,12016.4438,E,1,8,0.97,39.9,M,0.0,M,,"
        );
        assert_eq!(
            body(Kind::Gll),
            "$GPGLL,2307.1256,N,12016.4438,E,064951.000,A,A"
        );
        assert_eq!(
            body(Kind::Gsa),
            "$GPGSA,A,3,01,08,15,22,29,04,11,18,,,,,1.76,0.97,1.46"
        );
        let gsv = fix.sentences(Kind::Gsv);
        let gsv: Vec<_> = gsv.lines().collect();
        assert_eq!(gsv.len(), 2);
        assert!(gsv[0].starts_with("$GPGSV,2,1,08,01,12,000,25,08,35,067,36,"));
        assert!(gsv[1].starts_with("$GPGSV,2,2,08,29,29,268,45,"));
        assert_eq!(gsv[1].split(',').count(), 4 + 16);
    }

    #[test]
    fn without_a_fix_fields_are_empty() {
        let mut fix = fix();
        (fix.position, fix.satellites) = (None, 0);
        let all: String = KINDS.into_iter().map(|kind| fix.sentences(kind)).collect();
        let all: Vec<_> = all
            .lines()
            .map(|line| line.split_once('*').unwrap())
            .collect();
        assert_eq!(
            all.iter().map(|(body, _)| *body).collect::<Vec<_>>(),
            [
                "$GPRMC,064951.000,V,,,,,,,060426,,,N",
                "$GPGGA,064951.000,,,,,0,0,,,M,,M,,",
                "$GPGSA,A,1,,,,,,,,,,,,,,,",
                "$GPGSV,1,1,00",
                "$GPVTG,,,,,,,,,N",
                "$GPGLL,,,,,064951.000,V,N",
            ]
        );
        // As they were seen on wires.
        assert_eq!([all[2].1, all[3].1, all[4].1], ["1E", "79", "30"]);
    }

    #[test]
    fn all_satellites_are_others() {
        let mut numbers: Vec<_> = (0..32).map(|index| Satellite::of(index).number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=32).collect::<Vec<_>>());
        let mut fix = fix();
        fix.satellites = 32;
        assert_eq!(fix.sentences(Kind::Gsv).lines().count(), 8);
        assert!((0..32).map(Satellite::of).all(|satellite| {
            satellite.elevation <= 90 && satellite.azimuth < 360 && satellite.signal < 100
        }));
        fix.satellites = 3;
        assert!(
            fix.sentences(Kind::Gsa)
                .starts_with("$GPGSA,A,2,01,08,15,,")
        );
    }

    #[test]
    fn minutes_are_never_sixty() {
        assert_eq!(angle(9.999_999_9, 2, ['N', 'S']), "1000.0000,N");
        assert_eq!(angle(-0.5, 3, ['E', 'W']), "00030.0000,W");
        assert_eq!(angle(-179.999_999, 3, ['E', 'W']), "17959.9999,W");
        assert_eq!(angle(0.0, 2, ['N', 'S']), "0000.0000,N");
    }

    #[test]
    fn no_sentence_is_too_long() {
        let mut fix = fix();
        (fix.satellites, fix.speed, fix.course) = (32, 514.0, 359.99);
        fix.position = Some(Position {
            latitude: -89.999_9,
            longitude: -179.999_9,
            altitude: 17_999.9,
        });
        for kind in KINDS {
            assert!(fix.sentences(kind).lines().all(|line| line.len() <= 80));
        }
    }
}
