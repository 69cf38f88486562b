package cluster

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// seedURLs is what all URLs of an [Options] say together.
type seedURLs struct {
	addrs    []string // host:port, without repeats
	scheme   string   // "redis" or "rediss"; "" if all addresses are bare
	user     string
	password string
	db       int
	query    string         // the parameters, which stand in one URL or are the same in all
	opt      *redis.Options // with the parameters; never mind who and where
}

// parseSeedURLs reads URLs as [redis.ParseURL] does, and bare addresses. Its
// errors name a URL by number and host alone: the URL, and what net/url says
// about it, can hold the password.
func parseSeedURLs(urls []string) (*seedURLs, error) {
	var s seedURLs
	for i, raw := range urls {
		if err := s.add(strings.TrimSpace(raw)); err != nil {
			return nil, fmt.Errorf("%w: URL %d%s: %w", ErrOptions, i+1, location(raw), err)
		}
	}
	if len(s.addrs) == 0 {
		return nil, fmt.Errorf("%w: no URL: give that of at least one node, redis://host:port", ErrOptions)
	}
	return &s, nil
}

var (
	errScheme = errors.New("it doesn't begin with redis:// or rediss://")
	errSyntax = errors.New("it isn't of the form redis://user:password@host:port: " +
		"characters of user and password such as / ? # @ % must be percent-encoded")
	errAddress = errors.New("its address is not host:port, with a port from 1 to 65535")
)

func (s *seedURLs) add(raw string) error {
	if raw == "" {
		return errors.New("it is empty")
	}
	scheme, _, full := strings.Cut(raw, "://")
	if !full {
		scheme, raw = "", "redis://"+raw
	} else if scheme != "redis" && scheme != "rediss" {
		return errScheme
	}
	u, err := url.Parse(raw)
	if err != nil || u.Fragment != "" || strings.Contains(u.Path+u.RawQuery, "@") {
		return errSyntax
	}
	query := u.Query()
	more := query["addr"] // further nodes, as redis.ParseClusterURL has it
	query.Del("addr")
	u.RawQuery = query.Encode()
	opt, err := redis.ParseURL(u.String())
	if err != nil {
		// What stands before the path has been parsed, so it isn't quoted here.
		return errors.New(strings.TrimPrefix(err.Error(), "redis: "))
	}
	first := len(s.addrs) == 0
	for _, addr := range append([]string{opt.Addr}, more...) {
		host, port, ok := splitAddr(addr)
		if !ok || host == "" || port == 0 {
			return errAddress
		}
		if addr = joinAddr(host, port); !slices.Contains(s.addrs, addr) {
			s.addrs = append(s.addrs, addr)
		}
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
