// Renders a Helm chart as `helm template` does, with what Helm itself is made of: Go's templates and sprig. For the tests,
// where no helm is to be had: Debian's golang-go and golang-github-masterminds-sprig-dev are enough, and no network.
//
//	go run main.go CHART RELEASE NAMESPACE < values.json
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/ghodss/yaml"
)

type object = map[string]interface{}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(chart, release, namespace string) error {
	metadata, err := readYaml(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return err
	}
	values, err := readYaml(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	var given object
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		return err
	}
	merge(values, given)

	root := template.New("gotpl").Option("missingkey=zero")
	root.Funcs(functions(root))
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return err
	}
	names := []string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s/templates/%s", metadata["name"], filepath.Base(file))
		if _, err := root.New(name).Parse(string(text)); err != nil {
			return err
		}
		names = append(names, name)
	}
	sort.Strings(names)
	rendered := map[string]string{}
	for _, name := range names {
		if strings.HasPrefix(filepath.Base(name), "_") {
			continue
		}
		var out bytes.Buffer
		top := object{
			"Values":  values,
			"Chart":   upperFirst(metadata),
			"Release": object{"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": true, "Revision": 1},
			"Template": object{"Name": name, "BasePath": filepath.Dir(name)},
			"Files": chartFiles{chart},
		}
		if err := root.ExecuteTemplate(&out, name, top); err != nil {
			return err
		}
		// With missingkey=zero Go prints what is not there as <no value>; Helm takes that away again.
		rendered[filepath.Base(name)] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	return json.NewEncoder(os.Stdout).Encode(rendered)
}

// A chart's other files, as far as templates use them. Like Helm it follows links.
type chartFiles struct{ chart string }

// Get returns nothing for what is not there, as Helm's does.
func (files chartFiles) Get(name string) string {
	text, err := os.ReadFile(filepath.Join(files.chart, name))
	if err != nil {
		return ""
	}
	return string(text)
}

// Glob returns the files whose names fit, by name.
func (files chartFiles) Glob(pattern string) (map[string][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(files.chart, pattern))
	if err != nil {
		return nil, err
	}
	found := map[string][]byte{}
	for _, path := range paths {
		name, err := filepath.Rel(files.chart, path)
		if err != nil {
			return nil, err
		}
		found[name] = []byte(files.Get(name))
	}
	return found, nil
}

// What Helm adds to sprig, as its documentation describes it.
func functions(root *template.Template) template.FuncMap {
	functions := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv"} {
		delete(functions, name)
	}
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := root.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	functions["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["fromYaml"] = func(text string) object {
		value := object{}
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			value["Error"] = err.Error()
		}
		return value
	}
	return functions
}

func readYaml(file string) (object, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	value := object{}
	return value, yaml.Unmarshal(text, &value)
}

// Given values go over the chart's own, map by map; null takes away.
func merge(into, from object) {
	for key, value := range from {
		inner, isMap := value.(object)
		old, wasMap := into[key].(object)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && wasMap:
			merge(old, inner)
		default:
			into[key] = value
		}
	}
}

func upperFirst(metadata object) object {
	result := object{}
	for key, value := range metadata {
		result[strings.ToUpper(key[:1])+key[1:]] = value
	}
	return result
}
