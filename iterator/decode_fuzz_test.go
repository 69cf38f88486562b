package iterator

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/schema"
)

// decodeKinds are the ways to read a key, each with the metadata columns.
var decodeKinds = []struct {
	command string
	newKind func(*layout) kind
	honest  string // the replies for a row, metadata included
	row     string
}{
	{"HMGET", func(l *layout) kind { return newHashKind(l, HMGET) }, "*2\r\n$1\r\na\r\n$2\r\n42\r\n:-1\r\n:7\r\n", "a|42|-1|7"},
	{"HGETALL", func(l *layout) kind { return newHashKind(l, HGETALL) }, "*4\r\n$3\r\nage\r\n$2\r\n42\r\n$4\r\nname\r\n$1\r\na\r\n:-1\r\n:7\r\n", "a|42|-1|7"},
	{"GET", func(l *layout) kind { return newStringKind(l, AutoStringCommand, 0) }, "$2\r\n42\r\n:-1\r\n:7\r\n", "42|-1|7"},
	{"TYPE", func(l *layout) kind { return newHashKind(l, HMGET) }, "+hash\r\n:-1\r\n:7\r\n", "-1|7"},
}

func decodeLayout(t testing.TB, command string) layout {
	const metadata = "ttl:ttl,at:expires_at,key:binary_key"
	text := map[string]string{"HMGET": "name:utf8,age:int64,", "HGETALL": "name:utf8,age:int64,", "GET": "age:int64,", "TYPE": ""}[command] + metadata
	if command == "GET" {
		s, err := schema.ParseString(text)
		require.NoError(t, err)
		return newLayout(s)
	}
	s, err := schema.ParseHash(text)
	require.NoError(t, err)
	return newLayout(s)
}

// Whatever comes for a key: a row is made of whole replies of the right kind,
// and is what they say; nothing else leaves a trace in the columns.
func FuzzDecode(f *testing.F) {
	for i, k := range decodeKinds {
		for _, wire := range []string{
			k.honest, strings.Replace(k.honest, ":-1", ":-2", 1), strings.Replace(k.honest, ":7", ":-2", 1), strings.Replace(k.honest, ":7", ":-1", 1), "", "-MOVED 1 a:1\r\n", "-WRONGTYPE no\r\n:-1\r\n:-1\r\n", ":0\r\n", "$-1\r\n:-2\r\n:-2\r\n", "*0\r\n:-2\r\n:-2\r\n", "*-1\r\n", "+none\r\n:-2\r\n:-2\r\n", "+list\r\n:-1\r\n:-1\r\n",
			"*2\r\n$-1\r\n$-1\r\n:-1\r\n:-1\r\n", "*1\r\n$1\r\na\r\n", "*3\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n", "*2\r\n:1\r\n*0\r\n", "*2\r\n$2\r\n\xff\xfe\r\n$1\r\nx\r\n:-1\r\n:-1\r\n",
			"*6\r\n$3\r\nage\r\n$1\r\n1\r\n$3\r\nage\r\n$1\r\n2\r\n$5\r\nother\r\n*1\r\n:1\r\n:-1\r\n:-1\r\n", "*2\r\n$4\r\nname\r\n$-1\r\n:-1\r\n:-1\r\n",
			"*2\r\n$100\r\n" + strings.Repeat("x", 100) + "\r\n$100\r\n" + strings.Repeat("1", 100) + "\r\n:-1\r\n:-1\r\n", "$1\r\n1\r\n:-3\r\n:-1\r\n", "$1\r\n1\r\n-LOADING\r\n+OK\r\n",
		} {
			f.Add(byte(i), []byte(wire+k.honest))
			f.Add(byte(i+4), []byte(":1\r\n"+wire))
		}
	}
	f.Fuzz(func(t *testing.T, settings byte, wire []byte) {
		k := decodeKinds[settings%4]
		step := settings >> 2 % 2 // 1 is with EXISTS in front
		if k.command != "HMGET" {
			step = 0
		}
		policy := []convert.Policy{convert.Null, convert.SkipRow, convert.Fail}[settings>>3%3]
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer mem.AssertSize(t, 0)
		l := decodeLayout(t, k.command)
		config := Config{Allocator: mem, OnParseError: policy}.withDefaults()
		b, err := newBuilder(&l, &config, k.newKind(&l).newReader(), nil)
		require.NoError(t, err)
		defer b.release()
		decode := func(step uint8, key string, r *resp.Reader) (scan.Result, error) {
			res, err := b.Decode(step, []byte(key), r)
			for _, c := range b.columns {
				require.Equal(t, b.rows, c.Len())
			}
			return res, err
		}
		var want []string
		honest := func(key string) {
			res, err := decode(0, key, resp.NewReader(strings.NewReader(k.honest), 64))
			require.NoError(t, err)
			require.Equal(t, scan.Result{Outcome: scan.Rows, Rows: 1}, res)
			want = append(want, k.row+"|"+key)
		}
		honest("first")
		r := resp.NewReader(iotest.HalfReader(bytes.NewReader(wire)), 64)
		model := resp.NewReader(bytes.NewReader(wire), 64)
		for n := 0; ; n++ {
			key := fmt.Sprint("key", n)
			res, err := decode(step, key, r)
			if err != nil {
				require.Zero(t, res.Rows)
				break
			}
			row, outcome := modelDecode(t, model, k.command, step == 1, policy)
			require.Equal(t, outcome, res.Outcome)
			require.Equal(t, model.BytesRead(), r.BytesRead())
			if outcome == scan.Rows {
				want = append(want, row+"|"+key)
			}
		}
		honest("last")
		out := b.take()
		defer out.release()
		require.Equal(t, len(want), out.rows)
		for _, a := range out.arrays {
			require.NoError(t, array.ValidateFull(a))
		}
		for i, row := range want {
			cells := make([]string, len(out.arrays))
			for c, a := range out.arrays {
				switch typed := a.(type) {
				case *array.Timestamp:
					cells[c] = fmt.Sprint(int64(typed.Value(i)))
				case *array.Binary:
					cells[c] = string(typed.Value(i))
				default:
					cells[c] = a.ValueStr(i)
				}
				if a.IsNull(i) {
					cells[c] = "null"
				}
			}
			require.Equal(t, row, strings.Join(cells, "|"))
		}
	})
}

