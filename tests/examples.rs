//! The examples as a newcomer runs them: what they print, and what they say when something is
//! wrong. (The two programs among them have their tests inside, for which cargo builds them without the
//! programs themselves; the gate runs those.)
// Static programs go to devices, and to the emulated Pi, without the examples.
#![cfg(not(target_env = "musl"))]

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs an example, which `cargo test` has built beside this test.
fn run(backend: Option<&str>, example: &str, arguments: &[&str]) -> Output {
    let mut path = PathBuf::from(std::env::current_exe().unwrap().parent().unwrap());
    path.pop();
    let mut command = Command::new(path.join("examples").join(example));
    command
        .args(arguments)
        .env_remove("CIRCUITS_BACKEND")
        .env("RUST_BACKTRACE", "1");
    if let Some(backend) = backend {
        command.env("CIRCUITS_BACKEND", backend);
    }
    command
        .output()
        .expect("examples are built by `cargo test` or `cargo build --examples`")
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8(bytes.to_vec())
        .unwrap()
        .lines()
        .map(str::to_string)
        .collect()
}

/// Runs an example that must fail, and checks what it says.
fn fails(backend: Option<&str>, example: &str, arguments: &[&str], says: &[&str]) {
    let output = run(backend, example, arguments);
    let said = lines(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said:?}");
    assert!(
        (1..=3).contains(&said.len()) && said[0].starts_with("Error: "),
        "{said:?}"
    );
    for words in says {
        assert!(
            said.join("\n").contains(words),
            "{words:?} is not in {said:?}"
        );
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn list_lines_prints_all_of_them() {
    let output = run(Some("stub"), "list_lines", &["pinctrl-bcm2835"]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(said.len(), 55);
    assert_eq!(said[0], "gpiochip0 [pinctrl-bcm2835] (54 lines)");
    assert_eq!(said[18], "  17  GPIO17           input");
    assert_eq!(said[54], "  53  SD_DATA3_R       input");
    let says = ["no GPIO chip", "nowhere"];
    fails(Some("stub"), "list_lines", &["nowhere"], &says);
}

#[test]
fn list_devices_prints_a_machine_that_was_recorded() {
    let recordings = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/pi");
    let files = ["cold-plug.txt", "usb-serial.txt"].map(|name| recordings.join(name));
    let mut arguments: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
    arguments.extend(["--until", "plug another"]);
    let output = run(None, "list_devices", &arguments);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(said[0], "Raspberry Pi 3 Model B");
    for line in [
        "  gpiochip0      pinctrl-bcm2835, 54 lines",
        "    0x49         tmp105, the kernel's driver lm75 has it",
        "  spidev0.1      dh2228fv",
        "  ttyAMA0        uart-pl011, also serial0",
        "  ttyUSB1        ftdi_sio, QEMU USB SERIAL 0403:6001 serial number MODEM at 1-1.4",
        "  vcan0          virtual, up",
    ] {
        assert!(
            said.iter().any(|said| said == line),
            "{line:?} is not in {said:#?}"
        );
    }
    let output = run(Some("stub"), "list_devices", &[]);
    let said = lines(&output.stdout);
    assert!(
        said.contains(&"  i2c-1          bcm2835 (i2c@7e804000)".into()),
        "{said:#?}"
    );
}

#[test]
fn hotplug_has_its_lamp_back() {
    let output = run(None, "hotplug", &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        lines(&output.stdout),
        [
            "0.000000 s  the lamp is on gpiochip1",
            "2.000000 s  the chip of line \"gpiochip1:0\" was removed (open it anew: Board::reconnect waits for it)",
            "5.000000 s  the lamp is on gpiochip2",
            "13.000000 s  the lamp is dark",
        ]
    );
}

#[test]
fn traffic_light_goes_round_and_dark() {
    let output = run(Some("stub"), "traffic_light", &["--count", "1"]);
    assert!(output.status.success(), "{output:?}");
    let trace = lines(&output.stderr).join("\n");
    for line in ["GPIO17", "GPIO22", "GPIO23"] {
        let of_line: Vec<_> = trace.lines().filter(|said| said.contains(line)).collect();
        assert!(of_line.iter().any(|said| said.ends_with("high")), "{trace}");
        // Dark before it is let go.
        let [.., dark, gone] = of_line[..] else {
            panic!("{trace}")
        };
        assert!(
            dark.ends_with("low") && gone.ends_with("released"),
            "{trace}"
        );
    }
    let twice = ["--lines", "GPIO17,GPIO17"];
    fails(
        Some("stub"),
        "traffic_light",
        &twice,
        &["GPIO17", "named twice"],
    );
}

#[test]
fn read_sensor_prints_temperatures() {
    let output = run(Some("stub"), "read_sensor", &["--count", "3"]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(said.len(), 3, "{said:?}");
    for line in said {
        let celsius: f32 = line.strip_suffix(" °C").unwrap().parse().unwrap();
        assert!((20.5..22.5).contains(&celsius), "{line}");
    }
    // The board tells of the same three from its side.
    let board = lines(&output.stderr);
    assert_eq!(
        board
            .iter()
            .filter(|line| line.contains("i2c-1 0x48: write 00, read"))
            .count(),
        3
    );
}

#[test]
fn oled_shows_a_robot_in_the_terminal() {
    let output = run(Some("stub"), "oled", &["--count", "25"]);
    assert!(output.status.success() && output.stdout.is_empty());
    let said = lines(&output.stderr);
    let shown = |line: &(usize, &String)| line.1.ends_with("s  i2c-1 0x3c shows");
    let pictures: Vec<&[String]> = said
        .iter()
        .enumerate()
        .filter(shown)
        .map(|(line, _)| &said[line + 1..line + 17])
        .collect();
    // In two and a half seconds, two of each; fewer on a machine that has much to do.
    assert!(pictures.len() >= 2, "{said:#?}");
    let braille = '\u{2800}'..='\u{28ff}';
    let is_lit = |line: &String| line.chars().any(|dots| dots != '\u{2800}');
    for picture in &pictures {
        for line in *picture {
            assert!(line.chars().count() == 64 && line.chars().all(|dots| braille.contains(&dots)));
        }
        // The capital C of the text, and nothing between it and the robot.
        assert_eq!(picture[2].chars().take(6).collect::<String>(), "⠀⠀⢰⡏⠀⠙");
        let between = picture[6..12].iter().any(is_lit);
        assert!(!between && picture[12..].iter().all(is_lit), "{picture:#?}");
    }
    assert!(
        pictures
            .iter()
            .all(|picture| picture[..6] == pictures[0][..6])
    );
    assert!(
        pictures.windows(2).all(|two| two[0][12..] != two[1][12..]),
        "it drives"
    );
    fails(
        Some("stub"),
        "oled",
        &["--bus", "i2c-7"],
        &[r#"no I2C bus "i2c-7""#],
    );
}

#[test]
fn flash_id_names_it_and_shows_what_is_in_it() {
    let output = run(Some("stub"), "flash_id", &["--dump", "38"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        lines(&output.stdout),
        [
            "ef 40 16: Winbond, 4 MiB",
            "000000  54 68 65 20 66 6c 61 73 68 20 6d 65 6d 6f 72 79  The flash memory",
            "000010  20 6f 66 20 74 68 65 20 73 61 6d 70 6c 65 20 62   of the sample b",
            "000020  6f 61 72 64 2e 0a                                oard..",
        ]
    );
    // The board tells of it from its side.
    let board = lines(&output.stderr).join("\n");
    assert!(
        board.contains("spidev0.0: select, write 9f, read ef 40 16, deselect"),
        "{board}"
    );
    let nobody = ["--device", "spidev0.7"];
    fails(Some("stub"), "flash_id", &nobody, &["spidev0.7"]);
}

#[test]
fn adc_shows_all_channels() {
    let output = run(Some("stub"), "adc", &["--count", "3"]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(said.len(), 3 * 8 + 2, "{said:?}");
    for table in said.chunks(9) {
        assert!(table[0].starts_with("CH0  "), "{table:?}");
        assert_eq!(table[1], "CH1  0.412 V  ####");
        assert_eq!(table[7], "CH7  2.888 V  ############################");
    }
    // Somebody turns the knob; where it turns round, two may be alike.
    assert!(said[0] != said[9] || said[9] != said[18], "{said:?}");
}

#[test]
fn scan_i2c_prints_the_grid_that_people_know() {
    let output = run(Some("stub"), "scan_i2c", &[]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(said.len(), 9, "{said:#?}");
    assert_eq!(
        said[0],
        "     0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f"
    );
    assert_eq!(
        said[1],
        "00:                         -- -- -- -- -- -- -- --"
    );
    assert_eq!(
        said[5],
        "40: -- -- -- -- -- -- -- -- 48 -- -- -- -- -- -- --"
    );
    assert!(said[4].ends_with(" 3c -- -- --"), "the screen: {said:#?}");
    assert_eq!(said[8], "70: -- -- -- -- -- -- -- --");
    // The whole grid is i2cdetect's, and a method that would harm leaves its addresses out.
    let arguments = ["--bus", "bcm2835 (i2c@7e804000)", "--quick"];
    let output = run(Some("stub"), "scan_i2c", &arguments);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(
        said[4],
        "30:                         -- -- -- -- 3c -- -- --"
    );
    let why = lines(&output.stderr);
    let told = |words: &&str| why.iter().any(|line| line.contains(words));
    assert!(told(&"0x30") && told(&"for good"), "{why:#?}");
    let output = run(Some("stub"), "scan_i2c", &["--list"]);
    assert_eq!(lines(&output.stdout), ["i2c-1  bcm2835 (i2c@7e804000)"]);
    let says = [r#"no I2C bus "i2c-7""#];
    fails(Some("stub"), "scan_i2c", &["--bus", "i2c-7"], &says);
}

#[test]
fn blinky_is_seen_to_blink_by_the_board() {
    let output = run(Some("stub"), "blinky", &["--count", "2"]);
    assert!(output.status.success(), "{output:?}");
    let board = lines(&output.stderr);
    let what: Vec<&str> = board
        .iter()
        .map(|line| line.split_once("s  ").unwrap().1)
        .collect();
    let blink = ["GPIO17: high", "GPIO17: low"];
    let all = [
        &[r#"GPIO17: output of "blinky""#, "GPIO17: low"][..],
        &blink,
        &blink,
        &["GPIO17: released"],
    ];
    assert_eq!(what, all.concat());
    assert!(output.stdout.is_empty());
}

#[test]
fn button_tells_of_what_the_finger_does() {
    let output = run(Some("stub"), "button", &["--count", "2"]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert!(
        said.len() == 2 && said[0].ends_with("s: pressed") && said[1].ends_with("s: let go"),
        "{said:?}"
    );
}

#[test]
fn encoder_tells_where_the_knob_is() {
    let output = run(Some("stub"), "encoder", &["--count", "5"]);
    assert!(output.status.success(), "{output:?}");
    // Three clicks to the right and one to the left, from wherever the hand is.
    let positions = lines(&output.stdout).into_iter();
    let positions: Vec<i32> = positions.map(|line| line.parse().unwrap()).collect();
    let goes_on = |from: usize| {
        let clicks = [1, 1, 1, -1].into_iter().cycle().skip(from);
        let sum = |position: &mut i32, click| {
            *position += click;
            Some(*position)
        };
        clicks.scan(0, sum).take(5).collect::<Vec<i32>>()
    };
    let is_one = (0..4).any(|from| goes_on(from) == positions);
    assert!(is_one, "{positions:?}");
}

#[test]
fn watch_lines_sees_another_program() {
    let output = run(Some("stub"), "watch_lines", &["--count", "2"]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    let taken = r#"s: line 45 (SCL0) is now an output of "another program""#;
    assert!(said.len() == 2 && said[0].ends_with(taken), "{said:?}");
    assert!(said[1].ends_with("s: line 45 (SCL0) is free"), "{said:?}");
    let says = ["no GPIO chip", "nowhere"];
    fails(Some("stub"), "watch_lines", &["nowhere"], &says);
}

#[test]
fn an_unknown_backend_is_refused() {
    fails(
        Some("foo"),
        "blinky",
        &[],
        &[r#"CIRCUITS_BACKEND="foo""#, "set it to linux or stub"],
    );
    fails(
        Some("Stub"),
        "blinky",
        &[],
        &[r#"CIRCUITS_BACKEND="Stub""#, "unset it"],
    );
    fails(
        Some("stub:x.toml"),
        "blinky",
        &[],
        &["x.toml: this cannot be read", "No such file"],
    );
    fails(
        Some("stub:raspberry-pi-3b"),
        "blinky",
        &[],
        &[r#"a file with board = "raspberry-pi-3b""#],
    );
    fails(
        Some("stub:"),
        "blinky",
        &[],
        &["the name of the board's file is missing"],
    );
}

/// Where a program runs on a board from a file.
#[test]
fn a_board_comes_from_a_file() {
    let boards = concat!(env!("CARGO_MANIFEST_DIR"), "/circuits-stub/tests/boards");
    let backend = format!("stub:{boards}/station.toml");
    let output = run(Some(&backend), "read_sensor", &["--count", "1"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lines(&output.stdout), ["12.00 °C"]);
    // It says not to print what happens, but for what screens show.
    assert!(output.stderr.is_empty(), "{output:?}");

    let backend = format!("stub:{boards}/mistaken.toml");
    let says = [
        "mistaken.toml:4:15: there is a device at 0x48 on i2c-1 already\n4 | ",
        "^^^^",
    ];
    fails(Some(&backend), "read_sensor", &[], &says);
    let backend = "stub:circuits-stub/boards/raspberry-pi-5.toml";
    let output = run(Some(backend), "list_lines", &["pinctrl-rp1"]);
    assert_eq!(
        lines(&output.stdout)[0],
        "gpiochip0 [pinctrl-rp1] (54 lines)"
    );
}

#[test]
fn an_unknown_line_or_bus_is_named() {
    fails(
        Some("stub"),
        "blinky",
        &["--line", "LAMP"],
        &[r#"there is no line "LAMP""#, "gpioinfo"],
    );
    fails(
        Some("stub"),
        "blinky",
        &["--line", "gpiochip7:0"],
        &["no GPIO chip /dev/gpiochip7"],
    );
    fails(
        Some("stub"),
        "read_sensor",
        &["--bus", "i2c-7"],
        &[r#"no I2C bus "i2c-7""#, "there are: i2c-1"],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_buses_says_so() {
    if std::fs::exists("/dev/i2c-1").unwrap() || std::fs::exists("/dev/gpiochip0").unwrap() {
        eprintln!("this machine has buses: nothing to see here");
        return;
    }
    for backend in [None, Some(""), Some("linux")] {
        fails(backend, "blinky", &[], &["no GPIO chip /dev/gpiochip*"]);
        fails(backend, "read_sensor", &[], &[r#"no I2C bus "i2c-1""#]);
        fails(backend, "flash_id", &[], &[r#"no SPI device "spidev0.0""#]);
    }
    fails(None, "blinky", &[], &["CIRCUITS_BACKEND=stub"]);
    fails(None, "flash_id", &[], &["CIRCUITS_BACKEND=stub"]);
}

#[test]
fn chip_select_reads_a_chip_that_a_line_selects() {
    let output = run(Some("stub"), "chip_select", &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lines(&output.stdout), ["channel 0: 310 of 1023"]);
    // Nobody is on the other one.
    let output = run(Some("stub"), "chip_select", &["--line", "GPIO24"]);
    assert_eq!(lines(&output.stdout), ["channel 0: 1023 of 1023"]);
    // The controller's own are its driver's.
    let own = ["--line", "GPIO8"];
    fails(Some("stub"), "chip_select", &own, &["GPIO8", "spi0 CS0"]);
}

#[test]
fn gps_tells_where_it_is() {
    let output = run(Some("stub"), "gps", &["--count", "2"]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(
        said,
        ["00:00:01 52.37920 4.89940", "00:00:02 52.37921 4.89941"]
    );
    let says = ["no serial port", "ttyNOBODY"];
    fails(Some("stub"), "gps", &["--port", "ttyNOBODY"], &says);
}

#[test]
fn modbus_reads_a_meter() {
    let output = run(Some("stub"), "modbus", &["--count", "2"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lines(&output.stdout), ["230.0 V 1.25 A"; 2]);
    // Nobody has this address.
    let output = run(Some("stub"), "modbus", &["--unit", "2"]);
    assert_eq!(output.status.code(), Some(1));
    let said = lines(&output.stderr);
    let error = said.iter().find(|line| line.starts_with("Error: "));
    assert_eq!(error.unwrap(), "Error: serial port \"ttyUSB0\" timed out");
}

#[test]
fn serial_echo_has_its_port_back() {
    let output = run(None, "serial_echo", &[]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    let said: Vec<_> = said
        .iter()
        .filter_map(|line| line.split_once("  "))
        .collect();
    let removed =
        "serial port \"ttyUSB0\" was removed (open it anew: Board::reconnect waits for it)";
    let expected = [
        ("0.000000 s", "listening on ttyUSB0"),
        ("0.000520 s", "the echo is \"hello\""),
        ("0.000520 s", removed),
        ("3.000520 s", "listening on ttyUSB1"),
        ("4.001562 s", "the echo is \"hello again\""),
    ];
    assert_eq!(said[..5], expected);
}

#[test]
fn can_dump_prints_what_candump_does() {
    let output = run(Some("stub"), "can_dump", &["-n", "3", "-t", "zero"]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(said.len(), 3);
    assert!(said[0].starts_with(" (000.000000)   can0  0"), "{said:?}");
    let heartbeat = "can0  001   [8]  00 00 00 00 01 00 00 00";
    assert!(
        said.iter().any(|said| said.ends_with(heartbeat)),
        "{said:?}"
    );
    let only = ["can0", "001:7FF", "-n", "2", "--log"];
    let output = run(Some("stub"), "can_dump", &only);
    for said in lines(&output.stdout) {
        let frame = said.split(' ').next_back();
        assert_eq!(frame, Some("001#0000000001000000"), "{said}");
    }
    let says = ["no CAN interface", "can7"];
    fails(Some("stub"), "can_dump", &["can7"], &says);
}

#[test]
fn can_motor_turns_and_stops() {
    let output = run(Some("stub"), "can_motor", &["--seconds", "2"]);
    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout);
    let turns = "2.00 turns/s";
    assert!(said.iter().any(|said| said.ends_with(turns)), "{said:?}");
    let trace = lines(&output.stderr);
    let sent: Vec<_> = trace
        .iter()
        .filter(|said| said.contains("can0: "))
        .collect();
    // The velocity is zero, and then it is idle.
    let [.., stop, idle] = sent[..] else {
        panic!("{trace:?}");
    };
    assert!(stop.ends_with("00D#0000000000000000"), "{stop}");
    assert!(idle.ends_with("007#01000000"), "{idle}");
    // Nobody is this axis.
    let output = run(Some("stub"), "can_motor", &["--axis", "9"]);
    assert_eq!(output.status.code(), Some(1));
    let said = lines(&output.stderr);
    let error = said.iter().find(|line| line.starts_with("Error: "));
    assert_eq!(
        error.unwrap(),
        "Error: the axis says nothing (CAN interface \"can0\" timed out)"
    );
}

#[test]
fn can_replay_plays_a_log() {
    let log = std::env::temp_dir().join(format!("circuits-{}.log", std::process::id()));
    let path = log.to_str().unwrap();
    std::fs::write(
        &log,
        // The last one may not have been on the wire when the program ends, and with it its board.
        "(1.0) can7 123#11\n\n(1.05) can7 123#22\n(1.06) can8 123#33\n(1.3) can7 123#44\n",
    )
    .unwrap();
    let output = run(Some("stub"), "can_replay", &[path, "--map", "can7=can0"]);
    std::fs::write(&log, "(1.000000) can0 123#11\nnonsense\n").unwrap();
    let wrong = run(Some("stub"), "can_replay", &[path]);
    std::fs::remove_file(&log).unwrap();

    assert!(output.status.success(), "{output:?}");
    let said = lines(&output.stdout).join("\n");
    assert!(said.starts_with("3 frames written"), "{said}");
    assert!(said.contains("1 of other interfaces"), "{said}");
    let trace = lines(&output.stderr);
    let sent: Vec<_> = trace.iter().filter(|said| said.contains("123#")).collect();
    assert!(
        sent[0].ends_with("123#11") && sent[1].ends_with("123#22"),
        "{trace:?}"
    );
    assert_eq!(wrong.status.code(), Some(1));
    let said = lines(&wrong.stderr).join("\n");
    assert!(said.contains("line 2"), "{said}");
}

#[test]
fn an_hour_of_read_sensor_passes_at_once_and_is_the_same_each_time() {
    let file = std::env::temp_dir().join(format!("circuits-hour-{}.toml", std::process::id()));
    let board = r#"
        time = "virtual"
        [[i2c]]
        bus = "i2c-1"
        address = 0x48
        chip = "tmp102"
        celsius = { mean = 21.5, amplitude = 0.5, period = "1 min" }
    "#;
    std::fs::write(&file, board).unwrap();
    let backend = format!("stub:{}", file.display());
    let begun = std::time::Instant::now();
    let hours: Vec<Output> = (0..2)
        .map(|_| run(Some(&backend), "read_sensor", &["--count", "3600"]))
        .collect();
    println!("two hours took {:?}", begun.elapsed());
    std::fs::remove_file(&file).unwrap();
    let [one, other] = &hours[..] else {
        panic!("there are two");
    };
    assert!(one.status.success(), "{one:?}");
    assert_eq!(lines(&one.stdout).len(), 3600);
    // Each with what the wire takes, by its trace.
    let trace = lines(&one.stderr);
    assert_eq!(trace.len(), 3600);
    let last = trace.last().unwrap();
    assert!(last.trim_start().starts_with("3600.7"), "{last}");
    assert!(one.stdout == other.stdout && one.stderr == other.stderr);
}
