package iterator

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/schema"
)

// BenchmarkDecode is the way of a reply from the read buffer into the columns,
// batches made and released included, without servers and network. "framing"
// reads the same bytes and throws them away.
func BenchmarkDecode(b *testing.B) {
	hash, err := schema.ParseHash("_key:key,name:utf8,age:int64,score:float64,active:boolean,signup_date:date32,seen:timestamp[ms,UTC],city:utf8")
	if err != nil {
		b.Fatal(err)
	}
	str, err := schema.ParseString("_key:key,value:utf8")
	if err != nil {
		b.Fatal(err)
	}
	fields := []string{"Heinrich Müller", "42", "17.25", "true", "2024-01-15", "2024-01-15T10:30:00.123Z", "Zweibrücken"}
	const rows = 1000
	var hashes, strs []byte
	var keys [][]byte
	for i := range rows {
		hashes = resp.AppendArray(hashes, len(fields))
		for _, f := range fields {
			hashes = resp.AppendBulkString(hashes, f)
		}
		strs = resp.AppendBulkString(strs, fmt.Sprint("page ", i, ", 8184 visits"))
		keys = append(keys, fmt.Appendf(nil, "user:%d", i))
	}
	hashLayout, stringLayout := newLayout(hash), newLayout(str)
	for _, c := range []struct {
		name   string
		wire   []byte
		layout *layout
		reader valueReader
	}{
		{"hash", hashes, &hashLayout, newHashKind(&hashLayout, AutoHashCommand).newReader()},
		{"string", strs, &stringLayout, newStringKind(&stringLayout, AutoStringCommand, 0).newReader()},
	} {
		b.Run(c.name+"/rows", func(b *testing.B) {
			src := bytes.NewReader(nil)
			r := resp.NewReader(src, 64<<10)
			config := Config{}.withDefaults()
			builder, err := newBuilder(c.layout, &config, c.reader, func(out block) error { out.release(); return nil })
			if err != nil {
				b.Fatal(err)
			}
			defer builder.release()
			b.ReportAllocs()
			for i := 0; b.Loop(); i = (i + 1) % rows {
				if i == 0 {
					src.Reset(c.wire)
				}
				if res, err := builder.Decode(0, keys[i], r); err != nil || res.Rows != 1 {
					b.Fatal(res, err)
				}
			}
		})
		b.Run(c.name+"/framing", func(b *testing.B) {
			src := bytes.NewReader(nil)
			r := resp.NewReader(src, 64<<10)
			for i := 0; b.Loop(); i = (i + 1) % rows {
				if i == 0 {
					src.Reset(c.wire)
				}
				if err := r.Skip(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
