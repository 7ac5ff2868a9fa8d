//! Clocks, medians and ratios.
//!
//! Rivals are run in turn, A B C A B C, so that what else the machine does hits all alike; ratios are taken pair by
//! pair within a turn.

use std::fmt;
use std::fs;
use std::io;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a piece of work took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Seconds on the wall.
    pub wall_s: f64,
    /// Seconds of processors, user and system, all threads.
    pub cpu_s: f64,
}

/// Runs `work` in this process.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let (cpu, wall) = (process_cpu(), Instant::now());
    let result = work();
    let wall_s = wall.elapsed().as_secs_f64();
    (result, Spent { wall_s, cpu_s: (process_cpu() - cpu).as_secs_f64() })
}

fn process_cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// How it ended.
    pub status: ExitStatus,
    /// Processor seconds, to a hundredth.
    pub cpu_s: f64,
    /// The most memory it had resident, in bytes, as last seen at most 5 ms before its end.
    pub peak_bytes: u64,
}

/// Waits for a process and watches its memory.
pub fn watch(mut child: Child) -> io::Result<Process> {
    let status_file = format!("/proc/{}/status", child.id());
    let before = children_cpu()?;
    let ended = AtomicBool::new(false);
    let (status, peak_bytes) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Acquire) {
                peak = peak.max(peak_of(&status_file).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(5));
            }
            peak
        });
        let status = child.wait();
        ended.store(true, Ordering::Release);
        (status, watcher.join().unwrap_or(0))
    });
    Ok(Process { status: status?, cpu_s: children_cpu()? - before, peak_bytes })
}

fn peak_of(status_file: &str) -> Option<u64> {
    let status = fs::read_to_string(status_file).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// User and system time of the children waited for: fields 16 and 17 of proc_pid_stat(5).
fn children_cpu() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(13).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// A median and the least and greatest value.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The middle value, the mean of the middle two.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// NaN of nothing.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let count = values.len();
        Spread {
            median: (at(count.saturating_sub(1) / 2) + at(count / 2)) / 2.0,
            min: at(0),
            max: at(count.saturating_sub(1)),
        }
    }

    /// Spread of `a / b`, pair by pair.
    pub fn of_ratios(a: &[f64], b: &[f64]) -> Self {
        Spread::of(a.iter().zip(b).map(|(a, b)| a / b))
    }

    /// All three numbers times a factor.
    pub fn times(self, factor: f64) -> Self {
        Spread { median: self.median * factor, min: self.min * factor, max: self.max * factor }
    }
}

impl fmt::Display for Spread {
    /// `median (min–max)` with three significant digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = |value: f64| match value.abs() {
            large if large >= 100.0 => 0,
            medium if medium >= 10.0 => 1,
            small if small >= 1.0 => 2,
            _ => 3,
        };
        let places = digits(self.median);
        write!(f, "{:.places$} ({:.places$}–{:.places$})", self.median, self.min, self.max)
    }
}

/// The machine without its name: processors, memory, kernel, and the file system of a folder.
pub fn machine(folder: &std::path::Path) -> String {
    let line = |path: &str, start: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_string();
        line.split_once(':').map(|(_, value)| value.trim().to_string()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kib: f64 = line("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    format!(
        "{cores} cores ({}), {:.1} GiB, Linux {kernel}, {}",
        line("/proc/cpuinfo", "model name"),
        kib / f64::from(1 << 20),
        file_system(folder)
    )
}

/// The type of the mount that holds a folder.
fn file_system(folder: &std::path::Path) -> String {
    let folder = folder.canonicalize().unwrap_or_default();
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let holding = mounts.filter(|(place, _)| folder.starts_with(place)).max_by_key(|(place, _)| place.len());
    holding.map(|(_, kind)| kind.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_shows_three_digits_and_the_middle_of_an_even_count() {
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).to_string(), "2.50 (1.00–4.00)");
        assert_eq!(Spread::of_ratios(&[10.0, 30.0], &[1.0, 2.0]).times(10.0).to_string(), "125 (100–150)");
        assert!(Spread::of([]).median.is_nan());
    }

    #[test]
    fn a_process_is_watched_to_its_end() {
        let sleeping = std::process::Command::new("sleep").arg("0.05").spawn().unwrap();
        let process = watch(sleeping).unwrap();
        assert!(process.status.success() && process.peak_bytes > 0 && process.cpu_s < 0.05);
    }
}
