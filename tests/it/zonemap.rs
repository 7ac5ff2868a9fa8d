//! `ur zonemap`, and `ur downsample` with what it makes: the same points, files that changed, maps that are damaged,
//! runs that were ended.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::series_files::{
    Folder, Noise, batch, float, properties, wave, write_csv, write_f32, write_fits, write_npy, write_parquet,
};
use crate::support::{Ended, assert_error, contents, hidden, run, ur};

const COLUMNS: [&str; 4] = ["--x", "time", "--y", "flux"];

/// Ten files of one series.
fn partitions(folder: &Folder) -> Vec<PathBuf> {
    let (time, flux) = wave(200_000, 8);
    let whole = batch(vec![("time", float(time)), ("flux", float(flux))]);
    let part = |n: usize| {
        let path = folder.at(&format!("part-{n}.parquet"));
        let small = properties().set_max_row_group_row_count(Some(9_000)).set_data_page_row_count_limit(1000);
        // Programs differ in whether they write an index.
        let small = if n < 5 { small } else { small.set_offset_index_disabled(true) };
        write_parquet(&path, &whole.slice(n * 20_000, 20_000), small.build());
        path
    };
    (0..10).map(part).collect()
}

fn zonemap(files: &[PathBuf], arguments: &[&str], out: &Path) -> Ended {
    run(ur().arg("zonemap").args(files).args(arguments).arg("--out").arg(out))
}

fn downsample(files: &[PathBuf], arguments: &[&str], out: &Path) -> Ended {
    run(ur().arg("downsample").args(files).args(arguments).arg("--out").arg(out))
}

/// The rows that are chosen, as CSV, and what was said.
fn chosen(folder: &Folder, files: &[PathBuf], arguments: &[&str]) -> (String, String) {
    let out = folder.at("chosen.csv");
    let ended = downsample(files, &[&COLUMNS[..], arguments].concat(), &out);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    (fs::read_to_string(out).unwrap(), ended.err)
}

#[test]
fn windows_of_partitions_are_the_same_with_and_without_a_map() {
    let folder = Folder::new();
    let parts = partitions(&folder);
    let map = folder.at("series.map");
    let ended = zonemap(&parts, &[&COLUMNS[..], &["--json"]].concat(), &map);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let json = ended.json();
    let bytes = fs::metadata(&map).unwrap().len();
    assert_eq!(
        (&json["points"], &json["files"], &json["bytes"]),
        (&200_000.into(), &10.into(), &bytes.into())
    );
    assert!(json["missing"].as_u64().unwrap() > 1000);
    assert!(bytes as f64 <= 200_000.0 * 16.0 * 0.005, "{bytes} bytes");
    let map = map.to_str().unwrap();
    let mut noise = Noise(3);
    for round in 0..12 {
        let mut place = || format!("{:.3}", 3350.0 + 2100.0 * noise.unit());
        let bounds = [place(), place()];
        // So few that most windows are long enough for the map to be used.
        let mut arguments = vec!["-n", ["10", "30"][round / 4 % 2]];
        arguments.extend(["--method", ["lttb", "minmax", "minmaxlttb", "m4"][round % 4]]);
        arguments.extend([
            "--gap",
            ["auto", "none", "0.5"][round % 3],
            "--nan",
            ["drop", "break"][round / 6],
        ]);
        if round > 3 {
            let [a, b] = &bounds;
            let low = a.parse::<f64>().unwrap() < b.parse::<f64>().unwrap();
            let (from, to) = if low { (a, b) } else { (b, a) };
            arguments.extend(["--from", from, "--to", to]);
        }
        let (wanted, said) = chosen(&folder, &parts, &arguments);
        assert_eq!(said, "");
        let with_map = [&arguments[..], &["--zonemap", map]].concat();
        assert_eq!(chosen(&folder, &parts, &with_map), (wanted, String::new()), "{arguments:?}");
    }
}

