package spool

import (
	"crypto/rand"
	"errors"
	"strings"
)

// The file "id" says what a folder is, for the program and for people:
//
//	dumbprobe spool 1
//	id 26 letters and digits
//	for the name of the destination
//
// Without it, or where it is damaged, the spool gets a new id: lines that a peer had already, and that come again, are
// then new to it.
const (
	idName   = "id"
	idMagic  = "dumbprobe spool 1"
	idLimit  = 8 << 10
	idLength = 26 // of what rand.Text gives
)

var errID = errors.New("it is damaged")

type identity struct{ id, destination string }

func (i identity) encode() []byte {
	destination := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, i.destination)
	return []byte(idMagic + "\nid " + i.id + "\nfor " + destination + "\n")
}

func parseIdentity(b []byte) (identity, error) {
	lines := strings.Split(string(b), "\n")
	if len(lines) != 4 || lines[0] != idMagic || lines[3] != "" {
		return identity{}, errID
	}
	id, ok1 := strings.CutPrefix(lines[1], "id ")
	destination, ok2 := strings.CutPrefix(lines[2], "for ")
	if !ok1 || !ok2 || len(id) != idLength || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return identity{}, errID
	}
	return identity{id, destination}, nil
}

func newIdentity(destination string) identity { return identity{rand.Text(), destination} }
