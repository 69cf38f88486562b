package testcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoServer is returned, wrapped, when a server is not on this machine.
var ErrNoServer = errors.New("server not found")

// Server is a Redis or Valkey server program on this machine.
type Server struct {
	Name    string // program and version, such as "redis-7.0", "valkey-8.1"
	Path    string // file to execute; takes the arguments of redis-server
	Version string // in full, as the program says, such as "7.0.15"
	Major   int
	Minor   int
	Valkey  bool // Valkey, not Redis: their version numbers part after 7.2
}

// AtLeast reports whether the server's own version number is major.minor or newer. The numbers of Redis and of Valkey
// mean different things from 8.0 on, so look at Valkey, or ask a running server with [Cluster.HasCommand].
func (s Server) AtLeast(major, minor int) bool {
	return s.Major > major || s.Major == major && s.Minor >= minor
}

// DefaultServers names the servers that tests run on when they don't say which: those in $REDISARROW_TEST_SERVERS,
// separated by blanks, else those that fetch-servers.sh fetches without arguments.
func DefaultServers() []string {
	if names := strings.Fields(os.Getenv("REDISARROW_TEST_SERVERS")); len(names) > 0 {
		return names
	}
	return []string{"redis-7.0", "redis-8.0", "valkey-8.1", "valkey-9.1"}
}

// ServersDir is the folder with one folder per fetched server: $REDISARROW_SERVERS, else redisarrow/servers in
// $XDG_CACHE_HOME or ~/.cache. It need not exist.
func ServersDir() string {
	if dir := os.Getenv("REDISARROW_SERVERS"); dir != "" {
		return dir
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(cache, "redisarrow", "servers")
}

// List gives every usable server of this machine, sorted by name: those of [ServersDir], then redis-server and
// valkey-server on PATH unless the folder has that version. Programs that don't say their version, and servers older
// than 7.0, are left out.
func List() []Server {
	var servers []Server
	add := func(name, path string) {
		s, err := ask(name, path)
		if err != nil || !s.AtLeast(7, 0) {
			return
		}
		if !slices.ContainsFunc(servers, func(other Server) bool { return other.Name == s.Name }) {
			servers = append(servers, s)
		}
	}
	wrappers, _ := filepath.Glob(filepath.Join(ServersDir(), "*", "run")) // fails on a bad pattern alone
	for _, path := range wrappers {
		add(filepath.Base(filepath.Dir(path)), path)
	}
	for _, program := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(program); err == nil {
			add("", path)
		}
	}
	slices.SortFunc(servers, func(a, b Server) int { return strings.Compare(a.Name, b.Name) })
	return servers
}

// Lookup gives the server of that name, such as "redis-7.0". The error wraps [ErrNoServer] and says how to get it.
func Lookup(name string) (Server, error) {
	servers := List()
	for _, s := range servers {
		if s.Name == name {
			return s, nil
		}
	}
	names := make([]string, len(servers))
	for i, s := range servers {
		names[i] = s.Name
	}
	return Server{}, fmt.Errorf("%w: %s (here: %s): run internal/testcluster/fetch-servers.sh %s, or put such a server on PATH",
		ErrNoServer, name, strings.Join(names, ", "), name)
}

// versionLine is what --version prints: "Redis server v=7.0.15 sha=…", "Valkey server v=8.1.1 sha=…".
var versionLine = regexp.MustCompile(`(?i)(redis|valkey) server v=((\d+)\.(\d+)\.[0-9a-z.-]+)`)

// ask runs the program with --version. The program's word counts, not its file's name: some systems install Valkey
// under the name redis-server too. An empty name is made from the answer.
func ask(name, path string) (Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return Server{}, fmt.Errorf("%s --version: %w", path, err)
	}
	m := versionLine.FindStringSubmatch(string(out))
	if m == nil {
		return Server{}, fmt.Errorf("%s --version: not a Redis or Valkey server: %.80q", path, out)
	}
	s := Server{Name: name, Path: path, Version: m[2], Valkey: strings.EqualFold(m[1], "valkey")}
	s.Major, _ = strconv.Atoi(m[3]) // digits by the expression
	s.Minor, _ = strconv.Atoi(m[4])
	if s.Name == "" {
		s.Name = fmt.Sprintf("%s-%d.%d", strings.ToLower(m[1]), s.Major, s.Minor)
	}
	return s, nil
}
