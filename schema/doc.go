// Package schema says what a row looks like: which columns a hash or a string
// of Redis becomes, of which types, in which order.
//
// A [Hash] is the row of a hash: metadata columns ([Key], [BinaryKey], [TTL],
// [ExpiresAt], [Index]) and data columns, one per field that is read. A
// [String] is the row of a string: metadata columns and at most one data
// column, the value. Both are made from columns in Go ([NewHash], [NewString]),
// from the text form ([ParseHash], [ParseString]), or from an Arrow schema
// ([HashFromArrow], [StringFromArrow]; [Field] for a single field); a Hash also
// from a struct with redis tags ([HashOf]), or from a sample of hashes or strings
// ([Infer], [Inference]). They never change afterwards, and
// are safe for concurrent use.
//
// # Columns
//
// Columns come out in the order in which they are named. Names are unique,
// and there is at most one metadata column of each kind. A data column is
// nullable: a hash without the field gives null. A data column of a Hash has
// the name of the Redis field; the name of every other column is free, by
// convention _index, _key and _ttl.
//
// # Text form
//
// Columns are separated by commas, each a name, a colon and a type:
//
//	_key:key, _ttl:ttl[s], name:utf8, "odd:name":int64, at:timestamp[us,epoch=s]
//
// A name of letters, digits and _ . - / stands as it is; any other is written
// as a JSON string, the empty name as "". White space around names, types and
// parameters is ignored.
//
//	type of a data column           also written       Arrow type
//	utf8                            string, text       utf8
//	binary                                             binary
//	large_utf8                      large_string       large_utf8
//	large_binary                                       large_binary
//	int8, int16, int32                                 the same
//	int64                           int, integer       int64
//	uint8, uint16, uint32, uint64                      the same
//	float32                                            float32
//	float64                         double             float64
//	decimal128[PRECISION,SCALE]     decimal[…]         decimal128(PRECISION, SCALE)
//	boolean                         bool               bool
//	date32                          date               date32
//	timestamp[UNIT,ZONE,epoch=UNIT] timestamp          timestamp[UNIT, tz=ZONE]
//
// UNIT is s, ms, us or ns; ZONE and epoch=UNIT may be left out, and timestamp
// alone is timestamp[us]. [Timestamp] says what they mean. PRECISION and SCALE
// are numbers of digits; decimal128[10] is decimal128[10,0]. [Decimal128] says
// what they mean. There is no "float": to some it is 64 bits wide, to others 32.
//
//	type of a metadata column       column             Arrow type
//	key                             [Key]              utf8, not null
//	binary_key                      [BinaryKey]        binary, not null
//	ttl[s], ttl[ms], ttl = ttl[s]   [TTL]              int64, not null
//	expires_at                      [ExpiresAt]        timestamp[ms, tz=UTC]
//	index                           [Index]            uint64, not null
//
// String prints this form, with the first name of each type, and what it
// prints parses to an equal schema.
//
// # Mistakes
//
// Every mistake is an [*Error] that names the column and, in the text form,
// the place.
//
// # How the parts meet
//
// types.go holds the one table of types, which the parser and String both
// read: a further type is a constructor and a line there. row.go holds what
// Hash and String share; arrow.go and struct.go make columns of what others
// have written down; infer.go gathers a sample, and evidence.go says which type
// the values of a field have, by the parsers of package convert.
package schema
