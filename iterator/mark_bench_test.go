package iterator

import (
	"fmt"
	"testing"

	"github.com/redisarrow/redisarrow/internal/scan"
)

// What a row costs with Checkpoints: its mark when it is read, and the account of it
// when its batch is handed out.
func BenchmarkMark(b *testing.B) {
	const batch = 8192
	keys := make([][]byte, 100_000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "user:%d", i)
	}
	a := newAccount()
	m := a.builder(&scan.Scan{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.add(keys[i%len(keys)])
		if i%batch == batch-1 {
			out := block{}
			out.marked, out.ends = m.take()
			a.handed(&out)
		}
		if i%len(keys) == len(keys)-1 { // the slots are through
			for slot := range a.keys {
				a.keys[slot] = nil
			}
		}
	}
}
