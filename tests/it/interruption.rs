//! Whatever ends a run, what it leaves is whole, and the next run goes on.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{
    Ended, Frames, append, assert_error, assert_same_file, build, contents, hdus, hidden, options, run, ur,
    ur_path, verify,
};

/// Numbers that look random and are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }
}

/// Frames whose cube has some two hundred blocks in the memory that [`slow`] gives.
fn frames() -> Frames {
    Frames::new(|options| (options.columns, options.rows, options.frames) = (400, 300, 12))
}

/// A call that works on many small blocks, with one thread.
fn slow(verb: &[&str], cube: &Path, frames: &[PathBuf]) -> Command {
    let mut command = ur();
    command.args(verb).arg(cube).args(["--threads", "1", "--memory", "33930000"]).args(frames);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn journal_len(cube: &Path) -> u64 {
    let name = format!(".{}.journal", cube.file_name().unwrap().to_str().unwrap());
    fs::metadata(cube.with_file_name(name)).map_or(0, |meta| meta.len())
}

/// Waits until the journal has so many bytes or the program has ended; true if it still runs.
fn runs_until(child: &mut Child, cube: &Path, journal: u64) -> bool {
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if journal_len(cube) >= journal {
            return true;
        }
        std::thread::yield_now();
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", child.id())).status().unwrap();
    assert!(status.success());
}

/// Builds with the same DATE as another cube, whatever day it is.
fn dated(like: &Path) -> uranometria_cube::fs::Options {
    let date = hdus(like)[0].header.text("DATE").unwrap().to_string();
    uranometria_cube::fs::Options { date: Some(date), ..options() }
}

/// Kills a call 20 times, each time a random way further; after each, `check` looks at what is there.
fn kill_20_times(seed: u64, cube: &Path, call: impl Fn() -> Command, check: impl Fn()) {
    let mut random = Random(seed);
    // Near the end of the journal, which has over 200 lines of some 47 bytes, one a block.
    const JOURNAL: u64 = 200 * 44;
    let mut at = 0;
    let mut midway = 0;
    for killed in 0..20 {
        let mut child = call().spawn().unwrap();
        // The first ones die before the journal is there, the others a random way after the one before.
        let still = if killed < 2 {
            (0..random.below(40_000)).for_each(|_| std::hint::spin_loop());
            true
        } else {
            at += random.below(JOURNAL / 10);
            runs_until(&mut child, cube, at)
        };
        child.kill().unwrap();
        let by_signal = child.wait().unwrap().signal() == Some(9);
        midway += usize::from(by_signal && killed >= 2);
        check();
        if !still || at > JOURNAL {
            // It went through, or would: from the beginning.
            at = 0;
            let hidden = |suffix: &str| {
                cube.with_file_name(format!(".{}.{suffix}", cube.file_name().unwrap().to_str().unwrap()))
            };
            let _ = (fs::remove_file(hidden("part")), fs::remove_file(hidden("journal")));
        }
    }
    assert!(midway >= 12, "only {midway} of 18 runs were killed while they turned pixels");
}

#[test]
fn a_build_killed_20_times_ends_in_the_same_bytes() {
    let frames = frames();
    let cube = frames.at("cube.fits");
    let call = || slow(&["cube", "build", "--out"], &cube, &frames.paths);
    kill_20_times(1, &cube, call, || {
        if cube.exists() {
            // It was faster than the signal: then it must be whole.
            assert_eq!(verify(&cube, &frames.paths).differences, 0);
            fs::remove_file(&cube).unwrap();
        }
    });
    assert!(call().status().unwrap().success());
    let whole = frames.at("whole.fits");
    build(&whole, &frames.paths, &dated(&cube)).unwrap();
    assert_same_file(&cube, &whole);
    assert!(hidden(frames.folder.path()).is_empty());
}

#[test]
fn an_append_killed_20_times_keeps_the_old_cube_and_ends_in_the_same_bytes() {
    let frames = frames();
    let (cube, old) = (frames.at("cube.fits"), frames.at("old.fits"));
    build(&old, &frames.paths[..5], &options()).unwrap();
    fs::copy(&old, &cube).unwrap();
    let before = fs::read(&old).unwrap();
    let call = || slow(&["cube", "append"], &cube, &frames.paths[5..]);
    kill_20_times(2, &cube, call, || {
        if fs::read(&cube).unwrap() != before {
            assert_eq!(verify(&cube, &frames.paths).differences, 0);
            fs::copy(&old, &cube).unwrap();
        }
    });
    assert!(call().status().unwrap().success());
    let whole = frames.at("whole.fits");
    build(&whole, &frames.paths[..5], &options()).unwrap();
    append(&whole, &frames.paths[5..], &dated(&cube)).unwrap();
    assert_same_file(&cube, &whole);
    assert!(hidden(frames.folder.path()).is_empty());
}

/// Starts a build, lets it do some blocks and ends it with a signal.
fn interrupted(cube: &Path, frames: &[PathBuf], name: &str) -> Ended {
    // Growing shows that the program runs: what an earlier run left does not.
    let grown = journal_len(cube) + 600;
    let mut command = slow(&["cube", "build", "--out"], cube, frames);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(runs_until(&mut child, cube, grown), "it ended before it could be interrupted");
    signal(&child, name);
    child.wait_with_output().unwrap().into()
}

#[test]
fn ctrl_c_ends_with_an_error_and_the_next_run_goes_on() {
    let frames = frames();
    let cube = frames.at("cube.fits");
    for name in ["INT", "TERM"] {
        let ended = interrupted(&cube, &frames.paths, name);
        assert_error(&ended, "error: interrupted; run the same command again to go on from here\n");
        assert_eq!(ended.out, "");
        assert!(!cube.exists());
    }
    let mut again = slow(&["cube", "build", "--json", "--out"], &cube, &frames.paths);
    let report = run(again.stdout(Stdio::piped()).stderr(Stdio::piped())).json();
    assert!(report["resumed_bytes"].as_u64().unwrap() > 0, "{report}");
    let whole = frames.at("whole.fits");
    build(&whole, &frames.paths, &dated(&cube)).unwrap();
    assert_same_file(&cube, &whole);
}

#[test]
fn a_frame_that_changed_after_an_interruption_is_read_anew() {
    let frames = frames();
    let cube = frames.at("cube.fits");
    interrupted(&cube, &frames.paths, "KILL");
    // Other pixels under the old name, with the same length: a later frame's.
    let other = Frames::new(|options| {
        (options.columns, options.rows, options.frames, options.seed) = (400, 300, 12, 2);
    });
    fs::copy(&other.paths[3], &frames.paths[3]).unwrap();
    let status = slow(&["cube", "build", "--out"], &cube, &frames.paths).status().unwrap();
    assert!(status.success());
    assert_eq!(verify(&cube, &frames.paths).differences, 0);
    let whole = frames.at("whole.fits");
    build(&whole, &frames.paths, &dated(&cube)).unwrap();
    assert_same_file(&cube, &whole);
}

#[test]
fn other_arguments_after_an_interruption_give_what_they_ask_for() {
    let frames = frames();
    let cube = frames.at("cube.fits");
    interrupted(&cube, &frames.paths, "KILL");
    assert!(slow(&["cube", "build", "--out"], &cube, &frames.paths[2..]).status().unwrap().success());
    assert_eq!(verify(&cube, &frames.paths[2..]).differences, 0);
    assert!(hidden(frames.folder.path()).is_empty());
}

#[test]
fn damage_to_what_an_interrupted_run_left_is_mended() {
    let frames = frames();
    let cube = frames.at("cube.fits");
    for damage in ["part", "journal"] {
        interrupted(&cube, &frames.paths, "KILL");
        let path = frames.at(&format!(".cube.fits.{damage}"));
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len().min(30_000) * 2 / 3;
        bytes[at] ^= 0x11;
        fs::write(&path, bytes).unwrap();
        assert!(slow(&["cube", "build", "--out"], &cube, &frames.paths).status().unwrap().success());
        assert_eq!(verify(&cube, &frames.paths).differences, 0, "after damage to the {damage}");
        fs::remove_file(&cube).unwrap();
    }
}

#[test]
fn the_copies_of_a_killed_proof_go_with_the_next() {
    let frames = frames();
    let cube = frames.cube("cube.fits");
    for path in &frames.paths {
        let bytes = fs::read(path).unwrap();
        let mut encoder =
            flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &bytes).unwrap();
        encoder.finish().unwrap();
    }
    let mut child = slow(&["cube", "verify"], &cube, &frames.paths).spawn().unwrap();
    while hidden(frames.folder.path()).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(!hidden(frames.folder.path()).is_empty());
    assert_eq!(verify(&cube, &frames.paths).differences, 0);
    assert!(hidden(frames.folder.path()).is_empty(), "{:?}", hidden(frames.folder.path()));
}

