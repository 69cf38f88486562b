package minicluster

import "bytes"

// Slots is the number of hash slots of a cluster.
const Slots = 16384

// Slot returns the hash slot of key, 0 to 16383.
//
// The fake computes slots by itself, bit by bit: it must not share the
// implementation that it is used to test.
func Slot(key string) int { return slotOf([]byte(key)) }

// slotOf hashes the key's tag, the text between the first { and the next },
// or the whole key when there is no tag or it is empty.
func slotOf(key []byte) int {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if n := bytes.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	return int(crc16(key)) % Slots
}

// crc16 is CRC-16/XMODEM, polynomial 0x1021, a nibble at a time.
func crc16(b []byte) uint16 {
	var crc uint16
	for _, c := range b {
		crc = crc<<4 ^ crcNibble(crc>>12^uint16(c>>4))
		crc = crc<<4 ^ crcNibble(crc>>12^uint16(c&15))
	}
	return crc
}

// crcNibble is the CRC of one nibble: 0x1021 times n, without carries.
func crcNibble(n uint16) uint16 { return n ^ n<<5 ^ n<<12 }

// patternSlot returns the only slot in which pattern can match, or -1. Servers
// with a table per slot use it to scan that table alone.
func patternSlot(pattern []byte) int {
	wild := bytes.IndexAny(pattern, `*?[\`)
	if wild < 0 {
		return slotOf(pattern)
	}
	open := bytes.IndexByte(pattern[:wild], '{')
	if open < 0 {
		return -1
	}
	if n := bytes.IndexByte(pattern[open+1:wild], '}'); n > 0 {
		return slotOf(pattern[open : open+n+2])
	}
	return -1
}
