package cluster

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// Slot is what the specification's own code does, step by step.
func FuzzSlot(f *testing.F) {
	for _, key := range []string{"", "user:1", "{user1000}.following", "foo{}{bar}", "foo{{bar}}zap", "foo{bar}{zap}", "{", "}{", "{}", "0123456789abcdef\xff\x00"} {
		f.Add([]byte(key))
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		tag := key
		for s := range key {
			if key[s] != '{' {
				continue
			}
			for e := s + 1; e < len(key); e++ {
				if key[e] == '}' {
					if e != s+1 {
						tag = key[s+1 : e]
					}
					break
				}
			}
			break
		}
		require.Equal(t, bytewise(tag)%Slots, Slot(key))
	})
}

var redirectSyntax = regexp.MustCompile(`^(MOVED|ASK) ([0-9]+) ([^ ]*):([0-9]+)( (?s:.*))?$`)

func FuzzParseRedirect(f *testing.F) {
	for _, text := range []string{"MOVED 3999 ::1:6381", "ASK 0 ?:1", "MOVED 16384 h:1", "MOVED 1 [::1]:65536", "ASK 1 h:1 more", "MOVED 1 :0", "MOVED"} {
		f.Add(text, "h:1")
		f.Add(text, "[::1]:7000")
	}
	f.Fuzz(func(t *testing.T, text, from string) {
		r, ok := ParseRedirect(text, from)
		parts := redirectSyntax.FindStringSubmatch(text)
		if parts == nil {
			require.False(t, ok)
			return
		}
		slot, slotErr := strconv.ParseUint(parts[2], 10, 14)
		port, portErr := strconv.ParseUint(parts[4], 10, 16)
		require.Equal(t, slotErr == nil && portErr == nil && port > 0, ok)
		if !ok {
			return
		}
		require.Equal(t, parts[1] == "ASK", r.Ask)
		require.EqualValues(t, slot, r.Slot)
		require.True(t, strings.HasSuffix(r.Addr, ":"+strconv.FormatUint(port, 10)), r.Addr)
		if _, _, ok := splitAddr(from); ok {
			host, _, ok := splitAddr(r.Addr)
			require.True(t, ok)
			require.NotEmpty(t, host)
			require.NotEqual(t, "?", strings.TrimPrefix(host, hostOf(from)))
		}
	})
}

// The set that text says is the one that text, read without ParseRanges, says.
func FuzzParseRanges(f *testing.F) {
	for _, text := range []string{"", "0-5460,7000", " 3 , 1-2 ,2", "16384", "5-4", "1-2-3", "+1", "00007-00009", "\u20281"} {
		f.Add(text)
	}
	syntax := regexp.MustCompile(`^[0-9]+(-[0-9]+)?$`)
	f.Fuzz(func(t *testing.T, text string) {
		want := map[uint16]bool{}
		valid := true
		for part := range strings.SplitSeq(text, ",") {
			part = strings.TrimSpace(part)
			first, last, found := strings.Cut(part, "-")
			if !found {
				last = first
			}
			a, errA := strconv.ParseUint(first, 10, 14)
			b, errB := strconv.ParseUint(last, 10, 14)
			if !syntax.MatchString(part) || errA != nil || errB != nil || a > b {
				valid = false
				break
			}
			for slot := a; slot <= b; slot++ {
				want[uint16(slot)] = true
			}
		}
		got, err := ParseRanges(text)
		if strings.TrimSpace(text) == "" {
			valid, want = true, nil
		}
		require.Equal(t, valid, err == nil, "%v", err)
		if err != nil {
			return
		}
		require.Equal(t, len(want), got.Len())
		for slot := range want {
			require.True(t, got.Has(slot))
		}
		again, err := ParseRanges(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again)
		ranges := got.Ranges()
		for i := 1; i < len(ranges); i++ {
			require.Greater(t, ranges[i].First, ranges[i-1].Last+1, "could be one range")
		}
	})
}