/// Runs a call of the program in a shell that first sets a limit.
fn limited(limit: &str, arguments: &[&str], paths: &[PathBuf]) -> Ended {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{limit} && exec \"$0\" \"$@\""))
        .arg(ur_path())
        .args(arguments)
        .args(paths);
    run(&mut command)
}

#[test]
fn a_file_size_limit_is_told_and_nothing_has_the_final_name() {
    let frames = frames();
    let cube = frames.at("cube.fits");
    let arguments = ["cube", "build", "--out", cube.to_str().unwrap()];
    let ended = limited("ulimit -f 2000", &arguments, &frames.paths);
    assert_error(&ended, &format!("error: {}: no room for ", cube.display()));
    assert!(ended.err.contains("raise the file size limit, then run the same command again"), "{ended:?}");
    assert!(!cube.exists());
    assert!(run(ur().args(arguments).args(&frames.paths)).code == Some(0));
    assert_eq!(verify(&cube, &frames.paths).differences, 0);

    // An old cube stays when the longer one does not fit.
    build(&cube, &frames.paths[..4], &options()).unwrap();
    let before = fs::read(&cube).unwrap();
    let append = ["cube", "append", cube.to_str().unwrap()];
    assert_error(&limited("ulimit -f 2000", &append, &frames.paths[4..]), "error: ");
    assert!(fs::read(&cube).unwrap() == before);
}

