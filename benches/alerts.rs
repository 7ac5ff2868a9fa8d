//! How many alerts a second does one core decode, and read back from a night?
//!
//! Input: packets of ZTF with their cutouts, simulated from a real one, in memory: packets alone for us, and a container
//! file for rivals that need one. Rivals, in turn on the same alerts, on one thread, timed by the processor:
//! - [`Decoder`], cutouts skipped and kept, from the packets and from the container file;
//! - arrow-avro, from the container file, cutouts kept, and skipped by a reader's schema;
//! - fastavro, the same (with `--peers`);
//! - the bound: copying the packets' bytes.
//!
//! Then a night of alerts without cutouts is taken in, and seven columns of it are read, beside all columns.
//!
//!     cargo bench -p uranometria-benches --bench alerts -- [--alerts N] [--night N] [--rounds N] [--peers DIR]

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use arrow_avro::reader::ReaderBuilder;
use clap::Parser;
use uranometria_alert::fs::{IngestOptions, Nights, ingest, nights, read_part};
use uranometria_alert::simulate::{NightOptions, Simulated, fs::write};
use uranometria_alert::{
    CUTOUTS, Codec, Container, ContainerWriter, DecodeOptions, Decoder, Encoder, Projection, Schema, Slice,
    UnionOrder,
};
use uranometria_benches::input::Error;
use uranometria_benches::measure::{Spent, Spread, machine, timed};
use uranometria_benches::peers::Peers;
use uranometria_catalog::fs::Control;

#[derive(Parser)]
struct Args {
    /// Packets to decode
    #[arg(long, default_value_t = 4000)]
    alerts: u64,
    /// Alerts of the night
    #[arg(long, default_value_t = 250_000)]
    night: u64,
    /// How often each rival is run
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// The peers' Python environment, as benches/peers/install.sh makes it
    #[arg(long, env = "UR_BENCH_PEERS")]
    peers: Option<PathBuf>,
    /// Given by cargo bench; without it only the way is tried
    #[arg(long, hide = true)]
    bench: bool,
}

/// Rows of a batch.
const BATCH: usize = 256;

/// A rival's name and its way through all alerts; it returns how many it found.
type Rival<'a> = (&'a str, Box<dyn Fn() -> Result<usize, Error> + 'a>);

fn main() -> Result<(), Error> {
    let mut args = Args::parse();
    if !args.bench {
        (args.alerts, args.night, args.rounds) = (20, 300, 1);
    }
    let folder = tempfile::tempdir()?;
    println!("{}\n", machine(folder.path()));
    decode(&args, &folder)?;
    read_night(&args, &folder)
}

