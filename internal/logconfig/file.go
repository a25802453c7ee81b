package logconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"
)

// maxFileBytes is far more than a Config needs: the path may be that of something else.
const maxFileBytes = 1 << 20

// readConfig reads the file over cfg. JSON is read as the YAML that it is.
func readConfig(path string, cfg *zap.Config) error {
	text, err := readFile(path)
	if err != nil {
		return err
	}
	var first struct {
		Encoding string `yaml:"encoding"`
	}
	// What is wrong with the file is said by the second pass.
	if yaml.Unmarshal(text, &first) == nil && encoders[first.Encoding] != nil {
		cfg.EncoderConfig = encoderConfig(first.Encoding)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	switch err := d.Decode(cfg); {
	case errors.Is(err, io.EOF): // an empty file says nothing
	case err != nil:
		return explain(err)
	default:
		if d.Decode(new(yaml.Node)) != io.EOF {
			return errors.New("it holds more than one document; one Config is expected")
		}
	}
	if cfg.Level == (zap.AtomicLevel{}) { // level: null
		cfg.Level = zap.NewAtomicLevelAt(zapcore.InfoLevel)
	}
	if encoders[cfg.Encoding] == nil {
		return fmt.Errorf("encoding %q is not known; it is %s", cfg.Encoding, strings.Join(slices.Sorted(maps.Keys(encoders)), " or "))
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, bare(err)
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("it is larger than %d bytes, which no zap Config is", maxFileBytes)
	}
	return text, nil
}

// bare takes off "open path:", which the caller's text says.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// unknownField is how the YAML library names a key that the type has no field for.
var unknownField = regexp.MustCompile(`^line (\d+): field (.*) not found in type (\S+)$`)

// explain turns an error of the YAML library into one for who wrote the file.
func explain(err error) error {
	typeErr, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var problems []string
	for _, problem := range typeErr.Errors {
		if m := unknownField.FindStringSubmatch(problem); m != nil {
			problem = fmt.Sprintf("line %s: unknown key `%s`%s", m[1], m[2], nearest(m[2], m[3]))
		}
		problems = append(problems, problem)
	}
	return errors.New(strings.Join(problems, "; "))
}

// nearest suggests the key that was meant, or lists those there are.
func nearest(key, typeName string) string {
	keys := keysOf(typeName)
	best, distance := "", 3
	for _, k := range keys {
		if d := levenshtein.ComputeDistance(strings.ToLower(key), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf(", did you mean `%s`?", best)
	}
	return "; known keys are " + strings.Join(keys, ", ")
}

// keysOf lists the keys of a type within zap.Config, by the name that the YAML library gives it.
func keysOf(typeName string) []string {
	for _, t := range []reflect.Type{
		reflect.TypeFor[zap.Config](), reflect.TypeFor[zapcore.EncoderConfig](), reflect.TypeFor[zap.SamplingConfig](),
	} {
		if t.String() != typeName {
			continue
		}
		var keys []string
		for i := range t.NumField() {
			f := t.Field(i)
			if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" {
				keys = append(keys, key)
			}
		}
		return keys
	}
	return nil
}
