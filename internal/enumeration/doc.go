// Package enumeration says in which ways the keys of a server can be listed:
// which commands a version has, and what its cursors are like. It is what
// internal/scan, which lists them so, and package cluster, which tells beforehand
// how it will be done, both have to know.
package enumeration
