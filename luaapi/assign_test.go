package luaapi

import "testing"

// All values of an assignment are there before the first of them is assigned.
func TestAssignments(t *testing.T) {
	for name, body := range map[string]string{
		"locals are swapped": `
			local a, b, c = 1, 2, 3
			a, b = b, a
			assert(a == 2 and b == 1)
			a, b, c = c, a, b
			assert(a == 3 and b == 2 and c == 1)`,
		"values are of before": `
			local a, b = 1, 1
			for i = 1, 10 do a, b = b, a + b end
			assert(a == 89 and b == 144)
			a, b = not a, a
			assert(a == false and b == 89)
			a, b = #"abc" + 1, a
			assert(a == 4 and b == false)
			a, b = {}, a
			assert(type(a) == "table" and b == 4)`,
		"tables, globals and upvalues too": `
			local i, t = 1, {10, 20, 30}
			i, t[i] = i + 1, 99
			assert(i == 2 and t[1] == 99 and t[2] == 20)
			t[i], i = i, 3
			assert(t[2] == 2 and i == 3)
			t.x, t.y = 1, 2
			t.x, t.y = t.y, t.x
			assert(t.x == 2 and t.y == 1)
			G, i = i, G
			assert(G == 3 and i == nil)
			local up, own = 1, 2
			(function() local mine = 3 up, mine, own = own, up, mine assert(mine == 1) end)()
			assert(up == 2 and own == 3)
			t, t.gone = nil, 1
			assert(t == nil)`,
		"names and fields together": `
			local opened, o, k = 0, {}, "k"
			function o:open() opened, self.n = opened + 1, 0 return self end
			assert(o:open():open().n == 0 and opened == 2)
			local a, b
			a, o.x, b, o[k], o[1] = 1, 2, 3, 4, 5
			assert(a == 1 and o.x == 2 and b == 3 and o.k == 4 and o[1] == 5)
			o[k], k, o.y = k, "z", k
			assert(o.k == "k" and k == "z" and o.y == "k")
			o.x, a, H = a, o.x, b
			assert(o.x == 1 and a == 2 and H == 3)`,
		"there may be more or fewer values than targets": `
			local function two() return "x", "y" end
			local function none() end
			local a, b, c, n = 1, 2, 3, 0
			a, b, c = c, two()
			assert(a == 3 and b == "x" and c == "y")
			a, b, c = two(), a
			assert(a == "x" and b == 3 and c == nil)
			a = two(), (function() n = n + 1 end)()
			assert(a == "x" and n == 1)
			a, b = none(), 5
			assert(a == nil and b == 5)
			a, b = (two())
			assert(a == "x" and b == nil)
			local function rest(a, ...) local b a, b = 0, ... return a, b end
			assert(select(2, rest(1, 7, 8)) == 7 and select("#", rest(1)) == 2)`,
		"parameters": `
			local function g(x) return x + 1 end
			local function one(a) a = (g(a)) return a end
			local function several(a) local b a, b = g(a), g(a) return a, b end
			local function first(b, a) a, b = g(a), 5 return a, b end
			local function method(s) local n s, n = s:upper(), #s return s, n end
			assert(one(1) == 2 and several(1) == 2 and select(2, several(1)) == 2 and first(0, 1) == 2 and method("a") == "A")`,
		"in loops that a goto leaves, and in closures": `
			local a, b, seen = 1, 2, {}
			for i = 1, 3 do
				a, b = b, a
				seen[i] = function() return a, b end
				if i == 2 then goto out end
			end
			::out::
			assert(a == 1 and b == 2 and #seen == 2 and seen[1]() == 1 and select(2, seen[1]()) == 2)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			luaTest(t, body)
		})
	}
}

// An error in a value, or in a target, names its line.
func TestErrorsInAssignmentsNameTheLine(t *testing.T) {
	for body, line := range map[string]int{
		"local a, b\na, b =\n 1, nil + 1": 5,
		"local a, b\na, b.c = 1, 2":       4,
	} {
		s := loadScript(t, checkOf(body))
		if err, ok := s.run(1).err.(*ScriptError); !ok || err.Line != line {
			t.Errorf("%q: the error is %v, want line %d", body, err, line)
		}
	}
}
