package adapter

import (
	"io"
	"reflect"
	"strings"

	"github.com/stillwarm/stillwarm/serialize"
)

// knownResources are types of well-known packages that are resources, by name, so that nothing is linked for them.
// A name that ends in "." stands for every type of the package.
var knownResources = []string{
	"database/sql.DB", "database/sql.Conn",
	"github.com/jackc/pgx/v5/pgxpool.Pool", "github.com/jackc/pgx/v4/pgxpool.Pool",
	"go.mongodb.org/mongo-driver/mongo.Client", "go.mongodb.org/mongo-driver/v2/mongo.Client",
	"github.com/redis/go-redis/v9.UniversalClient", "github.com/redis/go-redis/v9.Client", "github.com/redis/go-redis/v9.ClusterClient",
	"github.com/aws/aws-sdk-go-v2/service/",
	"net/http.Client", "google.golang.org/grpc.ClientConn",
	"github.com/yalue/onnxruntime_go.", "github.com/wamuir/graft/tensorflow.", "github.com/tensorflow/tensorflow/tensorflow/go.",
}

// knownData are types that look like resources to the rules below, and are data.
var knownData = []string{
	"github.com/apache/arrow/go/", "github.com/apache/arrow-go/",
	"image.",
}

const (
	useData     = "adapter.CacheData"
	useResource = "adapter.CacheResource"
)

// recommend returns which function suits results of type t, or "" where the type does not tell.
func recommend(t reflect.Type) string {
	base := t
	for base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	name := base.PkgPath() + "." + base.Name()
	switch {
	case listed(knownData, name):
		return useData
	case listed(knownResources, name):
		return useResource
	case t.Implements(reflect.TypeFor[io.Closer]()) || t.Implements(reflect.TypeFor[quietCloser]()):
		return useResource
	case t.Kind() == reflect.Interface:
		return ""
	}
	if _, err := serialize.CodecFor(t); err == nil {
		return useData
	}
	return useResource
}

func listed(list []string, name string) bool {
	for _, entry := range list {
		if name == entry || (strings.HasSuffix(entry, ".") || strings.HasSuffix(entry, "/")) && strings.HasPrefix(name, entry) {
			return true
		}
	}
	return false
}
