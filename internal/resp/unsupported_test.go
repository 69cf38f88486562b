package resp

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnsupported(t *testing.T) {
	for text, want := range map[string]bool{
		"ERR unknown command 'SCAN', with args beginning with: '0' ":                          true,
		"ERR unknown command `SCAN`, with args beginning with: `0`, ":                         true,
		"ERR Unknown subcommand or wrong number of arguments for 'SHARDS'. Try CLUSTER HELP.": true,
		"ERR unsupported command 'scan'":                                                      true,
		"unsupported command 'scan'":                                                          true,
		"ERR command 'SCAN' is not allowed":                                                   true,
		"ERR command 'info' not support for normal user":                                      true,
		"NOPERM this user has no permissions to run the 'scan' command":                       false,
		"ERR syntax error": false,
		"ERR This instance has cluster support disabled":   false,
		"ERR wrong number of arguments for 'scan' command": false,
		"MOVED 1 host:1": false,
		"LOADING Redis is loading the dataset in memory":              false,
		"EXECABORT Transaction discarded because of previous errors.": false,
		"NOAUTH Authentication required.":                             false,
		"ERR DB index is out of range":                                false,
		"":                                                            false,
	} {
		assert.Equal(t, want, (&ReplyError{Text: text}).Unsupported(), text)
	}
}
