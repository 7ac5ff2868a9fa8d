//! Files of alerts, one packet after another.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use xxhash_rust::xxh3::xxh3_128;

use super::dead::{DeadLetter, KEPT, is_dead, read_dead_letters};
use super::night::entries;
use super::runs::{Chunk, Counts, Position, Run};
use crate::container::MAGIC;
use crate::{
    Container, Damage, DecodeOptions, Decoder, Encoder, Error, Key, NoKey, Projection, Schema, Stream,
    Survey, UnionOrder, registry_frame,
};

/// The files that are meant: those of folders (whose names end in .avro or .parquet, in all folders inside, but for names
/// that begin with `.` or `_`) and those that `@LIST` has, one a line.
///
/// # Errors
/// [`Error::InFile`] for a list or folder that cannot be read; [`Error::NoFiles`].
pub fn listed(given: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in given {
        match path.to_str().and_then(|text| text.strip_prefix('@')) {
            Some(list) => {
                let list = Path::new(list);
                let text = std::fs::read_to_string(list)
                    .map_err(|source| Error::io("read it", source).in_file(list))?;
                let lines =
                    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                for line in lines {
                    add(Path::new(line), &mut files)?;
                }
            }
            None => add(path, &mut files)?,
        }
    }
    if files.is_empty() { Err(Error::NoFiles) } else { Ok(files) }
}

fn add(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for (name, path) in entries(path)? {
        if name.starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() || name.ends_with(".avro") || name.ends_with(".parquet") {
            add(&path, files)?;
        }
    }
    Ok(())
}

/// Finds schemas by their numbers in a registry, as JSON.
pub(super) type Registry<'a> = dyn Fn(u32) -> Option<String> + Sync + 'a;

/// Rows of packets are made a batch when they took so many bytes, or are so many.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_ROWS: usize = 8192;

/// A packet without a header that has no end within so many bytes is taken to be damaged.
const LONGEST_PACKET: usize = 64 << 20;

/// Where a packet came from: its file, its number there, and where it began.
type Origin = (Arc<str>, u64, u64);

/// A schema that packets were written by.
struct Slot {
    decoder: Decoder,
    survey: Survey,
    text: String,
    /// Where each row came from.
    origins: Vec<Origin>,
}

/// Reads files into runs.
pub(super) struct Reader<'a> {
    pub(super) projection: &'a Projection,
    pub(super) schema: Option<&'a str>,
    pub(super) registry: Option<&'a Registry<'a>>,
    pub(super) limit: usize,
    /// Takes a run that is full, and says how to go on.
    pub(super) cut: &'a mut dyn FnMut(Run) -> Result<(), Error>,
    /// Told the number of packets read; errs when the work is to stop.
    pub(super) check: &'a dyn Fn(u64) -> Result<(), Error>,
    run: Run,
    slots: Vec<Slot>,
    known: HashMap<u128, Result<usize, String>>,
    file: Arc<str>,
    /// The packets of the file that is being read.
    packets: u64,
    unflushed: usize,
}

