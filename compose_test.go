package redisarrow_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// service is what is looked at of a service in docs/compose.yaml.
type service struct {
	Image       string
	NetworkMode string `yaml:"network_mode"`
	Entrypoint  []string
	Command     []string
	Environment map[string]string
	Ports       []string
	Healthcheck struct{ Test []string }
}

// shell is the script that the service runs, as its shell gets it.
func (s *service) shell(t *testing.T) string {
	t.Helper()
	require.Equal(t, []string{"sh", "-c"}, s.Entrypoint)
	require.Len(t, s.Command, 1)
	return unescape(s.Command[0])
}

// unescape is what Compose makes of a text: $$ is a dollar sign.
func unescape(text string) string { return strings.ReplaceAll(text, "$$", "$") }

// The services of docs/compose.yaml, but for the containers around them: the same
// scripts and the same servers, at other ports of this machine.
func TestDocsCompose(t *testing.T) {
	t.Parallel()
	var file struct{ Services map[string]service }
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "docs/compose.yaml")), &file))
	require.Len(t, file.Services, 8)
	network, fill := file.Services["network"], file.Services["fill"]
	server := testcluster.Require(t)[0]
	if _, err := exec.LookPath("redis-cli"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-cli isn't on PATH (Debian: redis-tools)")
		}
		t.Skip("redis-cli isn't on PATH (Debian: redis-tools)")
	}

	bin, base := t.TempDir(), freePorts(t, 6)
	// Should this program die, the servers end by themselves.
	require.NoError(t, os.WriteFile(filepath.Join(bin, "redis-server"),
		[]byte("#!/bin/sh\nexec $(command -v timeout >/dev/null && echo timeout 300) '"+server.Path+"' \"$@\"\n"), 0o700))
	run := func(dir, script string, env ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH")), env...)
		return cmd
	}
	var ports []string // here
	for i := range 6 {
		name, port := "node"+strconv.Itoa(i+1), strconv.Itoa(7001+i)
		node := file.Services[name]
		assert.Equal(t, "service:network", node.NetworkMode)
		assert.Equal(t, "${REDISARROW_IMAGE:-redis:8}", node.Image)
		assert.Equal(t, port, node.Environment["PORT"])
		ports = append(ports, strconv.Itoa(base+i))
		cmd := run(t.TempDir(), node.shell(t), "PORT="+ports[i])
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM) // timeout hands it on
			_ = cmd.Wait()
		})
		require.Equal(t, "CMD-SHELL", node.Healthcheck.Test[0])
		require.Eventually(t, func() bool {
			return run(bin, unescape(node.Healthcheck.Test[1]), "PORT="+ports[i]).Run() == nil
		}, 20*time.Second, 50*time.Millisecond)
	}
	assert.Equal(t, []string{"127.0.0.1:7001-7006:7001-7006"}, network.Ports)
	assert.Equal(t, "7001 7002 7003 7004 7005 7006", fill.Environment["PORTS"])
	assert.Contains(t, network.shell(t), "sleep infinity")

	marker := filepath.Join(bin, "filled")
	script := strings.ReplaceAll(fill.shell(t), "/tmp/filled", marker)
	for range 2 { // containers that were stopped are started again
		out, err := run(bin, script, "PORTS="+strings.Join(ports, " "), "ONCE=1").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.FileExists(t, marker)
	}

	// What production.md says to do with it.
	url := "redis://127.0.0.1:" + ports[0]
	command := buildCommand(t)
	for _, kind := range []string{"user", "counter"} {
		export := exec.CommandContext(t.Context(), command, "export", "--url", url, "--pattern", kind+":*",
			"--read-from", "prefer-replica", "--output", filepath.Join(bin, kind+".arrow"))
		out, err := export.CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Regexp(t, `(?m)^rows +1000$`, string(out))
		assert.Regexp(t, `(?m)^parse failures +0$`, string(out))
	}
	health, err := exec.CommandContext(t.Context(), command, "health", "--url", url).CombinedOutput()
	require.NoError(t, err, "%s", health)
	assert.Contains(t, string(health), "3 masters, 3 replicas")
	for _, b := range fencedBlocks(t, "docs/production.md") {
		for _, m := range regexp.MustCompile(`stop (\w+)`).FindAllStringSubmatch(b.text, -1) {
			assert.Contains(t, file.Services, m[1])
		}
	}
}

// freePorts gives the first of n ports in a row that nobody listens at, nor at
// those 10,000 above, which are the nodes' for each other.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for base := 11_000 + os.Getpid()%1000*10; base < 22_000; base += 10 {
		free := true
		for i := 0; i < n && free; i++ {
			for _, port := range []int{base + i, base + i + 10_000} {
				l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
				if err != nil {
					free = false
					break
				}
				_ = l.Close()
			}
		}
		if free {
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}
