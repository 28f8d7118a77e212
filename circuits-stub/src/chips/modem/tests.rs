use std::io::{Read, Write};

use circuits_uart::{Config, ModemLines, Port};

use super::*;
use crate::Stub;
use crate::uart::Line;

fn at(millis: u64) -> Time {
    Time::from_nanos(millis * 1_000_000)
}

/// What a terminal with a clock sees.
struct Terminal {
    modem: Modem,
    now: Time,
    lines: ModemLines,
    pauses: Duration,
}

impl Terminal {
    fn new(modem: &Modem) -> Terminal {
        let mut terminal = Terminal {
            modem: modem.clone(),
            now: Time::ZERO,
            lines: ModemLines::default(),
            pauses: Duration::ZERO,
        };
        assert_eq!(terminal.wait(Time::ZERO), "");
        terminal
    }

    /// One without echo.
    fn quiet(modem: &Modem) -> Terminal {
        let mut terminal = Terminal::new(modem);
        assert_eq!(terminal.send("ATE0\r"), "ATE0\r\r\nOK\r\n");
        terminal
    }

    fn take(&mut self, line: &Line) -> String {
        self.lines = line.modem().unwrap_or(self.lines);
        self.pauses += line.pauses();
        line.text()
    }

    /// Returns what comes back to what is sent.
    fn send(&mut self, text: &str) -> String {
        let mut back = String::new();
        for byte in text.bytes() {
            let mut line = Line::at(self.now);
            self.modem.receive(byte, &mut line);
            back += &self.take(&line);
        }
        back
    }

    /// Returns what comes by itself until a time.
    fn wait(&mut self, until: Time) -> String {
        let mut came = String::new();
        while let Some(next) = self.modem.next().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            let mut line = Line::at(self.now);
            self.modem.act(&mut line);
            came += &self.take(&line);
            assert!(
                self.modem.next().is_none_or(|next| next > self.now),
                "it has acted"
            );
        }
        self.now = until;
        came
    }

    /// Sends a command that is a success, and returns what it tells.
    fn ask(&mut self, command: &str) -> String {
        let back = self.send(&format!("AT{command}\r"));
        let told = back
            .strip_suffix("\r\nOK\r\n")
            .unwrap_or_else(|| panic!("{back:?}"));
        told.trim_matches(['\r', '\n']).into()
    }

    fn fail(&mut self, command: &str) -> String {
        let back = self.send(&format!("AT{command}\r"));
        back.strip_prefix("\r\n")
            .unwrap()
            .strip_suffix("\r\n")
            .unwrap()
            .into()
    }
}

#[test]
fn answers_as_v250_says() {
    let modem = Modem::new();
    let mut terminal = Terminal::new(&modem);
    assert!(terminal.lines.cts && terminal.lines.dsr && !terminal.lines.cd);
    assert_eq!(terminal.send("AT\r"), "AT\r\r\nOK\r\n");
    assert_eq!(terminal.send("at\r\n"), "at\r\r\nOK\r\n\n");
    assert_eq!(terminal.send("ATE0\r"), "ATE0\r\r\nOK\r\n");
    assert_eq!(terminal.send("AT+CSQ\r"), "\r\n+CSQ: 20,99\r\n\r\nOK\r\n");
    assert_eq!(terminal.send("A/"), "\r\n+CSQ: 20,99\r\n\r\nOK\r\n");
    assert_eq!(terminal.send("AT+NOTHING\r"), "\r\nERROR\r\n");
    assert_eq!(terminal.send("hello\r"), "");
    // Up to what fails.
    assert_eq!(terminal.send("AT+CMEE=1;+NO;+CMEE=2\r"), "\r\nERROR\r\n");
    assert_eq!(terminal.ask("+CMEE?"), "+CMEE: 1");
    assert_eq!(terminal.send("ATV0\r"), "0\r");
    assert_eq!(terminal.send("AT+CSQ\r"), "+CSQ: 20,99\r\n0\r");
    assert_eq!(terminal.send("ATX\r"), "4\r");
    assert_eq!(terminal.send("ATV1Q1\r"), "");
    assert_eq!(terminal.send("AT+CSQ\r"), "\r\n+CSQ: 20,99\r\n");
    assert_eq!(terminal.send("ATQ0\r"), "\r\nOK\r\n");
    assert_eq!(terminal.send("ATS3?\r"), "\r\n013\r\n\r\nOK\r\n");
    assert_eq!(terminal.send("ATS3=128\r"), "\r\nERROR\r\n");
    assert_eq!(terminal.send("ATS4=13\r"), "\r\rOK\r\r");
    assert_eq!(terminal.send("AT&F\r"), "\r\nOK\r\n");
    assert_eq!(
        terminal.send("AT\r"),
        "AT\r\r\nOK\r\n",
        "as it was switched on"
    );
}

