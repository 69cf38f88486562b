package arrowutil_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
)

func TestCollect(t *testing.T) {
	for _, batches := range []int{0, 1, 4} {
		mem := checked(t)
		rr := newReader(t, mem, batches, 30)
		table, err := arrowutil.Collect(rr)
		require.NoError(t, err)
		rr.Release() // the table outlives its reader
		assert.EqualValues(t, batches*30, table.NumRows())
		assert.True(t, table.Schema().Equal(testSchema))

		tr := array.NewTableReader(table, 30)
		var got []arrow.RecordBatch
		for tr.Next() {
			b := tr.RecordBatch()
			b.Retain()
			got = append(got, b)
		}
		requireBatches(t, got, batches, 30)
		for _, b := range got {
			b.Release()
		}
		tr.Release()
		table.Release()
	}
}

func TestCollectReaderFails(t *testing.T) {
	mem := checked(t)
	rr := newReader(t, mem, 3, 30)
	rr.err = errReader
	table, err := arrowutil.Collect(rr)
	assert.Same(t, errReader, err)
	assert.Nil(t, table)
}

func TestCompressionText(t *testing.T) {
	for text, want := range map[string]arrowutil.Compression{
		"none": arrowutil.None, "lz4": arrowutil.LZ4, "zstd": arrowutil.ZSTD,
	} {
		got, err := arrowutil.ParseCompression(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.Equal(t, text, got.String())
	}
	for _, text := range []string{"", "LZ4", "gzip", "zstd "} {
		_, err := arrowutil.ParseCompression(text)
		require.ErrorContains(t, err, "use none, lz4 or zstd", "%q", text)
	}
	assert.Equal(t, "Compression(7)", arrowutil.Compression(7).String())
}
