package conf

// statement compiles a statement that is carried out for each client; nil if
// nothing is left to do.
func (c *compiler) statement(n node, x *blockContext) statement {
	switch n := n.(type) {
	case *optionNode:
		return c.option(n, x)
	case *flagNode:
		value := map[string]byte{"deny": 0, "allow": 1, "ignore": 2}[n.verb]
		def := c.cfg.options.space("server").byCode[uint32(n.code)]
		return &assign{def: def, value: []byte{value}}
	case *ifNode:
		return c.branch(n, x)
	case *switchNode:
		return c.choice(n, x)
	case *setNode:
		return c.set(n, x)
	case *unsetNode:
		return &dropVariable{n.name}
	case *evalNode:
		return c.eval(n)
	case *logNode:
		return c.log(n)
	case *wordNode:
		return c.word(n)
	case *onNode:
		c.refuseOn(n, x)
	case *executeNode:
		c.reports.unsupported(n.place, "read the lease changes from the log or over the control socket",
			"execute is not supported: a box runs no foreign programs, and the reply would wait for them")
		for _, a := range n.args {
			c.checkExpr(a)
		}
	case *addNode:
		if c.classes[n.class] == nil {
			c.reports.fail(n.place, c.classRemedy(n.class), "there is no class %q", n.class)
			break
		}
		c.reports.unsupported(n.place, "declare the class with match if", "add is not supported: classes are found before statements are carried out")
	case *keyNode:
		c.key(n)
	case *zoneNode:
		c.zone(n)
	}
	return nil
}

// statements compiles a list; labels of switch statements are left out.
func (c *compiler) statements(body []node, x *blockContext) []statement {
	x = x.within()
	var out []statement
	for _, n := range body {
		if s := c.statement(n, x); s != nil {
			out = append(out, s)
		}
	}
	return out
}

// word compiles the executable statements of fixed words.
func (c *compiler) word(n *wordNode) statement {
	switch n.words[0] {
	case "break":
		return leaveBlock{}
	case "parse-vendor-option":
		return &readVendorOptions{}
	case "db-time-format":
		c.reports.note(n.place, "db-time-format has no effect: leases are kept in a format of their own")
	}
	return nil
}

// refuseOn reports an on statement that would do something.
func (c *compiler) refuseOn(n *onNode, x *blockContext) {
	c.statements(n.body, x)
	if len(n.body) == 0 {
		return
	}
	c.reports.unsupported(n.place, "delete it; lease changes are in the log, and host names come from the lease itself",
		"statements on events are not supported: they would have to be carried out by whichever box of the pair sees the event, and again after each takeover")
}

// branch compiles an if statement.
func (c *compiler) branch(n *ifNode, x *blockContext) statement {
	b := &branch{}
	for _, a := range n.arms {
		if a.cond != nil {
			c.checkExpr(a.cond)
		}
		b.arms = append(b.arms, branchArm{a.cond, c.statements(a.body, x)})
	}
	return b
}

// choice compiles a switch statement.
func (c *compiler) choice(n *switchNode, x *blockContext) statement {
	s := &choice{expr: n.expr, fallback: -1}
	x = x.within()
	c.checkExpr(n.expr)
	for _, b := range n.body {
		label, ok := b.(*caseNode)
		switch {
		case !ok:
			if st := c.statement(b, x); st != nil {
				s.body = append(s.body, st)
			}
		case label.expr == nil:
			if s.fallback < 0 {
				s.fallback = len(s.body)
			}
		default:
			c.checkExpr(label.expr)
			s.cases = append(s.cases, choiceCase{label.expr, len(s.body)})
		}
	}
	return s
}

// set compiles set and define.
func (c *compiler) set(n *setNode, x *blockContext) statement {
	if n.function == nil {
		c.checkExpr(n.expr)
		return &assignVariable{name: n.name, expr: n.expr}
	}
	return &assignVariable{name: n.name, function: &compiledFunction{n.function.args, c.statements(n.function.body, x)}}
}

// eval compiles eval, return and an expression that is a statement by itself.
func (c *compiler) eval(n *evalNode) statement {
	c.checkExpr(n.expr)
	if n.verb == "return" {
		return &returnValue{n.expr}
	}
	return &evaluate{n.expr}
}

// log compiles a log statement.
func (c *compiler) log(n *logNode) statement {
	c.checkExpr(n.expr)
	level := n.level
	if level == "" {
		level = "debug"
	}
	if level == "fatal" {
		c.reports.warn(n.place, "write log (error, ...)", "log (fatal, ...) does not end the server here: no client's request may")
	}
	return &logMessage{level, n.expr}
}

// checkExpr refuses what expressions cannot have here and prepares regular
// expressions.
func (c *compiler) checkExpr(e *expr) {
	if e == nil {
		return
	}
	switch e.op {
	case opCheck:
		if e.name != "default" {
			c.reports.fail(e.at, "write match if conditions in classes", "check knows only the collection \"default\", not %q", e.name)
		}
	case opLookup:
		c.reports.unsupported(e.at, "write the address as octets, 0a:01:00:01", "gethostbyname is not supported: names are not looked up, so that the answer depends on no other server")
	case opGetHostName:
		c.reports.unsupported(e.at, "write the name in quotes", "gethostname() is not supported: both boxes of a pair must give the same answer")
	case opRelay, opClientState:
		c.reports.warn(e.at, "", "this is never defined for a DHCPv4 server")
	case opMatch, opMatchFold:
		if pat := e.args[1]; pat.op == opText || pat.op == opHex {
			p, err := compilePattern(string(pat.data), e.op == opMatchFold)
			if err != nil {
				c.reports.warn(pat.at, "", "this regular expression matches nothing: %v", err)
				break
			}
			e.regexp = p
		}
	}
	for _, a := range e.args {
		c.checkExpr(a)
	}
}
