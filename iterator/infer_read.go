package iterator

import (
	"strconv"

	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/sample"
	"github.com/redisarrow/redisarrow/schema"
)

const (
	// inferFields is from how many fields on a hash is looked at in part.
	inferFields = 512
	// inferBytes is from which size on a string is looked at in part, and
	// inferPart that part; more of it isn't kept anyway.
	inferBytes = 1 << 20
	inferPart  = 60 << 10
)

// addHashes reads hashes: by their size with HGETALL, or a page of HSCAN. Keys
// that are gone, have another type by now, or have moved away give nothing.
func addHashes(in *schema.Inference, n *sample.Node, keys []string) (passedOver int64, err error) {
	sizes, err := lengths(n, "HLEN", keys)
	if err != nil {
		return 0, err
	}
	commands := make([][]string, len(keys))
	for i, key := range keys {
		commands[i] = []string{"HGETALL", key}
		if sizes[i] > inferFields {
			commands[i] = []string{"HSCAN", key, "0", "COUNT", strconv.Itoa(inferFields)}
		}
	}
	err = n.Ask(commands, func(i int, h resp.Header, r *resp.Reader) error {
		command := commands[i][0]
		if h.Kind == resp.Error {
			return refusedInfer(h, n, command, command == "HGETALL", &passedOver)
		}
		pairs, err := sample.ReadHash(h, r, command == "HSCAN")
		if err != nil || len(pairs) == 0 {
			return err
		}
		in.AddHash(func(yield func(name, value string) bool) {
			for _, p := range pairs {
				if !yield(p.Name, p.Value) {
					return
				}
			}
		})
		return nil
	})
	return passedOver, err
}

// addStrings reads strings: by their size with GET, or a part of them.
func addStrings(in *schema.Inference, n *sample.Node, keys []string) (passedOver int64, err error) {
	sizes, err := lengths(n, "STRLEN", keys)
	if err != nil {
		return 0, err
	}
	commands := make([][]string, len(keys))
	for i, key := range keys {
		commands[i] = []string{"GET", key}
		if sizes[i] > inferBytes {
			commands[i] = []string{"GETRANGE", key, "0", strconv.Itoa(inferPart)}
		}
	}
	err = n.Ask(commands, func(i int, h resp.Header, r *resp.Reader) error {
		command := commands[i][0]
		if h.Kind == resp.Error {
			return refusedInfer(h, n, command, command == "GET", &passedOver)
		}
		text, ok, err := sample.ReadText(h, r)
		if ok && (text != "" || command == "GET") { // GETRANGE has this for a key that is gone
			in.AddString(text)
		}
		return err
	})
	return passedOver, err
}

// refusedInfer is what becomes of a value that isn't there to be looked at. Without
// the command that is needed there is no use in going on.
func refusedInfer(h resp.Header, n *sample.Node, command string, needed bool, passedOver *int64) error {
	reply := &resp.ReplyError{Text: string(h.Line)}
	switch {
	case needed && n.Denied(command):
		return reply
	case reply.Code() == "NOPERM":
		*passedOver++
	}
	return nil
}

// lengths asks for keys' sizes; 0 for one that isn't known.
func lengths(n *sample.Node, command string, keys []string) ([]int64, error) {
	sizes := make([]int64, len(keys))
	if n.Denied(command) {
		return sizes, nil
	}
	commands := make([][]string, len(keys))
	for i, key := range keys {
		commands[i] = []string{command, key}
	}
	return sizes, n.Ask(commands, func(i int, h resp.Header, _ *resp.Reader) error {
		switch h.Kind {
		case resp.Error:
		case resp.Integer:
			sizes[i] = h.N
		default:
			return resp.Unexpected(h, command+"'s integer")
		}
		return nil
	})
}
