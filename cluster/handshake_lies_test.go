package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// Whatever a server answers to the handshake, it is an error of ours: go-redis
// alone panics, takes the memory announced, or waits for ever.
func TestHandshakeLies(t *testing.T) {
	for _, command := range []string{"HELLO", "PING"} {
		for name, reply := range map[string]string{
			"a bulk of 8 EiB":            "$9223372036854775807\r\n",
			"a bulk of 2 GiB":            "$2147483648\r\n",
			"a bulk of 100 MiB":          "$104857600\r\n",
			"an array of 8 EiB":          "*9223372036854775807\r\n",
			"a negative length":          "$-2\r\n",
			"a length that is no number": "*x\r\n",
			"arrays in arrays":           strings.Repeat("*1\r\n", 100),
			"a map":                      "%1\r\n+server\r\n+redis\r\n",
			"a push":                     ">2\r\n+invalidate\r\n*0\r\n",
			"another protocol":           "HTTP/1.1 400 Bad Request\r\n\r\n",
			"no line end":                strings.Repeat("+", 100_000),
			"an empty line":              "\r\n",
		} {
			t.Run(command+"/"+name, func(t *testing.T) {
				n := newFakeNode(t, nil)
				n.replies[command] = reply
				d := newSingleDialer(&redis.Options{Addr: n.addr, DialTimeout: time.Second, ReadTimeout: time.Second, Protocol: 2})
				_, err := d.Dial(context.Background(), n.addr)
				var node *NodeError
				require.ErrorAs(t, err, &node)
				assert.Equal(t, n.addr, node.Addr)
				var protocol *resp.ProtocolError
				require.True(t, errors.As(err, &protocol) || errors.Is(err, resp.ErrTooLarge), "%v", err)
				assert.Contains(t, err.Error(), "doesn't speak Redis's protocol")
			})
		}
	}
}

// Replies beyond those asked for would be taken for those to the next commands.
func TestHandshakeSaysTooMuch(t *testing.T) {
	n := newFakeNode(t, nil)
	n.replies["PING"] = "+PONG\r\n+OK\r\n"
	d := newSingleDialer(&redis.Options{Addr: n.addr})
	_, err := d.Dial(context.Background(), n.addr)
	require.ErrorContains(t, err, "more replies than commands")
}
