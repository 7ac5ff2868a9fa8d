//! Any bytes as a table to import, as a partition of a catalogue, and as what a catalogue says of itself: refused, or the
//! same rows whichever way they are asked for.
#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use uranometria_catalog::fs::{
    Catalog, Control, Crossmatch, ImportOptions, MatchOptions, Place, Query, import, verify,
};
use uranometria_catalog::{Condition, Error};
use uranometria_fuzz::mapped::folder;
use uranometria_sky::{Angle, Cone, Direction};

fuzz_target!(|bytes: &[u8]| {
    let folder = folder().join(format!("catalog-{}", std::process::id()));
    let catalog = folder.join("catalog");
    let partition = catalog.join("dataset/Norder=0/Dir=0");
    fs::create_dir_all(&partition).expect("the folder is there");
    let table = folder.join("table");
    fs::write(&table, bytes).expect("the folder is there");
    let options = ImportOptions { threads: 1, ..ImportOptions::default() };
    let imported =
        import(&[&table].map(|path| path.to_path_buf()), folder.join("out"), &options, &Control::none());
    if let Ok(imported) = imported {
        let verified = verify(&imported.path, &Control::none()).expect("what was imported is a catalogue");
        assert_eq!((verified.rows, verified.problems), (imported.rows, vec![]));
        assert_eq!(ask(&imported.path).expect("its rows are read"), imported.rows);
    }
    let properties =
        "obs_collection=a\ndataproduct_type=object\nhats_nrows=1\nhats_col_ra=ra\nhats_col_dec=dec\n";
    fs::write(catalog.join("hats.properties"), properties).expect("the folder is there");
    fs::write(catalog.join("partition_info.csv"), "Norder,Npix\n0,4\n").expect("the folder is there");
    fs::write(partition.join("Npix=4.parquet"), bytes).expect("the folder is there");
    let _ = ask(&catalog);
    let _ = verify(&catalog, &Control::none());
    if let Ok(text) = std::str::from_utf8(bytes) {
        let (properties, list) = text.split_once("\n\n").unwrap_or((text, "Norder,Npix\n0,4\n"));
        fs::write(catalog.join("hats.properties"), properties).expect("the folder is there");
        fs::write(catalog.join("partition_info.csv"), list).expect("the folder is there");
        let _ = Catalog::open(&catalog);
        if let Ok(condition) = text.parse::<Condition>() {
            assert_eq!(
                condition.to_string().parse::<Condition>().expect("it is printed as it is read"),
                condition
            );
        }
    }
    let _ = fs::remove_dir_all(&folder);
});

/// The rows of a catalogue, asked for as all, by cells, and as a match with itself.
fn ask(path: &Path) -> Result<u64, Error> {
    let catalog = Catalog::open(path)?;
    let count = |query: Query| -> Result<u64, Error> {
        catalog.search(&query)?.map(|batch| Ok(batch?.num_rows() as u64)).sum()
    };
    let all = count(Query::default())?;
    let cone = Cone::new(Direction::from_degrees(0.0, 0.0)?, Angle::from_degrees(180.0))?;
    let none = Some(Vec::new());
    let inside = count(Query { place: cone.into(), columns: none.clone(), ..Query::default() })?;
    assert!(inside <= all);
    let low: Condition = "ra < 1".parse()?;
    let high: Condition = "ra >= 1".parse()?;
    for place in [Place::Anywhere, Place::Cells(vec![0..12 << 58])] {
        let [low, high] = [&low, &high].map(|condition| {
            let conditions = vec![condition.clone()];
            count(Query { place: place.clone(), columns: none.clone(), conditions, ..Query::default() })
        });
        assert!(low? + high? <= all);
    }
    let options = MatchOptions {
        left_columns: none.clone(),
        right_columns: none,
        threads: 1,
        ..MatchOptions::default()
    };
    Crossmatch::new(&catalog, &catalog, &options)?.run(&Control::none(), |_| Ok(()))?;
    Ok(all)
}
