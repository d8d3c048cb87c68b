//! What the kernel says about a process.

use std::time::Duration;

/// The resident set of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// In bytes.
    pub(crate) bytes: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        Self::read(pid, "VmRSS:")
    }

    /// The largest that it has been.
    pub(crate) fn most_of(pid: u32) -> Self {
        Self::read(pid, "VmHWM:")
    }

    fn read(pid: u32, field: &str) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = kib.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        Self { bytes: kib.unwrap_or(0) * 1024 }
    }

    pub(crate) fn mib(self) -> f64 {
        self.bytes as f64 / f64::from(1 << 20)
    }
}

/// The processor time that a process has used, in user and kernel mode together.
pub(crate) fn processor_time(pid: u32) -> Duration {
    // proc(5): fields 14 and 15, in ticks of a hundredth of a second; the name may hold spaces, so count from its end.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