#[test]
fn every_format_has_maps() {
    let folder = Folder::new();
    let (time, flux) = wave(30_000, 6);
    let flux: Vec<f64> = flux.iter().map(|&flux| f64::from(flux as f32)).collect();
    let whole = batch(vec![("time", float(time.clone())), ("flux", float(flux.clone()))]);
    write_parquet(&folder.at("a.parquet"), &whole, properties().build());
    write_csv(&folder.at("b.csv"), &whole);
    write_fits(&folder.at("c.fits"), &whole);
    write_npy(&folder.at("d.npy"), &flux);
    write_npy(&folder.at("time.npy"), &time);
    write_f32(&folder.at("e.f32"), &flux);
    let of_arrays = folder.at("time.npy");
    for name in ["a.parquet", "b.csv", "c.fits", "d.npy", "e.f32"] {
        let x = if name < "d" { "time" } else { of_arrays.to_str().unwrap() };
        let columns = ["--x", x, "--y", "flux"];
        let files = [folder.at(name)];
        let out = folder.at("out.parquet");
        let arguments = [&columns[..], &["-n", "8", "--from", "1400", "--json"]].concat();
        assert_eq!(downsample(&files, &arguments, &out).json()["zone_map"], serde_json::Value::Null);
        let wanted = fs::read(&out).unwrap();
        // Beside the file, it is found without being named.
        let map = folder.at(&format!("{name}.zonemap"));
        assert_eq!(zonemap(&files, &columns, &map).code, Some(0), "{name}");
        let json = downsample(&files, &arguments, &out).json();
        assert_eq!(json["zone_map"], map.to_str().unwrap(), "{name}");
        assert_eq!(fs::read(&out).unwrap(), wanted, "{name}");
    }
}

#[test]
fn a_map_of_files_that_changed_is_made_anew_and_that_is_said() {
    let folder = Folder::new();
    let parts = partitions(&folder);
    let map = folder.at("series.zonemap");
    assert_eq!(zonemap(&parts, &COLUMNS, &map).code, Some(0));
    let before = fs::read(&map).unwrap();
    // The last file again, with other values.
    let (time, flux) = wave(200_000, 8);
    let other = batch(vec![
        ("time", float(time[180_000..199_000].to_vec())),
        ("flux", float(flux[180_000..199_000].iter().map(|flux| flux * 2.0))),
    ]);
    write_parquet(&parts[9], &other, properties().build());
    let arguments = ["-n", "50", "--from", "5000"];
    let (wanted, _) = chosen(&folder, &parts, &arguments);
    let with_map = [&arguments[..], &["--zonemap", map.to_str().unwrap()]].concat();
    let (found, said) = chosen(&folder, &parts, &with_map);
    assert_eq!(found, wanted);
    let begins = format!("warning: {}: {} went from ", map.display(), parts[9].display());
    assert!(
        said.starts_with(&begins) && said.ends_with(" bytes since it was made; making it anew\n"),
        "{said}"
    );
    assert_ne!(fs::read(&map).unwrap(), before);
    assert_eq!(chosen(&folder, &parts, &with_map), (wanted.clone(), String::new()));
    // A map that cannot be replaced is made for this run alone.
    let file = File::options().write(true).open(&parts[0]).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    fs::create_dir(folder.at(".series.zonemap.part")).unwrap();
    let (found, said) = chosen(&folder, &parts, &with_map);
    assert_eq!(found, wanted);
    assert!(
        said.contains("was written again since it was made; making it anew")
            && said.ends_with("; going on without keeping it\n"),
        "{said}"
    );
}

#[test]
fn a_damaged_map_is_an_error_where_it_is_named_and_a_warning_where_it_is_found() {
    let folder = Folder::new();
    let parts = partitions(&folder);
    let (wanted, _) = chosen(&folder, &parts, &["-n", "50"]);
    let map = folder.at("part-0.parquet.zonemap");
    assert_eq!(zonemap(&parts, &COLUMNS, &map).code, Some(0));
    let whole = fs::read(&map).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    for damaged in [&flipped[..], &whole[..whole.len() - 1], &whole[..10], b""] {
        fs::write(&map, damaged).unwrap();
        let said = format!("{}, this is no usable zone map: ", map.display());
        let (found, warned) = chosen(&folder, &parts, &["-n", "50"]);
        assert_eq!(found, wanted);
        assert!(
            warned.starts_with(&format!("warning: {said}")) && warned.ends_with("; going on without it\n"),
            "{warned}"
        );
        let named = [&COLUMNS[..], &["--zonemap", map.to_str().unwrap()]].concat();
        let ended = downsample(&parts, &named, &folder.at("other.csv"));
        assert_error(&ended, &format!("error: {said}"));
        assert!(ended.err.ends_with("; make it anew with `ur zonemap`\n"), "{ended:?}");
        assert!(!folder.at("other.csv").exists());
        // What was advised can be done.
        assert_eq!(zonemap(&parts, &COLUMNS, &map).code, Some(0), "{} bytes", damaged.len());
        assert_eq!(fs::read(&map).unwrap(), whole);
    }
    // One of another series is not meant where it is found, and refused where it is named.
    fs::write(&map, &whole).unwrap();
    let (_, said) = chosen(&folder, &parts[..5], &["-n", "50"]);
    let of_all = "it is the zone map of 10 files, part-0.parquet to part-9.parquet, not of 5 files, ";
    assert!(said.contains(of_all) && said.ends_with("; going on without it\n"), "{said}");
    let named = [&COLUMNS[..], &["--zonemap", map.to_str().unwrap()]].concat();
    assert_error(
        &downsample(&parts[..5], &named, &folder.at("other.csv")),
        &format!("error: {}, it is the zone map of ", map.display()),
    );
    let missing = folder.at("none.zonemap");
    let named = [&COLUMNS[..], &["--zonemap", missing.to_str().unwrap()]].concat();
    assert_error(
        &downsample(&parts, &named, &folder.at("other.csv")),
        &format!("error: {}, cannot read it: ", missing.display()),
    );
}