#[test]
fn tells_what_it_is() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    assert_eq!(
        terminal.ask("I"),
        "Circuits\r\nVirtual modem\r\nRevision: 1.0"
    );
    for (command, told) in [
        ("+CGMI", "Circuits"),
        ("+GMM", "Virtual modem"),
        ("+CGMR", "1.0"),
        ("+CGSN", "490154203237518"),
        ("+CIMI", "001010123456789"),
        ("+GCAP", "+GCAP: +CGSM"),
        ("+CGMI=?", ""),
        ("+CPIN?", "+CPIN: READY"),
        ("+COPS?", "+COPS: 0,0,\"Circuits\""),
        ("+COPS=3,2;+COPS?", "+COPS: 0,2,\"00101\""),
        ("+COPS=0", ""),
        ("+CREG?", "+CREG: 0,1"),
        ("+CREG=?", "+CREG: (0-1)"),
        ("+CMGF?;+CMGF=1;+CMGF?", "+CMGF: 0\r\n\r\n+CMGF: 1"),
        ("+CLIP?", "+CLIP: 0,1"),
        ("+CNMI?", "+CNMI: 2,1,0,0,0"),
        ("+CSCS?", "+CSCS: \"IRA\""),
        ("+CPMS?", "+CPMS: \"SM\",0,20,\"SM\",0,20,\"SM\",0,20"),
        ("+CCLK?", "+CCLK: \"26/01/01,00:00:00+00\""),
    ] {
        assert_eq!(terminal.ask(command), told, "{command}");
    }
    for command in [
        "+CGMI?",
        "+CSQ=1",
        "+CCLK=\"\"",
        "E2",
        "S0=1",
        "+CMGS",
        "+CMGS?",
    ] {
        assert_eq!(terminal.fail(command), "ERROR", "{command}");
    }
    modem
        .set_datetime(terminal.now, [2027, 12, 31, 23, 59, 58])
        .unwrap();
    terminal.now = at(3000);
    assert_eq!(terminal.ask("+CCLK?"), "+CCLK: \"28/01/01,00:00:01+00\"");
}

/// TS 27.007, section 8.5.
#[test]
fn the_signal_has_steps_of_2_dbm() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    for (dbm, level) in [
        (-120, 0),
        (-113, 0),
        (-111, 1),
        (-73, 20),
        (-53, 30),
        (-51, 31),
        (0, 31),
    ] {
        modem.set_signal(dbm);
        assert_eq!(terminal.ask("+CSQ"), format!("+CSQ: {level},99"));
    }
    modem.set_signal(None);
    assert_eq!(terminal.ask("+CSQ"), "+CSQ: 99,99");
}

#[test]
fn errors_are_told_as_was_asked() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    modem.remove_sim();
    assert_eq!(terminal.fail("+CPIN?"), "ERROR");
    terminal.ask("+CMEE=1");
    assert_eq!(terminal.fail("+CPIN?"), "+CME ERROR: 10");
    assert_eq!(terminal.fail("+CMEE=3"), "+CME ERROR: 50");
    terminal.ask("+CMEE=2");
    assert_eq!(terminal.fail("+CPIN?"), "+CME ERROR: SIM not inserted");
    assert_eq!(terminal.fail("+CMGS=\"1\""), "+CMS ERROR: 310");
    assert_eq!(terminal.fail("+UNKNOWN"), "ERROR");
}

#[test]
fn a_sim_wants_its_pin() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    modem.lock_sim("0420");
    modem.receive_sms("+491", "hello");
    terminal.ask("+CMEE=1;+CMGF=1");
    assert_eq!(terminal.ask("+CPIN?"), "+CPIN: SIM PIN");
    assert_eq!(terminal.fail("+CPIN=1234"), "+CME ERROR: 16");
    assert_eq!(terminal.fail("D123;"), "+CME ERROR: 11");
    assert_eq!(terminal.fail("+CMGL"), "+CMS ERROR: 311");
    assert_eq!(terminal.wait(at(1000)), "");
    let back = terminal.send("AT+CPIN=\"0420\"\r");
    assert_eq!(back, "\r\nOK\r\n\r\n+CMTI: \"SM\",1\r\n");
    assert_eq!(terminal.ask("+CPIN?"), "+CPIN: READY");
    assert_eq!(terminal.fail("+CPIN=\"0420\""), "+CME ERROR: 3");
}

