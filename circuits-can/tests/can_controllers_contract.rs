//! The contract on two controllers of the kernel on one bus: in the emulated machine that has them (it is the
//! name of this test that has it run there), or where CIRCUITS_TEST_CAN names two: `can0,can1`. They are taken
//! down and set up anew.

#[cfg(target_os = "linux")]
mod kernel;

fn main() {
    #[cfg(target_os = "linux")]
    kernel::controllers();
}
