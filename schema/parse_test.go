package schema_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/schema"
)

// What is written, and how it prints.
func TestParse(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{
			`_key:key,_ttl:ttl[s],name:utf8,"odd:name":int64,seen:timestamp[ms,UTC],at:timestamp[us,epoch=s]`,
			`_key:key,_ttl:ttl[s],name:utf8,"odd:name":int64,seen:timestamp[ms,UTC],at:timestamp[us,epoch=s]`,
		},
		{"a:string,b:text,c:utf8", "a:utf8,b:utf8,c:utf8"},
		{"a:int,b:integer,c:int64", "a:int64,b:int64,c:int64"},
		{"a:double,b:float64", "a:float64,b:float64"},
		{"a:int8,b:int16,c:int32,d:uint8,e:uint16,f:uint32,g:uint64,h:float32", "a:int8,b:int16,c:int32,d:uint8,e:uint16,f:uint32,g:uint64,h:float32"},
		{"a:large_utf8,b:large_string,c:large_binary", "a:large_utf8,b:large_utf8,c:large_binary"},
		{"a:decimal128[10,2],b:decimal[10,2],c:decimal128[38,38]", "a:decimal128[10,2],b:decimal128[10,2],c:decimal128[38,38]"},
		{"a:decimal128[ 5 ],b:decimal[05,00]", "a:decimal128[5,0],b:decimal128[5,0]"},
		{"a:bool,b:boolean", "a:boolean,b:boolean"},
		{"a:date,b:date32", "a:date32,b:date32"},
		{"a:binary", "a:binary"},
		{"a:timestamp", "a:timestamp[us]"},
		{"a:timestamp[s,epoch=ns,+05:00]", "a:timestamp[s,+05:00,epoch=ns]"},
		{"a:timestamp[ns,utc]", "a:timestamp[ns,UTC]"},
		{"a:ttl", "a:ttl[s]"},
		{"a:ttl[ms]", "a:ttl[ms]"},
		{"e:expires_at,i:index,k:binary_key,t:ttl", "e:expires_at,i:index,k:binary_key,t:ttl[s]"},
		{" \t\r\n_key : key ,\n  a :  timestamp [ us , UTC , epoch=s ] ", "_key:key,a:timestamp[us,UTC,epoch=s]"},
		{`"plain":utf8`, "plain:utf8"},
		{`"a b" : utf8`, `"a b":utf8`},
		// acceptance F, row 6: the names of fields
		{strings.Repeat("a", 1000) + ":utf8", strings.Repeat("a", 1000) + ":utf8"},
		{"123:utf8,field-with-dashes:utf8,a.b:utf8,a/b:utf8,_:utf8", "123:utf8,field-with-dashes:utf8,a.b:utf8,a/b:utf8,_:utf8"},
		{`"a:b":utf8,"":utf8`, `"a:b":utf8,"":utf8`},
		{`"a,b":utf8,"[x]":utf8,"q\"q":utf8,"b\\s":utf8,"'":utf8`, `"a,b":utf8,"[x]":utf8,"q\"q":utf8,"b\\s":utf8,"'":utf8`},
		{"Zürich:utf8,東京:utf8,مرحبا:utf8", "Zürich:utf8,東京:utf8,مرحبا:utf8"},
		{`"🙂":utf8,"\ud83d\ude00":utf8`, `"🙂":utf8,"😀":utf8`},
		{`"\u0041\u0000\n\t\/\b\f\r":utf8`, `"A\u0000\n\t/\b\f\r":utf8`},
		{`"<html>&":utf8`, `"<html>&":utf8`},
		{`"\ufffd":utf8`, "\"\uFFFD\":utf8"},
	} {
		t.Run(test.text, func(t *testing.T) {
			h, err := schema.ParseHash(test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, h.String())
			again, err := schema.ParseHash(test.want)
			require.NoError(t, err)
			assert.True(t, again.Equal(h))
			assert.True(t, again.Arrow().Equal(h.Arrow()))
		})
	}
}

