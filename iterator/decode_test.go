package iterator

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Fields that aren't wanted are passed over without being held, however long
// they and their names are.
func TestUnwantedIsNotHeld(t *testing.T) {
	const size = 32 << 20
	text := strings.Repeat("x", size)
	bulk := func() []io.Reader {
		return []io.Reader{strings.NewReader(fmt.Sprintf("$%d\r\n", size)), strings.NewReader(text), strings.NewReader("\r\n")}
	}
	s, err := schema.ParseHash("a:utf8,b:utf8")
	require.NoError(t, err)
	l := newLayout(s)
	config := Config{}.withDefaults()
	b, err := newBuilder(&l, &config, newHashKind(&l, HGETALL).newReader(), nil)
	require.NoError(t, err)
	defer b.release()
	wire := []io.Reader{strings.NewReader("*8\r\n")}
	wire = append(wire, bulk()...) // a name
	wire = append(wire, bulk()...) // its value
	wire = append(wire, strings.NewReader("$1\r\nb\r\n$3\r\none\r\n$1\r\nc\r\n"))
	wire = append(wire, bulk()...) // c's value
	wire = append(wire, strings.NewReader("$1\r\na\r\n$3\r\ntwo\r\n"))
	r := resp.NewReader(io.MultiReader(wire...), 64<<10)
	before := allocated()
	res, err := b.Decode(stepFirst, []byte("k"), r)
	require.NoError(t, err)
	assert.Less(t, allocated()-before, uint64(64<<10))
	assert.Equal(t, scan.Result{Outcome: scan.Rows, Rows: 1}, res)
	out := b.take()
	defer out.release()
	assert.Equal(t, "two", out.arrays[0].ValueStr(0))
	assert.Equal(t, "one", out.arrays[1].ValueStr(0))
}

// A batch ends with the row that makes it reach BatchBytes, so no column can
// have more bytes than offsets of 32 bits count.
func TestOffsetsCountAnyBatch(t *testing.T) {
	assert.LessOrEqual(t, int64(MaxBatchBytes+resp.MaxBulk), int64(math.MaxInt32))
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
