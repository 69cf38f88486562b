package testcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Deployment is a running cluster that the tests of a program share, each on its own: empty when a test gets it, and
// to be left as it was but for its keys. A test that moves slots, kills or configures starts a cluster of its own.
type Deployment struct {
	*Cluster
	Layout Layout
	User   User // of a Layout with Least

	inUse sync.Mutex // by one test at a time
}

// Reader gives a cluster client that comes in as whoever scans in this layout, and is closed at the test's end. What
// it isn't allowed to do, [Cluster.Client] is.
func (d *Deployment) Reader(tb testing.TB) *redis.ClusterClient {
	tb.Helper()
	rdb := redis.NewClusterClient(d.ReaderOptions())
	tb.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// Flush deletes all keys.
func (d *Deployment) Flush(tb testing.TB) {
	tb.Helper()
	for _, n := range d.Nodes()[:d.config.Masters] {
		if err := n.client.FlushAll(tb.Context()).Err(); err != nil {
			tb.Fatalf("FLUSHALL on %s: %v", n.Addr, err)
		}
	}
}

// Everywhere runs a test on every server of [DefaultServers] in each of the layouts, by default [Masters], [Replicas]
// and [Secured]: as subtests named after server and layout. Servers take turns with one another as parallel tests do,
// so the test function returns before they begin. With -short each server has one of the layouts, the next server the
// next one.
//
// The clusters are started together when a test wants them first, and stay for the next tests: the program's TestMain
// must use [Main].
func Everywhere(t *testing.T, test func(t *testing.T, d *Deployment), in ...Layout) {
	t.Helper()
	if len(in) == 0 {
		in = layouts
	}
	for i, name := range DefaultServers() {
		layouts := in
		if testing.Short() {
			layouts = in[i%len(in):][:1]
		}
		t.Run(name, func(t *testing.T) {
			server := Find(t, name)
			for _, l := range layouts {
				go func() { _, _ = sharedClusters.get(server, l) }()
			}
			t.Parallel()
			for _, l := range layouts {
				t.Run(l.Name, func(t *testing.T) { test(t, Shared(t, server, l)) })
			}
		})
	}
}

// Shared gives a test the cluster of this server and layout, for itself until it ends.
func Shared(tb testing.TB, server Server, layout Layout) *Deployment {
	tb.Helper()
	d, err := sharedClusters.get(server, layout)
	if err != nil {
		tb.Fatal(err)
	}
	d.inUse.Lock()
	tb.Cleanup(func() {
		if tb.Failed() {
			d.logTails(tb)
		}
		d.inUse.Unlock()
	})
	d.Flush(tb)
	return d
}

// Main is for TestMain, as in goleak.VerifyTestMain(testcluster.Main(m)): it runs the tests, and stops the clusters
// that they shared.
func Main(m interface{ Run() int }) interface{ Run() int } { return closing{m} }

// Redialling is a goroutine of a go-redis client's pool, for goleak.IgnoreAnyFunction: while the last server that it
// knew is dead, it sleeps for a second, and only then sees that the client was closed.
const Redialling = "github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"

type closing struct{ tests interface{ Run() int } }

func (c closing) Run() int {
	sharedClusters.open()
	code := c.tests.Run()
	if err := sharedClusters.close(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "stopping the shared clusters:", err)
		code = 1
	}
	return code
}

// sharedClusters are those of this program.
var sharedClusters registry

type registry struct {
	mu     sync.Mutex
	starts map[string]func() (*Deployment, error) // nil: nobody would close them
}

func (r *registry) open() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts = make(map[string]func() (*Deployment, error))
}

// get starts the cluster when it is asked for it first.
func (r *registry) get(server Server, layout Layout) (*Deployment, error) {
	r.mu.Lock()
	if r.starts == nil {
		r.mu.Unlock()
		return nil, errors.New("testcluster: shared clusters need testcluster.Main in TestMain")
	}
	name := server.Name + "/" + layout.Name
	start, known := r.starts[name]
	if !known {
		start = sync.OnceValues(func() (*Deployment, error) { return startShared(server, layout) })
		r.starts[name] = start
	}
	r.mu.Unlock()
	return start()
}

func startShared(server Server, layout Layout) (*Deployment, error) {
	config, user, err := layout.config(server)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "testcluster")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := StartAt(ctx, dir, config)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return &Deployment{Cluster: c, Layout: layout, User: user}, nil
}

// close stops all clusters; those on their way first get there.
func (r *registry) close() error {
	r.mu.Lock()
	starts := r.starts
	r.starts = nil
	r.mu.Unlock()
	var errs []error
	for _, start := range starts {
		d, err := start()
		if err != nil {
			continue // a test has told, or none wanted it
		}
		errs = append(errs, d.Close(), os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}