impl<'a> Reader<'a> {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        projection: &'a Projection,
        schema: Option<&'a str>,
        registry: Option<&'a Registry<'a>>,
        limit: usize,
        first: usize,
        counts: Counts,
        cut: &'a mut dyn FnMut(Run) -> Result<(), Error>,
        check: &'a dyn Fn(u64) -> Result<(), Error>,
    ) -> Self {
        let run = Run { number: first, counts, ..Run::default() };
        let (slots, known, file) = (Vec::new(), HashMap::new(), Arc::from(""));
        Reader {
            projection,
            schema,
            registry,
            limit,
            cut,
            check,
            run,
            slots,
            known,
            file,
            packets: 0,
            unflushed: 0,
        }
    }

    /// Reads all files from a position on.
    pub(super) fn read(mut self, files: &[PathBuf], from: Position) -> Result<(), Error> {
        for (number, path) in files.iter().enumerate().skip(from.file) {
            let start =
                if number == from.file { from } else { Position { file: number, ..Position::default() } };
            self.file = path.to_string_lossy().into();
            self.packets = start.packets;
            // Packets of many small files make a batch together.
            self.read_file(path, start).map_err(|error| error.in_file(path))?;
            self.checkpoint(Position { file: number + 1, ..Position::default() })?;
        }
        self.flush_all()?;
        self.run.end = Position { file: files.len(), ..Position::default() };
        (self.cut)(self.run)
    }

    /// Says that all before a position was read; here a run may end.
    fn checkpoint(&mut self, position: Position) -> Result<(), Error> {
        (self.check)(self.run.counts.read)?;
        if self.run.bytes + self.unflushed + self.run.dead_bytes >= self.limit {
            self.flush_all()?;
            self.run.end = position;
            let next = Run { number: self.run.number + 1, counts: self.run.counts, ..Run::default() };
            (self.cut)(std::mem::replace(&mut self.run, next))?;
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path, start: Position) -> Result<(), Error> {
        let mut file = File::open(path).map_err(|source| Error::io("open it", source))?;
        let mut head = Vec::new();
        let failed = |source| Error::io("read it", source);
        (&mut file).take(5).read_to_end(&mut head).map_err(failed)?;
        if head.starts_with(&MAGIC) {
            return self.read_container(path, start);
        }
        if head.starts_with(b"PAR1") {
            return self.read_parquet(path, start);
        }
        if head.is_empty() {
            return self.letter(0, 0, 1, "the file is empty".into(), String::new(), &[]);
        }
        let framed = self.registry.is_some() && registry_frame(&head).is_some();
        if framed || self.schema.is_some() {
            return self.read_loose(file, start, framed);
        }
        let begins = format!("a file that begins with {:?}", String::from_utf8_lossy(&head));
        let wanted = "an Avro container file or parquet; for packets without a header give their schema";
        let mut bytes = head;
        file.take(KEPT as u64).read_to_end(&mut bytes).map_err(failed)?;
        self.letter(0, 0, 1, format!("found {begins}, expected {wanted}"), String::new(), &bytes)
    }

    fn read_container(&mut self, path: &Path, start: Position) -> Result<(), Error> {
        let failed = |source| Error::io("read it", source);
        let file = File::open(path).map_err(|source| Error::io("open it", source))?;
        let mut container = match Container::open(Stream::new(file)).map_err(failed)? {
            Ok(container) => container,
            Err(damage) => {
                let bytes = self.beginning(path)?;
                return self.letter(0, damage.offset as u64, 1, damage.to_string(), String::new(), &bytes);
            }
        };
        let slot = match self.slot(container.schema()) {
            Ok(slot) => slot,
            Err(reason) => {
                let bytes = self.beginning(path)?;
                return self.letter(0, 0, 1, reason, String::new(), &bytes);
            }
        };
        container.seek(start.offset).map_err(failed)?;
        loop {
            let offset = container.offset();
            match container.next_block().map_err(failed)? {
                None => return Ok(()),
                Some(Ok(block)) => {
                    let place = if block.plain { Ok(block.data_offset) } else { Err(block.offset) };
                    self.read_block(slot, block.data, block.count, place)?;
                }
                Some(Err(damage)) => {
                    let mut bytes = Vec::new();
                    let skipped =
                        container.resync(KEPT, |some| bytes.extend_from_slice(some)).map_err(failed)?;
                    let reason = format!("{damage}; {skipped} bytes were passed over");
                    let schema = self.slots[slot].text.clone();
                    self.packets += 1;
                    self.letter(self.packets, offset, 1, reason, schema, &bytes)?;
                }
            }
            if self.slots[slot].decoder.packet_bytes() >= BATCH_BYTES
                || self.slots[slot].decoder.rows() >= BATCH_ROWS
            {
                self.flush(slot)?;
            }
            let (file, packets) = (start.file, self.packets);
            self.checkpoint(Position { file, offset: container.offset(), packets })?;
        }
    }

    /// Reads the packets of a block; `place` is where they are in the file, or where the block is that they were unpacked
    /// from.
    fn read_block(
        &mut self,
        slot: usize,
        data: &[u8],
        count: u64,
        place: Result<u64, u64>,
    ) -> Result<(), Error> {
        // A packet that has the number of an alert takes a byte at least.
        let (mut at, mut left) = (0, count.min(data.len() as u64));
        let offset = |at: usize| place.map_or_else(|block| block, |data| data + at as u64);
        while left > 0 {
            let here = &mut self.slots[slot];
            let before = here.decoder.packet_bytes();
            match here.decoder.decode(&data[at..]) {
                Ok(len) => {
                    self.packets += 1;
                    left -= 1;
                    here.origins.push((self.file.clone(), self.packets, offset(at)));
                    at += len;
                    self.unflushed += here.decoder.packet_bytes() - before;
                    self.run.counts.read += 1;
                    if here.decoder.packet_bytes() >= BATCH_BYTES {
                        self.flush(slot)?;
                    }
                }
                Err(damage) => {
                    let next = next_packets(&mut here.decoder, &data[at..], left - 1);
                    let schema = here.text.clone();
                    let (end, lost) = match next {
                        Some(next) => (at + next, 1),
                        None => (data.len(), left),
                    };
                    let reason = Damage { offset: damage.offset, ..damage }.to_string();
                    self.letter(self.packets + 1, offset(at), lost, reason, schema, &data[at..end])?;
                    self.packets = self.packets.saturating_add(lost);
                    left -= lost;
                    at = end;
                }
            }
        }
        if at < data.len() {
            let reason = format!("{} bytes are left behind the {count} packets of a block", data.len() - at);
            let schema = self.slots[slot].text.clone();
            self.letter(self.packets, offset(at), 0, reason, schema, &data[at..])?;
        }
        Ok(())
    }

    /// Packets without a header, one after another, each in the frame of a registry or all of one schema.
    fn read_loose(&mut self, file: File, start: Position, framed: bool) -> Result<(), Error> {
        let mut window = Window::new(file, start.offset)?;
        loop {
            // What is kept of a packet that is damaged is there; others are far smaller.
            window.fill(KEPT, 2 * KEPT)?;
            let (bytes, at) = (window.bytes(), window.offset);
            if bytes.is_empty() {
                return Ok(());
            }
            let (text, frame) = match (framed, registry_frame(bytes)) {
                (true, Some((number, _))) => match self.registry.and_then(|registry| registry(number)) {
                    Some(text) => (text, 5),
                    None => {
                        let reason = format!(
                            "found schema {number}, expected one that is known; give it with --registry"
                        );
                        return self.letter(self.packets + 1, at, 1, reason, String::new(), bytes);
                    }
                },
                (true, None) => {
                    let reason =
                        "found no frame of a registry, expected a zero byte and the number of a schema"
                            .into();
                    return self.letter(self.packets + 1, at, 1, reason, String::new(), bytes);
                }
                (false, _) => (self.schema.unwrap_or_default().to_string(), 0),
            };
            let slot = match self.slot(text.as_bytes()) {
                Ok(slot) => slot,
                Err(reason) => return self.letter(self.packets + 1, at, 1, reason, text, bytes),
            };
            self.packets += 1;
            let before = self.slots[slot].decoder.packet_bytes();
            let mut decoded = self.slots[slot].decoder.decode(&window.bytes()[frame..]);
            // It may be longer than what is in memory.
            if decoded.is_err() && window.fill(LONGEST_PACKET, LONGEST_PACKET)? {
                decoded = self.slots[slot].decoder.decode(&window.bytes()[frame..]);
            }
            match decoded {
                // A packet of no bytes would never end.
                Ok(0) => return Ok(()),
                Ok(len) => {
                    self.slots[slot].origins.push((self.file.clone(), self.packets, at));
                    self.run.counts.read += 1;
                    window.pass(frame + len);
                    let here = &self.slots[slot];
                    self.unflushed += here.decoder.packet_bytes() - before;
                    if here.decoder.packet_bytes() >= BATCH_BYTES || here.decoder.rows() >= BATCH_ROWS {
                        self.flush(slot)?;
                    }
                }
                Err(damage) => {
                    let bytes = &window.bytes()[frame..];
                    return self.letter(self.packets, at, 1, damage.to_string(), text, bytes);
                }
            }
            let (file, offset, packets) = (start.file, window.offset, self.packets);
            self.checkpoint(Position { file, offset, packets })?;
        }
    }

    fn read_parquet(&mut self, path: &Path, start: Position) -> Result<(), Error> {
        let file = File::open(path).map_err(|source| Error::io("open it", source))?;
        let builder = match super::read::builder(file) {
            Ok(builder) => builder,
            Err(error) => {
                let bytes = self.beginning(path)?;
                return self.letter(
                    0,
                    0,
                    1,
                    format!("it begins as parquet does: {}", error),
                    String::new(),
                    &bytes,
                );
            }
        };
        if is_dead(builder.schema()) {
            let mut letters = 0;
            return read_dead_letters(path, |letter| {
                letters += 1;
                if letters <= start.offset {
                    return Ok(());
                }
                self.try_again(letter)?;
                self.checkpoint(Position { file: start.file, offset: letters, packets: letters })
            });
        }
        let Some(survey) = Survey::of(builder.schema()) else {
            let reason = format!(
                "found columns {}, expected those of alerts of ZTF or Rubin",
                names(builder.schema())
            );
            return self.letter(0, 0, 1, reason, String::new(), &[]);
        };
        drop(builder);
        let mut rows = start.offset;
        for batch in super::read::open(path, self.projection, 256, rows as usize)? {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    let reason = format!("cannot read it as parquet from row {rows} on: {error}");
                    return self.letter(rows + 1, 0, 1, reason, String::new(), &[]);
                }
            };
            let file = self.file.clone();
            let origins: Vec<Origin> =
                (1..=batch.num_rows() as u64).map(|row| (file.clone(), rows + row, 0)).collect();
            rows += batch.num_rows() as u64;
            self.run.counts.read += batch.num_rows() as u64;
            self.add(survey, batch, &origins, "")?;
            self.checkpoint(Position { file: start.file, offset: rows, packets: rows })?;
        }
        Ok(())
    }

    /// Tries a dead letter again.
    fn try_again(&mut self, letter: DeadLetter) -> Result<(), Error> {
        let slot = match self.slot(letter.schema.as_bytes()) {
            Ok(slot) if !letter.bytes.is_empty() => slot,
            _ => return self.push_letter(letter),
        };
        // A letter may be the rest of a block: packets behind one another.
        let file: Arc<str> = letter.file.as_str().into();
        let (mut at, mut packet) = (0, letter.packet);
        while at < letter.bytes.len() {
            let here = &mut self.slots[slot];
            match here.decoder.decode(&letter.bytes[at..]) {
                Ok(0) => break,
                Ok(len) => {
                    here.origins.push((file.clone(), packet, letter.offset.saturating_add(at as u64)));
                    self.run.counts.read += 1;
                    (at, packet) = (at + len, packet.saturating_add(1));
                }
                Err(damage) => {
                    let packets = letter.packets.saturating_sub(packet.saturating_sub(letter.packet)).max(1);
                    let (offset, bytes) =
                        (letter.offset.saturating_add(at as u64), letter.bytes[at..].to_vec());
                    let reason = damage.to_string();
                    self.push_letter(DeadLetter { packet, packets, offset, reason, bytes, ..letter })?;
                    break;
                }
            }
        }
        self.flush(slot)
    }

    /// The decoder for a schema, made when it is first met.
    fn slot(&mut self, text: &[u8]) -> Result<usize, String> {
        let print = xxh3_128(text);
        if let Some(known) = self.known.get(&print) {
            return known.clone();
        }
        let made = self.make_slot(text).map(|slot| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        self.known.insert(print, made.clone());
        made
    }

    fn make_slot(&self, text: &[u8]) -> Result<Slot, String> {
        let text = std::str::from_utf8(text).map_err(|error| format!("the schema is no text: {error}"))?;
        let schema = Schema::parse(text).map_err(|error| error.to_string())?;
        let options = DecodeOptions { projection: self.projection.clone(), ..DecodeOptions::default() };
        let decoder = Decoder::new(&schema, &options).map_err(|error| error.to_string())?;
        let Some(survey) = Survey::of(decoder.schema()) else {
            return Err(format!(
                "found fields {}, expected those of alerts of ZTF or Rubin",
                names(decoder.schema())
            ));
        };
        Ok(Slot { decoder, survey, text: text.to_string(), origins: Vec::new() })
    }

    fn flush_all(&mut self) -> Result<(), Error> {
        (0..self.slots.len()).try_for_each(|slot| self.flush(slot))
    }

    /// Makes the rows that were read a batch of the run.
    fn flush(&mut self, slot: usize) -> Result<(), Error> {
        let here = &mut self.slots[slot];
        if here.decoder.rows() == 0 {
            return Ok(());
        }
        self.unflushed = self.unflushed.saturating_sub(here.decoder.packet_bytes());
        let batch = here.decoder.finish()?;
        let origins = std::mem::take(&mut here.origins);
        let (survey, text) = (here.survey, here.text.clone());
        self.add(survey, batch, &origins, &text)
    }

    /// Adds a batch to the run, but for rows that cannot be placed.
    fn add(
        &mut self,
        survey: Survey,
        batch: RecordBatch,
        origins: &[Origin],
        schema: &str,
    ) -> Result<(), Error> {
        let (keys, without) = survey.keys(&batch);
        let batch = if without.is_empty() {
            batch
        } else {
            let encoder = Encoder::new(batch.schema_ref(), UnionOrder::AsRead)?;
            let written = encoder.schema().to_json();
            for NoKey { row, field, found, wanted } in without {
                let bytes = encoder.encode(&batch.slice(row, 1)).ok().and_then(|mut packets| packets.pop());
                let (file, packet, offset) =
                    origins.get(row).cloned().unwrap_or_else(|| (self.file.clone(), 0, 0));
                let reason = format!("{field}: found {found}, expected {wanted}");
                // What was left out of the packet is not in its bytes.
                let schema = if schema.is_empty() || *self.projection != Projection::all() {
                    &written
                } else {
                    schema
                };
                self.run.counts.read -= 1;
                let (file, schema, bytes) = (file.to_string(), schema.to_string(), bytes.unwrap_or_default());
                self.push_letter(DeadLetter { file, packet, packets: 1, offset, reason, schema, bytes })?;
            }
            let kept: BooleanArray = keys.iter().map(|key| Some(key.is_some())).collect();
            filter_record_batch(&batch, &kept).map_err(Error::arrow("leave out rows"))?
        };
        let keys: Vec<Key> = keys.into_iter().flatten().collect();
        if !keys.is_empty() {
            self.run.bytes += batch.get_array_memory_size();
            self.run.chunks.push(Chunk { survey, batch, keys });
        }
        Ok(())
    }

    fn letter(
        &mut self,
        packet: u64,
        offset: u64,
        packets: u64,
        reason: String,
        schema: String,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let (file, bytes) = (self.file.to_string(), bytes[..bytes.len().min(KEPT)].to_vec());
        self.push_letter(DeadLetter { file, packet, packets, offset, reason, schema, bytes })
    }

    fn push_letter(&mut self, letter: DeadLetter) -> Result<(), Error> {
        self.run.counts.dead = self.run.counts.dead.saturating_add(letter.packets);
        self.run.dead_bytes += letter.bytes.len() + letter.schema.len() + letter.reason.len();
        self.run.dead.push(letter);
        Ok(())
    }

    fn beginning(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|source| Error::io("open it", source))?;
        file.take(KEPT as u64).read_to_end(&mut bytes).map_err(|source| Error::io("read it", source))?;
        Ok(bytes)
    }
}

