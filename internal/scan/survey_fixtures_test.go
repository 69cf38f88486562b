package scan

import "github.com/redisarrow/redisarrow/cluster"

// surveyOf is a survey in which masters have answered and agree.
func surveyOf(number int, members ...*member) *survey {
	s := &survey{number: number, members: map[string]*member{}, dead: map[string]string{}}
	for _, m := range members {
		s.members[m.id] = m
	}
	return s
}

// ownerOf is a master that is up.
func ownerOf(id string, epoch uint64, slots string) *member {
	owned, err := cluster.ParseRanges(slots)
	if err != nil {
		panic(err)
	}
	return &member{id: id, addr: id + ":1", up: true, epoch: epoch, slots: owned, migrating: map[uint16]string{}, importing: map[uint16]string{}}
}