// Every name that Arrow can hold survives printing and parsing.
func TestNamesSurvive(t *testing.T) {
	for _, name := range []string{
		"", " ", "a", "a b", " a ", "a:b", "a,b", "a]b", `"`, `\`, `"quoted"`, "\x00", "\x1f", "\x7f", "\n",
		"\u2028", "e\u0301", "\u0301", "🙂", "\uFFFD", "ttl[s]", "key", "<&>", "²", "٣", strings.Repeat("x", 1000),
	} {
		h, err := schema.NewHash(schema.Utf8(name), schema.Int64(name+"2"))
		require.NoError(t, err)
		parsed, err := schema.ParseHash(h.String())
		require.NoError(t, err, "%q", h)
		assert.True(t, parsed.Equal(h), "%q", h)
		assert.Equal(t, name, parsed.Columns()[0].Name())
	}
}

func TestParseMistakes(t *testing.T) {
	for _, test := range []struct {
		text   string
		column string
		offset int
		item   string
		reason string
	}{
		// acceptance G, row 6
		{"", "", 0, "", "no column at all"},
		{"  ", "", 2, "", "no column at all"},
		// acceptance G, row 11
		{"_key:key, a:utf8 , a :int64 ", "a", 19, "a :int64", "same name"},
		{"a:key,a:utf8", "a", 6, "a:utf8", "same name"},
		{"a:int64,b:nonsense", "b", 10, "nonsense", `unknown type "nonsense": known are utf8, binary, large_utf8, large_binary, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, decimal128[PRECISION,SCALE], boolean, date32, timestamp[s|ms|us|ns,ZONE,epoch=s|ms|us|ns]; and for metadata key, binary_key, ttl[s|ms], expires_at, index`},
		{"a:float", "a", 2, "float", `unknown type "float"`},
		{"a:Utf8", "a", 2, "Utf8", "unknown type"},

		{"t:ttl,u:ttl[ms]", "u", 6, "u:ttl[ms]", "second TTL column"},
		{"a", "a", 1, "", "the type is missing"},
		{"a,b:utf8", "a", 1, ",", "the type is missing"},
		{"a:", "a", 2, "", "the type is missing"},
		{"a:,b:utf8", "a", 2, ",", "the type is missing"},
		{"a:utf8,", "", 7, "", "no column follows"},
		{",a:utf8", "", 0, ",", "a column is missing"},
		{"a:utf8,,b:utf8", "", 7, ",", "a column is missing"},
		{":utf8", "", 0, ":utf8", `the empty name as ""`},
		{"odd name:utf8", "odd", 4, "name:utf8", "quoted"},
		{"a?:utf8", "a", 1, "?:utf8", "quoted"},
		{"?:utf8", "", 0, "?:utf8", "quoted"},
		{"user:name:utf8", "user", 9, ":utf8", `"user:name":TYPE`},
		{"user:int64:utf8", "user", 10, ":utf8", `"user:int64":TYPE`},
		{"a:utf8 b:utf8", "a", 7, "b:utf8", "comma"},
		{"a:utf8]", "a", 6, "]", "comma"},
		{`"a`, "", 0, `"a`, "closing quote"},
		{`"a\"`, "", 0, `"a\"`, "closing quote"},
		{`"a":utf8,"b\x":utf8`, "", 11, `\x":utf8`, "escape"},
		{`"\u12":utf8`, "", 1, `\u12":utf8`, "escape"},
		{`"\u+123":utf8`, "", 1, `\u+123":utf8`, "escape"},
		{`"\ud83d":utf8`, "", 1, `\ud83d":utf8`, "escape"},
		{`"\ud83d\u0041":utf8`, "", 1, `\ud83d\u0041":utf8`, "escape"},
		{`"\ude00":utf8`, "", 1, `\ude00":utf8`, "escape"},
		{`"\`, "", 1, `\`, "escape"},
		{"\"a\nb\":utf8", "", 2, "\nb\":utf8", "control characters"},
		{"a:utf8,b\xff:utf8", "", 8, "\xff:utf8", "UTF-8"},
		{"\uFFFD\xff", "", 3, "\xff", "UTF-8"},

		{"a:utf8[]", "a", 7, "]", "missing here"},
		{"a:utf8[max]", "a", 7, "max", "utf8 takes no parameters"},
		{"a:key[s]", "a", 6, "s", "key takes no parameters"},
		{"a:ttl[us]", "a", 6, "us", `"us" isn't a unit of a TTL`},
		{"a:ttl[x]", "a", 6, "x", `"x" isn't a unit of a TTL`},
		{"a:ttl[s,ms]", "a", 8, "ms", "one unit is enough"},
		{"a:ttl[s", "a", 5, "[s", "closing bracket"},
		{"a:ttl[", "a", 5, "[", "closing bracket"},
		{"a:ttl[s,", "a", 5, "[s", "closing bracket"},
		{"a:ttl[s[", "a", 5, "[s[", "closing bracket"},
		{"a:decimal128", "a", 2, "decimal128", "decimal128 needs its parameters: write decimal128[PRECISION,SCALE]"},
		{"a:decimal,b:utf8", "a", 2, "decimal", "decimal needs its parameters"},
		{"a:decimal128[0]", "a", 13, "0", "from 1 to 38 digits, not 0"},
		{"a:decimal128[39,2]", "a", 13, "39", "from 1 to 38 digits, not 39"},
		{"a:decimal128[5,6]", "a", 15, "6", "from 0 to 5, not 6"},
		{"a:decimal128[5,-1]", "a", 15, "-1", `"-1" isn't a number of digits`},
		{"a:decimal128[+5]", "a", 13, "+5", `"+5" isn't a number of digits`},
		{"a:decimal128[4294967301]", "a", 13, "4294967301", "isn't a number of digits"},
		{"a:decimal128[five,2]", "a", 13, "five", `"five" isn't a number of digits`},
		{"a:decimal128[5,2,1]", "a", 17, "1", "a precision and a scale are enough"},
		{"a:timestamp[]", "a", 12, "]", "missing here"},
		{"a:timestamp[,UTC]", "a", 12, ",", "missing here"},
		{"a:timestamp[us,,UTC]", "a", 15, ",", "missing here"},
		{"a:timestamp[UTC]", "a", 12, "UTC", `"UTC" isn't a timestamp's unit`},
		{"a:timestamp[us,Mars/Olympus]", "a", 15, "Mars/Olympus", "can't be loaded"},
		{"a:timestamp[us,+25:00]", "a", 15, "+25:00", "neither a name"},
		{"a:timestamp[us,UTC,UTC]", "a", 19, "UTC", "one zone and one epoch"},
		{"a:timestamp[us,epoch=s,epoch=s]", "a", 23, "epoch=s", "one zone and one epoch"},
		{"a:timestamp[us,epoch=]", "a", 15, "epoch=", `"" isn't an epoch's unit`},
		{"a:timestamp[us,epoch=min]", "a", 15, "epoch=min", `"min" isn't an epoch's unit`},
	} {
		t.Run(test.text, func(t *testing.T) {
			h, err := schema.ParseHash(test.text)
			assert.Nil(t, h)
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			assert.Equal(t, test.column, mistake.Column, "column")
			assert.Equal(t, test.offset, mistake.Offset, "offset")
			assert.Equal(t, test.item, mistake.Item, "item")
			assert.Contains(t, mistake.Reason, test.reason)
			assert.Contains(t, err.Error(), "at offset ")

			s, err := schema.ParseString(test.text)
			assert.Nil(t, s)
			assert.ErrorAs(t, err, &mistake)
		})
	}
}

func TestParseField(t *testing.T) {
	c, err := schema.ParseField("odd:name", " timestamp[ms, UTC] ")
	require.NoError(t, err)
	assert.Equal(t, `"odd:name":timestamp[ms,UTC]`, c.String())

	for _, test := range []struct {
		text, reason string
		offset       int
	}{
		{"", "the type is missing", 0},
		{"nonsense", "unknown type", 0},
		{"utf8,b:int64", "the end was expected", 4},
		{"utf8 x", "the end was expected", 5},
		{"key", "metadata column", 0},
		{"timestamp[us,Mars]", "can't be loaded", 13},
		{"utf8\xff", "UTF-8", 4},
	} {
		t.Run(test.text, func(t *testing.T) {
			_, err := schema.ParseField("v", test.text)
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			assert.Contains(t, mistake.Reason, test.reason)
			assert.Equal(t, test.offset, mistake.Offset)
		})
	}
	_, err = schema.ParseField("a\xff", "utf8")
	assert.ErrorContains(t, err, "UTF-8")
}

// What parses prints in one form, which parses to an equal schema; what
// doesn't is an *Error whose place lies in the text. Nothing panics.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`_key:key,_ttl:ttl[s],name:utf8,"odd:name":int64,seen:timestamp[ms,UTC],at:timestamp[us,epoch=s]`,
		`"":utf8,"\ud83d\ude00\u0000\"\\":binary`,
		" a : timestamp [ ns , Europe/Berlin , epoch=ms ] ,\n b:ttl[ms], e:expires_at, i:index, k:binary_key",
		"a:utf8,a:utf8", "a:timestamp[", `"\ud83d`, "user:name:utf8", "a:utf8,,", "\xff", "東京:date,b:bool,c:double",
		"a:timestamp[s,-09:30]", "a:nonsense",
		"a:decimal128[10,2],b:decimal[38],c:large_string,d:int8,e:uint64,f:float32", "a:decimal128[39,2]", "a:decimal[5,6", "a:decimal128",
		"decimal128[10,2]", " timestamp[ms, UTC] ", "float32", "key",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := schema.ParseField("v", text); err == nil {
			again, err := schema.ParseHash(c.String())
			require.NoError(t, err)
			require.True(t, again.Columns()[0].Equal(c))
			require.True(t, schema.Field(again.Arrow().Field(0)).Equal(c) || hasEpoch(c))
		} else {
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			require.GreaterOrEqual(t, mistake.Offset, 0)
			require.LessOrEqual(t, mistake.Offset, len(text))
		}
		if value, err := schema.ParseString(text); err == nil {
			again, err := schema.ParseString(value.String())
			require.NoError(t, err)
			require.True(t, again.Equal(value))
		}
		h, err := schema.ParseHash(text)
		if err != nil {
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			require.GreaterOrEqual(t, mistake.Offset, 0)
			require.LessOrEqual(t, mistake.Offset, len(text))
			require.True(t, strings.HasPrefix(text[mistake.Offset:], mistake.Item))
			require.NotEmpty(t, err.Error())
			return
		}
		printed := h.String()
		again, err := schema.ParseHash(printed)
		require.NoError(t, err, "%q", printed)
		require.True(t, again.Equal(h), "%q", printed)
		require.True(t, again.Arrow().Equal(h.Arrow()), "%q", printed)
		require.Equal(t, printed, again.String())

		fields := columnNames(h.Fields())
		all, err := h.Project(fields...)
		require.NoError(t, err)
		require.True(t, all.Equal(h), "a projection to all fields has changed %q", printed)
	})
}

// hasEpoch reports whether c says more than its Arrow field.
func hasEpoch(c schema.Column) bool {
	_, fixed := c.EpochUnit()
	return fixed
}

// Any name and any zone, given in Go, are refused or survive the text form.
func FuzzNames(f *testing.F) {
	f.Add("name", "UTC")
	f.Add("", "Europe/Berlin")
	f.Add("a\x00\"\\\u2028", "+05:00")
	f.Add("\xff", "a],b:utf8")
	f.Fuzz(func(t *testing.T, name, zone string) {
		h, err := schema.NewHash(schema.Timestamp(name, 0, schema.TimeZone(zone)), schema.Utf8(name+"_"))
		if err != nil {
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			require.Equal(t, name, mistake.Column)
			return
		}
		parsed, err := schema.ParseHash(h.String())
		require.NoError(t, err, "%q", h)
		require.True(t, parsed.Equal(h), "%q", h)
	})
}
