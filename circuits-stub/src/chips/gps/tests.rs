use std::io::{BufRead, BufReader, Read, Write};

use circuits_uart::{Port, Queue};

use super::*;
use crate::Stub;

const CAMBRIDGE: Position = Position {
    latitude: 52.205_3,
    longitude: 0.121_8,
    altitude: 17.0,
};

/// Does what a wire does, until a time.
fn run(gps: &mut Gps, until: Time) -> Vec<(Time, String)> {
    let mut told = Vec::new();
    // Before anything else it is told that it is connected.
    let mut now = Time::ZERO;
    while let Some(next) = gps.next().filter(|next| *next <= until) {
        now = now.max(next);
        let mut line = Line::at(now);
        gps.act(&mut line);
        if !line.bytes().is_empty() {
            told.push((now, line.text()));
        }
        assert!(gps.next().is_some_and(|next| next > now), "it has acted");
    }
    told
}

fn tell(gps: &mut Gps, body: &str) -> String {
    let mut answers = String::new();
    for byte in sentence(body).bytes() {
        let mut line = Line::at(gps.lock().seen.unwrap_or(Time::ZERO));
        gps.receive(byte, &mut line);
        answers += &line.text();
    }
    answers
}

fn at(millis: u64) -> Time {
    Time::from_nanos(millis * 1_000_000)
}

#[test]
fn fixes_are_at_whole_seconds() {
    let mut gps = Gps::new(CAMBRIDGE);
    let told = run(&mut gps, at(2500));
    let times: Vec<_> = told.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [at(1000), at(2000)]);
    let names: Vec<_> = told[1].1.lines().map(|line| &line[1..6]).collect();
    assert_eq!(
        names,
        ["GPRMC", "GPGGA", "GPGSA", "GPGSV", "GPGSV", "GPVTG"]
    );
    assert!(
        told[1]
            .1
            .starts_with("$GPRMC,000002.000,A,5212.3180,N,00007.3080,E,0.00,0.00,010126,,,A*")
    );
    // Its seconds are those of its own clock.
    gps.set_datetime(at(2700), [2027, 12, 31, 23, 59, 58])
        .unwrap();
    let told = run(&mut gps, at(5000));
    let times: Vec<_> = told.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [at(2700), at(3700), at(4700)]);
    let rmc = &told[2].1[..18];
    assert_eq!(rmc, "$GPRMC,000000.000,");
    assert!(told[2].1.contains(",010128,,,A*"));
    let datetime = [2027, 2, 29, 0, 0, 0];
    assert!(matches!(
        gps.set_datetime(at(0), datetime),
        Err(Error::NoDate { .. })
    ));
}

#[test]
fn a_talker_is_not_that_of_the_satellites() {
    let mut gps = Gps::new(CAMBRIDGE).talker("GN");
    let told = run(&mut gps, at(1000));
    let names: Vec<_> = told[0].1.lines().map(|line| &line[1..6]).collect();
    assert_eq!(
        names,
        ["GNRMC", "GNGGA", "GNGSA", "GPGSV", "GPGSV", "GNVTG"]
    );
}

#[test]
fn without_satellites_or_a_place_there_is_no_fix() {
    let mut gps = Gps::new(CAMBRIDGE);
    let nowhere = |latitude, longitude, altitude| Position {
        latitude,
        longitude,
        altitude,
    };
    let mut time = 0;
    let mut has_fix = |gps: &mut Gps| {
        time += 1000;
        let told = run(gps, at(time)).pop().unwrap().1;
        let is = told.contains(".000,A,5212.3180,N,00007.3080,E,");
        let is_not = told.contains(".000,V,,,,,,,010126,,,N*") && told.contains("GPGSA,A,1,");
        assert_ne!(is, is_not, "{told}");
        is
    };
    assert!(has_fix(&mut gps));
    gps.set_satellites(2);
    assert!(!has_fix(&mut gps));
    gps.set_satellites(3);
    assert!(has_fix(&mut gps));
    for position in [
        nowhere(90.1, 0.0, 0.0),
        nowhere(0.0, -180.1, 0.0),
        nowhere(f64::NAN, 0.0, 0.0),
        nowhere(0.0, 0.0, f64::INFINITY),
    ] {
        gps.set_position(position);
        let told = run(&mut gps, at(60_000));
        assert!(told.iter().all(|(_, told)| told.contains("GPGSA,A,1,")));
    }
}

