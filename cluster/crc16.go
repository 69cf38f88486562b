package cluster

// crcTables are the tables for eight bytes at a time: crcTables[i][b] is the
// checksum of the byte b followed by i zero bytes.
var crcTables = makeCRCTables()

func makeCRCTables() *[8][256]uint16 {
	const polynomial = 0x1021 // CRC-16/XMODEM, as the cluster specification wants it
	var t [8][256]uint16
	for b := range 256 {
		crc := uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ polynomial
			} else {
				crc <<= 1
			}
		}
		t[0][b] = crc
	}
	for i := 1; i < len(t); i++ {
		for b := range 256 {
			prev := t[i-1][b]
			t[i][b] = prev<<8 ^ t[0][prev>>8]
		}
	}
	return &t
}

// crc16 is written for keys: some ten to forty bytes, so the rest of less
// than eight counts as much as the loop.
func crc16(b []byte) uint16 {
	t := crcTables
	var crc uint16
	for len(b) >= 8 {
		crc = t[7][b[0]^byte(crc>>8)] ^ t[6][b[1]^byte(crc)] ^
			t[5][b[2]] ^ t[4][b[3]] ^ t[3][b[4]] ^ t[2][b[5]] ^ t[1][b[6]] ^ t[0][b[7]]
		b = b[8:]
	}
	if len(b) >= 4 {
		crc = t[3][b[0]^byte(crc>>8)] ^ t[2][b[1]^byte(crc)] ^ t[1][b[2]] ^ t[0][b[3]]
		b = b[4:]
	}
	for _, c := range b {
		crc = crc<<8 ^ t[0][byte(crc>>8)^c]
	}
	return crc
}
