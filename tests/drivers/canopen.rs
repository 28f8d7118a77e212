//! A CANopen device and a master of its network, both canopen-rs: written once on embedded-can, and run on sockets and
//! on the driver of a controller on SPI.

use std::sync::atomic::{AtomicBool, Ordering};

use canopen_rs::nmt::{self, NmtCommand, NmtState};
use canopen_rs::pdo::default_cob_id;
use canopen_rs::sdo::{SdoClient, SdoEvent, SdoPayload};
use canopen_rs::sync::SYNC_COB_ID;
use canopen_rs::transport::{cob_id, frame_from};
use canopen_rs::{
    Address, ByteString, DataType, Entry, MappingEntry, Node, NodeId, ObjectDictionary, PdoKind,
    PdoMapping, TransmissionType, TxFrame, Value,
};
use embedded_can::Frame;
use embedded_can::nb::Can;
use embedded_hal::delay::DelayNs;

use crate::can::Talk;

const NAME: &str = "a device with a long name";
const DEVICE_TYPE: Address = Address::new(0x1000, 0);
const DEVICE_NAME: Address = Address::new(0x1008, 0);
const HEARTBEAT_TIME: Address = Address::new(0x1017, 0);
const NOTE: Address = Address::new(0x2000, 0);
const SPEED: Address = Address::new(0x6042, 0);
const MEASURED: Address = Address::new(0x6044, 0);

fn id() -> NodeId {
    NodeId::new(0x10).unwrap()
}

/// A device, for as long as it is to run: what is set as its speed it measures.
pub(crate) fn serve<C: Can, D: DelayNs>(can: C, delay: D, ends: &AtomicBool) {
    let mut talk = Talk::new(can, delay);
    let mut node = device();
    let send = |talk: &mut Talk<C, D>, frame: TxFrame| {
        let frame = frame_from(frame.cob_id, frame.data());
        talk.send(&frame.expect("a frame"));
    };
    let boot = node.boot();
    send(&mut talk, boot);
    // In milliseconds, since the last heartbeat.
    let mut silent = 0;
    while !ends.load(Ordering::Acquire) {
        if let Some(frame) = talk.receive(1) {
            let Some(cob_id) = cob_id(&frame).filter(|_| !frame.is_remote_frame()) else {
                continue;
            };
            if cob_id == SYNC_COB_ID {
                node.sync_tpdos()
                    .into_iter()
                    .for_each(|frame| send(&mut talk, frame));
            } else if let Some(answer) = node.on_frame(cob_id, frame.data()) {
                send(&mut talk, answer);
            }
            let speed = node.od().read(SPEED).unwrap();
            node.od_mut().set(MEASURED, speed).unwrap();
            if node.state() == NmtState::Initialising {
                let boot = node.boot();
                send(&mut talk, boot);
            }
            continue;
        }
        silent += 1;
        let Ok(Value::Unsigned16(time)) = node.od().read(HEARTBEAT_TIME) else {
            panic!("it has no heartbeat");
        };
        if time > 0 && silent >= time {
            silent = 0;
            send(&mut talk, node.heartbeat());
        }
    }
}

fn device() -> Node<16> {
    let text = |text: &str| Value::VisibleString(ByteString::from_str(text).unwrap());
    let mut objects = ObjectDictionary::<16>::new();
    for (address, entry) in [
        (DEVICE_TYPE, Entry::constant(Value::Unsigned32(0x0004_0192))),
        (DEVICE_NAME, Entry::constant(text(NAME))),
        (HEARTBEAT_TIME, Entry::rw(Value::Unsigned16(0))),
        (NOTE, Entry::rw(text(""))),
        (SPEED, Entry::rw(Value::Integer16(0))),
        (MEASURED, Entry::ro(Value::Integer16(0))),
    ] {
        objects.insert(address, entry).unwrap();
    }
    let mapped = |address: Address| {
        let mut mapping = PdoMapping::new();
        let entry = MappingEntry::new(address.index, address.subindex, 16);
        mapping.push(entry).unwrap();
        mapping
    };
    let mut node = Node::new(id(), objects);
    let [receive, transmit] = [PdoKind::Receive, PdoKind::Transmit]
        .map(|kind| default_cob_id(kind, 1, id()).expect("the first one"));
    node.add_rpdo(receive, mapped(SPEED)).unwrap();
    let each_sync = TransmissionType::SynchronousCyclic(1);
    node.add_tpdo(transmit, mapped(MEASURED), each_sync)
        .unwrap();
    node
}

