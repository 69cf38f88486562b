package sample

import (
	"context"
	"strings"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// Reader reads the rest of a reply of which h is the header; i is the number of its
// command. Of an error reply there is no rest.
type Reader func(i int, h resp.Header, r *resp.Reader) error

// Ask sends commands about keys to the node, in one pipeline, and has read take the
// replies in their order. Of those that say that the user may not run the command it
// takes note, see [Node.Denied].
//
// The error is [ErrOver] when the time is over, that of the context, or a
// [*cluster.NodeError].
func (n *Node) Ask(commands [][]string, read Reader) error {
	ctx := n.sample.ctx
	if n.conn == nil || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(commands) == 0 {
		return nil
	}
	at, err := n.ask(commands, read)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return n.failed(commandName(commands[at]), err)
	}
}

// ask also returns at which command it failed.
func (n *Node) ask(commands [][]string, read Reader) (at int, err error) {
	defer n.conn.CloseWith(n.sample.ctx)()
	var out []byte
	for _, command := range commands {
		out = resp.AppendCommand(out, command...)
	}
	if _, err := n.conn.Write(out); err != nil {
		return 0, err
	}
	for i, command := range commands {
		h, err := n.conn.ReadHeader()
		if err != nil {
			return i, err
		}
		if h.Kind == resp.Error && isRefusal(string(h.Line)) {
			n.denied[commandName(command)] = true
		}
		if err := read(i, h, n.conn.Reader); err != nil {
			return i, err
		}
	}
	return 0, nil
}

// isRefusal reports whether an error reply says that the command can't be run at
// all, whatever the key.
func isRefusal(text string) bool {
	return strings.HasPrefix(text, "NOPERM ") && strings.Contains(text, "permissions to run the '") || strings.HasPrefix(text, "ERR unknown")
}

// Denied reports whether the node has said that the user may not run a command, or
// that it doesn't know it.
func (n *Node) Denied(command string) bool { return n.denied[command] }

func commandName(command []string) string {
	switch command[0] {
	case "MEMORY", "CLUSTER":
		return command[0] + " " + command[1]
	}
	return command[0]
}
