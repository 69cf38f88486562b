package resp

import "fmt"

// Limits of a command as [Reader.ReadCommand] takes it: servers have the
// same first one.
const maxArguments = 1 << 20

// ReadCommand reads a command as a server gets it: an array of bulk strings.
// It reuses args. The arguments are valid until the next read.
func (r *Reader) ReadCommand(args [][]byte) ([][]byte, error) {
	h, err := r.ReadHeader()
	if err != nil {
		return nil, err
	}
	if h.Kind != Array || h.N < 1 {
		return nil, Unexpected(h, "array of bulk strings")
	}
	if h.N > maxArguments {
		return nil, fmt.Errorf("%w: a command of %d arguments", ErrTooLarge, h.N)
	}
	// Copied aside: reading a later argument may move the earlier ones.
	r.command = r.command[:0]
	args = args[:0]
	for range h.N {
		arg, ok, err := r.ReadBulkReply()
		if err != nil {
			return nil, unexpected(err)
		}
		if !ok {
			return nil, protocolErrorf("null argument")
		}
		r.command = append(r.command, arg...)
		args = append(args, arg) // for its length; set right below
	}
	rest := r.command
	for i, arg := range args {
		args[i] = rest[:len(arg):len(arg)]
		rest = rest[len(arg):]
	}
	return args, nil
}
