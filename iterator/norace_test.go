//go:build !race

package iterator_test

// raceDetector says whether it is on.
const raceDetector = false
