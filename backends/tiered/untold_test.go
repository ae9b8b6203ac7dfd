package tiered

import "testing"

func TestUntold(t *testing.T) {
	t.Run("C10 a write that began before another one failed does not vouch for that", func(t *testing.T) {
		var u untold
		point := u.begin()
		u.add(0, "k")
		u.told(0, "k", point)
		if !u.has(0, "k") {
			t.Error("what failed since is forgotten")
		}
		u.told(0, "k", u.begin())
		if u.has(0, "k") {
			t.Error("what was told is remembered")
		}
	})
	t.Run("C10 beyond the bound the function is cleared", func(t *testing.T) {
		var u untold
		for i := range maxUntold {
			u.add(i, "k")
		}
		if u.due() {
			t.Fatal("within the bound")
		}
		u.add(maxUntold, "k")
		if !u.due() || u.has(0, "k") {
			t.Error("beyond the bound")
		}
		point := u.begin()
		u.add(0, "late")
		if u.cleared(point); u.due() || !u.has(0, "late") {
			t.Error("after a clear that began before the last failure")
		}
	})
}
