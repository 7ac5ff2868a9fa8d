//! What a document says beside its table.

/// An INFO element: a name, a value, and perhaps a text (VOTable 1.5, section 4.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The attribute `name`: `QUERY_STATUS`, `standardID`, `citation`.
    pub name: String,
    /// The attribute `value`.
    pub value: String,
    /// The text inside of the element; empty where there is none.
    pub text: String,
}

impl Info {
    /// Makes one without a text.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Info { name: name.into(), value: value.into(), text: String::new() }
    }
}

/// A PARAM element in front of the table: a column of one constant value (VOTable 1.5, section 4).
///
/// Attributes that are `None` are not written. What is given is written as it is: that `value` is one of `datatype` is
/// the caller's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Param {
    /// The attribute `name`.
    pub name: String,
    /// The attribute `datatype`: `double`, `char`.
    pub datatype: String,
    /// The attribute `arraysize`; `*` for text.
    pub arraysize: Option<String>,
    /// The attribute `value`, as a cell of TABLEDATA has it.
    pub value: String,
    /// The attribute `ID`.
    pub id: Option<String>,
    /// The attribute `unit`.
    pub unit: Option<String>,
    /// The attribute `ucd`.
    pub ucd: Option<String>,
    /// The attribute `utype`.
    pub utype: Option<String>,
    /// The attribute `xtype`.
    pub xtype: Option<String>,
    /// The element DESCRIPTION.
    pub description: Option<String>,
}

/// A COOSYS element: a celestial frame that columns refer to by [`keys::REF`](crate::keys::REF) (VOTable 1.5, section
/// 3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coosys {
    /// The attribute `ID`.
    pub id: String,
    /// The attribute `system`: `ICRS`, `FK5`, `GALACTIC`.
    pub system: String,
    /// The attribute `equinox`: `J2000`.
    pub equinox: Option<String>,
    /// The attribute `epoch`: `J2016.0`.
    pub epoch: Option<String>,
    /// The attribute `refposition`: `BARYCENTER`. With it the document is of version 1.5.
    pub refposition: Option<String>,
}

/// A TIMESYS element: a time scale that columns refer to by [`keys::REF`](crate::keys::REF) (VOTable 1.4, section 3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timesys {
    /// The attribute `ID`.
    pub id: String,
    /// The attribute `timescale`: `TDB`, `UTC`.
    pub timescale: String,
    /// The attribute `refposition`: `BARYCENTER`.
    pub refposition: String,
    /// The attribute `timeorigin`, a Julian Date or `MJD-origin`; `None` for timestamps and years.
    pub timeorigin: Option<String>,
}

/// How the making of a table ended: the INFO named QUERY_STATUS (DALI 1.1, section 4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// All rows are there.
    #[default]
    Ok,
    /// The rows were cut off at a limit.
    Overflow,
    /// Making the rows failed with this message; those that are there may not be all.
    Error(String),
}

impl Status {
    /// The INFO that says so.
    pub(crate) fn info(&self) -> Info {
        let (value, text) = match self {
            Status::Ok => ("OK", ""),
            Status::Overflow => ("OVERFLOW", ""),
            Status::Error(message) => ("ERROR", message.as_str()),
        };
        Info { text: text.to_string(), ..Info::new("QUERY_STATUS", value) }
    }

    /// The status that an INFO gives, if it gives one.
    pub(crate) fn of(info: &Info) -> Option<Self> {
        if info.name != "QUERY_STATUS" {
            return None;
        }
        match info.value.as_str() {
            "OK" => Some(Status::Ok),
            "OVERFLOW" => Some(Status::Overflow),
            "ERROR" => Some(Status::Error(info.text.trim().to_string())),
            _ => None,
        }
    }
}
