package resp

import "strconv"

// AppendArray appends the header of an array of n elements.
func AppendArray(dst []byte, n int) []byte { return appendNumber(dst, Array, int64(n)) }

// AppendBulk appends a bulk string.
func AppendBulk(dst, b []byte) []byte {
	dst = appendNumber(dst, Bulk, int64(len(b)))
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

// AppendBulkString appends a bulk string.
func AppendBulkString(dst []byte, s string) []byte {
	dst = appendNumber(dst, Bulk, int64(len(s)))
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendNull appends a null bulk string.
func AppendNull(dst []byte) []byte { return append(dst, "$-1\r\n"...) }

// AppendNullArray appends a null array.
func AppendNullArray(dst []byte) []byte { return append(dst, "*-1\r\n"...) }

// AppendInt appends an integer.
func AppendInt(dst []byte, n int64) []byte { return appendNumber(dst, Integer, n) }

// AppendSimple appends a simple string; s must not hold a line end.
func AppendSimple(dst []byte, s string) []byte { return appendLine(dst, Simple, s) }

// AppendError appends an error reply; s must not hold a line end.
func AppendError(dst []byte, s string) []byte { return appendLine(dst, Error, s) }

// AppendCommand appends a command: an array of bulk strings.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = AppendArray(dst, len(args))
	for _, arg := range args {
		dst = AppendBulkString(dst, arg)
	}
	return dst
}

// AppendValue appends a whole reply, as [Reader.ReadValue] reads it.
func AppendValue(dst []byte, v Value) []byte {
	switch {
	case v.Kind == Array && v.Null:
		return AppendNullArray(dst)
	case v.Kind == Array:
		dst = AppendArray(dst, len(v.Elems))
		for _, elem := range v.Elems {
			dst = AppendValue(dst, elem)
		}
		return dst
	case v.Null:
		return AppendNull(dst)
	case v.Kind == Bulk:
		return AppendBulkString(dst, v.Text)
	case v.Kind == Integer:
		return AppendInt(dst, v.Int)
	default:
		return appendLine(dst, v.Kind, v.Text)
	}
}

// AppendHeader appends the first line of a reply, as [Reader.ReadHeader] reads
// it.
func AppendHeader(dst []byte, h Header) []byte {
	if h.Kind == Simple || h.Kind == Error {
		dst = append(dst, byte(h.Kind))
		dst = append(dst, h.Line...)
		return append(dst, '\r', '\n')
	}
	return appendNumber(dst, h.Kind, h.N)
}

func appendNumber(dst []byte, k Kind, n int64) []byte {
	dst = append(dst, byte(k))
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}

func appendLine(dst []byte, k Kind, s string) []byte {
	dst = append(dst, byte(k))
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}