#[test]
fn work_under_way_outlives_a_file_size_limit() {
    let frames = frames();
    let cube = frames.at("cube.fits");
    interrupted(&cube, &frames.paths, "KILL");
    let done = journal_len(&cube);
    let options = ["cube", "build", "--json", "--threads", "1", "--memory", "33930000", "--out"];
    let arguments = [&options[..], &[cube.to_str().unwrap()]].concat();
    // The part file has its full length already, but no byte beyond the limit can be written.
    let ended = limited("ulimit -f 10", &arguments, &frames.paths);
    assert_error(&ended, "error: ");
    assert!(ended.err.contains("no room for "), "{ended:?}");
    assert!(!cube.exists() && done > 0);
    let report = run(ur().args(&arguments).args(&frames.paths)).json();
    assert!(report["resumed_bytes"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(verify(&cube, &frames.paths).differences, 0);
}

/// A small file system in memory, where this machine lets us mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={kib}k");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_left_on_it() {
    let frames = frames();
    // Only root may mount; elsewhere the file size limit above stands for a full disk.
    let Some(disk) = SmallDisk::mount(4000) else { return };
    let cube = disk.0.path().join("cube.fits");
    let arguments = ["cube", "build", "--out", cube.to_str().unwrap()];
    let ended = run(ur().args(arguments).args(&frames.paths));
    assert_error(&ended, &format!("error: {}: no room for ", cube.display()));
    assert!(contents(disk.0.path()).is_empty(), "{:?}", contents(disk.0.path()).keys());

    let mut small = ur();
    small.args(arguments).args(&frames.paths[..2]);
    assert_eq!(run(&mut small).code, Some(0));
    let before = fs::read(&cube).unwrap();
    let ended = run(ur().args(["cube", "append"]).arg(&cube).args(&frames.paths[2..]));
    assert_error(&ended, &format!("error: {}: no room for ", cube.display()));
    assert!(fs::read(&cube).unwrap() == before);
    assert_eq!(contents(disk.0.path()).len(), 1);

    // A frame that must be unpacked finds no room either: that is an error, not a bad frame to leave out.
    let gzipped = frames.at("frame.fits.gz");
    let file = fs::File::create(&gzipped).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &fs::read(&frames.paths[5]).unwrap()).unwrap();
    encoder.finish().unwrap();
    fs::write(disk.0.path().join("ballast"), vec![0; 1_600_000]).unwrap();
    let mut call = ur();
    call.args(["cube", "append", "--skip-bad"]).arg(&cube).args(&frames.paths[3..4]).arg(&gzipped);
    let ended = run(&mut call);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(fs::read(&cube).unwrap() == before);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let frames = Frames::new(|_| ());
    let cube = frames.at("not/there/cube.fits");
    let ended = run(ur().args(["cube", "build", "--out"]).arg(&cube).args(&frames.paths));
    assert_error(&ended, &format!("error: {}", frames.at("not/there").display()));
    assert!(ended.err.contains("No such file"), "{ended:?}");
}

#[test]
fn the_second_builder_of_a_file_is_told_of_the_first() {
    let frames = frames();
    let cube = frames.at("cube.fits");
    let mut first = slow(&["cube", "build", "--out"], &cube, &frames.paths).spawn().unwrap();
    assert!(runs_until(&mut first, &cube, 400), "the first ended too soon");
    signal(&first, "STOP");
    let ended = run(ur().args(["cube", "build", "--out"]).arg(&cube).args(&frames.paths));
    signal(&first, "CONT");
    assert_error(&ended, &format!("error: another process is writing {}; ", cube.display()));
    assert!(first.wait().unwrap().success());
    assert_eq!(verify(&cube, &frames.paths).differences, 0);
    assert!(hidden(frames.folder.path()).is_empty());
}
