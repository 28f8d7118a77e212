//! The contract on the kernel: on both sides of pseudo-terminals, which any Linux has; and, in the emulated
//! Pi, on the board's UART and on a USB adapter.

#[cfg(target_os = "linux")]
mod kernel;

fn main() {
    #[cfg(target_os = "linux")]
    kernel::main();
}