#[test]
fn speed_and_course_are_those_of_the_route() {
    let mut gps = Gps::new(CAMBRIDGE);
    // East, 0.001 degrees a second at the equator, over the date line; then it stands.
    gps.follow(|time| {
        let seconds = (time.as_nanos() as f64 / 1e9).min(4.0);
        let longitude = 179.9985 + 0.001 * seconds;
        Position {
            latitude: 0.0,
            longitude: if longitude > 180.0 {
                longitude - 360.0
            } else {
                longitude
            },
            altitude: 0.0,
        }
    });
    let vtg: Vec<_> = run(&mut gps, at(6000))
        .into_iter()
        .map(|(_, told)| {
            told.lines()
                .last()
                .unwrap()
                .split_once('*')
                .unwrap()
                .0
                .to_owned()
        })
        .collect();
    let moving = "$GPVTG,90.00,T,,M,216.15,N,400.30,K,A";
    let standing = "$GPVTG,90.00,T,,M,0.00,N,0.00,K,A";
    assert_eq!(vtg, [moving, moving, moving, moving, standing, standing]);
    gps.set_motion(10.0, 271.5);
    let told = run(&mut gps, at(7000)).pop().unwrap().1;
    assert!(told.contains("$GPVTG,271.50,T,,M,19.44,N,36.00,K,A*"));
}

#[test]
fn commands_are_acknowledged_and_obeyed() {
    let mut gps = Gps::new(CAMBRIDGE);
    run(&mut gps, at(0));
    assert_eq!(tell(&mut gps, "PMTK000"), "$PMTK001,0,3*30\r\n");
    assert!(tell(&mut gps, "PMTK314,0,1").starts_with("$PMTK001,314,3*"));
    assert!(tell(&mut gps, "PMTK220,200").starts_with("$PMTK001,220,3*"));
    assert!(tell(&mut gps, "PMTK220,99").starts_with("$PMTK001,220,2*"));
    assert!(tell(&mut gps, "PMTK314,9").starts_with("$PMTK001,314,0*"));
    assert!(tell(&mut gps, "PMTK161,0").starts_with("$PMTK001,161,1*"));
    assert!(tell(&mut gps, "PMTK400").starts_with("$PMTK500,200,0,0,0.0,0.0*"));
    assert!(tell(&mut gps, "PMTK414").starts_with("$PMTK514,0,1,0,0,0,0,0,"));
    assert!(tell(&mut gps, "PMTK605").starts_with("$PMTK705,"));
    let told = run(&mut gps, at(1000));
    let times: Vec<_> = told.iter().map(|(time, _)| *time).collect();
    // What was answered takes 0.2 s.
    assert_eq!(times, [at(400), at(600), at(800), at(1000)]);
    assert!(told.iter().all(|(_, told)| told.lines().count() == 1));
    assert!(told[0].1.starts_with("$GPRMC,000000.400,A,"));
}

#[test]
fn what_does_not_fit_is_left_out() {
    let mut gps = Gps::new(CAMBRIDGE);
    gps.set_period(Duration::from_millis(100));
    let told = run(&mut gps, at(2000));
    let times: Vec<_> = told
        .iter()
        .map(|(time, _)| time.as_nanos() / 1_000_000)
        .collect();
    // Some 390 characters take some 400 ms.
    assert_eq!(times, [100, 500, 900, 1300, 1700]);
    assert!(told[1].1.starts_with("$GPRMC,000000.500,"));
    let mut fast = Gps::new(CAMBRIDGE).baud(115_200);
    fast.set_period(Duration::from_millis(100));
    assert_eq!(run(&mut fast, at(2000)).len(), 20);
    // Nothing is too fast to end.
    fast.set_period(Duration::ZERO);
    run(&mut fast, at(2100));
}

