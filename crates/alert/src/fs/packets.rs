//! Reading files of packets.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use crate::{Container, Damage, DecodeOptions, Decoder, Error, Projection, Schema, Stream};

/// Reads the packets of an Avro container file, in its order.
///
/// Damage ends it with an error, behind the packets before it; [`ingest`](super::ingest()) is what goes on.
///
/// # Errors
/// [`Error::InFile`] around [`Error::Io`], [`Error::Packet`] with number 0 for the file's own header, [`Error::Schema`].
///
/// ```
/// use uranometria_alert::Projection;
/// use uranometria_alert::fs::read_packets;
/// # fn show(path: &std::path::Path) -> Result<(), uranometria_alert::Error> {
/// for batch in read_packets(path, &Projection::without_cutouts(), 1000)? {
///     println!("{} alerts", batch?.num_rows());
/// }
/// # Ok(())
/// # }
/// ```
pub fn read_packets(
    path: impl AsRef<Path>,
    projection: &Projection,
    batch_rows: usize,
) -> Result<Packets, Error> {
    let path = path.as_ref();
    let open = || {
        let file = File::open(path).map_err(|source| Error::io("open it", source))?;
        let container = Container::open(Stream::new(file)).map_err(|source| Error::io("read it", source))?;
        let container = container.map_err(|damage| Error::Packet { packet: 0, damage })?;
        let schema = String::from_utf8_lossy(container.schema());
        let options = DecodeOptions { projection: projection.clone(), ..DecodeOptions::default() };
        let decoder = Decoder::new(&Schema::parse(&schema)?, &options)?;
        Ok((container, decoder))
    };
    let (container, decoder) = open().map_err(|error: Error| error.in_file(path))?;
    let path = path.to_path_buf();
    let (container, batch_rows) = (Some(container), batch_rows.max(1));
    Ok(Packets { container, decoder, packets: 0, batch_rows, failed: None, path })
}

/// The packets of a container file, batch by batch; a batch ends with a block of the file.
pub struct Packets {
    /// Nothing behind the end.
    container: Option<Container<Stream<File>>>,
    decoder: Decoder,
    packets: u64,
    batch_rows: usize,
    /// What ended it, to be told behind the packets before.
    failed: Option<Error>,
    path: PathBuf,
}

impl Packets {
    /// Reads a block; says whether there was one.
    fn read_block(&mut self) -> Result<bool, Error> {
        let Some(container) = &mut self.container else { return Ok(false) };
        let Some(block) = container.next_block().map_err(|source| Error::io("read it", source))? else {
            return Ok(false);
        };
        let block = block.map_err(|damage| Error::Packet { packet: self.packets + 1, damage })?;
        let mut at = 0;
        // What has no bytes is no packet, however many are said to be there.
        for _ in 0..block.count.min(block.data.len() as u64) {
            self.packets += 1;
            let length = self.decoder.decode(&block.data[at..]);
            at += length.map_err(|damage| Error::Packet { packet: self.packets, damage })?;
        }
        if at < block.data.len() {
            let (offset, left) = (at, block.data.len() - at);
            let found = format!("{left} bytes behind the last packet of its block");
            let damage = Damage { offset, field: String::new(), found, wanted: "none".into() };
            return Err(Error::Packet { packet: self.packets, damage });
        }
        Ok(true)
    }
}

impl Iterator for Packets {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.container.is_some() && self.decoder.rows() < self.batch_rows {
            match self.read_block() {
                Ok(true) => {}
                Ok(false) => self.container = None,
                Err(error) => (self.container, self.failed) = (None, Some(error)),
            }
        }
        let batch = match self.decoder.rows() {
            0 => Err(self.failed.take()?),
            _ => self.decoder.finish(),
        };
        Some(batch.map_err(|error| error.in_file(&self.path)))
    }
}
