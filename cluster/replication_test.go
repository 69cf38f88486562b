package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseReplication(t *testing.T) {
	assert.Equal(t, Replication{Role: "slave", LinkUp: true, ReplID: "abc", Offset: 100},
		ParseReplication("# Replication\r\nrole:slave\r\nmaster_link_status:up\r\nslave_repl_offset:100\r\nmaster_replid:abc\r\nmaster_repl_offset:90\r\n"))
	assert.Equal(t, Replication{Role: "master", ReplID: "abc", Offset: 90},
		ParseReplication("role:master\r\nmaster_replid:abc\r\nmaster_repl_offset:90\r\n"))
	assert.Equal(t, Replication{Offset: -1}, ParseReplication(""))
}

func TestParseCalls(t *testing.T) {
	assert.EqualValues(t, 0, ParseCalls("", "migrate"))
	assert.EqualValues(t, 0, ParseCalls("# Commandstats\r\ncmdstat_get:calls=7,usec=1\r\n", "migrate"))
	assert.EqualValues(t, 12, ParseCalls("# Commandstats\r\ncmdstat_get:calls=7,usec=1\r\ncmdstat_migrate:calls=12,usec=3\r\n", "migrate"))
}
