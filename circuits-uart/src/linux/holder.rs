use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Tells who has the device of a node open, of those programs that this user may ask about (proc(5)):
/// `gpsd (pid 312)`.
pub(super) fn holder(node: &Path) -> Option<String> {
    let node = fs::metadata(node).ok()?;
    if !node.file_type().is_char_device() {
        return None;
    }
    let numbers = fs::read_dir("/proc").ok()?.filter_map(|entry| {
        let number = entry.ok()?.file_name();
        number.to_str()?.parse::<u32>().ok()
    });
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    let holds = |pid: &u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd"));
        let mut open = open.into_iter().flatten().flatten();
        open.any(|entry| {
            // Of what it leads to, which is not opened by that.
            fs::metadata(entry.path())
                .is_ok_and(|file| file.file_type().is_char_device() && file.rdev() == node.rdev())
        })
    };
    let pid = numbers.into_iter().find(holds)?;
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(name.trim_ascii_end()).into_owned();
    Some(format!("{name} (pid {pid})"))
}
