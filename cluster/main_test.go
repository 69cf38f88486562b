package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// goRedisLog is what go-redis has logged, which it does to standard error
// unless told otherwise.
var goRedisLog logRecorder

func TestMain(m *testing.M) {
	redis.SetLogger(&goRedisLog)
	goleak.VerifyTestMain(m)
}

type logRecorder struct {
	mu    sync.Mutex
	lines []string
}

func (l *logRecorder) Printf(_ context.Context, format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, v...))
	if os.Getenv("GO_REDIS_LOG") != "" {
		fmt.Fprintln(os.Stderr, l.lines[len(l.lines)-1])
	}
}

// silent runs f, and fails if go-redis logs anything meanwhile.
func silent(t *testing.T, f func()) {
	t.Helper()
	goRedisLog.mu.Lock()
	before := len(goRedisLog.lines)
	goRedisLog.mu.Unlock()
	f()
	goRedisLog.mu.Lock()
	defer goRedisLog.mu.Unlock()
	if more := goRedisLog.lines[before:]; len(more) > 0 {
		t.Errorf("go-redis logged:\n%s", strings.Join(more, "\n"))
	}
}