#[test]
fn messages_are_sent() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    assert_eq!(terminal.fail("+CMGS=23"), "+CMS ERROR: 303", "a PDU");
    terminal.ask("+CMGF=1");
    assert_eq!(terminal.send("AT+CMGS=\"+491234\"\r"), "\r\n> ");
    assert!(terminal.lines.cd);
    // What comes meanwhile waits.
    modem.receive_sms("+491", "later");
    assert_eq!(terminal.wait(at(500)), "");
    assert_eq!(terminal.send("Hellx\x08o, two\rlines"), "\r\n> ");
    let sent = "\r\n+CMGS: 0\r\n\r\nOK\r\n\r\n+CMTI: \"SM\",1\r\n";
    assert_eq!(terminal.send("\x1a"), sent);
    assert!(!terminal.lines.cd);
    let sms = |text: &str| Sms {
        to: "+491234".into(),
        text: text.into(),
        time: at(500),
    };
    assert_eq!(modem.sent_sms(), [sms("Hello, two\rlines")]);

    terminal.send("ATE1\r");
    let typed = terminal.send("AT+CMGS=\"+491234\",145\rno\x1b");
    assert_eq!(typed, "AT+CMGS=\"+491234\",145\r\r\n> no\r\nOK\r\n");
    assert_eq!(terminal.send("AT\r"), "AT\r\r\nOK\r\n");
    terminal.send("ATE0\r");
    for (text, answer) in [
        ("ä", "\r\n+CMGS: 1\r\n\r\nOK\r\n"),
        (&"1".repeat(161), "\r\n+CMS ERROR: 305\r\n"),
    ] {
        terminal.send("AT+CMGS=\"+491234\"\r");
        assert_eq!(terminal.send(&format!("{text}\x1a")), answer);
    }
    assert_eq!(modem.sent_sms().last(), Some(&sms("ä")));
    modem.set_registration(Registration::Denied);
    terminal.send("AT+CMGS=\"+491234\"\r");
    assert_eq!(terminal.send("x\x1a"), "\r\n+CMS ERROR: 331\r\n");
    assert_eq!(modem.sent_sms().len(), 2);
    assert_eq!(terminal.fail("+CMGS=\"\""), "+CMS ERROR: 305");
    assert_eq!(
        terminal.fail("+CMGS=\"1\";+CSQ"),
        "ERROR",
        "nothing may follow"
    );
}

#[test]
fn messages_are_received_read_and_deleted() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    modem.receive_sms("+491", "one");
    modem.receive_sms("+492", "zwölf");
    assert_eq!(
        terminal.wait(at(2000)),
        "\r\n+CMTI: \"SM\",1\r\n\r\n+CMTI: \"SM\",2\r\n"
    );
    assert_eq!(terminal.fail("+CMGR=1"), "+CMS ERROR: 303", "PDUs");
    terminal.ask("+CMGF=1");
    let unread = "+CMGR: \"REC UNREAD\",\"+491\",,\"26/01/01,00:00:00+00\"\r\none";
    assert_eq!(terminal.ask("+CMGR=1"), unread);
    let read = "+CMGR: \"REC READ\",\"+491\",,\"26/01/01,00:00:00+00\"\r\none";
    assert_eq!(terminal.ask("+CMGR=1"), read);
    for place in ["0", "3", "21", "-1", "x"] {
        assert_eq!(terminal.fail(&format!("+CMGR={place}")), "+CMS ERROR: 321");
    }
    let listed = "+CMGL: 2,\"REC UNREAD\",\"+492\",,\"26/01/01,00:00:00+00\"\r\nzw?lf";
    assert_eq!(terminal.ask("+CMGL"), listed);
    assert_eq!(terminal.ask("+CMGL=\"REC UNREAD\""), "");
    assert_eq!(
        terminal
            .ask("+CSCS=\"UTF-8\";+CMGL=\"REC READ\"")
            .lines()
            .count(),
        4
    );
    assert!(terminal.ask("+CMGL=\"ALL\"").ends_with("zwölf"));
    assert_eq!(terminal.fail("+CMGL=\"SOME\""), "+CMS ERROR: 305");
    terminal.ask("+CMGD=1");
    assert_eq!(terminal.ask("+CPMS=\"SM\""), "+CPMS: 1,20,1,20,1,20");
    assert_eq!(terminal.fail("+CMGD=21"), "+CMS ERROR: 321");
    // The place is free again; what is in none cannot be deleted with it.
    modem.receive_sms("+493", "three");
    assert_eq!(terminal.wait(at(3000)), "\r\n+CMTI: \"SM\",1\r\n");
    terminal.ask("+CMGD=1,1");
    assert_eq!(
        terminal.ask("+CMGL=\"ALL\"").lines().count(),
        2,
        "that was read"
    );
    terminal.ask("+CMGD=1,4");
    assert_eq!(terminal.ask("+CMGL=\"ALL\""), "");
}