fn at_port(gps: &Gps, config: &Config) -> (Stub, Port) {
    let stub = Stub::virtual_time();
    let stub = stub.serial_device("ttyAMA0", gps.clone()).unwrap();
    let port = Port::open_on(&stub, "ttyAMA0", config).unwrap();
    (stub, port)
}

#[test]
fn a_port_hears_it() {
    let gps = Gps::new(CAMBRIDGE);
    let (stub, port) = at_port(&gps, &Config::new().baud(9600));
    let mut lines = BufReader::new(&port).lines();
    let rmc = lines.next().unwrap().unwrap();
    assert!(rmc.starts_with("$GPRMC,000001.000,A,"));
    // When its last character is over.
    let passed = stub.clock().now().since(at(1000));
    let characters = rmc.len() as u32 + 2;
    assert_eq!(passed, characters * port.config().character_time());
    let rest: Vec<_> = lines.by_ref().take(5).map(Result::unwrap).collect();
    assert!(rest[4].starts_with("$GPVTG,"));
    let rmc = lines.next().unwrap().unwrap();
    assert!(rmc.starts_with("$GPRMC,000002.000,A,"));
    drop(lines);

    port.discard(Queue::Input).unwrap();
    let commands = ["PMTK314,0,1", "PMTK220,100"].map(sentence).concat();
    (&port).write_all(commands.as_bytes()).unwrap();
    let lines: Vec<_> = BufReader::new(&port)
        .lines()
        .take(9)
        .map(Result::unwrap)
        .collect();
    assert!(
        lines.contains(&sentence("PMTK001,314,3").trim_end().into()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&sentence("PMTK001,220,3").trim_end().into()),
        "{lines:?}"
    );
    assert!(lines[7].starts_with("$GPRMC,") && lines[8].starts_with("$GPRMC,"));
}

#[test]
fn another_baud_rate_hears_nonsense() {
    let gps = Gps::new(CAMBRIDGE);
    let (_stub, mut port) = at_port(&gps, &Config::new().baud(19_200));
    let mut bytes = [0; 100];
    port.read_exact(&mut bytes).unwrap();
    assert!(!bytes.windows(5).any(|five| five == b"GPRMC"));
    assert!(port.counters().unwrap().framing_errors > 0);
}

#[test]
fn who_waits_for_a_fix_is_told_when_the_period_changes() {
    let gps = Gps::new(CAMBRIDGE);
    gps.set_period(Duration::from_secs(3600));
    let (stub, mut port) = at_port(&gps, &Config::new().baud(9600));
    let clock = stub.clock();
    let heard = stub.run(|| {
        let listener = stub.spawn("listener", move || {
            port.read_exact(&mut [0]).map(|()| clock.now())
        });
        stub.delay().sleep(Duration::from_millis(2300)).unwrap();
        gps.set_period(Duration::from_secs(1));
        listener.unwrap().join().unwrap().unwrap()
    });
    assert_eq!(heard.since(at(3000)).as_micros(), 1041);
}

/// A machine that was started long ago, as it were.
#[test]
fn in_real_time_it_goes_on_from_now() {
    let gps = Gps::new(CAMBRIDGE).baud(1_000_000);
    gps.set_period(Duration::from_millis(20));
    let stub = Stub::real_time().serial_device("ttyAMA0", gps).unwrap();
    let config = Config::new().baud(1_000_000);
    let port = Port::open_on(&stub, "ttyAMA0", &config).unwrap();
    let lines = BufReader::new(&port).lines().map(Result::unwrap);
    let mut rmc = lines.filter(|line| line.contains("RMC"));
    assert!(rmc.next().unwrap().starts_with("$GPRMC,0000"));
}
