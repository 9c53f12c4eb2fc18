//! What a record may carry beside its columns: the survey's packet that caused it, so that one message has light curve and
//! stamps. It stands behind the record, as a last column `packet`, in messages that carry packets and in no others.

use super::column::{Blob, Value, columns};
use super::{Record, avro_schema, schema};
use serde_json::{Value as Json, json};

columns! {
    /// The survey's packet that caused the record: of those of the object in the epoch, the one of latest observation.
    Enclosed {
        /// Id of the alert (of its source) that the packet is of.
        alert: String,
        /// Topic, or file, in which it was found.
        topic: String,
        /// Partition of the topic; 0 of a file.
        partition: i64,
        /// Its offset there; in a file its number.
        offset: i64,
        /// Its writer schema: the name that it has in the container's header, or the id before the datum.
        schema: String,
        /// The packet as it was sent, an Avro container or a framed datum (in JSON in base64); null if only fields are wanted, or if
        /// it is too large to be carried.
        bytes: Option<Blob>,
        /// The fields that are wanted, as JSON: numbers in the fewest digits that read back to them, bytes in base64, what is no
        /// number as a text. Null if the whole packet is wanted, or if they are too large to be carried.
        fields: Option<String>,
    }
}

/// The Avro schema of a record that may carry a packet: that of a record, and a last column.
pub fn enclosing_schema() -> Json {
    let mut schema = avro_schema();
    let doc = "The survey's packet that caused the record; null where none did: time, a restatement, a retraction.";
    let packet =
        json!({"name": "packet", "type": ["null", schema::avro(&Enclosed::shape())], "default": null, "doc": doc});
    if let Some(fields) = schema["fields"].as_array_mut() {
        fields.push(packet);
    }
    schema
}

impl Enclosed {
    /// Appends it as JSON; `fields` is an object there, and no text.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let Enclosed { alert, topic, partition, offset, schema, bytes, fields } = self;
        let bytes = bytes.as_ref().map(Blob::base64);
        let text = json!({
            "alert": alert, "topic": topic, "partition": partition, "offset": offset, "schema": schema, "bytes": bytes,
        });
        let text = text.to_string();
        out.extend_from_slice(text.strip_suffix('}').unwrap_or(&text).as_bytes());
        out.extend_from_slice(b",\"fields\":");
        out.extend_from_slice(fields.as_deref().unwrap_or("null").as_bytes());
        out.push(b'}');
    }

    /// The record and the packet of a datum of [`enclosing_schema`].
    pub fn decode_with(mut input: &[u8]) -> Option<(Record, Option<Enclosed>)> {
        let record = Record::decode(&mut input)?;
        Option::<Enclosed>::decode_whole(input).map(|packet| (record, packet))
    }
}
