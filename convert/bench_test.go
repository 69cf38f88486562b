package convert

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"
)

// BenchmarkAppend is the cost of a cell, batches of 8192 rows included.
func BenchmarkAppend(b *testing.B) {
	berlin := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Berlin"}
	micros := &arrow.TimestampType{Unit: arrow.Microsecond}
	for _, bb := range []struct {
		name string
		dt   arrow.DataType
		text string
	}{
		{"int64/2 digits", arrow.PrimitiveTypes.Int64, "42"},
		{"int64/10 digits", arrow.PrimitiveTypes.Int64, "1705315800"},
		{"int32", arrow.PrimitiveTypes.Int32, "1234567"},
		{"uint64", arrow.PrimitiveTypes.Uint64, "1234567"},
		{"float64/short", arrow.PrimitiveTypes.Float64, "19.99"},
		{"float64/17 digits", arrow.PrimitiveTypes.Float64, "3.1415926535897931"},
		{"float32", arrow.PrimitiveTypes.Float32, "19.99"},
		{"decimal128/short", &arrow.Decimal128Type{Precision: 10, Scale: 2}, "19.99"},
		{"decimal128/38 digits", &arrow.Decimal128Type{Precision: 38, Scale: 10}, "1234567890123456789012345678.9012345678"},
		{"boolean", arrow.FixedWidthTypes.Boolean, "true"},
		{"date32", arrow.FixedWidthTypes.Date32, "2024-01-15"},
		{"timestamp/text", micros, "2024-01-15T10:30:00"},
		{"timestamp/offset", micros, "2024-01-15T10:30:00.123456+05:30"},
		{"timestamp/epoch", micros, "1705315800"},
		{"timestamp/zone", berlin, "2024-01-15T10:30:00"},
		{"utf8/16 bytes", arrow.BinaryTypes.String, "Alice Wonderland"},
		{"utf8/1 KiB", arrow.BinaryTypes.String, strings.Repeat("x", 1024)},
		{"utf8/not ASCII", arrow.BinaryTypes.String, "Zürich 東京 🙂"},
		{"binary/16 bytes", arrow.BinaryTypes.Binary, "Alice Wonderland"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			c := newColumn(b, memory.DefaultAllocator, bb.dt)
			defer c.Release()
			value := []byte(bb.text)
			require.NoError(b, c.Append(value))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Append(value); err != nil {
					b.Fatal(err)
				}
				if c.Len() == 8192 {
					c.NewArray().Release()
				}
			}
		})
	}
}

func BenchmarkAppendNull(b *testing.B) {
	c := newColumn(b, memory.DefaultAllocator, arrow.PrimitiveTypes.Int64)
	defer c.Release()
	b.ReportAllocs()
	for b.Loop() {
		c.AppendNull()
		if c.Len() == 8192 {
			c.NewArray().Release()
		}
	}
}

// A bad cell costs about what a good one does.
func BenchmarkAppendBad(b *testing.B) {
	c := newColumn(b, memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Microsecond})
	defer c.Release()
	value := []byte("2024-01-15T25:61:61")
	b.ReportAllocs()
	for b.Loop() {
		if c.Append(value) == nil {
			b.Fatal("taken")
		}
	}
}
