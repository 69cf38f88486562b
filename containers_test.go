package redisarrow_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	dockernetwork "github.com/moby/moby/api/types/network"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
	"golang.org/x/sync/errgroup"
)

// containerCluster is a cluster of which each node is a container of its own.
//
// A cluster has two sides. The nodes find each other, and the replicas their
// masters, at the containers' addresses in a Docker network. These mean nothing
// outside, where Docker runs in a virtual machine they can't even be reached:
// there a node is a published port of the Docker host. Three options of the
// servers, since Redis 7.0, keep the two apart:
//
//   - cluster-announce-hostname is the Docker host, as seen by the clients;
//   - cluster-preferred-endpoint-type hostname makes that what clients are told,
//     in CLUSTER SLOTS and in redirects. The bus goes on using the IP addresses;
//   - port is the published port, the same on both sides, for there is one port
//     that is announced: clients are told of it, and replicas use it.
type containerCluster struct {
	dockerEngine
	nodes   []*containerNode // masters first, then each one's first replica, and so on
	masters int
}

type containerNode struct {
	*testcontainers.DockerContainer
	addr string // announced: where the node is reached from outside
	ip   string // in the Docker network
	id   string // of CLUSTER MYID
	rdb  *redis.Client

	removed bool
}

const (
	containerPassword = "secret"
	containerBusPort  = "16379"
)

// startContainers starts a cluster. It is removed at the test's end.
func startContainers(t *testing.T, engine dockerEngine, masters, replicas int) *containerCluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	bridge, err := network.New(ctx)
	testcontainers.CleanupNetwork(t, bridge)
	require.NoError(t, err)

	c := &containerCluster{dockerEngine: engine, nodes: make([]*containerNode, masters*(1+replicas)), masters: masters}
	var starts errgroup.Group
	for i := range c.nodes {
		starts.Go(func() (err error) {
			c.nodes[i], err = startNode(ctx, t, engine, bridge)
			return err
		})
	}
	require.NoError(t, starts.Wait())
	c.join(ctx, t)
	return c
}

// dockerEngine is where containers are started.
type dockerEngine struct {
	host  string // where published ports are reached
	image string
}

// docker finds the engine, and the image: that of REDISARROW_TEST_IMAGE, or the
// official one. What follows the image on docker run has to be the server's
// options, as with redis and valkey/valkey, 7.0 or newer.
//
// Without Docker, or without the image, the test is skipped; in CI it fails.
func docker(t *testing.T) dockerEngine {
	t.Helper()
	e := dockerEngine{image: os.Getenv("REDISARROW_TEST_IMAGE")}
	if e.image == "" {
		e.image = "redis:8"
	}
	provider, err := testcontainers.NewDockerProvider()
	if err == nil {
		defer provider.Close()
		err = provider.Health(t.Context())
	}
	if err != nil {
		lacks(t, "Docker, which doesn't answer here: %v", err)
	}
	if e.host, err = provider.DaemonHost(t.Context()); err == nil && e.host == "localhost" {
		e.host = "127.0.0.1" // one address, not two
	}
	require.NoError(t, err)
	_, err = provider.Client().ImageInspect(t.Context(), e.image)
	if errdefs.IsNotFound(err) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if err := provider.PullImage(ctx, e.image); err != nil {
			lacks(t, "the Docker image %s, which can't be pulled (REDISARROW_TEST_IMAGE names another): %v", e.image, err)
		}
		return e
	}
	require.NoError(t, err)
	return e
}

// lacks ends a test that lacks something on this machine, which in CI is a
// failure.
func lacks(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("missing: "+format, args...)
	}
	t.Skipf("missing: "+format, args...)
}

// startNode starts a server that doesn't know of others yet. Whether a port is
// free shows only when Docker publishes it, so a few are tried.
func startNode(ctx context.Context, t *testing.T, engine dockerEngine, bridge *testcontainers.DockerNetwork) (*containerNode, error) {
	for attempts := 5; ; attempts-- {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		n, err := runNode(ctx, t, engine, port, bridge)
		if err == nil || attempts == 1 || !portTaken(err) {
			return n, err
		}
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

func portTaken(err error) bool {
	text := err.Error()
	return strings.Contains(text, "address already in use") || strings.Contains(text, "port is already allocated") ||
		strings.Contains(text, "ports are not available")
}

func runNode(ctx context.Context, t *testing.T, engine dockerEngine, port string, bridge *testcontainers.DockerNetwork) (*containerNode, error) {
	published, err := dockernetwork.ParsePort(port + "/tcp")
	if err != nil {
		return nil, err
	}
	binding := dockernetwork.PortBinding{HostPort: port}
	// Where Docker is on this machine, nobody else's business.
	if ip, err := netip.ParseAddr(engine.host); err == nil && ip.IsLoopback() {
		binding.HostIP = ip
	}
	ctr, err := testcontainers.Run(ctx, engine.image,
		testcontainers.WithCmd(
			"--port", port,
			"--requirepass", containerPassword,
			"--masterauth", containerPassword,
			"--cluster-enabled", "yes",
			"--cluster-port", containerBusPort,
			"--cluster-announce-hostname", engine.host,
			"--cluster-preferred-endpoint-type", "hostname",
			"--cluster-node-timeout", "5000",
			// Replicas are to be there at once, and told of: they are when they have heard something from their master.
			"--repl-diskless-sync-delay", "0",
			"--repl-ping-replica-period", "1",
			"--save", "",
		),
		network.WithNetwork(nil, bridge),
		testcontainers.WithExposedPorts(published.String()),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) {
			c.PortBindings = dockernetwork.PortMap{published: {binding}}
		}),
		testcontainers.WithWaitStrategy(wait.ForLog("Ready to accept connections").WithStartupTimeout(time.Minute)),
	)
	// Nothing in these servers is worth a shutdown in good order.
	testcontainers.CleanupContainer(t, ctr, testcontainers.StopTimeout(0))
	n := &containerNode{DockerContainer: ctr, addr: net.JoinHostPort(engine.host, port)}
	t.Cleanup(func() {
		if t.Failed() && ctr != nil && !n.removed {
			t.Logf("log of %s:\n%s", n.addr, n.log())
		}
	})
	if err != nil {
		return nil, fmt.Errorf("starting a container of %s: %w", engine.image, err)
	}
	inspected, err := ctr.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	n.ip = inspected.NetworkSettings.Networks[bridge.Name].IPAddress.String()
	n.rdb = redis.NewClient(&redis.Options{Addr: n.addr, Password: containerPassword})
	t.Cleanup(func() { _ = n.rdb.Close() })
	n.id, err = n.rdb.ClusterMyID(ctx).Result()
	return n, err
}

