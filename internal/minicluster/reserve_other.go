//go:build !unix

package minicluster

// reserve does nothing here.
func reserve(string) (release func()) { return func() {} }