#[test]
fn what_is_wrong_is_told_and_no_map_is_left() {
    let folder = Folder::new();
    let parts = partitions(&folder);
    let before = contents(folder.path());
    let map = folder.at("series.zonemap");
    let place = format!("{}/", folder.path().display());
    let check = |files: &[PathBuf], columns: &[&str], wanted: &str| {
        let ended = zonemap(files, columns, &map);
        assert_error(&ended, "error: ");
        assert_eq!(ended.err.replace(&place, ""), format!("error: {wanted}\n"));
        assert_eq!(contents(folder.path()), before);
    };
    check(
        &parts,
        &["--x", "time", "--y", "fluks"],
        "part-0.parquet, column fluks is not there; did you mean flux?",
    );
    let reversed: Vec<PathBuf> = parts.iter().rev().cloned().collect();
    let ended = zonemap(&reversed, &COLUMNS, &map);
    assert_error(&ended, &format!("error: {}, row ", parts[8].display()));
    let earlier = parts[9].display();
    let wanted = format!(
        ", the last of {earlier}; give this file before {earlier}, or sort them together if they overlap\n"
    );
    assert!(ended.err.ends_with(&wanted), "{ended:?}");
    assert_eq!(contents(folder.path()), before);
    let ended = zonemap(&parts, &COLUMNS, &parts[0]);
    assert_error(&ended, &format!("error: {} is an input and would be replaced", parts[0].display()));
    let (x, y, notes) = (folder.at("time.npy"), folder.at("flux.npy"), folder.at("notes.txt"));
    write_npy(&x, &[1.0, 2.0]);
    write_npy(&y, &[1.0, 2.0]);
    fs::write(&notes, "not to be lost").unwrap();
    let before = contents(folder.path());
    let columns = ["--x", x.to_str().unwrap()];
    let y = [y];
    let wanted = format!("error: {} is an input and would be replaced", x.display());
    assert_error(&zonemap(&y, &columns, &x), &wanted);
    let wanted = format!("error: {} is there and is no zone map; give another name", notes.display());
    assert_error(&zonemap(&y, &columns, &notes), &wanted);
    let nowhere = folder.at("nowhere/flux.zonemap");
    let wanted =
        format!("error: {}: folder {} is not there", nowhere.display(), folder.at("nowhere").display());
    assert_error(&zonemap(&y, &columns, &nowhere), &wanted);
    assert_eq!(contents(folder.path()), before);
    assert_error(&run(ur().arg("zonemap").args(&parts).args(COLUMNS)), "error: ");
}