/// A stretch of a file in memory, which moves on.
struct Window {
    file: File,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are passed.
    passed: usize,
    /// Where in the file the others begin.
    offset: u64,
    at_end: bool,
}

impl Window {
    fn new(mut file: File, offset: u64) -> Result<Self, Error> {
        file.seek(SeekFrom::Start(offset)).map_err(|source| Error::io("read it", source))?;
        Ok(Window { file, buffer: Vec::new(), passed: 0, offset, at_end: false })
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[self.passed..]
    }

    /// Goes on by so many bytes, which are there.
    fn pass(&mut self, bytes: usize) {
        self.passed += bytes;
        self.offset += bytes as u64;
    }

    /// Sees to it that `least` bytes are there, if the file has them, and not more than `most`; says whether there are more
    /// than before.
    fn fill(&mut self, least: usize, most: usize) -> Result<bool, Error> {
        let there = self.bytes().len();
        if self.at_end || there >= least {
            return Ok(false);
        }
        self.buffer.drain(..self.passed);
        self.passed = 0;
        let room = most - there;
        self.buffer.reserve_exact(room);
        let read = (&mut self.file).take(room as u64).read_to_end(&mut self.buffer);
        let read = read.map_err(|source| Error::io("read it", source))?;
        self.at_end = read < room;
        Ok(read > 0)
    }
}

fn names(schema: &arrow_schema::Schema) -> String {
    let names: Vec<&str> = schema.fields().iter().take(12).map(|field| field.name().as_str()).collect();
    names.join(", ")
}

/// Where behind a damaged packet the next ones begin: `left` packets from there end where the bytes do.
///
/// Packets of a block stand one behind the other without a mark between them. That bytes at a wrong place read as so
/// many packets and end where they must does not happen by chance.
fn next_packets(decoder: &mut Decoder, bytes: &[u8], left: u64) -> Option<usize> {
    /// Bytes that may be read in vain.
    const MOST: usize = 64 << 20;
    if left == 0 {
        return None;
    }
    let mark = decoder.mark();
    let mut spent = 0;
    for start in 1..bytes.len() {
        let mut at = start;
        let fits = (0..left).all(|_| match decoder.decode(&bytes[at..]) {
            Ok(len) => {
                at += len;
                true
            }
            Err(damage) => {
                spent += damage.offset;
                false
            }
        });
        decoder.back(mark);
        if fits && at == bytes.len() {
            return Some(start);
        }
        spent += at - start + 1;
        if spent > MOST {
            return None;
        }
    }
    None
}