/// The master.
struct Master<C, D> {
    talk: Talk<C, D>,
    client: SdoClient,
}

impl<C: Can, D: DelayNs> Master<C, D> {
    fn send(&mut self, cob_id: u16, data: &[u8]) {
        self.talk.send(&frame_from(cob_id, data).expect("a frame"));
    }

    /// Waits for a frame, and returns its data.
    fn hears(&mut self, wanted: u16) -> Option<Vec<u8>> {
        self.talk.find(500, |frame| {
            (cob_id(&frame) == Some(wanted)).then(|| frame.data().to_vec())
        })
    }

    fn transfer(&mut self, mut request: SdoPayload) -> Result<Option<Value>, u32> {
        loop {
            self.send(self.client.request_cob_id(), &request);
            let answer = self
                .hears(self.client.response_cob_id())
                .expect("an answer");
            match self
                .client
                .on_response(&answer.try_into().expect("8 bytes"))
            {
                SdoEvent::Send(next) => request = next,
                SdoEvent::Complete(value) => return Ok(value),
                SdoEvent::Aborted(code) => return Err(code),
            }
        }
    }

    fn read(&mut self, address: Address, data_type: DataType) -> Result<Option<Value>, u32> {
        let request = self.client.read(address, data_type);
        self.transfer(request)
    }

    fn write(&mut self, address: Address, value: Value) -> Result<Option<Value>, u32> {
        let request = self.client.write(address, value);
        self.transfer(request)
    }

    fn command(&mut self, command: NmtCommand) {
        let data = nmt::encode_command(command, id());
        self.send(nmt::NMT_COMMAND_COB_ID, &data);
    }

    /// What the next heartbeat says.
    fn state(&mut self) -> Option<NmtState> {
        let data = self.hears(nmt::heartbeat_cob_id(id()))?;
        nmt::decode_heartbeat(&data.try_into().ok()?).ok()
    }
}

/// What it does, with a device that is about to start.
pub(crate) fn master<C: Can, D: DelayNs>(can: C, delay: D) {
    let mut master = Master {
        talk: Talk::new(can, delay),
        client: SdoClient::new(id()),
    };
    assert_eq!(master.state(), Some(NmtState::Initialising), "it boots up");

    // In one frame each way.
    let device_type = master.read(DEVICE_TYPE, DataType::Unsigned32);
    assert_eq!(device_type, Ok(Some(Value::Unsigned32(0x0004_0192))));
    let heartbeat = Value::Unsigned16(20);
    assert_eq!(master.write(HEARTBEAT_TIME, heartbeat), Ok(None));
    assert_eq!(
        master.read(HEARTBEAT_TIME, DataType::Unsigned16),
        Ok(Some(heartbeat))
    );
    // In several.
    let text = |text: &str| Value::VisibleString(ByteString::from_str(text).unwrap());
    let name = master.read(DEVICE_NAME, DataType::VisibleString);
    assert_eq!(name, Ok(Some(text(NAME))));
    let note = text("what was written in segments");
    assert_eq!(master.write(NOTE, note), Ok(None));
    assert_eq!(master.read(NOTE, DataType::VisibleString), Ok(Some(note)));
    // What it refuses.
    let nothing = master.read(Address::new(0x5fff, 1), DataType::Unsigned8);
    assert_eq!(nothing, Err(0x0602_0000), "there is no such object");
    let constant = master.write(DEVICE_TYPE, Value::Unsigned32(0));
    assert_eq!(constant, Err(0x0601_0002), "it is read-only");

    // Process data, which it has only while it is operational.
    assert_eq!(master.state(), Some(NmtState::PreOperational));
    let [set, measured] = [PdoKind::Receive, PdoKind::Transmit]
        .map(|kind| default_cob_id(kind, 1, id()).expect("the first one"));
    master.send(set, &(-1200i16).to_le_bytes());
    assert_eq!(
        master.read(SPEED, DataType::Integer16),
        Ok(Some(Value::Integer16(0)))
    );
    master.command(NmtCommand::StartRemoteNode);
    assert_eq!(master.state(), Some(NmtState::Operational));
    for speed in [-1200i16, 300] {
        master.send(set, &speed.to_le_bytes());
        master.send(SYNC_COB_ID, &[]);
        assert_eq!(master.hears(measured), Some(speed.to_le_bytes().to_vec()));
    }
    assert_eq!(
        master.read(SPEED, DataType::Integer16),
        Ok(Some(Value::Integer16(300)))
    );

    master.command(NmtCommand::StopRemoteNode);
    assert_eq!(master.state(), Some(NmtState::Stopped));
    master.command(NmtCommand::ResetNode);
    assert_eq!(master.state(), Some(NmtState::Initialising));
    assert_eq!(master.state(), Some(NmtState::PreOperational));
}

