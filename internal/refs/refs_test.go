package refs

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

func TestTable(t *testing.T) {
	types := [2]byte{}
	random := rand.New(rand.NewPCG(1, 2))
	memory := make([]byte, 1<<14)
	for range 40 {
		var table Table[int]
		for round := range 3 {
			want := map[Ref]int{}
			for range random.IntN(1 << (4 * round)) {
				r := Ref{unsafe.Pointer(&memory[random.IntN(len(memory))]), random.IntN(3), unsafe.Pointer(&types[random.IntN(2)])}
				if found := table.Find(r); found != nil {
					if *found != want[r] {
						t.Fatalf("found %d, want %d", *found, want[r])
					}
					*found++
					want[r]++
					continue
				}
				if _, there := want[r]; there {
					t.Fatal("lost")
				}
				want[r] = random.Int()
				table.Add(r, want[r])
			}
			if table.Len() != len(want) {
				t.Fatalf("%d of %d", table.Len(), len(want))
			}
			for r, v := range want {
				if found := table.Find(r); found == nil || *found != v {
					t.Fatal("lost")
				}
			}
			table.Reset()
			for r := range want {
				if table.Find(r) != nil {
					t.Fatal("found after Reset")
				}
			}
		}
	}
}

func TestOverlap(t *testing.T) {
	b := make([]byte, 100)
	at := func(from, size int) Region { return Region{unsafe.Pointer(&b[from]), uintptr(size)} }
	for _, tt := range []struct {
		regions []Region
		want    bool
	}{
		{nil, false}, {[]Region{at(0, 10)}, false}, {[]Region{at(10, 10), at(0, 10)}, false}, {[]Region{at(10, 10), at(0, 11)}, true},
		{[]Region{at(5, 1), at(0, 10)}, true}, {[]Region{at(0, 50), at(10, 1), at(60, 1)}, true}, {[]Region{at(0, 10), at(0, 10)}, true},
		{[]Region{at(90, 5), at(0, 50), at(50, 40)}, false}, {[]Region{at(0, 60), at(10, 1), at(50, 1)}, true},
	} {
		if got := Overlap(tt.regions); got != tt.want {
			t.Errorf("%v: got %v", tt.regions, got)
		}
	}
}
