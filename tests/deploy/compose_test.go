package deploy

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/stillwarm/stillwarm/backends"
)

type composeService struct {
	Image       string
	Entrypoint  []string
	Command     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Healthcheck struct{ Test []string }
}

func TestComposeFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Name     string
		Services map[string]composeService
		Volumes  map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Services) != 2 {
		t.Fatalf("services: %v", file.Services)
	}
	for name, s := range file.Services {
		t.Run(name+" is pinned, checked, and open to this machine only", func(t *testing.T) {
			if _, tag, ok := strings.Cut(s.Image, ":"); !ok || tag == "latest" {
				t.Errorf("image %s", s.Image)
			}
			if len(s.Healthcheck.Test) == 0 {
				t.Error("no health check: up --wait would not wait")
			}
			if len(s.Ports) != 1 || !strings.HasPrefix(s.Ports[0], "127.0.0.1:") {
				t.Errorf("ports %v", s.Ports)
			}
			for _, v := range s.Volumes {
				if name, _, _ := strings.Cut(v, ":"); !slices.Contains(keys(file.Volumes), name) {
					t.Errorf("no volume %s", name)
				}
			}
		})
	}
	t.Run("the commands in its head fit what it starts", func(t *testing.T) {
		minio := file.Services["minio"]
		var urls []string
		for _, m := range regexp.MustCompile(`--backend '?([^'\s]+)'?`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				urls = append(urls, m[1])
			}
		}
		if len(urls) != 2 {
			t.Fatalf("backends: %v", urls)
		}
		for _, want := range []string{
			"AWS_ACCESS_KEY_ID=" + minio.Environment["MINIO_ROOT_USER"],
			"AWS_SECRET_ACCESS_KEY=" + minio.Environment["MINIO_ROOT_PASSWORD"],
			"AWS_REGION=" + minio.Environment["MINIO_REGION"],
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the head does not say %s", want)
			}
		}
		t.Setenv("AWS_REGION", "us-east-1")
		pm, err := backends.Open(t.Context(), strings.Join(urls, " "))
		if err != nil {
			t.Fatal(err)
		}
		if err := pm.Close(); err != nil {
			t.Error(err)
		}
		u, err := url.Parse(urls[1])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(minio.Command, " "), "mkdir -p /data/"+u.Host+" ") {
			t.Errorf("nothing makes the bucket %s", u.Host)
		}
	})
}

func keys(m map[string]any) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}
