// Package wholefile writes files that appear under their names when they are
// whole, or not at all: also if the process is killed, or the machine loses power.
package wholefile