fn decode(args: &Args, folder: &tempfile::TempDir) -> Result<(), Error> {
    let night = Simulated::new(NightOptions { alerts: args.alerts, ..NightOptions::default() })?;
    let mut packets = Vec::new();
    let encoder = Encoder::new(night.alerts(0..0)?.0.schema_ref(), UnionOrder::AsRead)?;
    for start in (0..args.alerts).step_by(BATCH) {
        let (batch, _) = night.alerts(start..(start + BATCH as u64).min(args.alerts))?;
        packets.extend(encoder.encode(&batch)?);
    }
    // By the schema as ZTF has it but for dots in names, which one of the rivals cannot resolve.
    let schema = Schema::parse(&encoder.schema().to_json())?;
    let mut writer = ContainerWriter::of_packets(Vec::new(), &schema, Codec::Null)?;
    packets.iter().try_for_each(|packet| writer.write_packet(packet))?;
    let file = writer.finish()?;
    let bytes: usize = packets.iter().map(Vec::len).sum();
    let path = folder.path().join("packets.avro");
    std::fs::write(&path, &file)?;

    let ours = |projection: &Projection| -> Result<usize, Error> {
        let options = DecodeOptions { projection: projection.clone(), ..DecodeOptions::default() };
        let mut decoder = Decoder::new(&schema, &options)?;
        let mut rows = 0;
        for batch in packets.chunks(BATCH) {
            for packet in batch {
                decoder.decode(packet)?;
            }
            rows += black_box(decoder.finish()?).num_rows();
        }
        Ok(rows)
    };
    let container = |projection: &Projection| -> Result<usize, Error> {
        let options = DecodeOptions { projection: projection.clone(), ..DecodeOptions::default() };
        let mut container = Container::open(Slice::new(&file))??;
        let schema = Schema::parse(std::str::from_utf8(container.schema())?)?;
        let mut decoder = Decoder::new(&schema, &options)?;
        let mut rows = 0;
        while let Some(block) = container.next_block()? {
            let block = block?;
            let mut at = 0;
            for _ in 0..block.count {
                at += decoder.decode(&block.data[at..])?;
            }
            if decoder.rows() >= BATCH {
                rows += black_box(decoder.finish()?).num_rows();
            }
        }
        Ok(rows + decoder.finish()?.num_rows())
    };
    let light: serde_json::Value = {
        let mut light: serde_json::Value = serde_json::from_str(&schema.to_json())?;
        if let Some(fields) = light["fields"].as_array_mut() {
            fields.retain(|field| !CUTOUTS.iter().any(|name| field["name"] == *name));
        }
        light
    };
    let rival = |reader: Option<&serde_json::Value>| -> Result<usize, Error> {
        let mut builder = ReaderBuilder::new().with_batch_size(BATCH);
        if let Some(reader) = reader {
            builder = builder.with_reader_schema(arrow_avro::schema::AvroSchema::new(reader.to_string()));
        }
        let mut rows = 0;
        for batch in builder.build(Cursor::new(&file))? {
            rows += black_box(batch?).num_rows();
        }
        Ok(rows)
    };
    let (all, some) = (Projection::all(), Projection::without_cutouts());
    let rivals: Vec<Rival<'_>> = vec![
        ("ours, cutouts skipped", Box::new(|| ours(&some))),
        ("ours, cutouts kept", Box::new(|| ours(&all))),
        ("ours, container file, cutouts skipped", Box::new(|| container(&some))),
        ("ours, container file, cutouts kept", Box::new(|| container(&all))),
        ("arrow-avro, cutouts skipped", Box::new(|| rival(Some(&light)))),
        ("arrow-avro, cutouts kept", Box::new(|| rival(None))),
        (
            "copying the bytes",
            Box::new(|| {
                let copy: Vec<Vec<u8>> = packets.iter().map(|packet| black_box(packet.clone())).collect();
                Ok(copy.len())
            }),
        ),
    ];
    let mut spent = vec![Vec::new(); rivals.len()];
    for round in 0..=args.rounds {
        for ((name, way), spent) in rivals.iter().zip(&mut spent) {
            let (found, time) = timed(way);
            match found {
                Ok(found) if found as u64 == args.alerts => {}
                Ok(found) => return Err(format!("{name}: found {found} alerts").into()),
                Err(error) if name.starts_with("arrow-avro") => {
                    if round == 0 {
                        println!("{name}: {error}");
                    }
                    continue;
                }
                Err(error) => return Err(format!("{name}: {error}").into()),
            }
            // The first round warms.
            if round > 0 {
                spent.push(time);
            }
        }
    }
    println!("{} packets of {} bytes, a core:\n", args.alerts, bytes / packets.len().max(1));
    println!("| way | alerts/s: median (least–most) |\n|---|---|");
    let rate =
        |spent: &[Spent]| Spread::of(spent.iter().map(|spent| args.alerts as f64 / spent.cpu_s.max(1e-9)));
    for ((name, _), spent) in rivals.iter().zip(&spent) {
        println!("| {name} | {} |", rate(spent));
    }
    if let Some(peers) = Peers::find(args.peers.as_deref())? {
        let mut command = peers.script("alerts.py");
        command.arg(&path).arg(args.rounds.to_string());
        let told = peers.run(&mut command)?;
        for way in ["skipped", "kept"] {
            let count = told[way]["alerts"].as_f64().unwrap_or(f64::NAN);
            let spent = told[way]["spent"].as_array().into_iter().flatten();
            let rates = Spread::of(spent.filter_map(|spent| Some(count / spent["cpu_s"].as_f64()?)));
            println!("| fastavro, cutouts {way} | {rates} |");
        }
    }
    println!();
    Ok(())
}

fn read_night(args: &Args, folder: &tempfile::TempDir) -> Result<(), Error> {
    let night =
        Simulated::new(NightOptions { alerts: args.night, reduced: true, ..NightOptions::default() })?;
    let (input, archive) = (folder.path().join("in"), folder.path().join("archive"));
    write(&night, &input, &|_, _| (), &AtomicBool::new(false))?;
    let (done, time) = timed(|| ingest(&[input], &archive, &IngestOptions::default(), &Control::none()));
    let done = done?;
    println!(
        "A night of {} alerts without cutouts: taken in in {:.2} s, {:.0} alerts/s, {:.0} a second of the processor\n",
        done.new,
        time.wall_s,
        done.new as f64 / time.wall_s,
        done.new as f64 / time.cpu_s
    );
    let date = night.options().night;
    let columns = [
        "objectId",
        "candid",
        "candidate.jd",
        "candidate.fid",
        "candidate.magpsf",
        "candidate.ra",
        "candidate.dec",
    ];
    let ways = [
        ("seven columns", Projection::only(columns)),
        (
            "seven columns, jd and magpsf of the history",
            Projection::only(columns.into_iter().chain(["prv_candidates.jd", "prv_candidates.magpsf"])),
        ),
        ("all columns", Projection::all()),
    ];
    println!("| read back | million alerts/s, a core: median (least–most) |\n|---|---|");
    for (name, projection) in &ways {
        let mut rates = Vec::new();
        for round in 0..=args.rounds {
            let (rows, time) = timed(|| -> Result<usize, Error> {
                let mut rows = 0;
                for part in nights(&archive, &Nights { first: date, last: date })?
                    .iter()
                    .flat_map(|night| &night.parts)
                {
                    for batch in read_part(&part.path, projection, 8192)? {
                        rows += black_box(batch?).num_rows();
                    }
                }
                Ok(rows)
            });
            let rows = rows?;
            if rows as u64 != args.night {
                return Err(format!("{name}: {rows} alerts").into());
            }
            if round > 0 {
                rates.push(rows as f64 / 1e6 / time.cpu_s.max(1e-9));
            }
        }
        println!("| {name} | {} |", Spread::of(rates));
    }
    Ok(())
}
