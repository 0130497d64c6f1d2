package main

import (
	"fmt"
	"path/filepath"
	"regexp"

	"tandem/failover/conf"
	"tandem/failover/daemon"
	"tandem/init/pair/version"
)

// withIncludes reads a dhcpd.conf and all that it includes, as one flat set of
// files: the first is called dhcpd.conf, the others keep their names without
// directories, and the include statements are changed accordingly.
func withIncludes(out *output, main string) (version.Files, error) {
	texts := map[string][]byte{} // by path, as they were read
	var paths []string
	_, list := conf.Parse(main, func(path string) ([]byte, error) {
		text, err := daemon.ReadConf(path)
		if _, again := texts[path]; err == nil && !again {
			texts[path] = text
			paths = append(paths, path)
		}
		return text, err
	})
	if len(paths) == 0 { // not even the first one
		return nil, fmt.Errorf("%s", list[0].Message)
	}
	names := map[string]string{main: version.Main}
	taken := map[string]string{version.Main: main}
	for _, path := range paths[1:] {
		name := filepath.Base(path)
		if other, ok := taken[name]; ok {
			return nil, fmt.Errorf("%s and %s would both be called %s: a configuration of the pair has no directories; rename one of them", other, path, name)
		}
		names[path], taken[name] = name, path
	}
	files := version.Files{}
	for _, path := range paths {
		files[names[path]] = flatten(out, path, texts[path], names)
	}
	return files, files.Check()
}

var includeStatement = regexp.MustCompile(`(?m)^([^#\n]*\binclude[ \t\r\n]+")([^"\n]+)("[ \t\r\n]*;)`)

// flatten changes the include statements of one file to the flat names.
func flatten(out *output, path string, text []byte, names map[string]string) []byte {
	return includeStatement.ReplaceAllFunc(text, func(found []byte) []byte {
		part := includeStatement.FindSubmatch(found)
		said := string(part[2])
		name, ok := names[said]
		if !ok {
			name, ok = names[filepath.Join(filepath.Dir(path), said)]
		}
		if !ok || name == said {
			return found
		}
		fmt.Fprintf(out.errors, "failctl: in %s, include %q becomes include %q\n", path, said, name)
		return fmt.Appendf(nil, "%s%s%s", part[1], name, part[3])
	})
}