#[test]
fn messages_are_told_as_was_asked() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    terminal.ask("+CNMI=2,2");
    modem.receive_sms("+491", "as a PDU it would be told");
    assert_eq!(terminal.wait(at(1000)), "\r\n+CMTI: \"SM\",1\r\n");
    terminal.ask("+CMGF=1");
    modem.receive_sms("+491", "at once");
    let told = "\r\n+CMT: \"+491\",,\"26/01/01,00:00:01+00\"\r\nat once\r\n";
    assert_eq!(terminal.wait(at(2000)), told);
    terminal.ask("+CNMI=2,0,0,0,0");
    modem.receive_sms("+491", "kept and not told");
    assert_eq!(terminal.wait(at(3000)), "");
    assert_eq!(terminal.ask("+CPMS?").matches("2,20").count(), 3);
    assert_eq!(terminal.fail("+CNMI=2,3"), "+CMS ERROR: 302");
    assert_eq!(terminal.fail("+CNMI=2,1,1"), "+CMS ERROR: 302");
    // What has no room stays in the network.
    terminal.ask("+CNMI=2,1;+CMGD=1,4");
    for _ in 0..PLACES_AND_ONE {
        modem.receive_sms("+491", "many");
    }
    let told = terminal.wait(at(4000));
    assert_eq!(told.matches("+CMTI").count(), PLACES_AND_ONE - 1);
    assert_eq!(terminal.wait(at(5000)), "");
    let back = terminal.send("AT+CMGD=7\r");
    assert_eq!(back, "\r\nOK\r\n\r\n+CMTI: \"SM\",7\r\n");
}

const PLACES_AND_ONE: usize = messages::PLACES + 1;

#[test]
fn it_rings_until_somebody_answers() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    assert_eq!(terminal.fail("A"), "NO CARRIER");
    modem.ring("+491234");
    assert_eq!(terminal.wait(at(0)), "\r\nRING\r\n");
    assert!(terminal.lines.ri && terminal.lines.dsr);
    assert_eq!(terminal.wait(at(999)), "");
    assert!(terminal.lines.ri);
    assert_eq!(terminal.wait(at(1000)), "");
    assert!(!terminal.lines.ri);
    terminal.ask("+CLIP=1");
    let told = "\r\nRING\r\n\r\n+CLIP: \"+491234\",145\r\n";
    assert_eq!(terminal.wait(at(10_500)), told.repeat(2));
    assert!(terminal.lines.ri);
    // While a command is typed nothing comes in between.
    assert_eq!(terminal.send("AT+CS"), "");
    assert_eq!(terminal.wait(at(15_000)), "");
    let back = terminal.send("Q\r");
    assert_eq!(back, format!("\r\n+CSQ: 20,99\r\n\r\nOK\r\n{told}"));
    terminal.ask("A");
    assert!(modem.is_in_call() && !terminal.lines.ri);
    assert_eq!(terminal.wait(at(30_000)), "");
    modem.ring("0199");
    assert_eq!(terminal.wait(at(31_000)), "", "it is engaged");
    modem.give_up();
    assert_eq!(terminal.wait(at(32_000)), "\r\nNO CARRIER\r\n");
    modem.ring("0199");
    let told = "\r\nRING\r\n\r\n+CLIP: \"0199\",129\r\n";
    assert_eq!(terminal.wait(at(32_000)), told);
    modem.give_up();
    assert_eq!(terminal.wait(at(60_000)), "");
    assert!(!terminal.lines.ri);
    modem.ring("0199");
    terminal.wait(at(60_000));
    terminal.ask("H");
    assert_eq!(terminal.wait(at(90_000)), "", "it was refused");
}

