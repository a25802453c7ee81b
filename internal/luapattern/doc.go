// Package luapattern matches the patterns of Lua 5.1 and never outlives its
// caller's patience: every step of a match is counted and reported to a
// [Budget], which can end it, and a match uses memory in proportion to the
// length of its pattern, whatever the subject is. Patterns and subjects are
// bytes, never runes.
//
// The language is that of section 5.4.1 of the Lua 5.1 reference manual
// (https://www.lua.org/manual/5.1/manual.html#5.4.1), with what later manuals
// write down of it: the frontier %f[set] and the class %g. A malformed pattern
// is an error of [Compile], even where Lua would notice only if the match came
// that far.
//
// No item of a Lua pattern repeats a group, so a match walks the compiled items
// from left to right and goes back only to repetitions of single bytes. That is
// why one frame per repetition is all the state that backtracking needs, and why
// captures need no undoing: whatever lies behind an item is set again before it
// is read.
package luapattern
