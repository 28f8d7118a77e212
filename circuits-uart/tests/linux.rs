//! The contract on the kernel: on both sides of pseudo-terminals, which any Linux has; in the emulated Pi, on
//! the board's UART and on a USB adapter; and on two ports that a null modem cable joins, where
//! CIRCUITS_TEST_SERIAL names them: `ttyUSB0,ttyUSB1`.

#[cfg(target_os = "linux")]
mod kernel;

fn main() {
    #[cfg(target_os = "linux")]
    kernel::main();
}