// modelDecode says what a key's replies mean, reply by reply. It is asked only
// where Decode has found nothing wrong with them.
func modelDecode(t *testing.T, r *resp.Reader, command string, exists bool, policy convert.Policy) (row string, outcome scan.Outcome) {
	next := func() resp.Value {
		v, err := r.ReadValue()
		require.NoError(t, err)
		return v
	}
	settle := func(o scan.Outcome) {
		if outcome == scan.Rows {
			outcome = o
		}
	}
	failed := func(v resp.Value) bool {
		if v.Kind == resp.Error {
			settle(scan.Refused)
			return true
		}
		return false
	}
	bad := false
	text := func(v resp.Value) string {
		if v.Null {
			return "null"
		}
		if !utf8.ValidString(v.Text) {
			bad = true
			return "null"
		}
		return v.Text
	}
	number := func(v resp.Value) string {
		if v.Null {
			return "null"
		}
		n, err := convert.ParseInt64([]byte(v.Text))
		if err != nil {
			bad = true
			return "null"
		}
		return fmt.Sprint(n)
	}
	if exists {
		if v := next(); !failed(v) {
			require.Equal(t, resp.Integer, v.Kind)
			if v.Int == 0 {
				settle(scan.Vanished)
			}
		}
	}
	v := next()
	var cells []string
	switch {
	case command != "TYPE" && v.Kind == resp.Error && strings.HasPrefix(v.Text, "WRONGTYPE"):
		settle(scan.WrongType)
	case failed(v):
	case command == "HMGET":
		require.Equal(t, resp.Array, v.Kind)
		require.Len(t, v.Elems, 2)
		require.Equal(t, resp.Bulk, v.Elems[0].Kind)
		require.Equal(t, resp.Bulk, v.Elems[1].Kind)
		cells = []string{text(v.Elems[0]), number(v.Elems[1])}
		if v.Elems[0].Null && v.Elems[1].Null && !exists {
			settle(scan.Again)
		}
	case command == "HGETALL":
		require.Equal(t, resp.Array, v.Kind)
		if len(v.Elems) == 0 {
			settle(scan.Vanished)
		}
		cells = []string{"null", "null"}
		for i, name := range []string{"name", "age"} {
			found := false
			for e := 0; e < len(v.Elems) && !found; e += 2 {
				require.Equal(t, resp.Bulk, v.Elems[e].Kind)
				require.False(t, v.Elems[e].Null)
				if v.Elems[e].Text == name { // the first of a name counts
					found = true
					require.Equal(t, resp.Bulk, v.Elems[e+1].Kind)
					require.False(t, v.Elems[e+1].Null)
					cells[i] = []func(resp.Value) string{text, number}[i](v.Elems[e+1])
				}
			}
		}
	case command == "GET":
		require.Equal(t, resp.Bulk, v.Kind)
		if v.Null {
			settle(scan.Vanished)
		} else {
			cells = []string{number(v)}
		}
	default:
		require.Equal(t, resp.Simple, v.Kind)
		switch v.Text {
		case "hash":
		case "none":
			settle(scan.Vanished)
		default:
			settle(scan.WrongType)
		}
	}
	for _, noExpiry := range []string{"-1", "null"} {
		v := next()
		if outcome != scan.Rows {
			continue
		}
		if !failed(v) {
			require.Equal(t, resp.Integer, v.Kind)
			require.GreaterOrEqual(t, v.Int, int64(-2))
			switch v.Int {
			case -2:
				settle(scan.Again)
			case -1:
				cells = append(cells, noExpiry)
			default:
				cells = append(cells, fmt.Sprint(v.Int))
			}
		}
	}
	switch {
	case outcome == scan.Rows && bad && policy == convert.Fail:
		outcome = scan.Stop
	case outcome == scan.Rows && bad && policy == convert.SkipRow:
		outcome = scan.Skipped
	}
	return strings.Join(cells, "|"), outcome
}
