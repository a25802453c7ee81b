// Package nagios reads what Monitoring Plugins print and turns it into
// messages.
//
// The invariant: whatever a plugin prints, its exit code's state reaches the
// message. What cannot be read of the performance data is dropped alone, one
// item or one field of an item, and is listed with the reason; everything
// around it is kept, and the message always encodes.
//
// Source of the format: the Monitoring Plugins Development Guidelines,
// https://www.monitoring-plugins.org/doc/guidelines.html, sections "Plugin
// Output", "Threshold and Ranges" and "Performance data"; for several lines of
// output, the plugin API of Nagios 3 and later. Beyond them, decimal commas
// and exponents are read, because plugins print both.
//
// # Names
//
// A label may hold any character, a name of the schema only letters, digits and
// _. [Name] turns the one into the other:
//
//   - Letters, digits and single underscores stay: load1, rta, snake_case.
//   - A slash becomes two underscores: /var/log is __var__log.
//   - Every run of other bytes becomes _x, two lower-case hexadecimal digits for
//     each byte, and _: "time (s)" is time_x2028_s_x29_, "a b" is a_x20_b.
//   - An underscore that would otherwise be read as the start of one of these
//     is such a byte itself (5f): a__b is a_x5f__b.
//   - The label / alone is _root, and the label _root is _x5f_root.
//
// So a label that is a valid name and holds neither two underscores in a row
// nor something like _x20_ passes unchanged (the one exception being _root),
// and two labels never share a name, whatever other labels there are: see
// [Name] for why.
package nagios
