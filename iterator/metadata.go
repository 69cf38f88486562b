package iterator

import (
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redisarrow/redisarrow/cluster"
)

// The metadata of every reader's schema, so of its batches and of what is written
// of them in a format that keeps metadata (Arrow IPC, Parquet). It says where rows
// have come from, for whoever finds the file: nothing goes by it.
const (
	MetadataCluster = "redisarrow.cluster" // addresses that the client was given, with commas: never a user or a password
	MetadataNodes   = "redisarrow.nodes"   // IDs of the cluster's nodes, with commas, by which it is known again; missing for a server alone
	MetadataPattern = "redisarrow.pattern" // Config.Pattern, "*" for all keys
	MetadataSlots   = "redisarrow.slots"   // Config.Slots; missing for all
	MetadataType    = "redisarrow.type"    // "hash" or "string"
	MetadataSchema  = "redisarrow.schema"  // the schema's text form, which schema.ParseHash or schema.ParseString reads
	MetadataTime    = "redisarrow.time"    // when the reader was made, UTC, as 2024-01-15T10:30:00.000Z; of a scan that was resumed: then
	MetadataVersion = "redisarrow.version" // of this library, as the program's build information has it
)

const metadataTime = "2006-01-02T15:04:05.000Z"

// describe returns the schema with what is to be said of this scan. Metadata that
// is there already stays.
func describe(schema *arrow.Schema, t terms, seeds []string, nodes map[string]bool, now time.Time) *arrow.Schema {
	have := schema.Metadata()
	keys, values := slices.Clone(have.Keys()), slices.Clone(have.Values())
	var ids []string
	for id := range nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if t.Slots == cluster.AllSlots().String() {
		t.Slots = ""
	}
	for _, m := range [][2]string{
		{MetadataCluster, strings.Join(seeds, ",")},
		{MetadataNodes, strings.Join(ids, ",")},
		{MetadataPattern, t.Pattern},
		{MetadataSlots, t.Slots},
		{MetadataType, t.Kind},
		{MetadataSchema, t.Schema},
		{MetadataTime, now.UTC().Format(metadataTime)},
		{MetadataVersion, libraryVersion()},
	} {
		if m[1] != "" {
			keys, values = append(keys, m[0]), append(values, m[1])
		}
	}
	metadata := arrow.NewMetadata(keys, values)
	return arrow.NewSchema(schema.Fields(), &metadata)
}

const modulePath = "github.com/redisarrow/redisarrow"

// libraryVersion is the version of this module in the running program.
var libraryVersion = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return versionIn(info)
})

// versionIn finds this module: it is the program's own, or one that it needs.
func versionIn(info *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != modulePath {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version != "" {
			return m.Version
		}
	}
	return "(devel)" // a folder, not a module of some version
}