/// What is there instead of a device when there is none: it answers nothing, or rubbish.
mod on_the_virtual_board {
    use std::sync::Arc;

    use circuits::Board;
    use circuits::can::{Config, Socket};
    use circuits::stub::Stub;
    use mcp25xx::bitrates::clock_16mhz::CNF_500K_BPS;
    use mcp25xx::registers::{OperationMode, RXB0CTRL, RXB1CTRL, RXM};

    use super::*;
    use crate::can::{must_fail, with_mcp2515};

    fn socket(stub: &Stub, interface: &str) -> Socket {
        let config = Config::new();
        Board::from(stub).can_socket(interface, &config).unwrap()
    }

    /// Runs the device in a task of its own while `f` runs.
    fn with_device<C: Can + Send + 'static>(stub: &Stub, can: C, f: impl FnOnce()) {
        let ends = Arc::new(AtomicBool::new(false));
        let (delay, told) = (stub.delay(), ends.clone());
        let device = stub
            .spawn("device", move || serve(can, delay, &told))
            .unwrap();
        f();
        ends.store(true, Ordering::Release);
        device.join().unwrap();
    }

    #[test]
    fn driver_canopen_on_sockets() {
        must_fail(|wrong| {
            let stub = Stub::virtual_time().can_node("can0", wrong).unwrap();
            stub.run(|| master(socket(&stub, "can0"), stub.delay()));
        });
        let stub = Stub::virtual_time().can_bus(["can0", "can1"]).unwrap();
        stub.run(|| {
            let [device, can] = ["can0", "can1"].map(|name| socket(&stub, name));
            with_device(&stub, device, || master(can, stub.delay()));
        });
    }

    /// Both ways: the master is on SPI, and the device.
    #[test]
    fn driver_canopen_on_mcp25xx() {
        let config = mcp25xx::Config::default()
            .mode(OperationMode::NormalOperation)
            .bitrate(CNF_500K_BPS)
            .receive_buffer_0(
                RXB0CTRL::default()
                    .with_rxm(RXM::ReceiveAny)
                    .with_bukt(true),
            )
            .receive_buffer_1(RXB1CTRL::default().with_rxm(RXM::ReceiveAny));
        must_fail(|wrong| {
            with_mcp2515(true, |stub, mut driver, _| {
                stub.plug_can("can0", wrong).unwrap();
                driver.apply_config(&config).unwrap();
                stub.run(|| master(driver, stub.delay()));
            });
        });
        for is_master in [true, false] {
            with_mcp2515(true, |stub, mut driver, _| {
                driver.apply_config(&config).unwrap();
                stub.run(|| {
                    let can = socket(stub, "can0");
                    match is_master {
                        true => with_device(stub, can, || master(driver, stub.delay())),
                        false => with_device(stub, driver, || master(can, stub.delay())),
                    }
                });
            });
        }
    }
}
