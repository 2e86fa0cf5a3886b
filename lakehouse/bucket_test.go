package lakehouse_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// bucket is as much of S3 as the lake uses: whole objects put, read in ranges, and deleted.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	object, ok := b.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodPut:
		body, err := payload(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b.objects[r.URL.Path] = body
		w.Header().Set("ETag", `"x"`)
	case r.Method == http.MethodDelete:
		delete(b.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
	default:
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(object))
	}
}

// payload reads a body, which clients may send in signed chunks: a line with the size in hex, the bytes, a line end.
func payload(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING") {
		return io.ReadAll(r.Body)
	}
	var body []byte
	for reader := bufio.NewReader(r.Body); ; {
		line, err := reader.ReadString('\n')
		if err != nil {
			return nil, err
		}
		hex, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, err := strconv.ParseInt(hex, 16, 64)
		if err != nil || size == 0 {
			return body, err
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(reader, chunk); err != nil {
			return nil, err
		}
		body = append(body, chunk[:size]...)
	}
}

func TestALakeLivesInABucket(t *testing.T) {
	t.Parallel()
	b := &bucket{objects: map[string][]byte{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	temp := t.TempDir()
	l, err := lakehouse.Open(t.Context(), lakehouse.Config{DB: storetest.New(t).SQL(t, store.RoleBatch), Dir: "s3://bucket/some/prefix", Temp: temp,
		S3: map[string]string{"s3.endpoint": server.URL, "s3.region": "eu-west-1", "s3.access-key-id": "id", "s3.secret-access-key": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ensure(t, l, dataset.KPIPoints())
	may, june := day(t, "2024-05-01"), day(t, "2024-06-01")
	since := land(t, l, lakehouse.Commit{Unit: "u", Content: "A"}, point(may, 1), point(june, 2)).Snapshot
	if again := land(t, l, lakehouse.Commit{Unit: "u", Content: "A"}, point(may, 1)); !again.NoOp {
		t.Errorf("landing again = %+v, want NoOp", again)
	}
	if _, err := stage(t, l, []dataset.KPIPointRow{point(june, 3)}).Replace(t.Context(), lakehouse.Commit{}, []dataset.Window{month(t, "2024-06")}); err != nil {
		t.Fatal(err)
	}
	if got := values(t, l, lakehouse.ReadOptions{}); !slices.Equal(got, []float64{1, 3}) {
		t.Errorf("values = %v, want [1 3]", got)
	}
	if change, err := l.Changes(t.Context(), "raw.kpi_points", since); err != nil || change.Window.Start != june {
		t.Errorf("Changes = %+v, %v, want a window from %s", change, err, june)
	}
	for _, path := range paths(t, l) {
		if !strings.HasPrefix(path, "s3://bucket/some/prefix/raw/kpi_points/data/2024-0") {
			t.Errorf("path %s is not below the bucket's prefix", path)
		}
	}
	data := 0
	for key := range b.objects {
		if strings.HasSuffix(key, ".parquet") {
			data++
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 || data != 3 {
		t.Errorf("%d data files in the bucket, want 3; left in the staging folder: %v, %v", data, left, err)
	}
}
