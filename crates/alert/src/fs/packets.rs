//! Reading files of packets.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use crate::{Container, DecodeOptions, Decoder, Error, Projection, Schema, Stream};

/// Reads the packets of an Avro container file, in its order.
///
/// Damage ends it with an error; [`ingest`](super::ingest()) is what goes on behind it.
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
    Ok(Packets { container: Some(container), decoder, packets: 0, batch_rows: batch_rows.max(1), path })
}

/// The packets of a container file, batch by batch; a batch ends with a block of the file.
pub struct Packets {
    /// Nothing behind the end.
    container: Option<Container<Stream<File>>>,
    decoder: Decoder,
    packets: u64,
    batch_rows: usize,
    path: PathBuf,
}

impl Packets {
    fn batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        let Some(container) = &mut self.container else { return Ok(None) };
        while self.decoder.rows() < self.batch_rows {
            let block = container.next_block().map_err(|source| Error::io("read it", source))?;
            let Some(block) = block else {
                self.container = None;
                break;
            };
            let block = block.map_err(|damage| Error::Packet { packet: self.packets + 1, damage })?;
            let mut at = 0;
            for _ in 0..block.count {
                self.packets += 1;
                let length = self.decoder.decode(&block.data[at..]);
                at += length.map_err(|damage| Error::Packet { packet: self.packets, damage })?;
            }
        }
        let batch = self.decoder.finish()?;
        Ok((batch.num_rows() > 0).then_some(batch))
    }
}

impl Iterator for Packets {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batch().map_err(|error| error.in_file(&self.path));
        if batch.is_err() {
            self.container = None;
        }
        batch.transpose()
    }
}
