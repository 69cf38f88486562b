package cluster

import (
	"net"
	"strings"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// answerGets is a server that knows no key, and says when it is asked for one.
func answerGets(conn net.Conn, addr string, asked chan<- string) {
	defer conn.Close()
	rd := resp.NewReader(conn, 4096)
	var args [][]byte
	for {
		var err error
		if args, err = rd.ReadCommand(args); err != nil {
			return
		}
		reply := resp.AppendError(nil, "ERR unknown command")
		if strings.EqualFold(string(args[0]), "get") {
			asked <- addr
			reply = resp.AppendNull(nil)
		}
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}
