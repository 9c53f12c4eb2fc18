//! Plans, found again by what their packets begin with.
//!
//! Parsing a schema costs a hundred times what reading a packet does, so it is done once for each writer schema: a
//! container's is recognised by the exact bytes of its header (`schemavsn` is no key: one version has several), a
//! Confluent packet's by its id. Bounded, because whoever can send packets can send schemas.

use super::confluent::confluent;
use super::container::{Body, Header};
use super::inflate::Codec;
use super::schema::Schema;
use crate::PacketReject;

/// Plans kept for each kind of framing.
const MAX_PLANS: usize = 64;
/// Bytes of headers kept.
const MAX_HEADER_BYTES: usize = 1 << 23;

/// What `P` the reader compiles of a writer schema, by header bytes or id; the least recently used go first.
#[derive(Debug)]
pub struct PlanCache<P> {
    containers: Vec<Box<Known<P>>>,
    ids: Vec<(u32, Box<P>)>,
}

#[derive(Debug)]
struct Known<P> {
    header: Box<[u8]>,
    codec: Codec,
    plan: P,
}

impl<P> Default for PlanCache<P> {
    fn default() -> Self {
        PlanCache { containers: Vec::new(), ids: Vec::new() }
    }
}

impl<P> Known<P> {
    #[inline]
    fn begins(&self, packet: &[u8]) -> bool {
        let Some(head) = packet.get(..self.header.len()) else { return false };
        // Headers of different schemas are alike for thousands of bytes, but seldom at their ends.
        head.last_chunk::<16>() == self.header.last_chunk::<16>() && *head == *self.header
    }
}

impl<P> PlanCache<P> {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plan of a container's schema, made by `compile` where it is new, and the container's blocks. Rejected: a
    /// broken header as `framing`, a bad schema as `schema`, and whatever `compile` rejects (which is not kept).
    #[inline]
    pub fn container<'p>(
        &mut self,
        packet: &'p [u8],
        compile: impl FnOnce(&Schema) -> Result<P, PacketReject>,
    ) -> Result<(&mut P, Body<'p>), PacketReject> {
        match self.containers.iter().position(|known| known.begins(packet)) {
            Some(0) => {}
            Some(at) => self.containers[..=at].rotate_right(1),
            None => self.meet(packet, compile)?,
        }
        // `meet` or the rotation has put it there.
        let Some(known) = self.containers.first_mut() else {
            return Err(PacketReject::Framing("no header".into()));
        };
        let body = Header::body(known.codec, known.header.len(), packet)?;
        Ok((&mut known.plan, body))
    }

    #[cold]
    fn meet(
        &mut self,
        packet: &[u8],
        compile: impl FnOnce(&Schema) -> Result<P, PacketReject>,
    ) -> Result<(), PacketReject> {
        let header = Header::parse(packet)?;
        let plan = compile(&Schema::parse(header.schema)?)?;
        let known = Known { header: packet[..header.len].into(), codec: header.codec, plan };
        self.containers.insert(0, Box::new(known));
        let mut bytes = 0;
        let kept = self.containers.iter().take(MAX_PLANS).take_while(|known| {
            bytes += known.header.len();
            bytes <= MAX_HEADER_BYTES
        });
        // The newest stays, whatever its length.
        let kept = kept.count().max(1);
        self.containers.truncate(kept);
        Ok(())
    }

    /// The plan for a Confluent packet's schema id, made by `compile` where it is new, and the packet's datum.
    /// `compile` finds the schema: an id that it does not know is
    /// [`UnknownSchema`](PacketReject::UnknownSchema).
    #[inline]
    pub fn confluent<'p>(
        &mut self,
        packet: &'p [u8],
        compile: impl FnOnce(u32) -> Result<P, PacketReject>,
    ) -> Result<(&mut P, &'p [u8]), PacketReject> {
        let (id, datum) = confluent(packet)?;
        match self.ids.iter().position(|(known, _)| *known == id) {
            Some(0) => {}
            Some(at) => self.ids[..=at].rotate_right(1),
            None => {
                self.ids.insert(0, (id, Box::new(compile(id)?)));
                self.ids.truncate(MAX_PLANS);
            }
        }
        match self.ids.first_mut() {
            Some((_, plan)) => Ok((plan, datum)),
            None => Err(PacketReject::UnknownSchema(id)),
        }
    }

    /// Plans kept.
    pub fn len(&self) -> usize {
        self.containers.len() + self.ids.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
