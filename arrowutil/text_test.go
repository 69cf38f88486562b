package arrowutil_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/internal/pyenv"
)

var textSchema = arrow.NewSchema([]arrow.Field{
	{Name: "text, <b>", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "large", Type: arrow.BinaryTypes.LargeString, Nullable: true},
	{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true},
	{Name: "i8", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
	{Name: "i64", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "u64", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
	{Name: "f32", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	{Name: "f64", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "dec", Type: &arrow.Decimal128Type{Precision: 38, Scale: 2}, Nullable: true},
	{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "s", Type: &arrow.TimestampType{Unit: arrow.Second}, Nullable: true},
	{Name: "ms", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, Nullable: true},
	{Name: "us", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Berlin"}, Nullable: true},
}, nil)

const textRows = `[
{"text, <b>": "a \"quoted\"\r\n, <line> \u0001", "large": " Zürich", "bytes": "/wAB", "i8": -128, "i64": -9223372036854775808,
 "u64": 18446744073709551615, "f32": 0.1, "f64": 1.7976931348623157e308, "dec": "123456789012345678901234567890123456.78", "ok": true,
 "day": "0001-01-01", "s": "2024-01-15T10:30:00", "ms": "2024-01-15T10:30:00.123Z", "us": "2024-07-15T10:30:00.123456Z"},
{"text, <b>": "", "large": "東京", "bytes": "", "i8": 0, "i64": 9223372036854775807,
 "u64": 0, "f32": "+Inf", "f64": "-Inf", "dec": "-0.50", "ok": false,
 "day": "9999-12-31", "s": "1969-12-31T23:59:59", "ms": "1970-01-01T00:00:00Z", "us": "1969-12-31T23:59:59.999999Z"},
{},
{"text, <b>": "nan", "f32": 1, "f64": "NaN", "dec": "0.00"}
]`

func written(t *testing.T, rr array.RecordReader, f arrowutil.Format) string {
	t.Helper()
	var out bytes.Buffer
	_, err := arrowutil.WriteStream(&out, rr, f)
	require.NoError(t, err)
	return out.String()
}

func TestCSV(t *testing.T) {
	assert.Equal(t, `"text, <b>",large,bytes,i8,i64,u64,f32,f64,dec,ok,day,s,ms,us
"a ""quoted""`+"\r\n"+`, <line> `+"\x01"+`"," Zürich",/wAB,-128,-9223372036854775808,18446744073709551615,0.1,1.7976931348623157e+308,123456789012345678901234567890123456.78,true,0001-01-01,2024-01-15T10:30:00,2024-01-15T10:30:00.123Z,2024-07-15T12:30:00.123456+02:00
"",東京,"",0,9223372036854775807,0,inf,-inf,-0.50,false,9999-12-31,1969-12-31T23:59:59,1970-01-01T00:00:00Z,1970-01-01T00:59:59.999999+01:00
,,,,,,,,,,,,,
nan,,,,,,1,NaN,0.00,,,,,
`, written(t, columns(t, memory.DefaultAllocator, textSchema, textRows), arrowutil.CSV{}))

	one := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	assert.Equal(t, "a\n1\n\"\"\n3\n", written(t, columns(t, memory.DefaultAllocator, one, `[{"a":1},{},{"a":3}]`), arrowutil.CSV{}))
}

func TestJSONLines(t *testing.T) {
	assert.Equal(t, `{"text, <b>":"a \"quoted\"\r\n, <line> \u0001","large":" Zürich","bytes":"/wAB","i8":-128,"i64":-9223372036854775808,"u64":18446744073709551615,"f32":0.1,"f64":1.7976931348623157e+308,"dec":"123456789012345678901234567890123456.78","ok":true,"day":"0001-01-01","s":"2024-01-15T10:30:00","ms":"2024-01-15T10:30:00.123Z","us":"2024-07-15T12:30:00.123456+02:00"}
{"text, <b>":"","large":"東京","bytes":"","i8":0,"i64":9223372036854775807,"u64":0,"f32":null,"f64":null,"dec":"-0.50","ok":false,"day":"9999-12-31","s":"1969-12-31T23:59:59","ms":"1970-01-01T00:00:00Z","us":"1970-01-01T00:59:59.999999+01:00"}
{"text, <b>":null,"large":null,"bytes":null,"i8":null,"i64":null,"u64":null,"f32":null,"f64":null,"dec":null,"ok":null,"day":null,"s":null,"ms":null,"us":null}
{"text, <b>":"nan","large":null,"bytes":null,"i8":null,"i64":null,"u64":null,"f32":1,"f64":null,"dec":"0.00","ok":null,"day":null,"s":null,"ms":null,"us":null}
`, written(t, columns(t, memory.DefaultAllocator, textSchema, textRows), arrowutil.JSONLines{}))
}

// Columns that no schema of redisarrow has, of other people's readers.
func TestTextOfNestedColumns(t *testing.T) {
	nested := arrow.NewSchema([]arrow.Field{
		{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true},
		{Name: "struct", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true},
	}, nil)
	rows := `[{"list":[1,2],"struct":{"a":"x"}},{"list":null,"struct":null}]`
	assert.Equal(t, `{"list":[1,2],"struct":{"a":"x"}}`+"\n"+`{"list":null,"struct":null}`+"\n",
		written(t, columns(t, memory.DefaultAllocator, nested, rows), arrowutil.JSONLines{}))
	assert.Equal(t, `list,struct`+"\n"+`"[1,2]","{""a"":""x""}"`+"\n,\n",
		written(t, columns(t, memory.DefaultAllocator, nested, rows), arrowutil.CSV{}))
}

// What other programs make of the text: the cells; nulls, where they look at the
// quotes; and no sense of a stream that failed.
func TestTextOtherReaders(t *testing.T) {
	dir := t.TempDir()
	for name, f := range map[string]arrowutil.Format{"csv": arrowutil.CSV{}, "jsonl": arrowutil.JSONLines{}} {
		_, err := arrowutil.WriteFile(filepath.Join(dir, "whole."+name), columns(t, checked(t), textSchema, textRows), f)
		require.NoError(t, err)
		rr := newReader(t, checked(t), 2, 5)
		rr.err = errReader
		file, err := os.Create(filepath.Join(dir, "failed."+name))
		require.NoError(t, err)
		_, err = arrowutil.WriteStream(file, rr, f)
		require.ErrorIs(t, err, errReader)
		require.NoError(t, file.Close())
	}
	pyenv.Run(t, `
import csv, datetime, decimal, json, math, os, sys
import polars, pyarrow, pyarrow.csv, pyarrow.json
os.chdir(sys.argv[1])
text, high, low = "a \"quoted\"\r\n, <line> \x01", 2**63 - 1, -2**63
utc = datetime.timezone.utc

# CSV
types = {"u64": pyarrow.uint64(), "dec": pyarrow.decimal128(38, 2), "bytes": pyarrow.string(), "f64": pyarrow.float64(),
         "us": pyarrow.timestamp("us", "UTC"), "ms": pyarrow.timestamp("ms", "UTC")}
t = pyarrow.csv.read_csv("whole.csv", parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True), convert_options=pyarrow.csv.ConvertOptions(
    column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""])).to_pydict()
assert t["text, <b>"] == [text, "", None, "nan"], t
assert t["large"] == [" Zürich", "東京", None, None], t
assert t["bytes"] == ["/wAB", "", None, None], t
assert t["i64"] == [low, high, None, None] and t["u64"] == [2**64 - 1, 0, None, None], t
assert t["f32"] == [0.1, math.inf, None, 1.0] and t["f64"][:3] == [1.7976931348623157e308, -math.inf, None] and math.isnan(t["f64"][3]), t
assert t["dec"] == [decimal.Decimal("123456789012345678901234567890123456.78"), decimal.Decimal("-0.50"), None, 0], t
assert t["ok"] == [True, False, None, None], t
assert t["day"] == [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None, None], t
assert t["s"] == [datetime.datetime(2024, 1, 15, 10, 30), datetime.datetime(1969, 12, 31, 23, 59, 59), None, None], t
assert t["ms"][0] == datetime.datetime(2024, 1, 15, 10, 30, 0, 123000, utc), t
assert t["us"][:2] == [datetime.datetime(2024, 7, 15, 10, 30, 0, 123456, utc), datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, utc)], t

p = polars.read_csv("whole.csv", try_parse_dates=True)
assert p["text, <b>"].to_list() == [text, "", None, "nan"] and p["i64"].to_list() == [low, high, None, None], p
assert p["us"][0] == datetime.datetime(2024, 7, 15, 10, 30, 0, 123456, utc) and math.isnan(p["f64"][3]) and p["f64"][1] == -math.inf, p

lines = list(csv.reader(open("whole.csv", newline="", encoding="utf-8"), strict=True))
assert len(lines) == 5 and lines[1][:3] == [text, " Zürich", "/wAB"] and lines[3] == [""] * 14, lines

# JSON lines
j = [json.loads(line) for line in open("whole.jsonl", encoding="utf-8")]
assert [list(row) for row in j] == [lines[0]] * 4
assert j[0]["text, <b>"] == text and j[0]["i64"] == low and j[0]["u64"] == 2**64 - 1 and j[0]["f64"] == 1.7976931348623157e308, j
assert j[1]["text, <b>"] == "" and j[1]["f64"] is None and list(j[2].values()) == [None] * 14, j
t = pyarrow.json.read_json("whole.jsonl").to_pydict()
assert t["text, <b>"] == [text, "", None, "nan"] and t["i64"] == [low, high, None, None] and t["f32"] == [0.1, None, None, 1.0], t
p = polars.read_ndjson("whole.jsonl")
assert p["large"].to_list() == [" Zürich", "東京", None, None] and p["u64"].to_list() == [2**64 - 1, 0, None, None], p

# What failed
for name, read in {
    "failed.csv": (pyarrow.csv.read_csv, polars.read_csv, lambda f: list(csv.reader(open(f, newline="", encoding="utf-8")))),
    "failed.jsonl": (pyarrow.json.read_json, polars.read_ndjson, lambda f: [json.loads(line) for line in open(f)]),
}.items():
    for r in read:
        try:
            r(name)
        except Exception:
            continue
        sys.exit(f"{name} was read as whole by {r}")
`, dir)
}
