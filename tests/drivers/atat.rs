use std::time::Duration;

use atat::asynch::{AtatClient, Client};
use atat::atat_derive::{AtatCmd, AtatResp, AtatUrc};
use atat::heapless::String;
use atat::{
    AtDigester, AtatIngress, CmeError, CmsError, Config, Error, Ingress, ResponseSlot, UrcChannel,
};
use circuits::stub::Stub;
use circuits::stub::chips::{Modem, Registration, Sms};
use circuits::uart::{self, Port, Writer};
use futures_lite::future::or;

use crate::embassy_time::block_on;
use crate::serial::on_serial;

#[derive(Clone, AtatResp)]
struct Nothing;

#[derive(Clone, AtatCmd)]
#[at_cmd("", Nothing)]
struct At;

#[derive(Clone, AtatCmd)]
#[at_cmd("+CSQ", Signal)]
struct GetSignal;

#[derive(Clone, AtatResp)]
struct Signal {
    #[at_arg(position = 0)]
    level: u8,
    #[at_arg(position = 1)]
    errors: u8,
}

#[derive(Clone, AtatCmd)]
#[at_cmd("+CREG?", Network)]
struct GetNetwork;

#[derive(Clone, AtatResp)]
struct Network {
    #[at_arg(position = 0)]
    tells: u8,
    #[at_arg(position = 1)]
    registration: u8,
}

#[derive(Clone, AtatCmd)]
#[at_cmd("+CMGF", Nothing)]
struct SetTextMode {
    #[at_arg(position = 0)]
    on: u8,
}

#[derive(Clone, AtatCmd)]
#[at_cmd("+CMEE", Nothing)]
struct SetErrors {
    #[at_arg(position = 0)]
    mode: u8,
}

#[derive(Clone, AtatCmd)]
#[at_cmd("+CPIN?", Nothing)]
struct GetSim;

#[derive(Clone, AtatCmd)]
#[at_cmd("+CMGS", Nothing)]
struct SendSms {
    #[at_arg(position = 0)]
    to: String<20>,
}

/// What follows the prompt.
#[derive(Clone, AtatCmd)]
#[at_cmd(
    "",
    Sent,
    cmd_prefix = "",
    termination = "\x1a",
    value_sep = false,
    quote_escape_strings = false
)]
struct Text {
    #[at_arg(position = 0)]
    text: String<160>,
}

#[derive(Clone, AtatResp)]
struct Sent {
    #[at_arg(position = 0)]
    reference: u8,
}

#[derive(Clone, AtatCmd)]
#[at_cmd("A", Nothing)]
struct Answer;

#[derive(Clone, Debug, PartialEq, AtatUrc)]
enum Urc {
    #[at_urc("RING")]
    Ring,
    #[at_urc("+CMTI")]
    Message(Kept),
}

#[derive(Clone, Debug, PartialEq, AtatResp)]
struct Kept {
    #[at_arg(position = 0)]
    storage: String<4>,
    #[at_arg(position = 1)]
    place: u8,
}

type Urcs = UrcChannel<Urc, 8, 1>;

/// Runs a client of a port, and what reads for it.
fn with_client<T>(
    stub: &Stub,
    port: Port,
    test: impl AsyncFnOnce(&mut Client<'_, Writer, 256>, &Urcs) -> T,
) -> T {
    let (reader, writer) = port.split();
    let (mut received, mut sent) = ([0; 256], [0; 256]);
    let (slot, urcs) = (ResponseSlot::new(), Urcs::new());
    let mut ingress = Ingress::new(AtDigester::<Urc>::new(), &mut received, &slot, &urcs);
    let mut client = Client::new(writer, &slot, &mut sent, Config::new());
    let test = async { test(&mut client, &urcs).await };
    block_on(stub, or(test, async { ingress.read_from(reader).await }))
}

#[test]
fn driver_atat_asks() {
    on_serial(&uart::Config::new(), Modem::new, |stub, port, modem| {
        with_client(stub, port, async |client, _| {
            client.send(&At).await.unwrap();
            modem.set_signal(-91);
            let signal = client.send(&GetSignal).await.unwrap();
            assert_eq!((signal.level, signal.errors), (11, 99));
            modem.set_registration(Registration::Roaming);
            let network = client.send(&GetNetwork).await.unwrap();
            assert_eq!((network.tells, network.registration), (0, 5));
            modem.remove_sim();
            assert_eq!(client.send(&GetSim).await.err(), Some(Error::Error));
            client.send(&SetErrors { mode: 1 }).await.unwrap();
            let error = client.send(&GetSim).await.err();
            assert_eq!(error, Some(Error::CmeError(CmeError::SimNotInserted)));
        });
    });
}

#[test]
fn driver_atat_waits_for_answers() {
    on_serial(&uart::Config::new(), Modem::new, |stub, port, modem| {
        with_client(stub, port, async |client, _| {
            let before = stub.clock().now();
            modem.set_delay(Duration::from_millis(900));
            client.send(&At).await.unwrap();
            let passed = stub.clock().now().since(before);
            assert!((900..905).contains(&passed.as_millis()), "{passed:?}");
            // Longer than it waits.
            modem.set_delay(Duration::from_millis(1100));
            let before = stub.clock().now();
            assert_eq!(client.send(&At).await.err(), Some(Error::Timeout));
            let passed = stub.clock().now().since(before);
            assert!((1000..1025).contains(&passed.as_millis()), "{passed:?}");
        });
    });
}

#[test]
fn driver_atat_sends_messages() {
    on_serial(&uart::Config::new(), Modem::new, |stub, port, modem| {
        with_client(stub, port, async |client, _| {
            client.send(&SetTextMode { on: 1 }).await.unwrap();
            let to = String::try_from("+491234").unwrap();
            client.send(&SendSms { to }).await.unwrap();
            let text = String::try_from("The pump is on.").unwrap();
            let sent = client.send(&Text { text }).await.unwrap();
            assert_eq!(sent.reference, 0);
            let [Sms { to, text, .. }] = &modem.sent_sms()[..] else {
                panic!("none was sent");
            };
            assert_eq!((&to[..], &text[..]), ("+491234", "The pump is on."));

            modem.set_registration(Registration::Searching);
            let to = String::try_from("+491234").unwrap();
            client.send(&SendSms { to }).await.unwrap();
            let text = String::try_from("Nobody hears it.").unwrap();
            let error = client.send(&Text { text }).await.err();
            assert_eq!(error, Some(Error::CmsError(CmsError::NoNetwork)));
        });
    });
}

#[test]
fn driver_atat_is_told() {
    on_serial(&uart::Config::new(), Modem::new, |stub, port, modem| {
        with_client(stub, port, async |client, urcs| {
            let mut told = urcs.subscribe().unwrap();
            client.send(&At).await.unwrap();
            modem.receive_sms("+491", "hello");
            let storage = String::try_from("SM").unwrap();
            let message = Urc::Message(Kept { storage, place: 1 });
            assert_eq!(told.next_message_pure().await, message);

            modem.ring("+491");
            assert_eq!(told.next_message_pure().await, Urc::Ring);
            let first = stub.clock().now();
            assert_eq!(told.next_message_pure().await, Urc::Ring);
            assert_eq!(stub.clock().now().since(first).as_secs(), 5);
            client.send(&Answer).await.unwrap();
            assert!(modem.is_in_call());
        });
    });
}
