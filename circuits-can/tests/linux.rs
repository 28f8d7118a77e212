//! The contract on the kernel's vcan: any Linux that has the module, where root makes interfaces.

#[cfg(target_os = "linux")]
mod kernel;

fn main() {
    #[cfg(target_os = "linux")]
    kernel::vcan();
}
