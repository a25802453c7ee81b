package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// The file is one of bbolt. bbolt maps it and trusts what is in it: after a page number was damaged it faults, or
// goes round in circles and takes all memory. So bbolt only writes here, and the file is read by what follows, once
// and within bounds, whatever is in it. The format is that of bbolt's internal/common (meta.go, page.go, bucket.go),
// version 2, in the byte order of the machine:
//
//	page    id 8, flags 2, count 2, overflow 4 (further pages that belong to it), elements
//	meta    (in the pages 0 and 1) magic 4, version 4, page size 4, flags 4, root bucket 16, free list 8,
//	        number of pages 8, transaction 8, FNV-1a of all that 8
//	branch  elements: offset of the key from the element 4, its length 4, page 8
//	leaf    elements: flags 4 (1: a bucket), offset of the key 4, its length 4, length of the value, behind it, 4
//	bucket  page 8 (0: the page follows, without an id), sequence 8
const (
	pageSize = 4096

	pageHead    = 16
	elementSize = 16
	metaSize    = 64
	bucketSize  = 16

	boltMagic   = 0xED0CDAED
	boltVersion = 2

	branchPage  = 0x01
	leafPage    = 0x02
	bucketValue = 0x01
)

// bucketName is the bucket of the file that holds the records.
const bucketName = "state 1"

// readPages gives f the keys and values of the bucket bucketName in a file of bbolt. It ends, without a panic, for
// any data. The error says that the file is damaged; what f got before is to be forgotten then.
func readPages(data []byte, f func(key, value []byte)) error {
	root, pages, err := readMeta(data)
	if err != nil {
		return err
	}
	w := walker{data: data, pages: pages, seen: map[uint64]bool{}}
	found := false
	err = w.page(root, func(flags uint32, key, value []byte) error {
		if flags&bucketValue == 0 || string(key) != bucketName {
			return fmt.Errorf("the file has %.40q in it, which dumbprobe did not write", key)
		}
		found = true
		return w.bucket(value, func(flags uint32, key, value []byte) error {
			if flags != 0 {
				return fmt.Errorf("the record %.40q is none", key)
			}
			f(key, value)
			return nil
		})
	})
	if err == nil && !found {
		err = errors.New("there are no records in it")
	}
	return err
}

var order = binary.NativeEndian

// readMeta gives the root page of the last transaction that was written in full, and the number of pages.
func readMeta(data []byte) (root, pages uint64, err error) {
	if len(data) < 2*pageSize {
		return 0, 0, fmt.Errorf("it has %d bytes only", len(data))
	}
	found, last := false, uint64(0)
	for i := range 2 {
		meta := data[i*pageSize+pageHead:][:metaSize]
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:56])
		if order.Uint32(meta) != boltMagic || order.Uint32(meta[4:]) != boltVersion ||
			order.Uint32(meta[8:]) != pageSize || order.Uint64(meta[56:]) != sum.Sum64() {
			continue // the other one is that of the transaction before
		}
		if txn := order.Uint64(meta[48:]); !found || txn > last {
			found, last = true, txn
			root, pages = order.Uint64(meta[16:]), order.Uint64(meta[40:])
		}
	}
	switch {
	case !found:
		return 0, 0, errors.New("neither of its two heads is whole")
	case pages > uint64(len(data)/pageSize):
		return 0, 0, fmt.Errorf("it is cut off: it has %d bytes, and %d pages were written", len(data), pages)
	}
	return root, pages, nil
}

type walker struct {
	data  []byte
	pages uint64
	seen  map[uint64]bool // pages on which it was; no page is in a tree twice
}

type leafFunc = func(flags uint32, key, value []byte) error

func (w *walker) page(id uint64, f leafFunc) error {
	if id < 2 || id >= w.pages || w.seen[id] {
		return fmt.Errorf("a reference to page %d is wrong", id)
	}
	w.seen[id] = true
	page := w.data[id*pageSize:]
	if order.Uint64(page) != id {
		return fmt.Errorf("page %d is another one", id)
	}
	size := (uint64(order.Uint32(page[12:])) + 1) * pageSize
	if size > (w.pages-id)*pageSize {
		return fmt.Errorf("page %d is too long", id)
	}
	if err := w.elements(page[:size], f); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements goes through a page; its id is not looked at.
func (w *walker) elements(page []byte, f leafFunc) error {
	if len(page) < pageHead {
		return errors.New("it is cut off")
	}
	flags, count := order.Uint16(page[8:]), int(order.Uint16(page[10:]))
	if pageHead+count*elementSize > len(page) {
		return fmt.Errorf("it cannot have %d elements", count)
	}
	for i := range count {
		element := page[pageHead+i*elementSize:]
		switch flags {
		case branchPage:
			if err := w.page(order.Uint64(element[8:]), f); err != nil {
				return err
			}
		case leafPage:
			from, key, value := uint64(order.Uint32(element[4:])), uint64(order.Uint32(element[8:])), uint64(order.Uint32(element[12:]))
			if from+key+value > uint64(len(element)) {
				return fmt.Errorf("element %d is not within it", i)
			}
			if err := f(order.Uint32(element), element[from:from+key], element[from+key:from+key+value]); err != nil {
				return err
			}
		}
	}
	if flags != branchPage && flags != leafPage {
		return fmt.Errorf("its kind %#x is neither branch nor leaf", flags)
	}
	return nil
}

func (w *walker) bucket(value []byte, f leafFunc) error {
	if len(value) < bucketSize {
		return errors.New("the bucket is cut off")
	}
	if root := order.Uint64(value); root != 0 {
		return w.page(root, f)
	}
	return w.elements(value[bucketSize:], f)
}
