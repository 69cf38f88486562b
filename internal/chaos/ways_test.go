package chaos

import "github.com/redisarrow/redisarrow/iterator"

// healing says that a scan goes on until it has every slot. Until then it ends at the first trouble, and only the rows
// that it has given can be judged.
const healing = false

// wayOf names the way to enumerate of a case.
func wayOf(Case) string { return "the only way" }

// setWay fixes how the keys are enumerated.
func setWay(*iterator.Config, Case) {}
