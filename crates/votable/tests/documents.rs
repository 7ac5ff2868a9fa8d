//! Documents as they are found, and what is wrong with some of them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use uranometria_votable::{Error, Info, Reader, ReaderOptions, Status, TableChoice, error_document, keys};

/// A document with one table.
fn table(fields: &str, data: &str) -> String {
    format!(
        "<?xml version='1.0'?>\n<VOTABLE version='1.4' xmlns='http://www.ivoa.net/xml/VOTable/v1.3'><RESOURCE>\
         <TABLE name='t'>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
    )
}

/// One column, one cell a row.
fn cells(field: &str, cells: &[&str]) -> Result<RecordBatch, Error> {
    let rows: String = cells.iter().map(|cell| format!("<TR>{cell}</TR>\n")).collect();
    let document = table(&format!("<FIELD name='a' {field}"), &format!("<TABLEDATA>{rows}</TABLEDATA>"));
    let mut reader = Reader::new(document.as_bytes(), &ReaderOptions::default())?;
    reader.next().unwrap()
}

fn read(document: &str) -> Result<Vec<RecordBatch>, Error> {
    Reader::new(document.as_bytes(), &ReaderOptions::default())?.collect()
}

#[track_caller]
fn check_error(document: &str, wanted: &str) {
    let found = read(document).unwrap_err().to_string();
    assert!(found.contains(wanted), "{found}\n  does not have\n{wanted}");
}

