// Package watch tells when files have changed, and waits until whoever changes them is done.
//
// The package's invariant: folders are watched and not files, since editors and packages put a new file in the
// place of an old one; and a folder is watched before its files are looked at, so that no change falls between.
package watch