// INFO and CLUSTER INFO: what is read is what the last line of that name says.
func FuzzParseInfo(f *testing.F) {
	f.Add("# Server\r\nredis_version:7.2.4\r\nrun_id:6ec2\r\nuptime_in_seconds:61\r\nredis_mode:cluster\r\n", "run_id")
	f.Add("cluster_state:fail\r\ncluster_current_epoch:9\r\ncluster_known_nodes:6\r\n", "cluster_state")
	f.Add("role:a:b\nrole:\rmaster\r\nrole\r\n#role:x", "role")
	f.Add("uptime_in_seconds:99999999999\r\ncluster_known_nodes:-1\n\n:\n", "")
	f.Fuzz(func(t *testing.T, text, name string) {
		want := ""
		for _, line := range strings.Split(text, "\n") {
			line = strings.TrimRight(line, "\r")
			if rest, ok := strings.CutPrefix(line, name+":"); ok && !strings.HasPrefix(line, "#") && !strings.Contains(name, ":") {
				want = rest
			}
		}
		require.Equal(t, want, parseInfo(text)[name])
		info, whole := ParseServerInfo(text), ParseInfo(text)
		require.GreaterOrEqual(t, info.Uptime, time.Duration(0))
		require.GreaterOrEqual(t, whole.KnownNodes, 0)
		if name == "run_id" {
			require.Equal(t, want, info.RunID)
		}
		if name == "cluster_state" {
			require.Equal(t, want == "" || want == "ok", whole.OK())
		}
	})
}

// A URL that go-redis takes means here what it means there, or is refused for
// a reason that go-redis doesn't have.
func FuzzSeedURL(f *testing.F) {
	for _, raw := range []string{
		"redis://user:pass%2Fword@host:6380/2?dial_timeout=3s", "rediss://host", "redis://:p@[::1]:1", "redis://host:1?addr=other:2&db=1", "redis://host:1#x",
		"unix:///tmp/redis.sock", "redis://host:65536", "redis://host:http", "redis://a@b@c:1", "redis://host:1/0?protocol=2&client_name=x", " redis://host:1 ", "host:1", "redis://",
		"unix://user:pass@/run/a%20b.sock?db=3", "unix:///run/", "unix://run/redis.sock", "unix:/run/redis.sock", "/run/redis.sock", "redis://host/-1", "valkey://host",
		"redis://:p@host?master_name=main",
	} {
		f.Add(raw)
	}
	ours := []error{errScheme, errSyntax, errAddress, errPath, errDatabase}
	f.Fuzz(func(t *testing.T, raw string) {
		theirs, theirErr := redis.ParseURL(strings.TrimSpace(raw)) // blanks around it are no part of it
		urls, err := parseSeedURLs([]string{raw}, false)
		if err != nil {
			require.ErrorIs(t, err, ErrOptions)
			refused := slices.ContainsFunc(ours, func(reason error) bool { return strings.HasSuffix(err.Error(), reason.Error()) })
			require.True(t, theirErr != nil || refused || !strings.Contains(raw, "://"), "%v", err)
			return
		}
		if theirErr != nil || !strings.Contains(raw, "://") || strings.Contains(raw, "addr") {
			return // bare addresses ("redis:" among them) and further ones are taken here only
		}
		if theirs.Network == "unix" {
			require.Equal(t, theirs.Addr, urls.addrs[0])
			require.Equal(t, "unix", urls.scheme)
		} else {
			host, port, ok := splitAddr(theirs.Addr)
			require.True(t, ok)
			require.Equal(t, joinAddr(host, port), urls.addrs[0])
		}
		require.Equal(t, theirs.Username, urls.user)
		require.Equal(t, theirs.Password, urls.password)
		require.Equal(t, theirs.DB, urls.db)
		require.Equal(t, theirs.TLSConfig != nil, urls.scheme == "rediss")
		require.Equal(t, theirs.DialTimeout, urls.opt.DialTimeout)
		require.Equal(t, theirs.ClientName, urls.opt.ClientName)
		require.Equal(t, theirs.Protocol, urls.opt.Protocol)
	})
}
