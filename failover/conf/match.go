package conf

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

// ClassesOf lists the classes that a request belongs to, the lowest priority
// first: a class declared earlier counts more. Of a class with match or spawn
// it is the subclass with the request's value; for a spawning class one is
// made if none was declared, equal to another if Super and Value are.
func (c *Config) ClassesOf(env Env) []*Class {
	var out []*Class
	if len(c.Classes) == 0 {
		return nil
	}
	m := machine{cfg: c, env: env}
	for i := len(c.Classes) - 1; i >= 0; i-- {
		if k := m.memberOf(c.Classes[i]); k != nil {
			out = append(out, k)
		}
	}
	return out
}

// memberOf is k or the subclass of it that the request belongs to, else nil.
func (m *machine) memberOf(k *Class) *Class {
	if k.matchIf != nil && !m.truth(k.matchIf) {
		return nil
	}
	if k.match == nil {
		if k.matchIf == nil {
			return nil
		}
		return k
	}
	v, ok := m.data(k.match)
	if !ok || len(v) == 0 {
		return nil
	}
	if sub := k.children[string(v)]; sub != nil {
		return sub
	}
	if !k.Spawning {
		return nil
	}
	return &Class{Name: k.Name, Value: string(v), Super: k, Scope: k.Scope, LeaseLimit: k.LeaseLimit, Spawning: true, Pos: k.Pos}
}
