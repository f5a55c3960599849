//! A process seen from outside: its memory and its processor time.
//!
//! Owns the reading of `/proc`. Must not know which process it is.

use crate::Failure;

/// A process of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// The load tester itself.
    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// The memory that it really holds, in bytes.
    ///
    /// # Errors
    /// When there is no such process, or the system does not say.
    pub(crate) fn resident_bytes(self) -> Result<u64, Failure> {
        let statm = self.read("statm")?;
        let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.map(|pages| pages * rustix::param::page_size() as u64).ok_or_else(|| unreadable("statm"))
    }

    /// The processor time that it has used, in microseconds, to a hundredth of a second.
    ///
    /// # Errors
    /// As for [`Process::resident_bytes`].
    pub(crate) fn cpu_micros(self) -> Result<u64, Failure> {
        let stat = self.read("stat")?;
        // The program's name may hold anything, so count from behind it: the state is the first field then.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
        let times: Option<Vec<u64>> =
            fields.map(|fields| fields.skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect());
        let ticks = times.filter(|times| times.len() == 2).ok_or_else(|| unreadable("stat"))?;
        Ok(ticks.iter().sum::<u64>() * 1_000_000 / rustix::param::clock_ticks_per_second())
    }

    fn read(self, file: &str) -> Result<String, Failure> {
        let path = format!("/proc/{}/{file}", self.0);
        std::fs::read_to_string(&path).map_err(|error| Failure(format!("{path}: {error}")))
    }
}

fn unreadable(file: &str) -> Failure {
    Failure(format!("/proc: {file} is not as expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_memory_and_time() {
        let own = Process::own();
        let before = own.resident_bytes().unwrap();
        let held = vec![1_u8; 32 << 20];
        assert!(own.resident_bytes().unwrap() > before + (16 << 20), "{} bytes are held", held.len());
        let begun = own.cpu_micros().unwrap();
        while own.cpu_micros().unwrap() == begun {
            std::hint::black_box(&held).iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
    }
}
