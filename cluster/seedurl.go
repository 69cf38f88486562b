package cluster

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// seedURLs is what all URLs of an [Options] say together.
type seedURLs struct {
	addrs    []string // host:port, without repeats; or the one path of a unix socket
	scheme   string   // "redis", "rediss" or "unix"; "" if all addresses are bare
	user     string
	password string
	db       int
	master   string         // the parameter master_name: the addresses are Sentinels'
	query    string         // the parameters, which stand in one URL or are the same in all
	opt      *redis.Options // with the parameters; never mind who and where
}

// parseSeedURLs reads URLs as [redis.ParseURL] does, and bare addresses. Its
// errors name a URL by number and host alone: the URL, and what net/url says
// about it, can hold the password.
//
// Where they are Sentinels', which is so if sentinels is true or if a URL has a
// master_name, a port that isn't given is theirs.
func parseSeedURLs(urls []string, sentinels bool) (*seedURLs, error) {
	var s seedURLs
	for _, raw := range urls {
		sentinels = sentinels || namesMaster(strings.TrimSpace(raw))
	}
	port := serverPort
	if sentinels {
		port = sentinelPort
	}
	for i, raw := range urls {
		if err := s.add(strings.TrimSpace(raw), port); err != nil {
			return nil, fmt.Errorf("%w: URL %d%s: %w", ErrOptions, i+1, location(raw), err)
		}
	}
	if len(s.addrs) == 0 {
		return nil, fmt.Errorf("%w: no URL: give that of at least one node, redis://host:port", ErrOptions)
	}
	return &s, nil
}

// namesMaster reports whether a URL has a master_name among its parameters.
func namesMaster(raw string) bool {
	if !strings.Contains(raw, "://") {
		raw = "redis://" + raw
	}
	u, err := url.Parse(raw)
	return err == nil && u.Query().Get("master_name") != ""
}

const (
	serverPort   = 6379
	sentinelPort = 26379
)

var (
	errScheme = errors.New("it doesn't begin with redis://, rediss:// or unix://")
	errSlash  = errors.New("its scheme must be followed by ://, as in redis://host:port and unix:///run/redis.sock")
	errPath   = errors.New("a unix socket is given as unix:///run/redis.sock, with ?db=2 for a database and user:password@ before the path's first slash")
	errSocket = errors.New("a unix socket is one server on this machine: it must be the only URL")
	errNaming = errors.New("Sentinels are given as redis://sentinel1:26379, with the name of their master beside it (SentinelMaster, --sentinel-master) or in it (?master_name=mymaster)")
	errSyntax = errors.New("it isn't of the form redis://user:password@host:port: " +
		"characters of user and password such as / ? # @ % must be percent-encoded")
	errAddress  = errors.New("its address is not host:port, with a port from 1 to 65535")
	errDatabase = errors.New("its database is less than 0")
)

// schemeOf takes the scheme from a URL; "" stands for a bare address. What
// valkey-cli calls valkey:// is what others call redis://.
func schemeOf(raw string) (scheme string, err error) {
	scheme, _, full := strings.Cut(raw, "://")
	switch {
	case strings.HasPrefix(raw, "/"):
		return "", errPath
	case !full:
		before, after, _ := strings.Cut(raw, ":")
		if known := knownSchemes[before]; known != "" && strings.HasPrefix(after, "/") {
			return "", errSlash
		}
		return "", nil
	case knownSchemes[scheme] != "":
		return knownSchemes[scheme], nil
	case strings.Contains(scheme, "sentinel"):
		return "", errNaming
	case strings.Contains(scheme, "socket"):
		return "", errPath
	default:
		return "", errScheme
	}
}

var knownSchemes = map[string]string{
	"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix",
}

func (s *seedURLs) add(raw string, port int) error {
	if raw == "" {
		return errors.New("it is empty")
	}
	scheme, err := schemeOf(raw)
	if err != nil {
		return err
	}
	if scheme == "" {
		raw = "redis://" + raw
	} else {
		_, rest, _ := strings.Cut(raw, "://")
		raw = scheme + "://" + rest
	}
	u, err := url.Parse(raw)
	if err != nil || u.Fragment != "" || strings.Contains(u.Path+u.RawQuery, "@") {
		return errSyntax
	}
	query := u.Query()
	more := query["addr"] // further nodes, as redis.ParseClusterURL has it
	master := query.Get("master_name")
	query.Del("addr")
	query.Del("master_name")
	u.RawQuery = query.Encode()
	switch {
	case scheme == "unix" && (u.Host != "" || u.Path == "" || u.Path != strings.TrimSpace(u.Path) || strings.HasSuffix(u.Path, "/")):
		return errPath
	case scheme == "unix" && (master != "" || len(more) > 0 || len(s.addrs) > 0), s.scheme == "unix":
		return errSocket
	case scheme != "unix" && u.Host != "" && u.Port() == "" && !strings.HasSuffix(u.Host, ":"):
		u.Host += ":" + strconv.Itoa(port)
	}
	opt, err := redis.ParseURL(u.String())
	if err != nil {
		// What stands before the path has been parsed, so it isn't quoted here.
		return errors.New(strings.TrimPrefix(err.Error(), "redis: "))
	}
	if opt.DB < 0 {
		return errDatabase
	}
	first := len(s.addrs) == 0
	if scheme == "unix" {
		s.addrs = []string{opt.Addr}
	} else if err := s.addAddrs(append([]string{opt.Addr}, more...)); err != nil {
		return err
	}
	if first || s.query == "" {
		s.opt = opt
	}
	if first {
		s.db = opt.DB
	}
	if s.db != opt.DB {
		return errors.New("its database differs from that of a URL before")
	}
	for _, part := range []struct {
		name string
		have *string
		new  string
	}{
		{"scheme", &s.scheme, scheme},
		{"user", &s.user, opt.Username},
		{"password", &s.password, opt.Password},
		{"master_name", &s.master, master},
		{"list of parameters", &s.query, u.RawQuery},
	} {
		if part.new == "" {
			continue
		}
		if *part.have != "" && *part.have != part.new {
			return fmt.Errorf("its %s differs from that of a URL before", part.name)
		}
		*part.have = part.new
	}
	return nil
}

func (s *seedURLs) addAddrs(addrs []string) error {
	for _, addr := range addrs {
		host, port, ok := splitAddr(addr)
		if !ok || host == "" || port == 0 {
			return errAddress
		}
		if addr = joinAddr(host, port); !slices.Contains(s.addrs, addr) {
			s.addrs = append(s.addrs, addr)
		}
	}
	return nil
}

// location is " (host:port)" if the URL has one, else "". Nothing before the
// last "@" is shown.
func location(raw string) string {
	rest := raw
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	} else if _, after, ok := strings.Cut(rest, "://"); ok {
		rest = after
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	host, port, ok := splitAddr(strings.TrimSpace(rest))
	if !ok || host == "" {
		return ""
	}
	return " (" + joinAddr(host, port) + ")"
}
