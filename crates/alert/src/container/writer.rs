//! Writing container files.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::Schema as ArrowSchema;
use xxhash_rust::xxh3::xxh3_128;

use super::{Codec, MAGIC};
use crate::Error;
use crate::encode::{Encoder, UnionOrder};
use crate::schema::Schema;

/// Writes batches as an Avro container file. The same batches give the same bytes.
///
/// ```
/// use arrow_array::record_batch;
/// use uranometria_alert::{Codec, Container, ContainerWriter, Slice, UnionOrder};
///
/// let batch = record_batch!(("id", Int64, [1, 2, 3]))?;
/// let mut writer = ContainerWriter::new(Vec::new(), &batch.schema(), Codec::Deflate, UnionOrder::AsRead)?;
/// writer.write(&batch)?;
/// let file = writer.finish()?;
/// let mut container = Container::open(Slice::new(&file))??;
/// assert_eq!(container.next_block()?.unwrap()?.count, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ContainerWriter<W> {
    out: W,
    encoder: Option<Encoder>,
    codec: Codec,
    marker: [u8; 16],
    block: Vec<u8>,
    count: u64,
    /// A block is written when it has so many bytes.
    pub block_bytes: usize,
}

impl<W: Write> ContainerWriter<W> {
    /// Begins a file of these columns.
    ///
    /// # Errors
    /// As [`Schema::from_arrow`]; [`Error::Io`].
    pub fn new(out: W, columns: &ArrowSchema, codec: Codec, order: UnionOrder) -> Result<Self, Error> {
        let encoder = Encoder::new(columns, order)?;
        let mut writer = Self::of_packets(out, encoder.schema(), codec)?;
        writer.encoder = Some(encoder);
        Ok(writer)
    }

    /// Begins a file of packets that are written already, by that schema.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn of_packets(out: W, schema: &Schema, codec: Codec) -> Result<Self, Error> {
        let text = schema.to_json();
        let marker = xxh3_128(text.as_bytes()).to_be_bytes();
        let mut header = MAGIC.to_vec();
        header.push(4);
        for (key, value) in [("avro.codec", codec.name()), ("avro.schema", text.as_str())] {
            number(key.len() as i64, &mut header);
            header.extend(key.as_bytes());
            number(value.len() as i64, &mut header);
            header.extend(value.as_bytes());
        }
        header.push(0);
        header.extend(marker);
        let mut writer = ContainerWriter {
            out,
            encoder: None,
            codec,
            marker,
            block: Vec::new(),
            count: 0,
            block_bytes: 1 << 16,
        };
        writer.put(&header)?;
        Ok(writer)
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// As [`Encoder::encode`]; [`Error::Io`]; [`Error::Encode`] where the file was begun for packets.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let Some(encoder) = self.encoder.take() else {
            let (found, wanted) =
                ("a batch".to_string(), "packets, as the file was begun for them".to_string());
            return Err(Error::Encode { field: String::new(), found, wanted });
        };
        let result = encoder.encode_with(batch, |packet| self.write_packet(packet));
        self.encoder = Some(encoder);
        result
    }

    /// Writes a packet as it is.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_packet(&mut self, packet: &[u8]) -> Result<(), Error> {
        self.block.extend_from_slice(packet);
        self.count += 1;
        if self.block.len() >= self.block_bytes { self.end_block() } else { Ok(()) }
    }

    /// Ends a block, so that the next packet begins another.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn end_block(&mut self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        let packed;
        let data: &[u8] = match self.codec {
            Codec::Null => &self.block,
            codec => {
                packed = codec.pack(&self.block).map_err(|source| Error::io("compress a block", source))?;
                &packed
            }
        };
        let mut head = Vec::with_capacity(20);
        number(self.count as i64, &mut head);
        number(data.len() as i64, &mut head);
        let failed = |source| Error::io("write it", source);
        self.out.write_all(&head).and_then(|()| self.out.write_all(data)).map_err(failed)?;
        let marker = self.marker;
        self.put(&marker)?;
        self.block.clear();
        self.count = 0;
        Ok(())
    }

    /// Ends the file and returns what it was written to.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<W, Error> {
        self.end_block()?;
        self.out.flush().map_err(|source| Error::io("write it", source))?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(|source| Error::io("write it", source))
    }
}

fn number(value: i64, out: &mut Vec<u8>) {
    crate::encode::write_long(value, out);
}
