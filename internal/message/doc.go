// Package message is the Seismometer message schema, version 3: its types, its
// validation and its JSON encoding.
//
// The invariant: whatever an Append function of this package adds to a buffer
// is complete, valid JSON on one line, in UTF-8, and for a [Message] conforms
// to the schema. Where that is impossible nothing is added (the buffer comes
// back at its old length) and the error names the path to what is wrong.
//
// There are two ways to a line. A [Message] is built from Go values and
// validated against the schema. An object that was written elsewhere (the
// output of a command, a line of a stream) only has to be a JSON object:
// [Objects] splits, [Compact] checks and puts on one line, and [Overlay] sets
// the aspect and the location without looking at the rest.
//
// Schema: http://seismometer.net/message-schema/v3
package message
