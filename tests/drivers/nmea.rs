use circuits::stub::chips::{Gps, Position};
use circuits::uart::framing::{Ending, Framed, Lines};
use circuits::uart::{Config, Port};
use circuits::wait::Time;
use nmea::sentences::FixType;
use nmea::{Nmea, ParseResult, SentenceType, parse_str};

use crate::serial::on_serial;

const UTRECHT: Position = Position {
    latitude: 52.090_7,
    longitude: 5.121_4,
    altitude: 5.4,
};

fn sentences(port: Port) -> Framed<Port, Lines> {
    Framed::new(port, Lines::new().ending(Ending::CrLf).max_length(80))
}

fn next(sentences: &mut Framed<Port, Lines>) -> String {
    let sentence = sentences.read_frame().unwrap().expect("it never ends");
    String::from_utf8(sentence.to_vec()).unwrap()
}

fn is_near(a: Option<f64>, b: f64) -> bool {
    // 0.2 m.
    a.is_some_and(|a| (a - b).abs() < 2e-6)
}

#[test]
fn driver_nmea_navigates() {
    let config = Config::new().baud(9600);
    on_serial(
        &config,
        || Gps::new(UTRECHT),
        |stub, port, gps| {
            let now = stub.clock().now();
            gps.set_datetime(now, [2026, 11, 22, 23, 59, 58]).unwrap();
            // North, 36 km/h.
            gps.follow(|time: Time| Position {
                latitude: UTRECHT.latitude + time.as_nanos() as f64 / 1e9 / 11_119.5,
                ..UTRECHT
            });
            let mut sentences = sentences(port);
            let required = [SentenceType::RMC, SentenceType::GGA, SentenceType::VTG];
            let mut nmea = Nmea::create_for_navigation(&required).unwrap();
            for (seconds, time, date) in [
                (1.0, "23:59:59", "2026-11-22"),
                (2.0, "00:00:00", "2026-11-23"),
                (3.0, "00:00:01", "2026-11-23"),
            ] {
                while nmea.parse_for_fix(&next(&mut sentences)).unwrap() != FixType::Gps {}
                assert_eq!(nmea.fix_time.unwrap().to_string(), time);
                assert_eq!(nmea.fix_date.unwrap().to_string(), date);
                let latitude = UTRECHT.latitude + seconds / 11_119.5;
                assert!(is_near(nmea.latitude, latitude), "{:?}", nmea.latitude);
                assert!(is_near(nmea.longitude, UTRECHT.longitude));
                assert_eq!(nmea.altitude, Some(5.4));
                assert_eq!(nmea.true_course, Some(0.0));
                assert!(
                    (nmea.speed_over_ground.unwrap() - 19.44).abs() < 0.01,
                    "knots"
                );
                assert_eq!(nmea.fix_satellites(), Some(8));
            }
            assert_eq!(nmea.satellites().len(), 8);
            let signals: Vec<_> = nmea.satellites().iter().map(|seen| seen.snr()).collect();
            assert!(signals.iter().all(Option::is_some));
        },
    );
}

#[test]
fn driver_nmea_loses_the_fix() {
    let south = Position {
        latitude: -33.868_8,
        longitude: -151.209_3,
        altitude: -3.0,
    };
    let config = Config::new().baud(9600);
    on_serial(
        &config,
        || Gps::new(south).talker("GN"),
        |_, port, gps| {
            let mut sentences = sentences(port);
            let mut nmea = Nmea::default();
            let mut second = |nmea: &mut Nmea| {
                for _ in 0..5 {
                    nmea.parse(&next(&mut sentences)).unwrap();
                }
            };
            gps.set_satellites(4);
            second(&mut nmea);
            assert!(is_near(nmea.latitude, south.latitude));
            assert!(is_near(nmea.longitude, south.longitude));
            assert_eq!(
                (nmea.altitude, nmea.fix_type),
                (Some(-3.0), Some(FixType::Gps))
            );
            // It cannot parse that there are none at all: $GPGSV,1,1,00.
            gps.set_satellites(2);
            second(&mut nmea);
            assert_eq!(
                (nmea.latitude, nmea.fix_type),
                (None, Some(FixType::Invalid))
            );
            assert_eq!(nmea.speed_over_ground, None);
            assert_eq!(nmea.fix_time.unwrap().to_string(), "00:00:02");
        },
    );
}

#[test]
fn driver_nmea_five_times_a_second() {
    let config = Config::new().baud(9600);
    on_serial(
        &config,
        || Gps::new(UTRECHT),
        |_, port, _| {
            let mut sentences = sentences(port);
            for command in ["PMTK314,0,1", "PMTK220,200"] {
                let sum = command.bytes().fold(0, |sum, byte| sum ^ byte);
                sentences
                    .write_frame(format!("${command}*{sum:02X}"))
                    .unwrap();
                let number = &command[4..7];
                let answer = next(&mut sentences);
                assert!(
                    answer.starts_with(&format!("$PMTK001,{number},3*")),
                    "{answer}"
                );
            }
            let times = [(); 6].map(|()| match parse_str(&next(&mut sentences)).unwrap() {
                ParseResult::RMC(rmc) => rmc.fix_time.unwrap().to_string(),
                other => panic!("{other:?}"),
            });
            assert_eq!(times[..3], ["00:00:00.200", "00:00:00.400", "00:00:00.600"]);
            assert_eq!(times[4], "00:00:01");
        },
    );
}