#[test]
fn numbers_are_called() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    terminal.ask("D+49 1234;");
    assert!(modem.is_in_call());
    assert_eq!(terminal.fail("D99;"), "NO CARRIER", "it is in a call");
    terminal.ask("H");
    assert!(!modem.is_in_call());
    assert_eq!(terminal.fail("D*99#"), "NO CARRIER", "a call for data");
    modem.set_registration(Registration::Searching);
    assert_eq!(terminal.fail("D112;"), "NO CARRIER");
    assert_eq!(modem.dialled(), ["+491234", "99", "*99#", "112"]);
}

#[test]
fn registration_is_told() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    modem.set_registration(Registration::Searching);
    assert_eq!(terminal.wait(at(1000)), "");
    assert_eq!(terminal.ask("+CREG=1;+CREG?"), "+CREG: 1,2");
    assert_eq!(terminal.ask("+COPS?"), "+COPS: 0");
    modem.receive_sms("+491", "waits for the network");
    modem.set_registration(Registration::Searching);
    assert_eq!(terminal.wait(at(2000)), "");
    modem.set_registration(Registration::Roaming);
    let told = "\r\n+CREG: 5\r\n\r\n+CMTI: \"SM\",1\r\n";
    assert_eq!(terminal.wait(at(3000)), told);
}

#[test]
fn answers_may_take_their_time() {
    let modem = Modem::new();
    let mut terminal = Terminal::quiet(&modem);
    terminal.ask("");
    assert_eq!(terminal.pauses, Duration::ZERO);
    modem.set_delay(Duration::from_millis(20));
    terminal.ask("+CSQ");
    assert_eq!(terminal.pauses, Duration::from_millis(20));
}

fn at_port(modem: &Modem) -> (Stub, Port) {
    let stub = Stub::virtual_time();
    let stub = stub.serial_device("ttyAMA0", modem.clone()).unwrap();
    let config = Config::new().timeout(Duration::from_secs(60));
    let port = Port::open_on(&stub, "ttyAMA0", &config).unwrap();
    (stub, port)
}

fn read(mut port: &Port, count: usize) -> String {
    let mut bytes = vec![0; count];
    port.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_port_speaks_to_it() {
    let modem = Modem::new();
    let (stub, port) = at_port(&modem);
    let lines = port.modem_lines().unwrap();
    assert!(lines.cts && lines.dsr && !lines.ri);
    modem.set_delay(Duration::from_millis(50));
    (&port).write_all(b"ATE0\r").unwrap();
    assert_eq!(read(&port, 11), "ATE0\r\r\nOK\r\n");
    // Five characters, the last one back, the time, and six more.
    let character = port.config().character_time();
    let passed = stub.clock().now().since(Time::ZERO);
    assert_eq!(passed, 12 * character + Duration::from_millis(50));
    modem.receive_sms("+491", "hello");
    assert_eq!(read(&port, 17), "\r\n+CMTI: \"SM\",1\r\n");
}

#[test]
fn who_listens_hears_what_comes_by_itself() {
    let modem = Modem::new();
    let (stub, port) = at_port(&modem);
    let (clock, rang) = (stub.clock(), modem.clone());
    stub.run(|| {
        let listener = stub.spawn("listener", move || {
            let change = port.wait_modem_change(None).unwrap().unwrap();
            assert!(change.lines.ri);
            let rang = clock.now();
            assert_eq!(read(&port, 8), "\r\nRING\r\n");
            let fell = port.wait_modem_change(None).unwrap().unwrap();
            assert!(!fell.lines.ri);
            let fell = clock.now();
            assert_eq!(read(&port, 8), "\r\nRING\r\n");
            (&port).write_all(b"ATA\r").unwrap();
            assert_eq!(read(&port, 10), "ATA\r\r\nOK\r\n");
            (rang, fell)
        });
        stub.delay().sleep(Duration::from_secs(7)).unwrap();
        rang.ring("+491234");
        let (rang, fell) = listener.unwrap().join().unwrap();
        assert_eq!((rang, fell), (at(7000), at(8000)));
    });
    assert!(modem.is_in_call());
}

#[test]
fn nobody_waits_for_ever_for_what_never_comes() {
    let modem = Modem::new();
    let (_stub, port) = at_port(&modem);
    port.set_timeout(None);
    let error = (&port).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Deadlock);
}
