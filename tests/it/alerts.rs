//! `ur alerts`: packets to nights, nights to what is chosen of them.

use std::fs;
use std::path::PathBuf;

use crate::series_files::Folder;
use crate::support::{Ended, fixture, run, ur};

fn alerts(folder: &Folder, arguments: &[&str]) -> Ended {
    run(ur().current_dir(folder.at("")).arg("alerts").args(arguments))
}

/// An archive with a simulated night of ZTF, and the packets of Rubin's fixture.
fn archive() -> Folder {
    let folder = Folder::new();
    let night = ["simulate", "night", "--alerts", "300", "--late", "40", "--out", "night"];
    let ended = run(ur().current_dir(folder.at("")).args(night));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let rubin = fixture("alerts/lsst-11.avro").display().to_string();
    let ended = alerts(&folder, &["ingest", "night", &rubin, "--archive", "sky"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    folder
}

const ALL: [&str; 4] = ["--archive", "sky", "--nights", "1990-01-01..2100-01-01"];

fn filter(folder: &Folder, arguments: &[&str]) -> Ended {
    alerts(folder, &[&["filter"], &ALL[..], arguments].concat())
}

#[test]
fn a_mixed_archive_is_asked_for_one_survey() {
    let folder = archive();
    let faint = ["--where", "candidate.magpsf > 18", "--content", "light"];
    let ended = filter(&folder, &[&faint[..], &["--out", "both"]].concat());
    assert!(ended.code == Some(2) && ended.err.contains("several surveys; choose one"), "{ended:?}");
    let ended = filter(&folder, &[&faint[..], &["--survey", "ztf", "--json", "--out", "ztf"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let said: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(said["input"], 300);
    let passed = said["passed"].as_u64().unwrap();
    assert!((1..300).contains(&passed), "{said}");
    let estimate = [&["estimate"], &ALL[..], &faint[..], &["--survey", "ztf", "--json"]].concat();
    let ended = alerts(&folder, &estimate);
    let said: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&said["input"], &said["alerts"], &said["exact"]),
        (&300.into(), &passed.into(), &true.into())
    );
    let ended = filter(&folder, &["--survey", "lsst", "--json", "--out", "lsst"]);
    let said: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert!(said["written"].as_u64().unwrap() > 0 && said["written"] == said["input"], "{said}");
}

#[test]
fn alerts_are_drawn_from_packets_and_from_what_was_chosen() {
    let folder = archive();
    let ended = filter(&folder, &["--survey", "ztf", "--limit", "5", "--format", "avro", "--out", "chosen"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let shown = |arguments: &[&str]| {
        let ended = alerts(&folder, &[&["show", "--json"], arguments].concat());
        let said: serde_json::Value = match ended.code {
            Some(0 | 1) => serde_json::from_str(&ended.out).unwrap(),
            _ => serde_json::Value::Null,
        };
        (ended, said["alerts"].as_array().cloned().unwrap_or_default())
    };
    let (ended, chosen) = shown(&["chosen", "--out", "chosen.png"]);
    assert_eq!((ended.code, chosen.len()), (Some(0), 5), "{}", ended.err);
    assert!(chosen.iter().all(|one| one["cutout"] == true && one["measurements"].as_u64() > Some(0)));
    assert!(fs::read(folder.at("chosen.png")).unwrap().starts_with(b"\x89PNG"));
    let object = chosen[0]["object"].as_str().unwrap();
    let (ended, of_object) =
        shown(&["chosen", "--object", object, "--cutout", "difference", "--out", "one.png"]);
    assert!(!of_object.is_empty() && of_object.iter().all(|one| one["object"] == object), "{}", ended.err);
    let rubin: PathBuf = fixture("alerts/lsst-11.avro");
    let (ended, of_rubin) = shown(&[rubin.to_str().unwrap(), "--out", "rubin.png"]);
    assert!(ended.code == Some(0) && !of_rubin.is_empty(), "{}", ended.err);
    let (ended, _) = shown(&["chosen", "--object", "nobody", "--out", "none.png"]);
    assert_eq!(ended.code, Some(1));
    assert!(!folder.at("none.png").exists());
    fs::write(folder.at("broken.avro"), &fs::read(rubin).unwrap()[..9000]).unwrap();
    let (ended, _) = shown(&["broken.avro", "--out", "broken.png"]);
    assert!(ended.code == Some(2) && ended.err.contains("broken.avro: packet "), "{ended:?}");
}

#[cfg(feature = "peers")]
#[test]
fn fastavro_reads_the_alerts_that_pyarrow_reads() {
    let folder = archive();
    let bright = ["--survey", "ztf", "--where", "candidate.magpsf < 19; candidate.rb > 0.5"];
    for (content, partition) in [("full", "time"), ("light", "none"), ("candid,prv_candidates.jd", "time")] {
        for format in ["avro", "parquet"] {
            let out = format!("{content}-{format}").replace(',', "-");
            let how = ["--content", content, "--partition-by", partition, "--format", format, "--out", &out];
            let ended = filter(&folder, &[&bright[..], &how[..]].concat());
            assert_eq!(ended.code, Some(0), "{}", ended.err);
        }
        let [avro, parquet] =
            ["avro", "parquet"].map(|format| folder.at(&format!("{content}-{format}").replace(',', "-")));
        let said = crate::peers::python("alerts_avro.py", &[&avro, &parquet]);
        assert!(said.starts_with("ok ") && said.contains("alert"), "{said}");
    }
    for format in ["avro", "parquet"] {
        let ended =
            filter(&folder, &["--survey", "lsst", "--format", format, "--out", &format!("lsst-{format}")]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
    let said = crate::peers::python("alerts_avro.py", &[&folder.at("lsst-avro"), &folder.at("lsst-parquet")]);
    assert!(said.starts_with("ok "), "{said}");
}
