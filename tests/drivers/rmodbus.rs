use std::time::Duration;

use circuits::stub::chips::ModbusServer;
use circuits::uart::{Bursts, Config, ErrorKind, Parity};
use rmodbus::client::ModbusRequest;
use rmodbus::{ErrorKind as Refused, ModbusProto};

use crate::serial::on_serial;

fn config() -> Config {
    Config::new().baud(19_200).parity(Parity::Even)
}

/// Asks, and returns what was answered, if anything was.
fn ask(line: &mut Bursts, request: &[u8]) -> Option<Vec<u8>> {
    line.write_burst(request).unwrap();
    match line.read_burst(Some(Duration::from_millis(100))) {
        Ok(answer) => Some(answer.to_vec()),
        Err(error) if error.kind() == ErrorKind::TimedOut => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn driver_rmodbus_reads_and_writes() {
    on_serial(
        &config(),
        || ModbusServer::new(17),
        |_, port, server| {
            for (register, value) in (100..).zip([0x0123, 0x4567, 0x89ab]) {
                server.set_holding(register, value);
            }
            server.set_input(3, 0xfff6);
            let mut line = Bursts::modbus(port);
            let mut client = ModbusRequest::new(17, ModbusProto::Rtu);

            let mut request = Vec::new();
            client.generate_get_holdings(100, 3, &mut request).unwrap();
            let answer = ask(&mut line, &request).expect("an answer");
            let mut values = Vec::new();
            client.parse_u16(&answer, &mut values).unwrap();
            assert_eq!(values, [0x0123, 0x4567, 0x89ab]);

            request.clear();
            client.generate_get_inputs(3, 1, &mut request).unwrap();
            let answer = ask(&mut line, &request).expect("an answer");
            let mut values = Vec::new();
            client.parse_i16(&answer, &mut values).unwrap();
            assert_eq!(values, [-10]);

            request.clear();
            client.generate_set_holding(101, 7, &mut request).unwrap();
            let answer = ask(&mut line, &request).expect("an answer");
            client.parse_ok(&answer).unwrap();
            request.clear();
            let bulk = [1, 2];
            client
                .generate_set_holdings_bulk(101, &bulk, &mut request)
                .unwrap();
            let answer = ask(&mut line, &request).expect("an answer");
            client.parse_ok(&answer).unwrap();
            let held = [100, 101, 102].map(|register| server.holding(register));
            assert_eq!(held, [Some(0x0123), Some(1), Some(2)]);
        },
    );
}

#[test]
fn driver_rmodbus_is_refused() {
    on_serial(
        &config(),
        || ModbusServer::new(17),
        |_, port, server| {
            server.set_holding(0, 5);
            let mut line = Bursts::modbus(port);
            let mut client = ModbusRequest::new(17, ModbusProto::Rtu);
            let mut request = Vec::new();
            client.generate_get_holdings(1, 1, &mut request).unwrap();
            let answer = ask(&mut line, &request).expect("an answer");
            assert_eq!(client.parse_ok(&answer), Err(Refused::IllegalDataAddress));
            request.clear();
            client.generate_get_coils(0, 1, &mut request).unwrap();
            let answer = ask(&mut line, &request).expect("an answer");
            assert_eq!(client.parse_ok(&answer), Err(Refused::IllegalFunction));

            // Nobody has this address.
            let mut nobody = ModbusRequest::new(18, ModbusProto::Rtu);
            request.clear();
            nobody.generate_get_holdings(0, 1, &mut request).unwrap();
            assert_eq!(ask(&mut line, &request), None);
        },
    );
}
