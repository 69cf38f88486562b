package scan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFollowing(t *testing.T) {
	const info = "# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_link_status:up\r\nslave_repl_offset:100\r\n" +
		"master_replid:abc\r\nmaster_repl_offset:90\r\n"
	for _, test := range []struct {
		name, text string
		offset     int64
		want       error
	}{
		{"as far", info, 100, nil},
		{"further", info, 1, nil},
		{"behind by a byte", info, 101, errBehind},
		{"no link", strings.Replace(info, ":up", ":down", 1), 100, errUnlinked},
		{"another history", strings.Replace(info, "abc", "abd", 1), 100, errUnlinked},
		{"a master now", strings.Replace(info, "slave\r", "master\r", 1), 100, errPromoted},
	} {
		f := &following{replID: "abc", offset: test.offset}
		assert.Equal(t, test.want, f.judge([]byte(test.text)), test.name)
	}
	f := &following{replID: "abc"}
	require.Error(t, f.judge(nil))
	require.Error(t, f.judge([]byte(strings.Replace(info, ":100", ":x", 1))))
}