/// Waits until a process has read so many bytes; false where it ended before.
fn has_read(child: &mut Child, bytes: u64) -> bool {
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
        let read = text.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok());
        if read.is_some_and(|read| read >= bytes) {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

/// Waits until a process has begun to write a file; false where it ended before.
fn has_begun(child: &mut Child, out: &Path) -> bool {
    let part = out.with_file_name(format!(".{}.part", out.file_name().unwrap().to_str().unwrap()));
    while child.try_wait().unwrap().is_none() {
        if part.exists() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

/// A series that takes a while to read and no room on the disk.
fn long(folder: &Folder) -> PathBuf {
    let path = folder.at("long.f32");
    File::create(&path).unwrap().set_len(16 << 30).unwrap();
    path
}

#[test]
fn an_interruption_ends_the_work_and_leaves_nothing() {
    let folder = Folder::new();
    let before = [long(&folder)];
    for (name, verb) in [("INT", "zonemap"), ("TERM", "zonemap"), ("INT", "downsample")] {
        let out = folder.at(if verb == "zonemap" { "a.zonemap" } else { "a.csv" });
        let mut command = ur();
        command.arg(verb).args(&before).arg("--out").arg(&out);
        if verb == "downsample" {
            // A map that is stale is made anew, which takes as long.
            let map = folder.at("long.zonemap");
            let short = folder.at("short");
            fs::create_dir_all(&short).unwrap();
            let file = short.join("long.f32");
            write_f32(&file, &[1.0, 2.0]);
            assert_eq!(zonemap(&[file], &[], &short.join("long.zonemap")).code, Some(0));
            fs::rename(short.join("long.zonemap"), &map).unwrap();
            command.arg("--zonemap").arg(&map);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert!(has_read(&mut child, 50 << 20), "it ended before it could be interrupted");
        let kill = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", child.id())).status().unwrap();
        assert!(kill.success());
        let ended: Ended = child.wait_with_output().unwrap().into();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.ends_with("error: interrupted; nothing was written\n"), "{ended:?}");
        assert!(!out.exists() && hidden(folder.path()).is_empty());
    }
}

#[test]
fn an_interruption_while_points_are_chosen_with_a_map_is_noticed() {
    let folder = Folder::new();
    let flux = folder.at("flux.f32");
    File::create(&flux).unwrap().set_len(1 << 30).unwrap();
    let map = folder.at("flux.f32.zonemap");
    assert_eq!(zonemap(std::slice::from_ref(&flux), &[], &map).code, Some(0));
    // Where all is equal, no block is without hope: every one of them is read.
    let mut command = ur();
    command.arg("downsample").arg(&flux).args(["-n", "100000", "--out"]).arg(folder.at("a.csv"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(has_read(&mut child, 50 << 20), "it ended before it could be interrupted");
    let kill = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
    assert!(kill.success());
    let ended: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(
        (ended.code, ended.err.as_str()),
        (Some(2), "error: interrupted; nothing was written\n"),
        "{ended:?}"
    );
    assert!(!folder.at("a.csv").exists() && hidden(folder.path()).is_empty());
}

#[test]
fn files_whose_names_are_no_text_have_maps() {
    let folder = Folder::new();
    let at = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
    let flux: Vec<f64> = (0..30_000).map(|n| f64::from(n % 701)).collect();
    let file = [at(b"fl\xfcx.f32")];
    write_f32(&file[0], &flux);
    let arguments = ["-n", "8", "--json"];
    let json = downsample(&file, &arguments, &at(b"\xfe.csv")).json();
    assert_eq!(json["zone_map"], serde_json::Value::Null);
    let wanted = fs::read(at(b"\xfe.csv")).unwrap();
    let json = zonemap(&file, &["--json"], &at(b"fl\xfcx.f32.zonemap")).json();
    assert_eq!(json["points"], 30_000);
    let json = downsample(&file, &arguments, &at(b"\xff.csv")).json();
    assert!(json["zone_map"].as_str().unwrap().ends_with("/fl\u{fffd}x.f32.zonemap"), "{json}");
    assert_eq!(fs::read(at(b"\xff.csv")).unwrap(), wanted);
}

#[test]
fn a_run_killed_20_times_leaves_the_old_file_or_the_whole_new_one() {
    let folder = Folder::new();
    let mut noise = Noise(1);
    let flux: Vec<f64> = (0..6_000_000).map(|_| noise.unit()).collect();
    write_f32(&folder.at("flux.f32"), &flux);
    // The old files begin as what they are: others are not replaced.
    for (verb, name, more, old) in [
        ("zonemap", "out.zonemap", &[][..], &b"urzonmap, an old one"[..]),
        ("downsample", "out.parquet", &["-n", "500000", "--method", "minmax"], b"PAR1, an old one"),
        ("downsample", "out.png", &["-n", "50000"], b"\x89PNG, an old one"),
    ] {
        let out = folder.at(name);
        let call = || {
            let mut command = ur();
            command
                .arg(verb)
                .arg(folder.at("flux.f32"))
                .args(more)
                .args(["--threads", "1", "--out"])
                .arg(&out);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        assert!(call().status().unwrap().success());
        let wanted = fs::read(&out).unwrap();
        let mut killed = 0;
        for n in 0..20 {
            fs::write(&out, old).unwrap();
            let mut child = call().spawn().unwrap();
            // While it reads, a little later each time, and at last while it writes.
            match n {
                0..15 => has_read(&mut child, 4 * flux.len() as u64 * n / 15),
                _ => has_begun(&mut child, &out),
            };
            child.kill().unwrap();
            killed += usize::from(child.wait().unwrap().signal() == Some(9));
            let found = fs::read(&out).unwrap();
            assert!(found == old || found == wanted, "{} bytes", found.len());
        }
        assert!(killed >= 8, "only {killed} of 20 runs were killed");
        assert!(call().status().unwrap().success());
        assert_eq!(fs::read(&out).unwrap(), wanted);
        assert!(hidden(folder.path()).is_empty());
    }
}
