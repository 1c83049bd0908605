//! What the kernel knows about a process.

use crate::Outcome;
use std::{collections::HashSet, fs, time::Duration};

/// The kernel's word for a connection that is open.
const ESTABLISHED: &str = "01";
/// Ticks a second in /proc, the same on every Linux.
const TICKS: u64 = 100;

/// The time that a process has spent on a core, in user code and in the kernel.
pub fn cpu(pid: u32) -> Outcome<Duration> {
    let stat = read(pid, "stat")?;
    let mut fields = after_name(&stat).split(' ').skip(11).map(|f| f.parse::<u64>().unwrap_or(0));
    let ticks = fields.next().unwrap_or(0) + fields.next().unwrap_or(0);
    Ok(Duration::from_millis(ticks * 1_000 / TICKS))
}

/// The memory that a process holds, in KiB.
pub fn memory(pid: u32) -> Outcome<f64> {
    let status = read(pid, "status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    line.trim().trim_end_matches(" kB").parse().map_err(|e| format!("VmRSS: {e}"))
}

/// The ports of all TCP connections over IPv4 that are open at one end: its own, and the other end's.
pub fn connections() -> Outcome<HashSet<(u16, u16)>> {
    let table = fs::read_to_string("/proc/net/tcp").map_err(|e| format!("/proc/net/tcp: {e}"))?;
    let port = |address: &str| u16::from_str_radix(address.split_once(':')?.1, 16).ok();
    let open = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let ends = (port(fields.next()?)?, port(fields.next()?)?);
        (fields.next()? == ESTABLISHED).then_some(ends)
    };
    Ok(table.lines().filter_map(open).collect())
}

/// The first child of a process, if it has one.
pub fn child(parent: u32) -> Option<u32> {
    let pids = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.into_iter().find(|pid| {
        let parents = read(*pid, "stat").ok().and_then(|stat| after_name(&stat).split(' ').nth(1).and_then(|p| p.parse::<u32>().ok()));
        parents == Some(parent)
    })
}

fn read(pid: u32, file: &str) -> Outcome<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(|e| format!("process {pid}: {e}"))
}

/// The fields after the name, which may itself hold spaces and brackets.
fn after_name(stat: &str) -> &str {
    stat.rsplit_once(") ").map_or("", |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let me = std::process::id();
        assert!(memory(me).unwrap() > 100.0);
        let before = cpu(me).unwrap();
        let mut sum = 0_u64;
        while cpu(me).unwrap() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu(me).unwrap() > before);
    }

    #[test]
    fn a_connection_is_seen_until_it_is_gone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let ends = (listener.local_addr().unwrap().port(), client.local_addr().unwrap().port());
        let (served, _) = listener.accept().unwrap();
        assert!(connections().unwrap().contains(&ends));
        drop(served);
        assert!(!connections().unwrap().contains(&ends));
    }

    #[test]
    fn a_child_is_found() {
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(child(std::process::id()).is_some());
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
    }
}