// log is all that a node has said.
func (n *containerNode) log() string {
	r, err := n.Logs(context.Background())
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// join makes a cluster of the nodes: what redis-cli --cluster create does, which
// not every image has.
func (c *containerCluster) join(ctx context.Context, t *testing.T) {
	t.Helper()
	for i, n := range c.nodes {
		// Different epochs from the start: otherwise the nodes sort that out later, at a moment of their own.
		require.NoError(t, n.rdb.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		if i < c.masters {
			require.NoError(t, n.rdb.ClusterAddSlotsRange(ctx, 16384*i/c.masters, 16384*(i+1)/c.masters-1).Err())
		}
		for _, other := range c.nodes[:i] {
			_, port, err := net.SplitHostPort(other.addr)
			require.NoError(t, err)
			require.NoError(t, n.rdb.Do(ctx, "CLUSTER", "MEET", other.ip, port, containerBusPort).Err())
		}
	}
	for i, n := range c.nodes[c.masters:] {
		master := c.nodes[i%c.masters]
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			require.NoError(t, n.rdb.ClusterReplicate(ctx, master.id).Err()) // as soon as it knows its master
		}, time.Minute, 50*time.Millisecond)
	}
	c.awaitJoined(ctx, t)
}

// removeReplicas ends the replicas, and makes the masters forget them.
func (c *containerCluster) removeReplicas(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	replicas := c.nodes[c.masters:]
	c.nodes = c.nodes[:c.masters]
	for _, replica := range replicas {
		require.NoError(t, testcontainers.TerminateContainer(replica, testcontainers.StopTimeout(0)))
		replica.removed = true
	}
	for _, n := range c.nodes {
		for _, replica := range replicas {
			// Since Redis 7.2 nodes tell each other, so that it may not know the replica any more.
			if err := n.rdb.ClusterForget(ctx, replica.id).Err(); err != nil {
				require.ErrorContains(t, err, "Unknown node")
			}
		}
	}
	c.awaitJoined(ctx, t)
}

// awaitJoined waits until the nodes agree, see [containerCluster.assertJoined].
func (c *containerCluster) awaitJoined(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, n := range c.nodes {
		require.EventuallyWithT(t, func(t *assert.CollectT) { c.assertJoined(ctx, t, n) }, time.Minute, 100*time.Millisecond)
	}
}

// assertJoined checks that a node takes the cluster for whole, and tells clients
// of all nodes at the addresses that they announce.
func (c *containerCluster) assertJoined(ctx context.Context, t require.TestingT, n *containerNode) {
	info, err := n.rdb.ClusterInfo(ctx).Result()
	require.NoError(t, err)
	require.Contains(t, info, "cluster_state:ok")
	shards, err := n.rdb.ClusterSlots(ctx).Result() //nolint:staticcheck // deprecated, but what go-redis and our scans ask
	require.NoError(t, err)
	var told []string
	for _, shard := range shards {
		for _, node := range shard.Nodes {
			told = append(told, node.Addr)
		}
	}
	require.ElementsMatch(t, c.addrs(), told)
}

// addrs are the addresses that the nodes announce, the masters' first.
func (c *containerCluster) addrs() []string {
	addrs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addrs[i] = n.addr
	}
	return addrs
}

// replicasOf are the addresses that a master's replicas announce.
func (c *containerCluster) replicasOf(master int) []string {
	var addrs []string
	for i := c.masters + master; i < len(c.nodes); i += c.masters {
		addrs = append(addrs, c.nodes[i].addr)
	}
	return addrs
}

// client knows one node, as the others are to be found through it.
func (c *containerCluster) client(t *testing.T, options redis.ClusterOptions) *redis.ClusterClient {
	t.Helper()
	options.Addrs, options.Password = []string{c.nodes[0].addr}, containerPassword
	rdb := redis.NewClusterClient(&options)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}