#[test]
fn whole_numbers_may_be_hexadecimal_and_have_a_null_of_their_own() {
    let field = "datatype='short'><VALUES null='-9'/></FIELD>";
    let batch =
        cells(field, &["<TD> 0x10 </TD>", "<TD>-9</TD>", "<TD/>", "<TD>\n+3</TD>", "<TD> </TD>"]).unwrap();
    let wanted = [Some(16), None, None, Some(3), None];
    assert_eq!(batch.column(0).as_primitive::<Int16Type>().iter().collect::<Vec<_>>(), wanted);

    // A null that the type does not have can stand in TABLEDATA.
    let batch =
        cells("datatype='unsignedByte'><VALUES null='-1'/></FIELD>", &["<TD>-1</TD>", "<TD>0xff</TD>"]);
    let batch = batch.unwrap();
    let wanted = [None, Some(255)];
    assert_eq!(batch.column(0).as_primitive::<UInt8Type>().iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn booleans_have_many_spellings() {
    let spelt = ["T", "t", "1", "true", "TRUE", "F", "f", "0", "fALse", "?", " ", ""];
    let spelt: Vec<String> = spelt.iter().map(|text| format!("<TD>{text}</TD>")).collect();
    let spelt: Vec<&str> = spelt.iter().map(String::as_str).collect();
    let batch = cells("datatype='boolean'/>", &spelt).unwrap();
    let wanted = [[Some(true); 5].as_slice(), &[Some(false); 4], &[None; 3]].concat();
    assert_eq!(batch.column(0).as_boolean().iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn text_is_what_xml_says_it_is() {
    let written = [
        "<TD>plain</TD>",
        "<TD>a &lt;b&gt; &amp; &#233;&#x3B1;</TD>",
        "<TD><![CDATA[<b> & ]] c]]> d</TD>",
        "<TD> kept </TD>",
        "<TD>one<!-- not this -->two</TD>",
        "<TD>line\r\nend</TD>",
        "<TD></TD>",
        "<TD />",
        "<TD\n>odd</TD\n>",
    ];
    let batch = cells("datatype='char' arraysize='*'/>", &written).unwrap();
    let wanted = [
        Some("plain"),
        Some("a <b> & éα"),
        Some("<b> & ]] c d"),
        Some(" kept "),
        Some("onetwo"),
        Some("line\nend"),
        None,
        None,
        Some("odd"),
    ];
    assert_eq!(batch.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn arrays_have_the_shape_of_their_arraysize() {
    let batch = cells("datatype='int' arraysize='2x3'/>", &["<TD>1 2\n3 4 5 6</TD>", "<TD/>"]).unwrap();
    let list = batch.column(0).as_fixed_size_list();
    assert_eq!((list.value_length(), list.is_null(1)), (6, true));
    assert_eq!(batch.schema().field(0).metadata()[keys::TDIM], "(2,3)");

    let batch = cells("datatype='int' arraysize='2x*'/>", &["<TD>1 2 3 4</TD>", "<TD>5 6</TD>"]).unwrap();
    let list = batch.column(0).as_list::<i32>();
    assert_eq!(list.value_offsets(), [0, 2, 3]);
    assert_eq!(list.values().as_fixed_size_list().value_length(), 2);

    let batch = cells("datatype='char' arraysize='3x*'/>", &["<TD>abcde fg</TD>", "<TD/>"]).unwrap();
    let list = batch.column(0).as_list::<i32>().value(0);
    let strings: Vec<_> = list.as_string::<i32>().iter().flatten().collect();
    assert_eq!(strings, ["abc", "de", "fg"]);

    let batch = cells("datatype='bit' arraysize='5'/>", &["<TD>10 110</TD>"]).unwrap();
    let bits = batch.column(0).as_fixed_size_list().value(0);
    assert_eq!(bits.as_boolean().iter().flatten().collect::<Vec<_>>(), [true, false, true, true, false]);

    let batch = cells("datatype='doubleComplex'/>", &["<TD>1 -2.5</TD>"]).unwrap();
    let parts = batch.column(0).as_struct();
    assert_eq!(parts.column(1).as_primitive::<Float64Type>().values(), &[-2.5]);

    // Nearly everybody means a number by it.
    let batch = cells("datatype='double' arraysize='1'/>", &["<TD>1.5</TD>"]).unwrap();
    assert_eq!(batch.column(0).data_type(), &DataType::Float64);
}

#[test]
fn cells_that_are_none_are_errors_with_their_place() {
    let check = |field: &str, cell: &str, wanted: &str| {
        let error = cells(field, &["<TD/>", cell]).unwrap_err();
        assert!(matches!(error, Error::Cell { row: 1, byte: 1.., .. }), "{error:?}");
        let found = error.to_string();
        assert!(found.starts_with("table t, row 1, column a, byte "), "{found}");
        assert!(found.ends_with(wanted), "{found}");
    };
    check("datatype='short'/>", "<TD>32768</TD>", "\"32768\", expected a whole number of 16 bits");
    check("datatype='int'/>", "<TD>1.5</TD>", "\"1.5\", expected a whole number of 32 bits");
    check("datatype='int'/>", "<TD>1 2</TD>", "\"1 2\", expected a whole number of 32 bits");
    check("datatype='unsignedByte'/>", "<TD>0x100</TD>", "\"0x100\", expected a number of 0 to 255");
    check("datatype='double'/>", "<TD>n/a</TD>", "\"n/a\", expected a number, NaN, +Inf or -Inf");
    check("datatype='double'/>", "<TD>&#110;/a</TD>", "\"n/a\", expected a number, NaN, +Inf or -Inf");
    check("datatype='boolean'/>", "<TD>yes</TD>", "\"yes\", expected T, t, 1, true, F, f, 0, false or ?");
    check("datatype='double' arraysize='3'/>", "<TD>1 2</TD>", "2 elements, expected 3");
    check("datatype='double' arraysize='3x*'/>", "<TD>1 2</TD>", "2 elements, expected a multiple of 3");
    check("datatype='floatComplex'/>", "<TD>1</TD>", "\"1\" alone, expected a real and an imaginary part");
    check("datatype='char' arraysize='*'/>", "<TD>a<b/>c</TD>", "an element \"b\", expected text");
    check(
        "datatype='int'/>",
        "<TD encoding='base64'>AAA=</TD>",
        "a cell encoded by \"base64\", expected plain text",
    );
    check("datatype='int'/>", "<TH>1</TH>", "an element \"TH\", expected TD");
}

#[test]
fn rows_have_as_many_cells_as_there_are_columns() {
    let fields = "<FIELD name='a' datatype='int'/><FIELD name='b' datatype='int'/>";
    let check = |rows: &str, wanted: &str| {
        check_error(&table(fields, &format!("<TABLEDATA>{rows}</TABLEDATA>")), wanted);
    };
    check("<TR><TD>1</TD></TR>", "table t, row 0, byte 216: 1 cells, expected 2");
    check("<TR></TR>", "0 cells, expected 2");
    check(
        "<TR><TD>1</TD><TD>2</TD><TD>3</TD></TR>",
        "an element \"TD\" behind the last cell, expected 2 cells",
    );
    check("<TD>1</TD>", "an element \"TD\", expected TR");
}

#[test]
fn what_is_in_front_of_the_rows_and_behind_them_does_no_harm() {
    let document = include_str!("everything.vot");
    let mut reader = Reader::new(document.as_bytes(), &ReaderOptions::default()).unwrap();
    assert_eq!(reader.status(), Some(Status::Ok));
    let schema = reader.schema();
    assert_eq!(schema.metadata()[keys::NAME], "stars");
    assert_eq!(schema.metadata()[keys::DESCRIPTION], "Stars & more");
    let metadata = schema.field(0).metadata();
    let known = [
        (keys::UNIT, "deg"),
        (keys::UCD, "pos.eq.ra"),
        (keys::UTYPE, "a:b"),
        (keys::XTYPE, "x"),
        (keys::ID, "ra"),
        (keys::REF, "sys"),
        (keys::DISPLAY, "F9.4"),
        (keys::DESCRIPTION, "Right ascension"),
    ];
    assert_eq!(metadata.len(), known.len());
    assert!(known.iter().all(|(key, value)| metadata[*key] == *value), "{metadata:?}");
    let batch = reader.next().unwrap().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Float64Type>().values(), &[1.5, 2.5]);
    assert!(reader.next().is_none());
    assert_eq!(reader.status(), Some(Status::Overflow));
    let names: Vec<&str> = reader.infos().iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, ["server", "QUERY_STATUS", "inside", "QUERY_STATUS", "last"]);
    assert_eq!(reader.infos()[1].text, "All went well");
}

#[test]
fn old_documents_are_read() {
    let document = "<?xml version='1.0'?><!DOCTYPE VOTABLE SYSTEM 'http://us-vo.org/xml/VOTable.dtd'>
        <VOTABLE version='1.0'><DEFINITIONS><COOSYS ID='J2000' system='eq_FK5'/></DEFINITIONS>
        <RESOURCE><TABLE><FIELD ID='_RAJ2000' datatype='double'/><FIELD datatype='char'/>
        <DATA><TABLEDATA><TR><TD>1</TD><TD>x</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>";
    let batches = read(document).unwrap();
    let names: Vec<String> = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["_RAJ2000", "col2"]);
}

#[test]
fn a_table_without_data_has_no_rows() {
    let document = "<VOTABLE><RESOURCE><TABLE ID='a'><FIELD name='x' datatype='int'/></TABLE>
        <INFO name='QUERY_STATUS' value='OVERFLOW'/></RESOURCE>
        <RESOURCE><INFO name='other' value=''/><TABLE ID='b' ref='a'><DATA/></TABLE></RESOURCE></VOTABLE>";
    for (table, infos) in [(TableChoice::Index(0), 1), (TableChoice::Id("b".to_string()), 1)] {
        let options = ReaderOptions { table, ..ReaderOptions::default() };
        let mut reader = Reader::new(document.as_bytes(), &options).unwrap();
        assert_eq!(reader.schema().field(0).name(), "x");
        assert!(reader.next().is_none());
        assert_eq!(reader.infos().len(), infos);
    }
    // For want of a table with data, the first.
    let document = document.replace("<DATA/>", "");
    let mut reader = Reader::new(document.as_bytes(), &ReaderOptions::default()).unwrap();
    assert!(reader.next().is_none());
    assert_eq!(reader.infos(), [Info::new("QUERY_STATUS", "OVERFLOW")]);
}

#[test]
fn tables_in_front_of_the_one_wanted_are_passed_over() {
    let stream = "QUJD\n".repeat(1000);
    let document = format!(
        "<VOTABLE><RESOURCE><RESOURCE><TABLE><FIELD name='a' datatype='int'/><DATA><BINARY>\
         <STREAM encoding='base64'>{stream}</STREAM></BINARY></DATA></TABLE></RESOURCE>\
         <TABLE name='n'><FIELD name='b' datatype='long'/><DATA><TABLEDATA><TR><TD>7</TD></TR></TABLEDATA></DATA>\
         </TABLE></RESOURCE></VOTABLE>"
    );
    let options = ReaderOptions {
        table: TableChoice::Name("n".to_string()),
        max_row_bytes: 2000,
        ..ReaderOptions::default()
    };
    let mut reader = Reader::new(document.as_bytes(), &options).unwrap();
    let batch = reader.next().unwrap().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[7]);
    assert!(reader.next().is_none());
}

#[test]
fn base64_may_be_broken_by_anything_that_xml_allows() {
    // Two rows: 1 and 258.
    let field = "<FIELD name='a' datatype='int'/>";
    for stream in [
        "AAAAAQAAAQI=",
        " AAAA\n\tAQAA\r\nAQI= ",
        "AAAAAQAA<!-- no comment -->AQI=",
        "<![CDATA[AAAAAQAAAQI=]]>",
        "AAAAAQ&#13;\nAAAQI=",
        "AAAAAQAAAQI",
    ] {
        for binary in ["BINARY", "binary"] {
            let data = format!("<{binary}><STREAM encoding='base64'>{stream}</STREAM></{binary}>");
            let batches = read(&table(field, &data)).unwrap();
            if binary == "BINARY" {
                let numbers = batches[0].column(0).as_primitive::<Int32Type>();
                assert_eq!(numbers.values(), &[1, 258], "{stream}");
            } else {
                assert!(batches.is_empty());
            }
        }
    }
    let check = |stream: &str, wanted: &str| {
        let data = format!("<BINARY2><STREAM encoding='base64'>{stream}</STREAM></BINARY2>");
        check_error(&table(field, &data), wanted);
    };
    check("AAAA*QAAAQI=", "characters that are none");
    check("AA==AAAA", "characters that are none");
    check("AA==<!-- -->AAAAAAAA", "characters behind the end of base64, expected base64");
    check("AAAA", "the end of the stream within a, 2 bytes behind, expected whole rows");
    check("AAAA<TD/>", "an element TD, expected base64");
}

#[test]
fn binary_text_ends_at_nul_and_may_be_latin() {
    let read_text = |field: &str, stream: &str| {
        let field = format!("<FIELD name='a' {field}/>");
        let batches = read(&table(&field, &format!("<BINARY><STREAM>{stream}</STREAM></BINARY>"))).unwrap();
        let texts = batches[0].column(0).as_string::<i32>();
        texts.iter().map(|text| text.unwrap().to_string()).collect::<Vec<_>>()
    };
    // "ab\0z", then four times NUL.
    assert_eq!(read_text("datatype='char' arraysize='4'", "YWIAegAAAAA="), ["ab", ""]);
    // Five bytes: "caf", an e with an accent in UTF-8; four: the same in Latin-1.
    assert_eq!(read_text("datatype='char' arraysize='*'", "AAAABWNhZsOpAAAABGNhZuk="), ["café", "café"]);
}

#[test]
fn what_is_no_votable_is_said_to_be_none() {
    check_error("", "");
    check_error(
        "SIMPLE  =                    T",
        "a beginning \"SIMPLE  =       \", expected a VOTable document",
    );
    check_error("<html><body/></html>", "an element \"html\", expected VOTABLE");
    check_error("<VOTABLE><RESOURCE/></VOTABLE>", "a table is not there; the document has no table");
    check_error(&error_document("no table `x` & <y>"), "the service reports: no table `x` & <y>");
    let gzip = read(std::str::from_utf8(b"\x1f").unwrap()).unwrap_err();
    assert!(matches!(gzip, Error::Structure { .. }));
    let gzip = Reader::new([0x1F, 0x8B, 8].as_slice(), &ReaderOptions::default()).unwrap_err();
    assert!(gzip.to_string().contains("compressed by gzip"), "{gzip}");
    let latin =
        b"<?xml version='1.0' encoding='ISO-8859-1'?><VOTABLE><DESCRIPTION>\xe9</DESCRIPTION></VOTABLE>";
    assert!(Reader::new(latin.as_slice(), &ReaderOptions::default()).is_err());
    check_error(
        "<?xml version='1.0' encoding='UTF-16'?><VOTABLE/>",
        "the encoding \"UTF-16\", expected UTF-8",
    );
    check_error("<VOTABLE><RESOURCE></VOTABLE>", "");
}

#[test]
fn a_document_that_breaks_off_is_an_error_behind_its_rows() {
    let document = table("<FIELD name='a' datatype='int'/>", "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>");
    for end in 1..document.len() {
        let document = &document[..end];
        let reader = Reader::new(document.as_bytes(), &ReaderOptions::default());
        assert!(reader.is_err() || reader.unwrap().any(|batch| batch.is_err()), "{document}");
    }
}

#[test]
fn rows_elsewhere_are_refused() {
    let field = "<FIELD name='a' datatype='int'/>";
    check_error(
        &table(field, "<FITS><STREAM/></FITS>"),
        "rows in FITS, expected TABLEDATA, BINARY or BINARY2",
    );
    let elsewhere = "<BINARY><STREAM href='http://x/y'/></BINARY>";
    check_error(&table(field, elsewhere), "rows elsewhere, at \"http://x/y\", expected rows in the document");
    let gzip = "<BINARY><STREAM encoding='gzip'>x</STREAM></BINARY>";
    check_error(&table(field, gzip), "a stream encoded by \"gzip\", expected base64");
    check_error(&table(field, "<BINARY2></BINARY2>"), "binary data without a STREAM");
}

#[test]
fn hostile_sizes_take_no_memory() {
    let check = |field: &str, data: &str, wanted: &str| {
        check_error(&table(&format!("<FIELD name='a' {field}/>"), data), wanted);
    };
    let empty = "<TABLEDATA><TR><TD/></TR></TABLEDATA>";
    check("datatype='double' arraysize='2000000000'", empty, "column a, byte");
    check(
        "datatype='bit' arraysize='99999999999x99999999999'",
        empty,
        "arrays of size 99999999999x99999999999",
    );
    check("datatype='char' arraysize='4x2000000000'", empty, "at most 268435456 bytes");
    check("datatype='char' arraysize='99999999999999999999'", empty, "expected lengths of at least 1");
    check("datatype='octet'", empty, "datatype \"octet\", expected one of boolean, bit");
    check("", empty, "datatype \"\", expected one of");
    // 2^31 - 1 and -1 elements.
    check(
        "datatype='double' arraysize='*'",
        "<BINARY><STREAM>f////w==</STREAM></BINARY>",
        "row 0, column a, byte 4: an array of 2147483647 elements, expected at most 268435456 bytes",
    );
    check(
        "datatype='char' arraysize='*'",
        "<BINARY><STREAM>/////w==</STREAM></BINARY>",
        "an array of -1 elements",
    );
    check(
        "datatype='char' arraysize='*'",
        "<BINARY><STREAM>AAAAAw==</STREAM></BINARY>",
        "the end of the stream within a, 0 bytes behind",
    );

    let many = "<FIELD name='a' datatype='double' arraysize='10000000'/>".repeat(4);
    check_error(&table(&many, empty), "a row with fixed arrays of more than 268435456 bytes");

    let options = ReaderOptions { max_row_bytes: 5000, ..ReaderOptions::default() };
    let too_long = |document: &str| match Reader::new(document.as_bytes(), &options) {
        Ok(mut reader) => reader.find_map(Result::err).unwrap(),
        Err(error) => error,
    };
    let long = "x".repeat(6000);
    let text = "<FIELD name='a' datatype='char' arraysize='*'/>";
    for document in [
        table(&format!("<FIELD name='{long}' datatype='int'/>"), ""),
        table(&format!("<DESCRIPTION>{long}</DESCRIPTION>"), ""),
        table(&"<FIELD name='a' datatype='int'/>".repeat(100), ""),
        format!("<VOTABLE>{}", "<INFO name='x' value='y'/>".repeat(100)),
        format!("<VOTABLE><!-- {long}"),
        "<a>".repeat(300),
        format!("<VOTABLE>{}", "<a>".repeat(300)),
        format!("<VOTABLE><{long}"),
        table(text, &format!("<TABLEDATA><TR><TD>{long}</TD></TR></TABLEDATA>")),
        table(text, &format!("<TABLEDATA><TR><TD>{long}&amp;</TD></TR></TABLEDATA>")),
        table(
            text,
            &format!("<TABLEDATA><TR><TD>{}</TD></TR></TABLEDATA>", "<![CDATA[xxxxx]]>".repeat(2000)),
        ),
    ] {
        let error = too_long(&document).to_string();
        assert!(
            ["limit `max_row_bytes`", "nested", "VOTABLE"].iter().any(|word| error.contains(word)),
            "{error}"
        );
    }
}

#[test]
fn batches_end_at_their_bytes_too() {
    let rows = "<TR><TD>0123456789</TD></TR>".repeat(100);
    let document =
        table("<FIELD name='a' datatype='char' arraysize='*'/>", &format!("<TABLEDATA>{rows}</TABLEDATA>"));
    let options = ReaderOptions { batch_bytes: 300, ..ReaderOptions::default() };
    let sizes: Vec<usize> =
        Reader::new(document.as_bytes(), &options).unwrap().map(|batch| batch.unwrap().num_rows()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 100);
    assert!(sizes.iter().all(|&rows| (1..=15).contains(&rows)), "{sizes:?}");
}

#[test]
fn a_reader_can_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Reader<&[u8]>>();
    is_send::<Error>();
}
