package wire

// MaxNote is the longest Note in octets: what fits into a CONTACT with room
// for other elements.
const MaxNote = 1792

// Note is in a CONTACT of a Tandem box: octets of the server around the
// endpoint for the server around the other one. A box that does not know it
// skips it, as every unknown element.
type Note string

// Encode gives the contents of vendor-specific-options.
func (n Note) Encode() string {
	return string(appendElement(vendorStart(), elemNote, string(n)))
}

// DecodeNote reads what Note.Encode made. ok is false if there is none in it;
// errors wrap ErrVendor.
func DecodeNote(vendor string) (n Note, ok bool, err error) {
	_, err = eachElement(vendor, func(e element, data string) error {
		if e == elemNote {
			n, ok = Note(data), true
		}
		return nil
	})
	if err != nil {
		return "", false, err
	}
	return n, ok, nil
}
