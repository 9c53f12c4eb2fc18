//! What a reader wants of a packet, by names.
//!
//! A selection knows no writer schema: it is resolved against each one when a plan is compiled, so added fields,
//! another order and nullable types change nothing for the reader, and a missing required field is found once, by
//! name, not packet by packet.

/// The type in which the reader takes a field; the writer may have it in any type that Avro promotes to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// From int, long, float or double; read by [`Values::float`](super::Values::float).
    Float,
    /// From int or long; read by [`Values::integer`](super::Values::integer).
    Integer,
    /// From boolean; read by [`Values::boolean`](super::Values::boolean).
    Boolean,
    /// From string, or from an enum as its symbol; read by [`Values::text`](super::Values::text).
    Text,
    /// From bytes, fixed or string; read by [`Values::bytes`](super::Values::bytes).
    Bytes,
}

/// Whether a writer schema may lack a field. In either case the value may be null in any packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A writer schema without the field, or with it in an unusable type, is refused: the error names the field.
    Required,
    /// Without the field, or with it in an unusable type, the value is always absent
    /// ([`Plan::provides`](super::Plan::provides) tells). A field whose type differs between surveys is wanted
    /// once for each type.
    Optional,
}

/// Where a wanted value will be: in the root, or in each row of the array that it was wanted in.
///
/// Words come in blocks of 64: the first holds the validity bits of the other 63, so a slot's own position says
/// where its bit is, and position 0 is never valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub(super) at: u16,
    pub(super) wanted: Wanted,
}

/// A wanted array of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayId(pub(super) u16);

/// A wanted value: where it is in the packet, what it may be, and the slot it goes to.
#[derive(Clone, Debug)]
pub(super) struct Want {
    /// The path and then its aliases, from the root or from the array's record.
    pub paths: Vec<String>,
    pub need: Need,
    pub slot: Slot,
}

/// Values that are captured together: those of the root, or those of a row of an array.
#[derive(Clone, Debug, Default)]
pub(super) struct Wants {
    pub wants: Vec<Want>,
    /// Words of one row, validity included.
    pub stride: u16,
}

#[derive(Clone, Debug)]
pub(super) struct ArrayWant {
    /// The path and then its aliases, from the root.
    pub paths: Vec<String>,
    pub need: Need,
    pub row: Wants,
}

/// What a reader wants of a packet, by names, independent of any writer schema.
///
/// A path is the names of nested record fields joined by dots, from the root (`candidate.jd`) or, within an array,
/// from its record (`jd`). Records and arrays on the way may be nullable. A field may be wanted more than once.
/// At most 60,000 values a row; more are never filled.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub(super) root: Wants,
    pub(super) arrays: Vec<ArrayWant>,
}

impl Wants {
    fn want(&mut self, path: &str, wanted: Wanted, need: Need) -> Slot {
        let at = match self.stride {
            full if full > 60_000 => return Slot { at: 0, wanted },
            0 => 1,
            next if next % 64 == 0 => next + 1,
            next => next,
        };
        self.stride = at + 1;
        let slot = Slot { at, wanted };
        self.wants.push(Want { paths: vec![path.to_owned()], need, slot });
        slot
    }

    fn alias(&mut self, path: &str, also: &str) -> bool {
        let named = self.wants.iter_mut().filter(|want| want.paths[0] == path);
        named.map(|want| want.paths.push(also.to_owned())).count() > 0
    }
}

impl Selection {
    /// Of nothing yet: a plan for it only checks the packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants the value at `path`, from the root.
    pub fn want(&mut self, path: &str, wanted: Wanted, need: Need) -> Slot {
        self.root.want(path, wanted, need)
    }

    /// Wants the rows of the array at `path`, from the root: an array (nullable or not) of records (nullable or not).
    pub fn array(&mut self, path: &str, need: Need) -> ArrayId {
        if let Some(at) = self.arrays.iter().position(|array| array.paths[0] == path) {
            if need == Need::Required {
                self.arrays[at].need = need;
            }
            return ArrayId(at as u16);
        }
        self.arrays.push(ArrayWant { paths: vec![path.to_owned()], need, row: Wants { wants: Vec::new(), stride: 1 } });
        ArrayId((self.arrays.len() - 1) as u16)
    }

    /// Wants the value at `path` in every row of `array`. With an array that is not in the schema, required values
    /// of its rows are not missed.
    pub fn want_in(&mut self, array: ArrayId, path: &str, wanted: Wanted, need: Need) -> Slot {
        match self.arrays.get_mut(usize::from(array.0)) {
            Some(array) => array.row.want(path, wanted, need),
            None => Slot { at: 0, wanted },
        }
    }

    /// The names of a value or an array that is wanted from the root: its path, then its aliases.
    pub fn names<'a>(&'a self, path: &'a str) -> Vec<&'a str> {
        let wants = self.root.wants.iter().map(|want| &want.paths);
        let mut all = wants.chain(self.arrays.iter().map(|array| &array.paths));
        let found = all.find(|paths| paths[0] == path);
        found.map_or_else(|| vec![path], |paths| paths.iter().map(String::as_str).collect())
    }

    /// Another path to try, in the order given, when `path` is not in the writer schema in a usable type.
    ///
    /// Both are whole paths from the root; for a value in an array both begin with the array's path as it was
    /// selected (`prv_candidates.isdiffpos`, also where the array itself goes by an alias). False when nothing
    /// wanted so far has that path, or when an alias would leave the array of what it stands for.
    pub fn alias(&mut self, path: &str, also: &str) -> bool {
        let mut known = self.root.alias(path, also);
        for array in &mut self.arrays {
            let prefix = format!("{}.", array.paths[0]);
            if array.paths[0] == path {
                array.paths.push(also.to_owned());
                known = true;
            } else if let (Some(path), Some(also)) = (path.strip_prefix(&prefix), also.strip_prefix(&prefix)) {
                known |= array.row.alias(path, also);
            }
        }
        known
    }
}
