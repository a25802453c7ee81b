package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// errLogged says that a command failed, and that the reason is in the log.
var errLogged = errors.New("see the log")

// usageError is a command line that cannot be right. It ends with exit status 2.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usageErrorf(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// runtimeError is what a command failed with after its command line was found good. All that cobra returns
// beside it is about the command line.
type runtimeError struct{ error }

func (e *runtimeError) Unwrap() error { return e.error }

// body makes a command's function of f, which takes no positional arguments into account.
func body(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		var usage *usageError
		if err == nil || errors.As(err, &usage) {
			return err
		}
		return &runtimeError{err}
	}
}

// asUsageError finds out whether err, from cobra, is about the command line.
func asUsageError(root *cobra.Command, args []string, err error) error {
	var usage *usageError
	var runtime *runtimeError
	if err == nil || errors.As(err, &usage) || errors.As(err, &runtime) {
		return err
	}
	// Of a word that is no command, cobra has nothing but a text.
	if rest, ok := strings.CutPrefix(err.Error(), "unknown command "); ok {
		if quoted, quoteErr := strconv.QuotedPrefix(rest); quoteErr == nil {
			word, _ := strconv.Unquote(quoted)
			return unknownCommand(root, args, word)
		}
	}
	return &usageError{err}
}

func unknownCommand(root *cobra.Command, args []string, word string) error {
	for _, arg := range args { // -checks a.lua is a row of one-letter flags, and then a command
		name, oneDash := strings.CutPrefix(arg, "-")
		name, _, _ = strings.Cut(name, "=")
		if oneDash && len(name) > 1 && root.Flags().Lookup(name) != nil {
			return usageErrorf("unknown flag -%s, did you mean --%s?", name, name)
		}
	}
	if looksLikeScript(word) {
		return usageErrorf("%q is not a command; each script, or a folder of them, is given by a flag of its own: --checks %s", word, word)
	}
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	return usageErrorf("unknown command %q%s", word, didYouMean(word, names))
}

func looksLikeScript(word string) bool {
	if strings.HasSuffix(word, ".lua") || strings.Contains(word, "/") {
		return true
	}
	_, err := os.Stat(word)
	return err == nil
}

// noArguments refuses positional arguments where scripts may have been meant.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.Flags().Lookup(flagChecks) == nil {
		return usageErrorf("unexpected argument %q: %s takes none", args[0], cmd.CommandPath())
	}
	return usageErrorf("unexpected argument %q: each script, or a folder of them, is given by a flag of its own: --checks %s", args[0], args[0])
}

// flagError says what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var needsValue *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &needsValue):
		return usageErrorf("--%s needs a value", needsValue.GetFlag().Name)
	case errors.As(err, &invalid):
		cause := errors.Unwrap(err)
		if number, ok := errors.AsType[*strconv.NumError](cause); ok && number.Func == "ParseBool" {
			cause = fmt.Errorf("%q is not true or false", number.Num)
		}
		return usageErrorf("--%s: %w", invalid.GetFlag().Name, cause)
	}
	return &usageError{err}
}

func unknownFlag(cmd *cobra.Command, e *pflag.NotExistError) error {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	name := "--" + e.GetSpecifiedName()
	if letters := e.GetSpecifiedShortnames(); letters != "" { // -checks: one dash too few, perhaps
		name, _, _ = strings.Cut("-"+letters, "=")
	}
	return usageErrorf("unknown flag %s%s", name, didYouMean(name, names))
}

// didYouMean suggests the candidate that word was probably meant to be, if there is one.
func didYouMean(word string, candidates []string) string {
	best, distance := "", 3
	letters := strings.Trim(word, "-")
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(strings.ToLower(word), c)
		if len(letters) >= 3 && (strings.HasPrefix(c, word) || strings.HasPrefix(word, c)) {
			d = min(d, 1)
		}
		if d < distance && d < len(letters)-1 {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %s?", best)
}
